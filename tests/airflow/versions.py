"""Where each Airflow version has what only tests need. The provider itself uses common-compat instead."""

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
    """Return the attribute from the first of the modules that has it; None if none has."""
    for module in modules:
        with warnings.catch_warnings(), suppress(ImportError, AttributeError):
            warnings.simplefilter("ignore")  # an older Airflow emits deprecation warnings on import
            return getattr(import_module(module), name)
    return None


AIRFLOW_3 = not version("apache-airflow").startswith("2.")

#: True for the newest Airflow that is tested. With older ones Airflow's own deprecation warnings are no errors.
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
    """Return the link of a task's button as Airflow's web server computes it, from the serialized DAG."""
    served = _DagSerialization.from_dict(_DagSerialization.to_dict(dag))
    return served.get_task(ti.task_id).get_extra_links(ti, name)


def form_served() -> list[str]:
    """Return the extra fields of the connection form as Airflow's web server serves them."""
    if not AIRFLOW_3:
        prefix = "extra__wedata__"
        drawn = ProvidersManager().connection_form_widgets
        return [name.removeprefix(prefix) for name in drawn if name.startswith(prefix)]
    services = import_module("airflow.api_fastapi.core_api.services.ui.connections")
    (form,) = (form for form in services.HookMetaService.hook_meta_data() if form.connection_type == "wedata")
    return list(form.extra_fields)


class Rescheduled:
    """The part of a task instance that tells a sensor when it first poked: a method, or its ids in Airflow 2."""

    dag_id = task_id = ""
    map_index = -1
    max_tries = 0
    first_reschedule: datetime | None = None

    @property
    def run_id(self) -> Rescheduled:
        """Return itself, so that `patch_first_reschedule` recognizes it."""
        return self

    def get_first_reschedule_date(self, _context: Any) -> datetime | None:
        return self.first_reschedule


def patch_first_reschedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Airflow 2 use a `Rescheduled` where it would query its database."""
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
    """Store the DAG in Airflow's database."""
    if not AIRFLOW_3:
        dag.sync_to_db()  # otherwise the outlets are missing
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
    """Make Airflow 3.1 create the API of `dag.test()` once, as newer versions do, not in seconds for each task."""
    supervisor = import_module("airflow.sdk.execution_time.supervisor")
    if not hasattr(supervisor.in_process_api_server, "cache_info"):
        supervisor.in_process_api_server = cache(supervisor.in_process_api_server)
