"""The base of the sensor and the operators: the filters, as templated parameters of a task.

Distinguishes a filter that was not passed from one that was passed and renders to nothing, and checks values
without templates when the task is built. What a filter means is in api/filters.py.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.filters import check_together
from airflow_provider_wedata.api.times import Zone
from airflow_provider_wedata.exceptions import as_airflow_errors
from airflow_provider_wedata.links.wedata import WeDataConsoleLink

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.hooks.wedata import WeDataHook


class Unset(Enum):
    """The type of the default of a filter: it was not passed. None is a value that was passed, and is empty."""

    UNSET = "not given"


UNSET: Final = Unset.UNSET
#: The zones in which a day begins first and last: times that contradict each other in both do so in every zone.
_EDGES = (Zone("UTC+14"), Zone("UTC-12"))


def templated(*names: str) -> tuple[str, ...]:
    """Return the template fields of a task with parameters of these names."""
    return ("times_as_sent", "wedata_conn_id", "region", *names)


class WeDataBaseOperator(BaseOperator):
    """A task with filters on task instances.

    :param wedata_conn_id: the connection, of type ``wedata``.
    :param region: overrides the connection's region.
    :param project_id: the WeData project; by default the connection's.
    :param workflow_id: instances of one workflow.
    :param folder_id: instances of the workflows of one folder.
    :param task_type_id: instances of one task type, such as 35 for Shell.
    :param cycle_type: instances with one cycle, such as ``DAY_CYCLE``.
    :param instance_type: 0 or ``backfill``, 1 or ``cyclic``, 2 or ``non_cyclic``.
    :param owner_uin: instances of the tasks of one owner.
    :param task_ids: instances of exactly these tasks; a list, or text separated by commas.
    :param instance_keys: exactly these instances, each ``<TaskId>_<yyyy-MM-dd HH:mm:ss>``.
    :param keyword: part of a task name or id; WeData's fuzzy match.
    :param schedule_date: the day of the planned time, in `time_zone`.
    :param schedule_time_from: first planned time, inclusive.
    :param schedule_time_to: last planned time, inclusive; a date ends at 23:59:59.
    :param schedule_time_before: end of the planned times, exclusive.
    :param time_zone: the zone of times without an offset; by default the connection's.
    """

    #: The names of the filters that the class takes.
    filters: ClassVar[tuple[str, ...]] = (
        "project_id",
        "workflow_id",
        "folder_id",
        "task_type_id",
        "cycle_type",
        "instance_type",
        "owner_uin",
        "task_ids",
        "instance_keys",
        "keyword",
        "schedule_date",
        "schedule_time_from",
        "schedule_time_to",
        "schedule_time_before",
        "time_zone",
    )
    template_fields: Sequence[str] = templated(*filters)
    operator_extra_links = (WeDataConsoleLink(),)
    ui_color = "#e8f0fe"

    def __init__(
        self,
        *,
        wedata_conn_id: str = "wedata_default",
        region: str | None = None,
        project_id: Any = UNSET,
        workflow_id: Any = UNSET,
        folder_id: Any = UNSET,
        task_type_id: Any = UNSET,
        cycle_type: Any = UNSET,
        instance_type: Any = UNSET,
        owner_uin: Any = UNSET,
        task_ids: Any = UNSET,
        instance_keys: Any = UNSET,
        keyword: Any = UNSET,
        schedule_date: Any = UNSET,
        schedule_time_from: Any = UNSET,
        schedule_time_to: Any = UNSET,
        schedule_time_before: Any = UNSET,
        time_zone: Any = UNSET,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wedata_conn_id = wedata_conn_id
        self.region = region
        self._given: frozenset[str] = frozenset()
        #: Shown among the rendered templates: TimeZone and the ends of the time windows, as sent to WeData.
        self.times_as_sent: dict[str, str] | None = None
        self._keep(
            project_id=project_id,
            workflow_id=workflow_id,
            folder_id=folder_id,
            task_type_id=task_type_id,
            cycle_type=cycle_type,
            instance_type=instance_type,
            owner_uin=owner_uin,
            task_ids=task_ids,
            instance_keys=instance_keys,
            keyword=keyword,
            schedule_date=schedule_date,
            schedule_time_from=schedule_time_from,
            schedule_time_to=schedule_time_to,
            schedule_time_before=schedule_time_before,
            time_zone=time_zone,
        )

    def _keep(self, **values: Any) -> None:
        """Set the attributes that Airflow renders, and record which of them the user passed."""
        for name, value in values.items():
            setattr(self, name, None if value is UNSET else value)
        self._given |= {name for name, value in values.items() if value is not UNSET}

    def _filters_and_terms(self) -> dict[str, Any]:
        """Return the values that the user passed, by name; rendered, once Airflow has rendered them."""
        names = self._given | {name for name in self.filters if getattr(self, name) is not None}
        return {name: getattr(self, name) for name in sorted(names)}

    def _check_as_built(self) -> None:
        """Refuse contradictory values that are no templates; a mapped task is checked when it runs.

        :raises WeDataConfigError: so that the DAG has an import error instead of a task that fails at night.
        """
        if self._was_expanded:
            return
        values = self._filters_and_terms()
        plain = {name: value for name, value in values.items() if not is_template(value)}
        with as_airflow_errors():
            check_together(values)
            zones = (Zone.parse(plain["time_zone"]),) if "time_zone" in plain else _EDGES
            try:
                self._check(values, plain, zones[0])
            except InvalidRequest:  # valid in the connection's zone, perhaps, which is not known yet
                self._check(values, plain, zones[-1])

    def _check(self, names: Collection[str], plain: Mapping[str, Any], zone: Zone) -> None:
        """Refuse invalid combinations of the passed names, or invalid values among those known already.

        :param zone: the zone of naive times.
        :raises InvalidRequest: naming the parameter.
        """
        raise NotImplementedError

    def _do_render_template_fields(self, parent: Any, *how: Any, **more: Any) -> None:
        """Render the templates, and set `times_as_sent`; Airflow calls this method for mapped tasks, too."""
        super()._do_render_template_fields(parent, *how, **more)
        if parent is self:
            self.times_as_sent = self._times_as_sent()

    def _times_as_sent(self) -> dict[str, str] | None:
        values = self._filters_and_terms()
        try:
            query = self._hook().query({name: values[name] for name in values if name in self.filters})
        except Exception:  # noqa: BLE001 - execute meets the same error, and raises it
            return None
        return {name: str(value) for name, value in query.parameters().items() if "Time" in name}

    @property
    def _was_expanded(self) -> bool:
        """Whether `.expand()` made the task, so that its values are known only when it runs."""
        return bool(getattr(self, "_BaseOperator__from_mapped", False))

    def _hook(self) -> WeDataHook:
        from airflow_provider_wedata.hooks.wedata import WeDataHook  # noqa: PLC0415 - a DAG file needs no hook

        return WeDataHook(self.wedata_conn_id, region=self.region)

    def _show_link(self, context: Context, hook: WeDataHook, query: InstanceQuery) -> None:
        """Store the console link of the task, so that it is shown from the start of the run."""
        if "ti" in context:
            WeDataConsoleLink.persist(context, hook.console_link(query))


def is_template(value: Any) -> bool:
    """Return whether the value is known only when the task runs."""
    if isinstance(value, str):
        return any(mark in value for mark in ("{{", "{%", "{#"))
    if isinstance(value, list | tuple | set | frozenset):
        return any(is_template(item) for item in value)
    return hasattr(value, "resolve")  # an XComArg
