"""Shared by all tests: the emulator's fixtures, and a reset of the process-wide state after each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_wedata.api import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["airflow_provider_wedata.emulator.pytest_plugin", "tests.object_store"]


@pytest.fixture(autouse=True)
def _forgetful_process() -> Iterator[None]:
    yield
    registry.reset()
