"""Fixtures for tests against an emulated WeData, without an account.

Opt in with `pytest_plugins = ["airflow_provider_wedata.emulator.pytest_plugin"]` in the top-level conftest.py.
Every test has an emulator of its own. Does not import Airflow; only sets an environment variable for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_wedata.emulator.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wedata_emulator() -> Iterator[Emulator]:
    """Give a started emulator without instances, on the computer's clock."""
    with Emulator() as wedata:
        yield wedata


@pytest.fixture
def wedata_connection(wedata_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Give the emulator, and make it Airflow's connection `wedata_default`."""
    monkeypatch.setenv("AIRFLOW_CONN_WEDATA_DEFAULT", wedata_emulator.connection_json())
    return wedata_emulator
