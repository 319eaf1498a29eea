"""The provider as a user sees it: a real browser on a real Airflow, with the emulator."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_wedata.emulator import Emulator, scenarios
from tests.e2e.browser import CHROMIUM
from tests.e2e.conftest import TOKEN, forget

if TYPE_CHECKING:
    from demo.real_airflow import RealAirflow
    from tests.e2e.browser import Ui

pytestmark = pytest.mark.skipif(
    not Path(CHROMIUM).exists() and not os.environ.get("CI"),
    reason=f"{CHROMIUM} is missing; `make browser` installs it",
)

DAG_ID, GATE = "wedata_gate_workflow", "wait_for_workflow"
TYPE = "Tencent Cloud WeData"


@pytest.fixture
def filled_in(ui: Ui, emulator: Emulator, airflow: RealAirflow) -> None:
    """Create the connection of the examples, with the form."""
    forget(airflow, "wedata_default")
    form = ui.new_connection("wedata_default", TYPE)
    ui.picture("connection-form", form)
    standard, extra = fields(emulator)
    ui.fill_standard(form, standard)
    ui.unfold(form)
    ui.fill_extra(form, {name: extra[name] for name in ("region", "project_id")})
    ui.picture("connection-form-extra", form)  # as most users leave it
    ui.fill_extra(form, extra)
    ui.save(form)


def fields(emulator: Emulator, **changes: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the values for the standard fields, and those for the extra fields."""
    standard = {
        "host": emulator.url,
        "port": emulator.host.rpartition(":")[2],
        "login": emulator.account.secret_id,
        "password": emulator.account.secret_key,
    }
    extra = {
        "region": "ap-singapore",
        "project_id": scenarios.PROJECT_ID,
        "session_token": TOKEN,
        "console_url": f"{emulator.url}/console/{{project_id}}",
    }
    return standard | changes, extra


def test_the_form_offers_what_the_provider_can_do(ui: Ui) -> None:
    form = ui.new_connection("wedata_default", TYPE)
    ui.unfold(form)
    assert ["china: cloud.tencent.com", "international: tencentcloud.com"] == sorted(ui.choices(form, "site"))
    assert ["connection: the two standard fields"] == ui.choices(form, "credential_source")
    assert "ap-singapore" in ui.suggestions(form, "region")
    kinds = {name: ui.input(form, name).get_attribute("type") for name in ("session_token", "project_id")}
    assert kinds["session_token"] == "password"
    assert kinds["project_id"] != "password"
    too_many = ui.input(form, "retries")
    too_many.fill("4711")
    too_many.blur()
    assert too_many.input_value() == "100"


def test_a_connection_is_made_with_the_form_and_keeps_its_secrets(
    filled_in: None, emulator: Emulator, airflow: RealAirflow
) -> None:
    saved = airflow.api("GET", "/connections/wedata_default")
    extra = json.loads(saved["extra"])
    assert ("***", "***") == (saved["password"], extra["session_token"])
    shown = json.dumps(saved)
    assert emulator.account.secret_key not in shown
    assert TOKEN not in shown
    expected = {
        "region": "ap-singapore",
        "site": "international",
        "project_id": scenarios.PROJECT_ID,
        "time_zone": "UTC+8",
        "request_timeout": 30,
        "retries": 5,
        "verify": True,
        "proxy": None,
    }
    assert expected == {name: extra[name] for name in expected}


def test_the_button_shows_account_place_and_count(filled_in: None, wedata: Emulator, ui: Ui) -> None:
    workflow(wedata)
    message = ui.try_connection("wedata_default")
    ui.picture("connection-test")
    for part in (
        "Test Connection Successful",
        f"as SecretId {wedata.account.secret_id[:8]}...{wedata.account.secret_id[-4:]}",
        "site international",
        "region ap-singapore",
        f"project {scenarios.PROJECT_ID} has 8 task instances",
    ):
        assert part in message


