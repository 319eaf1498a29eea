"""Operators that take lists of task instances out of WeData."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_wedata.api.clock import Zone
from airflow_provider_wedata.api.filters import read_query
from airflow_provider_wedata.api.instance import FIELD_NAMES
from airflow_provider_wedata.exceptions import WeDataApiError, WeDataConfigError
from airflow_provider_wedata.filtered import UNSET, FilteredOperator

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context


class WeDataListTaskInstancesOperator(FilteredOperator):
    """Return task instances as a list of dicts, in WeData's own field names; for `.expand()` and small lists.

    Takes the filters of `FilteredOperator` and those below. Times in the list are WeData's texts, in the zone
    that was sent: `time_zone` if that is UTC+N, else UTC+8.

    :param fields: WeData's names of the fields to return; None for all 25.
    :param max_items: more instances than this are an error, never a cut: what a list lacks, nobody misses.
    :param instance_state: instances in one state.
    :param executor_group_id: instances that run in one executor group.
    :param start_time_from, start_time_to: when they really started, inclusive.
    :param last_update_time_from, last_update_time_to: when they last changed, inclusive.
    :param sort_column: ``SCHEDULE_DATE``, ``START_TIME``, ``END_TIME`` or ``COST_TIME``.
    :param sort_type: ``ASC`` or ``DESC``.

    :raises WeDataConfigError: a parameter or the connection is wrong; nothing was sent.
    :raises WeDataApiError: WeData refuses, can't be reached, or has more than `max_items`.
    """

    filters: ClassVar[tuple[str, ...]] = (
        *FilteredOperator.filters,
        "instance_state",
        "executor_group_id",
        "start_time_from",
        "start_time_to",
        "last_update_time_from",
        "last_update_time_to",
        "sort_column",
        "sort_type",
    )
    template_fields: Sequence[str] = ("wedata_conn_id", "region", *filters)

    def __init__(
        self,
        *,
        fields: Sequence[str] | None = (
            "InstanceKey",
            "TaskId",
            "TaskName",
            "InstanceState",
            "SchedulerTime",
        ),
        max_items: int = 1000,
        instance_state: Any = UNSET,
        executor_group_id: Any = UNSET,
        start_time_from: Any = UNSET,
        start_time_to: Any = UNSET,
        last_update_time_from: Any = UNSET,
        last_update_time_to: Any = UNSET,
        sort_column: Any = UNSET,
        sort_type: Any = UNSET,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fields = fields
        self.max_items = max_items
        self._keep(
            instance_state=instance_state,
            executor_group_id=executor_group_id,
            start_time_from=start_time_from,
            start_time_to=start_time_to,
            last_update_time_from=last_update_time_from,
            last_update_time_to=last_update_time_to,
            sort_column=sort_column,
            sort_type=sort_type,
        )
        self._check_fields()
        self._check_as_built()

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the list."""
        hook, given = self._hook(), self._given_values()
        query = hook.query(given)
        self._show_link(context, hook, query)
        names = FIELD_NAMES if self.fields is None else self.fields
        rows: list[dict[str, Any]] = []
        for instance in hook.stream(query):
            if len(rows) == self.max_items:
                raise WeDataApiError(
                    f"more than max_items={self.max_items} instances match {given}; narrow the filters, raise "
                    "max_items, or export them to a file"
                )
            rows.append({name: instance.raw.get(name) for name in names})
        self.log.info("%d instances", len(rows))
        return rows

    def _check(self, names: Collection[str], plain: Mapping[str, Any]) -> None:  # noqa: ARG002 - the sensor's
        read_query(plain, project_id="", time_zone=Zone.read(plain.get("time_zone", "UTC+8")))

    def _check_fields(self) -> None:
        unknown = sorted(set(self.fields or ()) - set(FIELD_NAMES))
        if unknown or (self.fields is not None and not self.fields):
            raise WeDataConfigError(
                f"fields: {unknown or self.fields!r} not known; expected some of {', '.join(FIELD_NAMES)}"
            )
        if self.max_items < 1:
            raise WeDataConfigError(
                f"max_items: {self.max_items!r} is not valid; expected a whole number from 1 up"
            )
