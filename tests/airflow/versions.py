"""Where each Airflow keeps what only tests need. The provider has no such list: it goes through common-compat."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    import pytest
    from airflow.sdk import DAG


def found(name: str, *modules: str) -> Any:
    """Return what has the name in the first of the modules that has it; None if there is none."""
    for module in modules:
        with warnings.catch_warnings(), suppress(ImportError, AttributeError):
            warnings.simplefilter("ignore")  # an older Airflow warns of itself
            return getattr(import_module(module), name)
    return None


AIRFLOW_3 = not version("apache-airflow").startswith("2.")

#: True for the newest Airflow that is tested. What an older one warns of is its own past, and no error.
NEWEST = found("DagBag", "airflow.dag_processing.dagbag") is not None

DagBag = found("DagBag", "airflow.dag_processing.dagbag", "airflow.models.dagbag")
AirflowRescheduleException = found(
    "AirflowRescheduleException", "airflow.sdk.exceptions", "airflow.exceptions"
)
TaskDeferralError = found("TaskDeferralError", "airflow.sdk.exceptions", "airflow.exceptions")
ProvidersManager = found("ProvidersManagerTaskRuntime", "airflow.sdk.providers_manager_runtime") or found(
    "ProvidersManager", "airflow.providers_manager"
)
DEFAULT_SENSITIVE_FIELDS = found(
    "DEFAULT_SENSITIVE_FIELDS", "airflow.sdk._shared.secrets_masker", "airflow.utils.log.secrets_masker"
)
get_listener_manager = found("get_listener_manager", "airflow.sdk.listener", "airflow.listeners.listener")
AssetEvent = found("AssetEvent", "airflow.models.asset") or found("DatasetEvent", "airflow.models.dataset")

_TriggeredBy = found("DagRunTriggeredByType", "airflow.utils.types")
_DagSerialization = found("DagSerialization", "airflow.serialization.serialized_objects") or found(
    "SerializedDAG", "airflow.serialization.serialized_objects"
)


def link_shown(dag: DAG, ti: Any, name: str) -> Any:
    """Return where a task's button leads, as Airflow's web server finds it out: from the serialized DAG."""
    served = _DagSerialization.from_dict(_DagSerialization.to_dict(dag))
    return served.get_task(ti.task_id).get_extra_links(ti, name)


def form_served() -> list[str]:
    """Return the extra fields of the connection form, as Airflow's web server finds them out."""
    if not AIRFLOW_3:
        prefix = "extra__wedata__"
        drawn = ProvidersManager().connection_form_widgets
        return [name.removeprefix(prefix) for name in drawn if name.startswith(prefix)]
    services = import_module("airflow.api_fastapi.core_api.services.ui.connections")
    (form,) = (form for form in services.HookMetaService.hook_meta_data() if form.connection_type == "wedata")
    return list(form.extra_fields)


class Rescheduled:
    """What a sensor asks a task instance for, to know since when it waits: by a method, or by its ids."""

    dag_id = task_id = ""
    map_index = -1
    max_tries = 0
    first_reschedule: datetime | None = None

    @property
    def run_id(self) -> Rescheduled:
        """Return itself, so that `told_by_ids` finds it."""
        return self

    def get_first_reschedule_date(self, _context: Any) -> datetime | None:
        return self.first_reschedule


def told_by_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Airflow 2 ask a `Rescheduled`, where it would ask its database."""
    if not AIRFLOW_3:
        base = import_module("airflow.sensors.base")
        asked = base._orig_start_date

        def answer(**ids: Any) -> Any:
            ti = ids["run_id"]
            return ti.first_reschedule if isinstance(ti, Rescheduled) else asked(**ids)

        monkeypatch.setattr(base, "_orig_start_date", answer)


def run_dag(dag: DAG, *, run_after: Any, logical_date: Any) -> Any:
    """Run a DAG made in a test, or read from a file, to its end, and return the DAG run."""
    _store(dag)
    if not AIRFLOW_3:
        return dag.test(execution_date=logical_date or run_after)
    return dag.test(run_after=run_after, logical_date=logical_date)


def timetable_of(dag: DAG) -> Any:
    """Return the timetable as the scheduler has it."""
    return _DagSerialization.from_dict(_DagSerialization.to_dict(dag)).timetable


def run_task_of(dag: DAG, run_type: str, *, run_after: Any, logical_date: Any, data_interval: Any) -> Any:
    """Make a DAG run as the scheduler makes one of that type, run its only task, and return the task instance."""
    _store(dag)
    (task,) = dag.tasks
    run = {"run_type": run_type, "state": "running", "data_interval": data_interval}
    if AIRFLOW_3:
        served = _DagSerialization.from_dict(_DagSerialization.to_dict(dag))
        dates = {"run_after": run_after, "logical_date": logical_date, "triggered_by": _TriggeredBy.TEST}
        ti = served.create_dagrun(
            run_id=f"{run_type}__{run_after.isoformat()}", **run, **dates
        ).get_task_instances()[0]
        import_module("airflow.sdk.definitions.dag")._run_task(ti=ti, task=task)
        return ti
    with import_module("airflow.utils.session").create_session() as session:
        made = dag.create_dagrun(execution_date=logical_date, session=session, **run)
        ti = made.get_task_instance(task.task_id, session=session)
        ti.refresh_from_task(task)
        import_module("airflow.models.dag")._run_task(ti=ti, session=session)
        return ti


def _store(dag: DAG) -> None:
    """Let Airflow's database know the DAG."""
    if not AIRFLOW_3:
        dag.sync_to_db()  # else it knows nothing of the outlets
        return
    _keep_api()
    bundles = import_module("airflow.dag_processing.bundles.manager")
    bundles.DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(dag_folder=os.devnull)
    bag.bag_dag(dag)
    found("sync_bag_to_db", "airflow.dag_processing.dagbag", "airflow.models.dagbag")(
        bag, "dags-folder", None
    )


def _keep_api() -> None:
    """Let Airflow 3.1 make the API of `dag.test()` once, as newer ones do, and not in seconds for each task."""
    supervisor = import_module("airflow.sdk.execution_time.supervisor")
    if not hasattr(supervisor.in_process_api_server, "cache_info"):
        supervisor.in_process_api_server = cache(supervisor.in_process_api_server)
