"""Fixtures for tests against a WeData that needs no account.

Opt in with `pytest_plugins = ["airflow_provider_wedata.emulator.pytest_plugin"]` in the top-level conftest.py.
Every test has a stand-in of its own. Knows pytest and the stand-in, and of Airflow only the name of a
variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_wedata.emulator.emulator import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wedata_standin() -> Iterator[StandIn]:
    """Give a started stand-in with a world of no instances, on the computer's clock."""
    with StandIn() as wedata:
        yield wedata


@pytest.fixture
def wedata_connection(wedata_standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Give the stand-in, and make it Airflow's connection `wedata_default`."""
    monkeypatch.setenv("AIRFLOW_CONN_WEDATA_DEFAULT", wedata_standin.connection_json())
    return wedata_standin
