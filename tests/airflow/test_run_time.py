"""The template on every page renders to the run's own time, for every type of run in every Airflow."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_wedata.sensors.wedata import WeDataTaskInstanceSensor
from tests.airflow.conftest import TASK_ID
from tests.airflow.versions import AIRFLOW_3, DagBag, found, run_task_of, timetable_of
from tests.markdown import PAGES, ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Callable

# Airflow's own, of a task that runs in this process.
pytestmark = pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")

DAG = found("DAG", "airflow.sdk", "airflow.models.dag")
CronPartitionTimetable = found("CronPartitionTimetable", "airflow.timetables.trigger")
EXAMPLES = sorted((ROOT / "example_dags").glob("*.py"))
START = datetime(2026, 3, 1, tzinfo=UTC)
WEDNESDAY = datetime(2026, 3, 4, 4, tzinfo=UTC)
#: Already Thursday in UTC+8.
EVENING = datetime(2026, 3, 4, 20, tzinfo=UTC)
MORNING, NIGHT, SUNDAYS = "0 1 * * *", "30 17 * * *", "0 1 * * 0"
NUMBERS = count()
TIMETABLES = [CronDataIntervalTimetable, CronTriggerTimetable]

#: The template in the example; the first DAGs on the pages are copies of it.
RUN_TIME = (
    DagBag(dag_folder=str(ROOT / "example_dags" / "wedata_gate_one_task.py"))
    .dags["wedata_gate_one_task"]
    .task_dict["wait_for_report"]
    .schedule_date
)


@pytest.fixture
def day_of(wait: Any, airflow_db: None) -> Callable[..., str]:
    """Give a function that runs a gate in a DAG run of a type, and returns the requested day."""
    for day in range(10):
        time = START + timedelta(days=day - 1)
        wait.wedata.world.add(task_id=TASK_ID, schedule_time=time, state="COMPLETED")

    def run(run_type: str, dag: Any, **dates: Any) -> str:
        run_task_of(dag, run_type, **dates)
        return str(wait.wedata.requests[0].params["ScheduleTimeFrom"])[:10]

    return run


def gate(schedule: Any, schedule_date: str = RUN_TIME) -> Any:
    with DAG(f"gate_{next(NUMBERS)}", schedule=schedule, start_date=START, catchup=True) as dag:
        WeDataTaskInstanceSensor(task_id="gate", task_ids=[TASK_ID], schedule_date=schedule_date, timeout=0)
    return dag


def first_of(dag: Any) -> dict[str, Any]:
    """Return the dates of the first run that the scheduler, or a backfill from the start, creates."""
    restriction = TimeRestriction(earliest=START, latest=None, catchup=True)
    info = timetable_of(dag).next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    return {name: getattr(info, name) for name in ("run_after", "logical_date", "data_interval")}


def started(dag: Any, moment: datetime) -> dict[str, Any]:
    """Return the dates of a manual run with a logical date."""
    interval = timetable_of(dag).infer_manual_data_interval(run_after=moment)
    return {"run_after": moment, "logical_date": moment, "data_interval": interval}


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
@pytest.mark.parametrize(
    ("timetable", "cron", "day"),
    [
        (CronDataIntervalTimetable, MORNING, "2026-03-02"),  # at the end of the first interval
        (CronTriggerTimetable, MORNING, "2026-03-01"),
        (CronDataIntervalTimetable, NIGHT, "2026-03-03"),
        (CronTriggerTimetable, NIGHT, "2026-03-02"),
    ],
)
def test_a_run_on_a_schedule_is_for_the_day_on_which_it_runs(
    run_type: str, timetable: Any, cron: str, day: str, day_of: Callable[..., str]
) -> None:
    dag = gate(timetable(cron, timezone="UTC"))
    assert day == day_of(run_type, dag, **first_of(dag))


@pytest.mark.parametrize("timetable", TIMETABLES)
@pytest.mark.parametrize(("moment", "day"), [(WEDNESDAY, "2026-03-04"), (EVENING, "2026-03-05")])
def test_a_run_by_hand_is_for_the_day_on_which_it_is_started_and_not_for_the_last_tick(
    timetable: Any, moment: datetime, day: str, day_of: Callable[..., str]
) -> None:
    dag = gate(timetable(SUNDAYS, timezone="UTC"))
    assert day == day_of("manual", dag, **started(dag, moment))


@pytest.mark.skipif(not AIRFLOW_3, reason="every run of Airflow 2 has a logical date")
@pytest.mark.parametrize("run_type", ["manual", "asset_triggered"])
def test_a_run_without_a_logical_date_is_for_the_day_on_which_it_runs(
    run_type: str, day_of: Callable[..., str]
) -> None:
    dates = {"run_after": EVENING, "logical_date": None, "data_interval": None}
    assert "2026-03-05" == day_of(run_type, gate(None), **dates)


@pytest.mark.skipif(AIRFLOW_3, reason="no such run of Airflow 3 has a logical date")
def test_a_run_for_a_dataset_is_for_the_day_of_its_last_event(day_of: Callable[..., str]) -> None:
    interval = (START, START + timedelta(days=1))  # that of the run that made the dataset
    dates = {"run_after": EVENING, "logical_date": EVENING, "data_interval": interval}
    assert "2026-03-05" == day_of("dataset_triggered", gate(None), **dates)


@pytest.mark.skipif(not CronPartitionTimetable, reason="this Airflow has no partitions")
def test_a_run_for_a_partition_has_no_data_interval_and_is_for_the_day_on_which_it_runs(
    day_of: Callable[..., str],
) -> None:
    dates = {"run_after": EVENING, "logical_date": None, "data_interval": None}
    assert "2026-03-05" == day_of("scheduled", gate(CronTriggerTimetable(MORNING, timezone="UTC")), **dates)


def test_pages_and_examples_take_every_time_from_it() -> None:
    run_time = RUN_TIME.strip("{ }")
    texts = [re.sub(r'"\s*\n\s*"', "", path.read_text()) for path in (*PAGES, *EXAMPLES)]
    templates = {
        found
        for text in texts
        for found in re.findall(r"{{.*?}}", text)
        if re.search(r"date|run|macros", found)
    }
    right = (
        run_time,
        '" + RUN + "',  # the same, where the page gives it a name
        "dag_run.logical_date or dag_run.run_after",  # in a DAG without a time schedule
        "dag_run.start_date",  # from when on an end counts
    )
    assert set() == {found for found in templates if not any(part in found for part in right)} - {"{{ ds }}"}


@pytest.mark.parametrize(
    ("name", "day"), [("RUN_TIME", "2026-03-03"), ("DAY_BEFORE", "2026-03-02"), ("HOUR_BEFORE", "2026-03-02")]
)
def test_the_templates_on_the_page_match_their_names(name: str, day: str, day_of: Callable[..., str]) -> None:
    (block,) = (block for block in blocks(ROOT / "docs" / "gating.md") if "RUN_TIME = " in block.text)
    names: dict[str, str] = {}
    exec(block.text, names)  # noqa: S102 - our own page
    dag = gate(CronDataIntervalTimetable("30 16 * * *", timezone="UTC"), names[name])  # at 00:30 in UTC+8
    assert day == day_of("scheduled", dag, **first_of(dag))


def test_the_page_on_templates_has_the_same_template() -> None:
    (block,) = (block for block in blocks(ROOT / "docs" / "gating.md") if "RUN_TIME = " in block.text)
    assert RUN_TIME.strip("{ }") in block.text.replace('"\n    "', "")
