"""A verdict that crosses the database comes out as it went in, and nothing else comes out as a verdict."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from airflow_provider_wedata.api.errors import (
    ApiError,
    AuthRefused,
    ContradictoryAnswer,
    InvalidRequest,
    NoAnswer,
    ParameterRefused,
    PermissionRefused,
    Refused,
    Throttled,
)
from airflow_provider_wedata.waiting.condition import Census, Outcome, Verdict
from airflow_provider_wedata.waiting.encoding import UnknownVersion
from airflow_provider_wedata.waiting.events import (
    Ending,
    decode_ending,
    encode_ending,
    encode_problem,
    from_event,
    to_event,
)

END = datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=8)))
DONE = Census({"COMPLETED": 3, "SKIP_RUNNING": 0}, 3, last_end=END)
NOBODY = Census({}, 0)
FINAL = [
    InvalidRequest("task_ids", "'' is not valid"),
    ContradictoryAnswer("WeData answered with rows outside the window"),
    AuthRefused("AuthFailure.SecretIdNotFound", "no such key", "1f0911b9"),
    PermissionRefused("UnauthorizedOperation", "no rights", "1f0911b9"),
    ParameterRefused("InvalidParameter.WorkspaceNotExist", "no such project", ""),
]
ENDS = [
    Verdict(Outcome.MET, "3 of 3 COMPLETED", DONE),
    Verdict(Outcome.FAILED, "failed in WeData", Census({"COMPLETED": 2, "EXPIRED": 1}, 3, last_end=END)),
    Verdict(Outcome.FAILED, "failed in WeData; only failures were counted", Census({"EXPIRED": 1}, 3)),
    Verdict(Outcome.SKIPPED, "in a skipped state", Census({"SKIP_RUNNING": 1}, 1)),
    Verdict(Outcome.STUCK, "which never completes", Census({"COMPLETED": 1, "SKIP_RUNNING": 1}, 2)),
    Verdict(Outcome.MISSING, "no instance appeared", NOBODY),
    Verdict(Outcome.TIMEOUT, "not met in 60 s", Census({"RUNNING": 1}, 1)),
    Verdict(Outcome.TIMEOUT, "not met in 60 s; WeData was never reached"),
    *(Verdict(Outcome.REFUSED, str(error), error=error) for error in FINAL),
]
MET = to_event(ENDS[0])


def stored(event: Any) -> Any:
    """Return what comes out of the database for it."""
    return json.loads(json.dumps(event))


def describe(error: ApiError | None) -> Any:
    return error and (type(error), str(error), vars(error))


class TestOnTheWay:
    @pytest.mark.parametrize("verdict", ENDS, ids=lambda verdict: verdict.message[:40])
    def test_every_end_of_a_wait_comes_out_as_it_went_in(self, verdict: Verdict) -> None:
        out = from_event(stored(to_event(verdict)))
        assert (verdict.outcome, verdict.message) == (out.outcome, out.message)
        assert verdict.census == out.census
        assert describe(verdict.error) == describe(out.error)

    def test_it_is_plain_json_and_no_enumeration(self) -> None:
        condition_words = dict.fromkeys(Outcome, 1)
        event = to_event(Verdict(Outcome.MET, "", Census(condition_words, len(condition_words))))
        assert {str} == {type(word) for word in [event["status"], *event["states"]]}

    def test_examples_stay_behind_for_the_message_names_them(self) -> None:
        assert {"status", "message", "total", "states", "last_end_time", "error"} == set(MET)

    @pytest.mark.parametrize(
        "error", [Throttled("RequestLimitExceeded", ""), Refused("FailedOperation", ""), NoAnswer("")]
    )
    def test_what_ends_no_wait_does_not_go_out(self, error: ApiError) -> None:
        with pytest.raises(TypeError, match="does not end a wait"):
            to_event(Verdict(Outcome.REFUSED, "", error=error))

    def test_waiting_is_no_end(self) -> None:
        with pytest.raises(ValueError, match="no wait ends as waiting"):
            from_event(to_event(Verdict(Outcome.WAITING, "", DONE)))


class TestStrict:
    @pytest.mark.parametrize("event", [None, [], "met", 1, True, {}, {"status": "met"}, [("status", "met")]])
    def test_what_is_no_verdict_at_all(self, event: Any) -> None:
        with pytest.raises(ValueError, match="which is not a verdict"):
            from_event(event)

    @pytest.mark.parametrize("name", sorted(MET))
    def test_a_missing_key(self, name: str) -> None:
        with pytest.raises(ValueError, match="not a verdict"):
            from_event({key: value for key, value in MET.items() if key != name})

    @pytest.mark.parametrize(
        "change",
        [
            {"status": "MET"},
            {"status": "success"},
            {"status": "done"},
            {"status": None},
            {"status": ["met"]},
            {"status": True},
            {"message": None},
            {"message": ["3 of 3"]},
            {"total": None},
            {"total": 0},
            {"total": -3},
            {"total": "3"},
            {"total": 3.0},
            {"total": True},
            {"total": float("inf")},
            {"total": 4},
            {"states": None},
            {"states": []},
            {"states": [["COMPLETED", 3]]},
            {"states": {"COMPLETED": "3"}},
            {"states": {"COMPLETED": 3.0}},
            {"states": {}},
            {"states": {"COMPLETED": 2}},
            {"states": {3: 3}},
            {"last_end_time": "yesterday"},
            {"last_end_time": ""},
            {"last_end_time": 1772000000},
            {"last_end_time": "2026-03-01T12:30:00"},
            {"error": ""},
            {"error": {}},
            {"error": {"class": "AuthRefused", "args": ["AuthFailure", "no"]}},
            {"colour": "red"},
        ],
        ids=str,
    )
    def test_anything_odd_about_what_opens_a_gate(self, change: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="not a verdict"):
            from_event(MET | change)

    @pytest.mark.parametrize(
        "error",
        [
            None,
            {"class": "NoAnswer", "args": ["lost"]},
            {"class": "Throttled", "args": ["RequestLimitExceeded", ""]},
            {"class": "SystemExit", "args": []},
            {"class": None, "args": []},
            {"class": ["AuthRefused"], "args": []},
            {"class": "AuthRefused", "args": []},
            {"class": "AuthRefused", "args": ["code", "text", "id", "more"]},
            {"class": "AuthRefused", "args": ["code", 1, "id"]},
            {"class": "InvalidRequest", "args": "ab"},
            {"class": "InvalidRequest", "args": {"field": "a", "problem": "b"}},
            {"class": "InvalidRequest"},
            {"args": ["a", "b"]},
            "AuthRefused",
            ["AuthRefused"],
        ],
        ids=str,
    )
    def test_a_refusal_without_an_error_that_refuses(self, error: Any) -> None:
        event = to_event(Verdict(Outcome.REFUSED, "", error=FINAL[0])) | {"error": error}
        with pytest.raises(ValueError, match="not a verdict"):
            from_event(event)

    @pytest.mark.parametrize("verdict", ENDS[:8], ids=lambda verdict: verdict.message[:40])
    def test_only_a_refusal_has_an_error(self, verdict: Verdict) -> None:
        error = {"class": "InvalidRequest", "args": ["a", "b"]}
        with pytest.raises(ValueError, match="not a verdict"):
            from_event(to_event(verdict) | {"error": error})

    def test_the_error_shows_what_came(self) -> None:
        with pytest.raises(ValueError, match="the trigger came back with 'met', which is not a verdict"):
            from_event("met")


# Whatever comes

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
anything = st.recursive(
    scalars | st.sampled_from([*Outcome, *MET]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
counts = st.dictionaries(st.sampled_from(["COMPLETED", "SKIP_RUNNING", "ODD"]), st.integers(0, 9))
moments = st.datetimes(timezones=st.sampled_from([UTC, END.tzinfo]))


class TestWhateverComes:
    @given(anything)
    @settings(max_examples=300, deadline=None)
    def test_odd_json_is_no_verdict(self, event: Any) -> None:
        with pytest.raises(ValueError, match="not a verdict"):
            from_event(event)

    @given(st.fixed_dictionaries(dict.fromkeys(MET, anything) | {"status": st.sampled_from([*Outcome])}))
    @settings(max_examples=300, deadline=None)
    def test_values_under_the_right_names_open_a_gate_only_if_they_are_our_own(self, event: Any) -> None:
        try:
            verdict = from_event(event)
        except ValueError:
            return
        assert verdict.outcome is not Outcome.MET or to_event(verdict) == event

    @given(st.sampled_from(sorted(MET)), anything)
    @settings(max_examples=300, deadline=None)
    def test_one_odd_value_leaves_the_gate_shut_or_the_meaning_whole(self, name: str, value: Any) -> None:
        try:
            verdict = from_event(MET | {name: value})
        except ValueError:
            return
        assert verdict.outcome is not Outcome.MET or (verdict.census and verdict.census.total == DONE.total)

    @given(
        st.sampled_from([Outcome.MET, Outcome.FAILED, Outcome.TIMEOUT]),
        st.text(),
        counts,
        st.none() | moments,
    )
    @settings(max_examples=200, deadline=None)
    def test_a_census_comes_out_as_it_went_in(
        self, outcome: Outcome, message: str, states: dict[str, int], end: datetime | None
    ) -> None:
        census = Census({"COMPLETED": 1} | states, sum(({"COMPLETED": 1} | states).values()), last_end=end)
        assume(outcome is not Outcome.MET or census.total)
        verdict = Verdict(outcome, message, census)
        assert verdict == from_event(stored(to_event(verdict)))


# With what was waited for and a version

WATCHED = {
    "about": "instances scheduled 2026-03-01 00:00:00 to 2026-03-01 23:59:59 UTC+8",
    "schedule_time_from": "2026-03-01T00:00:00+08:00",
    "schedule_time_to": "2026-03-01T23:59:59+08:00",
}
OPEN = Ending(ENDS[0], WATCHED)
#: As the release before wrote it.
WRITTEN = """{"verdict": {"status": "met", "message": "3 of 3 COMPLETED", "total": 3, "states": {"COMPLETED": 3,
"SKIP_RUNNING": 0}, "last_end_time": "2026-03-01T12:30:00+08:00", "error": null}, "watch": {"about": "instances
scheduled 2026-03-01 00:00:00 to 2026-03-01 23:59:59 UTC+8", "schedule_time_from": "2026-03-01T00:00:00+08:00",
"schedule_time_to": "2026-03-01T23:59:59+08:00"}}""".replace("\n", " ")
errors = st.one_of(
    st.builds(InvalidRequest, st.text(), st.text()),
    st.builds(ContradictoryAnswer, st.text()),
    *(st.builds(kind, st.text(), st.text(), st.text()) for kind in (AuthRefused, PermissionRefused)),
)
edges = st.sampled_from(["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-12:00"]).map(
    datetime.fromisoformat
)
censuses = st.builds(
    lambda states, more, end: Census(states, sum(states.values()) + more, last_end=end),
    st.dictionaries(st.text(), st.integers(0, 2**70)),
    st.just(0) | st.integers(-9, 9),
    st.none() | st.datetimes(timezones=st.sampled_from([UTC, END.tzinfo])) | edges,
)
ends_of_waits = st.builds(Verdict, st.sampled_from([*Outcome]), st.text(), st.none() | censuses) | st.builds(
    lambda error, message: Verdict(Outcome.REFUSED, message, error=error), errors, st.text()
)


class TestEnding:
    @given(ends_of_waits, st.booleans())
    @settings(max_examples=300, deadline=None)
    def test_every_ending_comes_out_as_it_went_in_or_is_refused(
        self, verdict: Verdict, by_execution_timeout: bool
    ) -> None:
        ending = Ending(verdict, WATCHED, by_execution_timeout)
        census = verdict.census
        counted = census is not None and 0 < census.total == sum(census.states.values())
        can_be = (
            verdict.outcome is not Outcome.WAITING
            and (verdict.outcome is Outcome.REFUSED) == (verdict.error is not None)
            and (counted or verdict.outcome is not Outcome.MET)
            and (verdict.outcome is Outcome.TIMEOUT or not by_execution_timeout)
        )
        event = stored(encode_ending(ending))
        if not can_be:
            with pytest.raises(ValueError, match="no wait ends"):
                decode_ending(event)
            return
        out = decode_ending(event)
        assert (verdict.outcome, verdict.message, census) == (
            out.verdict.outcome,
            out.verdict.message,
            census,
        )
        assert describe(verdict.error) == describe(out.verdict.error)
        assert (ending.watched, by_execution_timeout) == (out.watched, out.by_execution_timeout)

    def test_an_event_of_the_release_before_is_understood(self) -> None:
        assert decode_ending(json.loads(WRITTEN)) == OPEN

    def test_the_release_before_understands_ours(self) -> None:
        event = encode_ending(OPEN)
        before = json.loads(WRITTEN)
        assert before == {name: event[name] for name in before}
        assert before["verdict"].keys() == event["verdict"].keys()

    def test_a_field_never_heard_of_is_ignored_in_the_same_version(self) -> None:
        event = encode_ending(OPEN)
        more = {"colour": "green"}
        event = event | more | {"verdict": event["verdict"] | more, "watch": event["watch"] | more}
        assert decode_ending(stored(event)) == OPEN

    @pytest.mark.parametrize("version", [0, 2, "1", 1.0, True, None])
    def test_another_version_opens_nothing(self, version: object) -> None:
        with pytest.raises(UnknownVersion, match="knows only version 1"):
            decode_ending(encode_ending(OPEN) | {"version": version})

    @pytest.mark.parametrize("name", sorted(WATCHED))
    def test_a_gate_that_opens_names_its_window(self, name: str) -> None:
        event = encode_ending(Ending(ENDS[0], {key: text for key, text in WATCHED.items() if key != name}))
        with pytest.raises(ValueError, match=name):
            decode_ending(event)

    @pytest.mark.parametrize("odd", [None, "", 5, "yesterday", "2026-03-01T00:00:00"])
    def test_with_times_that_can_be_read(self, odd: object) -> None:
        event = encode_ending(OPEN)
        with pytest.raises(ValueError, match=r"."):
            decode_ending(event | {"watch": WATCHED | {"schedule_time_from": odd}})

    @pytest.mark.parametrize("event", [None, [], "met", {}, {"version": 1}, {"version": 1, "watch": WATCHED}])
    def test_what_is_no_ending(self, event: object) -> None:
        with pytest.raises(ValueError, match=r"."):
            decode_ending(event)

    def test_counts_below_nothing_open_nothing(self) -> None:
        odd = Census({"COMPLETED": 5, "RUNNING": -2}, 3)
        with pytest.raises(ValueError, match="no wait ends"):
            decode_ending(encode_ending(Ending(Verdict(Outcome.MET, "", odd), WATCHED)))

    @pytest.mark.parametrize(
        "verdict",
        [
            Verdict(Outcome.REFUSED, "", error=NoAnswer("lost")),
            Verdict(Outcome.MET, "", Census({"COMPLETED": 1}, 1, last_end=datetime(2026, 3, 1))),  # noqa: DTZ001
            Verdict(Outcome.MET, "", Census(None, 1)),  # type: ignore[arg-type]
        ],
    )
    def test_what_cannot_be_written_is_reported_and_not_raised(self, verdict: Verdict) -> None:
        event = stored(encode_ending(Ending(verdict, WATCHED)))
        with pytest.raises(ValueError, match="the wait ended, but its end can't be written"):
            decode_ending(event)

    def test_a_problem_is_passed_on_unchanged(self) -> None:
        with pytest.raises(ValueError, match=r"^out of paper$"):
            decode_ending(stored(encode_problem("out of paper")))

    @given(anything)
    @settings(max_examples=200, deadline=None)
    def test_odd_json_is_no_ending(self, event: Any) -> None:
        with pytest.raises(ValueError, match=r"."):
            decode_ending(event)
