"""Proxy variables in every mode: one outcome, from the first look on a worker to the last in the triggerer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow.conftest import MODES, first_event, revived
from tests.proxy import open_proxy, set_environment

if TYPE_CHECKING:
    from airflow_provider_wedata.emulator import Instance

# {p}: the proxy's host and port
ROWS: list[tuple[dict[str, str], str, bool]] = [
    ({"HTTP_PROXY": "http://{p}"}, "done", True),
    ({"ALL_PROXY": "{p}"}, "done", True),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "127.0.0.0/8"}, "done", False),
    ({"HTTP_PROXY": "http://{p}", "NO_PROXY": "[::1],fd00::/8"}, "done", True),
    ({"ALL_PROXY": "socks5://{p}"}, "WeDataConfigError", False),
    ({"ALL_PROXY": "ftp://{p}"}, "WeDataConfigError", False),
    ({"ALL_PROXY": "ftp://{p}", "NO_PROXY": "127.0.0.1"}, "done", False),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("variables", "ended", "passed"), ROWS, ids=str)
def test_each_mode_goes_the_same_way(  # noqa: PLR0917 - fixtures
    variables: dict[str, str],
    ended: str,
    passed: bool,
    mode: str,
    wait: Any,
    instance: Instance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait.wedata.world.script(instance.key, [(3, "COMPLETED")])
    with open_proxy() as proxy:
        set_environment(monkeypatch, **{name: text.format(p=proxy.place) for name, text in variables.items()})
        found = wait.run(mode)
        assert (ended, passed) == (found.ended, bool(proxy.passed)), found.error
        assert len(proxy.passed) == passed * len(wait.wedata.requests)


def test_the_triggerers_own_variables_hold_there(
    wait: Any, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger = revived(wait.deferred().trigger)
    set_environment(monkeypatch, HTTP_PROXY="ftp://proxy")
    event = asyncio.run(first_event(trigger))
    assert ("refused", "InvalidRequest") == (event["verdict"]["status"], event["verdict"]["error"]["class"])