def test_the_button_explains_a_wrong_key(ui: Ui, wedata: Emulator, airflow: RealAirflow) -> None:
    forget(airflow, "wedata_wrong_key")
    form = ui.new_connection("wedata_wrong_key", TYPE)
    standard, extra = fields(wedata, password="not-the-key-of-this-account")
    ui.fill_standard(form, standard)
    ui.unfold(form)
    ui.fill_extra(form, extra)
    ui.save(form)
    message = ui.try_connection("wedata_wrong_key")
    forget(airflow, "wedata_wrong_key")
    for part in ("Test Connection Failed", "AuthFailure.SignatureFailure", "Check SecretId and SecretKey"):
        assert part in message
    assert "not-the-key-of-this-account" not in message


def test_a_gate_waits_shows_where_and_opens(
    filled_in: None, wedata: Emulator, airflow: RealAirflow, ui: Ui
) -> None:
    keys = workflow(wedata)
    for key in keys[:3]:
        wedata.world.finish(key)
    run_id = airflow.trigger(DAG_ID)
    ui.open_task(DAG_ID, run_id, GATE)
    ui.see_state("Deferred")
    ui.see_text("Waiting up to 1:00:00 for instances scheduled")
    ui.see_text("3 of 8 COMPLETED, 5 RUNNING")
    ui.picture("waiting-task")

    ui.open_task(DAG_ID, run_id, GATE, "/rendered_templates")
    day = scheduled_day(keys)
    ui.see_text(f'"ScheduleTimeFrom": "{day} 00:00:00"')
    ui.see_text(f'"ScheduleTimeTo": "{day} 23:59:59"')
    ui.picture("rendered-templates")

    assert_console(ui, DAG_ID, run_id, keys)
    for key in keys[3:]:
        wedata.world.finish(key)
    ui.open_task(DAG_ID, run_id, GATE)
    ui.see_state("Success")
    ui.see_text("The wait is over: 8 of 8 COMPLETED")
    assert_console(ui, DAG_ID, run_id, keys)


def test_a_gate_that_fails_shows_which_instance_and_why(
    filled_in: None, wedata: Emulator, airflow: RealAirflow, ui: Ui
) -> None:
    keys = workflow(wedata)
    wedata.world.update(keys[4], tries=5)
    wedata.world.fail(keys[4])
    run_id = airflow.trigger(DAG_ID)
    run = f"/dags/{DAG_ID}/dagRuns/{run_id}"
    airflow.wait_for(lambda: airflow.api("GET", run)["state"] == "failed", "the run to fail", seconds=90)
    ui.open_task(DAG_ID, run_id, GATE)
    ui.see_state("Failed")
    name = list(scenarios.DAILY_TASKS)[4]
    ui.see_text(f"The wait is over: failed in WeData: {name}")
    ui.see_text("WeDataInstanceFailed")
    ui.fold_traceback("WeDataInstanceFailed")
    ui.picture("failed-gate")


def workflow(wedata: Emulator) -> list[str]:
    """Start the eight tasks of the examples' workflow, and return the keys of the instances."""
    tasks = scenarios.DAILY_TASKS.items()
    return [wedata.world.add(task_id=id_, task_name=name, state="RUNNING").key for name, id_ in tasks]


def scheduled_day(keys: list[str]) -> str:
    """Return the day for which the instances are planned."""
    (day,) = {key.rpartition("_")[2].partition(" ")[0] for key in keys}
    return day


def assert_console(ui: Ui, dag_id: str, run_id: str, keys: list[str]) -> None:
    """Assert that the task's link leads to the instances at this moment."""
    page: Any = ui.follow_link(dag_id, run_id, GATE, "WeData console")
    assert f"Instances of project {scenarios.PROJECT_ID}" == page.locator("h1").inner_text()
    shown = page.locator("td:first-child").all_inner_texts()
    assert sorted(keys) == sorted(shown)
    page.close()
