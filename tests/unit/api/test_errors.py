"""Which class of error belongs to a code of WeData."""

from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_wedata.api import errors
from airflow_provider_wedata.api.errors import ApiError, InvalidRequest, Refused, without_secrets
from airflow_provider_wedata.export.errors import ExportError


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("RequestLimitExceeded", "Throttled"),
        ("RequestLimitExceeded.GlobalRegionUinLimitExceeded", "Throttled"),
        ("InternalError.UnknownError", "InternalTrouble"),
        ("ResourceInUse", "ServerTrouble"),
        ("ResourceUnavailable", "ServerTrouble"),
        ("InvalidParameter.ServiceIsBusy", "ServerTrouble"),
        ("InvalidParameter.ServiceIsBusy.Very", "ServerTrouble"),
        ("InvalidParameter.ServiceIsBusyToday", "ParameterRefused"),
        ("InvalidParameter", "ParameterRefused"),
        ("InvalidParameter.ClientIpNotAuthorized", "PermissionRefused"),
        ("InvalidParameterValue.ValidationError", "ParameterRefused"),
        ("InvalidParameterOfAnotherKind", "Refused"),
        ("AuthFailure", "AuthRefused"),
        ("AuthFailure.SignatureExpire", "AuthRefused"),
        ("AuthFailure.UnauthorizedOperation", "PermissionRefused"),
        ("UnauthorizedOperation.UserNotInProject", "PermissionRefused"),
        ("OperationDenied.UserNotInWhitelistError", "PermissionRefused"),
        ("MissingParameter", "ParameterRefused"),
        ("UnsupportedRegion", "ParameterRefused"),
        ("FailedOperation", "Refused"),
        ("FailedOperation.ExecutorClusterStatusError", "Refused"),
        ("LimitExceeded", "Refused"),
        ("ResourceNotFound.ResultExpired", "Refused"),
        ("requestlimitexceeded", "Refused"),
        (".", "Refused"),
        ("", "Refused"),
    ],
)
def test_the_longest_prefix_at_a_dot_decides(code: str, name: str) -> None:
    error = Refused.of(code, "why", "r-1")
    assert (name, code, "why", "r-1") == (type(error).__name__, error.code, error.message, error.request_id)


KINDS = {
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ApiError)
}


def test_a_wait_ends_if_another_request_cannot_succeed() -> None:
    final = {errors.InvalidRequest, errors.AuthRefused, errors.PermissionRefused, errors.ParameterRefused}
    assert final == {kind for kind in KINDS if kind.final}


def test_what_passes_is_sent_again() -> None:
    passing = {
        errors.NoAnswer,
        errors.UnreadableAnswer,
        errors.UnreadableField,
        errors.Throttled,
        errors.ServerTrouble,
    }
    assert passing == {kind for kind in KINDS if kind.resends is None}
    assert {errors.InternalTrouble: 2} == {kind: kind.resends for kind in KINDS if kind.resends}


def kinds(base: type[Exception]) -> list[type[Exception]]:
    return [base, *(kind for below in base.__subclasses__() for kind in kinds(below))]


@pytest.mark.parametrize("kind", [*kinds(ApiError), *kinds(ExportError)])
def test_an_error_comes_out_of_a_pickle_as_it_was(kind: type[Exception]) -> None:
    parts = ("a", "b", "c") if issubclass(kind, Refused) else ("a", "b")
    error = kind(*parts if issubclass(kind, Refused | InvalidRequest | ExportError) else ("a: b",))
    error.add_note("seen twice")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - ours
        assert (kind, str(error), vars(error)) == (type(again), str(again), vars(again))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:geheim@host:1/path", "https://host:1/path"),
        ("me:geheim@host", "host"),
        ("host/path?key=geheim", "host/path"),
        ("host#geheim", "host"),
        ("s3a+x://geheim@h", "s3a+x://h"),
        ("me:ge?heim@host", "…"),
        ("https://host?to=geheim@host", "https://…"),
        ("me:geheim@host?to=http://host", "host"),
        ("", ""),
    ],
)
def test_of_a_url_no_part_is_shown_that_may_be_secret(url: str, shown: str) -> None:
    assert shown == without_secrets(url)
