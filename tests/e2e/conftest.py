"""One Airflow and one emulator for all end-to-end tests, and a browser if it is installed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_wedata.emulator import Emulator
from demo.real_airflow import RealAirflow
from tests.e2e.browser import ARGUMENTS, CHROMIUM, Ui

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
#: Set it to retake the pictures of the documentation; `make pictures` does.
PICTURES = "WEDATA_PICTURES"
TOKEN = "made-up-session-token"


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator("empty", token=TOKEN) as emulator:
        yield emulator


@pytest.fixture
def wedata(emulator: Emulator) -> Emulator:
    """Return the emulator without instances."""
    for key in emulator.world.keys:
        emulator.world.delete(key)
    return emulator


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAirflow]:
    settings = {"AIRFLOW__API__DEFAULT_WRAP": "True"}  # a picture shows whole lines of a log
    with RealAirflow(tmp_path_factory.mktemp("airflow"), ROOT / "example_dags", settings) as airflow:
        yield airflow


@pytest.fixture
def connection(emulator: Emulator, airflow: RealAirflow) -> None:
    """Create the connection of the examples, without the form."""
    forget(airflow, "wedata_default")
    fields = json.loads(emulator.connection_json())
    fields["extra"] = json.dumps(fields["extra"])
    airflow.api("POST", "/connections", json={"connection_id": "wedata_default", **fields})


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - needed with a browser only

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def ui(chromium: Browser, airflow: RealAirflow) -> Iterator[Ui]:
    pictures = ROOT / "docs" / "images" if os.environ.get(PICTURES) else None
    context = chromium.new_context(viewport={"width": 1280, "height": 700}, locale="en-GB")
    context.set_default_timeout(60_000)  # generous: other tests may run at the same time
    yield Ui(context.new_page(), airflow.url, pictures)
    context.close()


def forget(airflow: RealAirflow, connection_id: str) -> None:
    """Delete the connection, if it exists."""
    known = airflow.api("GET", "/connections?limit=100")["connections"]
    if connection_id in {each["connection_id"] for each in known}:
        airflow.api("DELETE", f"/connections/{connection_id}")
