"""No secret leaves the connection: not in a log line at DEBUG, nor in anything that Airflow stores or shows."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.emulator import faults

try:
    import structlog
except ImportError:  # Airflow 2 has only the standard library's logging
    structlog = None

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

get_logger = structlog.get_logger if structlog else logging.getLogger
MODES = ("poke", "reschedule", "deferrable")
SECRET_KEY = "a-key-that-nobody-may-see"
TOKEN = "a-token-that-nobody-may-see"
PROXY_PASSWORD = "a-password-that-nobody-may-see"
SIGNATURE = re.compile(r"Signature=[0-9a-f]{16}")
DAY = "2026-03-01"
TASK_ID = "20250714200130207"


class Scanner:
    """Collects what is logged and stored, before Airflow masks it, and searches it for secrets."""

    def __init__(self) -> None:
        self.collected: list[str] = []

    def collect(self, _logger: Any, _method: str, event: Any) -> Any:
        """Collect an event of Airflow's structlog."""
        self.collected.append(repr(event))
        return event

    def take(self, *things: Any) -> None:
        for thing in things:
            if isinstance(thing, BaseException):
                self.collected += ["".join(traceback.format_exception(thing)), repr(vars(thing))]
            else:
                self.collected.append(repr(thing))

    @property
    def found(self) -> list[str]:
        secrets = (SECRET_KEY, TOKEN, PROXY_PASSWORD)
        return [
            text for text in self.collected if SIGNATURE.search(text) or any(word in text for word in secrets)
        ]


class Records(logging.Handler):
    """Passes every record of the standard library's logging to a scanner."""

    def __init__(self, scanner: Scanner) -> None:
        super().__init__(logging.DEBUG)
        self._scanner = scanner

    def emit(self, record: logging.LogRecord) -> None:
        self._scanner.take(record.getMessage(), record.args, record.exc_info and record.exc_info[1])


@pytest.fixture
def scanner() -> Iterator[Scanner]:
    scanner = Scanner()
    handler = Records(scanner)
    loggers = [
        logging.getLogger(),
        *(found for found in logging.root.manager.loggerDict.values() if isinstance(found, logging.Logger)),
    ]
    levels = [(logger, logger.level, logger.disabled) for logger in loggers]
    before = structlog and structlog.get_config()
    if structlog:
        structlog.configure(
            processors=[scanner.collect, *before["processors"]],
            wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
            cache_logger_on_first_use=False,
        )
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False
    ends = [logger for logger in loggers if logger.parent is None or not logger.propagate]
    for logger in ends:
        logger.addHandler(handler)
    yield scanner
    for logger in ends:
        logger.removeHandler(handler)
    for logger, level, disabled in levels:
        logger.setLevel(level)
        logger.disabled = disabled
    if structlog:
        structlog.configure(**before)


@pytest.fixture
def secret_wait(waiting_room: Callable[..., Any]) -> Iterator[Any]:
    with waiting_room(secret_key=SECRET_KEY, token=TOKEN) as wait:
        key = wait.wedata.world.add(task_id=TASK_ID, schedule_time=f"{DAY} 00:30:00").key
        wait.wedata.world.script(key, [(3, "COMPLETED")])
        yield wait


def take_all(scanner: Scanner, wait: Any, found: Any) -> None:
    sensor = wait.make(deferrable=True)
    scanner.take(found.result, found.ti.xcoms, found.error, wait.triggers, wait.events, vars(sensor))
    scanner.take({name: getattr(sensor, name) for name in sensor.template_fields})


@pytest.mark.parametrize(
    "plant",
    [
        lambda _: logging.getLogger("httpcore.connection").debug("%s", {"X-TC-Token": TOKEN}),
        lambda _: logging.getLogger("urllib3").debug("Authorization: Signature=%s", "0123456789abcdef" * 4),
        lambda _: get_logger("airflow.task").debug("%s", SECRET_KEY),
        lambda scanner: scanner.take({"xcom": [SECRET_KEY]}),
        lambda scanner: scanner.take(ValueError(f"http://user:{PROXY_PASSWORD}@proxy")),
    ],
)
def test_the_scanner_finds_what_is_planted(plant: Callable[[Scanner], None], scanner: Scanner) -> None:
    plant(scanner)
    assert scanner.found


def test_the_scanner_finds_a_cause(scanner: Scanner) -> None:
    outer = ValueError("nothing to see")
    outer.__cause__ = KeyError(TOKEN)
    scanner.take(outer)
    assert scanner.found


@pytest.mark.parametrize("mode", MODES)
def test_a_successful_wait_exposes_no_secret(mode: str, scanner: Scanner, secret_wait: Any) -> None:
    found = secret_wait.run(mode)
    assert "done" == found.ended, found.error
    take_all(scanner, secret_wait, found)
    assert len(scanner.collected) > 20  # so the scanner does collect
    assert [] == scanner.found


@pytest.mark.parametrize(
    "fault",
    [
        faults.error("AuthFailure.SignatureFailure"),
        faults.error("UnauthorizedOperation"),
        faults.error("InvalidParameterValue"),
        faults.http_status(502),
        faults.reset(),
        faults.not_json(),
        faults.redirect("https://example.com/"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_a_failing_wait_exposes_no_secret(
    mode: str, fault: faults.Fault, scanner: Scanner, secret_wait: Any
) -> None:
    secret_wait.wedata.faults.when(lambda received: received.number != 1, fault)
    found = secret_wait.run(mode, timeout=0.1)
    assert found.error is not None
    take_all(scanner, secret_wait, found)
    assert [] == scanner.found


@pytest.mark.parametrize("mode", ["poke", "deferrable"])
def test_an_unreachable_proxy_is_reported_without_its_password(
    mode: str, scanner: Scanner, secret_wait: Any
) -> None:
    secret_wait.connect(proxy=f"http://user:{PROXY_PASSWORD}@127.0.0.1:9")
    found = secret_wait.run(mode, timeout=0.1)
    assert "AirflowSensorTimeout" == found.ended
    take_all(scanner, secret_wait, found)
    assert [] == scanner.found


@pytest.mark.parametrize(
    "extra", [{"regoin": "x"}, {"verify": "perhaps"}, {"session_token": [TOKEN]}, {"proxy": PROXY_PASSWORD}]
)
@pytest.mark.parametrize("mode", MODES)
def test_an_invalid_connection_is_reported_without_its_secrets(
    mode: str, extra: dict[str, Any], scanner: Scanner, secret_wait: Any
) -> None:
    secret_wait.connect(**extra)
    found = secret_wait.run(mode)
    assert "WeDataConfigError" == found.ended
    take_all(scanner, secret_wait, found)
    assert [] == scanner.found


def test_a_trigger_that_runs_shows_none(
    scanner: Scanner, secret_wait: Any, revive: Callable[..., Any], event_of: Callable[[Any], Any]
) -> None:
    trigger = revive(secret_wait.deferred().trigger)
    event = asyncio.run(event_of(trigger))
    scanner.take(vars(trigger), repr(trigger), trigger.serialize(), event)
    assert [] == scanner.found
