"""Operators that read lists of task instances from WeData: into an XCom, or into a file.

The filters are in base.py, reading is left to listing/, and formats and publishing to export/.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector
from airflow.providers.common.compat.sdk import AirflowSkipException, Asset

from airflow_provider_wedata.api.errors import describe
from airflow_provider_wedata.api.filters import LEAVING, parse_query
from airflow_provider_wedata.api.models import FIELD_NAMES
from airflow_provider_wedata.exceptions import (
    WeDataApiError,
    WeDataConfigError,
    WeDataExportError,
    as_airflow_errors,
)
from airflow_provider_wedata.export.errors import AlreadyThere
from airflow_provider_wedata.export.formats import Format
from airflow_provider_wedata.export.progress import Progress
from airflow_provider_wedata.export.publish import published
from airflow_provider_wedata.export.strict_json import carried, strict
from airflow_provider_wedata.operators.base import UNSET, WeDataBaseOperator, templated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.api.times import Zone
    from airflow_provider_wedata.export.publish import Place
    from airflow_provider_wedata.hooks.wedata import WeDataHook
    from airflow_provider_wedata.listing.reader import ConcurrentReader

_IF_EXISTS = ("replace", "fail", "skip")
_IF_EMPTY = ("write", "skip", "fail")


class WeDataInstancesOperator(WeDataBaseOperator):
    """A task with every filter on task instances: those of the sensor, and those whose match changes over time.

    :param instance_state: instances in one state.
    :param executor_group_id: instances in one executor group.
    :param start_time_from, start_time_to: the actual start time, inclusive.
    :param last_update_time_from, last_update_time_to: the time of the last update, inclusive.
    """

    filters: ClassVar[tuple[str, ...]] = (
        *WeDataBaseOperator.filters,
        *sorted(LEAVING),
    )
    template_fields: Sequence[str] = templated(*filters)

    def __init__(
        self,
        *,
        instance_state: Any = UNSET,
        executor_group_id: Any = UNSET,
        start_time_from: Any = UNSET,
        start_time_to: Any = UNSET,
        last_update_time_from: Any = UNSET,
        last_update_time_to: Any = UNSET,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._keep(
            instance_state=instance_state,
            executor_group_id=executor_group_id,
            start_time_from=start_time_from,
            start_time_to=start_time_to,
            last_update_time_from=last_update_time_from,
            last_update_time_to=last_update_time_to,
        )

    def _check(self, names: Collection[str], plain: Mapping[str, Any], zone: Zone) -> None:  # noqa: ARG002
        parse_query(plain, project_id="", time_zone=zone)

    def _warn_of(self, unreadable: Mapping[str, int], where: object, advice: str = "") -> None:
        if unreadable:
            counts = ", ".join(f"{name} {count}" for name, count in sorted(unreadable.items()))
            self.log.warning("Values that can't be parsed are null in %s: %s%s", where, counts, advice)


class WeDataListTaskInstancesOperator(WeDataInstancesOperator):
    """Return task instances as a list of dicts with WeData's field names; for `.expand()` and small lists.

    Takes the filters of `WeDataBaseOperator` and `WeDataInstancesOperator`, and those below. Times in the list are
    WeData's texts, in the zone of the request: `time_zone` if that is UTC+N, else UTC+8. Values are unchanged,
    except that numbers which an XCom can't hold (NaN, infinities, integers of more than 64 bits) become texts.

    :param fields: WeData's names of the fields to return; None for all 25.
    :param max_items: raises if there are more than `max_items`; never truncates.
    :param sort_column: ``SCHEDULE_DATE``, ``START_TIME``, ``END_TIME`` or ``COST_TIME``.
    :param sort_type: ``ASC`` or ``DESC``.

    :raises WeDataConfigError: if a parameter or the connection is not valid; nothing was sent.
    :raises WeDataApiError: if WeData refuses, can't be reached, or has more than `max_items`.
    """

    filters: ClassVar[tuple[str, ...]] = (
        *WeDataInstancesOperator.filters,
        "sort_column",
        "sort_type",
    )
    template_fields: Sequence[str] = templated(*filters)

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
        sort_column: Any = UNSET,
        sort_type: Any = UNSET,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fields = fields
        self.max_items = max_items
        self._keep(sort_column=sort_column, sort_type=sort_type)
        self._check_fields()
        self._check_as_built()

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the list."""
        hook = self._hook()
        query = hook.query(self._filters_and_terms())
        self._show_link(context, hook, query)
        names = FIELD_NAMES if self.fields is None else self.fields
        rows: list[dict[str, Any]] = []
        unreadable: Counter[str] = Counter()
        for instance in hook.stream(query):
            if len(rows) == self.max_items:
                raise WeDataApiError(
                    f"there are more than max_items={self.max_items} {query.describe()}; narrow the filters, "
                    "increase max_items, or export them to a file"
                )
            rows.append(strict({name: instance.raw.get(name) for name in names}, unreadable, carried))
        self.log.info("%d instances", len(rows))
        self._warn_of(unreadable, "the list")
        return rows

    def _check_fields(self) -> None:
        names = self.fields
        is_list = isinstance(names, list | tuple | set | frozenset)
        unknown = [name for name in names if name not in FIELD_NAMES] if is_list and names else names
        if unknown or (names is not None and not names):
            raise WeDataConfigError(
                f"fields: {describe(unknown)} not known; expected a list of some of {', '.join(FIELD_NAMES)}"
            )
        most: Any = self.max_items
        if type(most) is not int or most < 1:
            raise WeDataConfigError(
                f"max_items: {describe(most)} is not valid; expected a whole number from 1 up"
            )


class WeDataExportTaskInstancesOperator(WeDataInstancesOperator):
    """Write every task instance that matches the filters to a file, each once; the complete file, or none.

    Takes the filters of `WeDataBaseOperator` and `WeDataInstancesOperator`. Returns a summary, and adds it to the
    extra of the asset events of its outlets: ``path``, ``rows``, ``bytes``, ``requests``, ``throttled``,
    ``seconds``, and ``time_zone``: the zone of the texts in jsonl and csv; for csv and parquet also
    ``unreadable``: by field, how many values are null in the file because they can't be parsed. A retry starts
    from the beginning.

    :param output_path: a local path, a ``file://`` URL or one of an object store, such as ``s3://bucket/key``. A
        local directory must exist. Templated.
    :param file_format: ``jsonl``: rows as WeData sent them, undocumented fields included; ``csv``, ``parquet``:
        the documented fields. Parquet needs the extra ``parquet``.
    :param compression: ``gzip`` or ``zstd`` (extra ``zstd``); for parquet, the codec of its columns.
    :param fields: WeData's names of the fields to write, in this order; None for all.
    :param if_exists: what to do if the file exists: ``replace`` it when the new one is complete, ``fail``, or
        ``skip`` the task.
    :param if_empty: what to do if no instance matches: ``write`` a file without rows, ``skip`` the task, or
        ``fail``.
    :param object_storage_conn_id: the connection of the object store. Templated.

    :raises WeDataConfigError: if a parameter, the path or a connection is not valid, or a library is missing.
    :raises WeDataApiError: if WeData refuses, can't be reached, or its result set keeps changing.
    :raises WeDataExportError: if the disk is full, the store is unavailable, or nothing matches and `if_empty` is
        ``fail``.
    """

    template_fields: Sequence[str] = templated(
        *WeDataInstancesOperator.filters, "output_path", "object_storage_conn_id"
    )

    def __init__(
        self,
        *,
        output_path: Any,
        file_format: str = "jsonl",
        compression: str | None = None,
        fields: Sequence[str] | None = None,
        if_exists: str = "replace",
        if_empty: str = "write",
        object_storage_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.output_path = output_path
        self.file_format = file_format
        self.compression = compression
        self.fields = fields
        self.if_exists = if_exists
        self.if_empty = if_empty
        self.object_storage_conn_id = object_storage_conn_id
        self._killed = False
        self._thread: int | None = None
        self._reading: ConcurrentReader | None = None
        self._check_as_built()
        if not self._was_expanded:
            self._parse_format()

    def execute(self, context: Context) -> dict[str, Any]:
        """Write the file and return the summary."""
        self._thread = get_ident()
        try:
            return self._execute(context)
        except _Killed:
            raise WeDataExportError(
                f"output_path: {self.output_path}: not written because the task was killed"
            ) from None
        finally:
            self._thread = self._reading = None

    def on_kill(self) -> None:
        """Stop at once and discard the temporary file; a file at the final path is unchanged.

        Takes no lock, and so logs nothing: the step that a signal interrupted may hold it.
        """
        first, self._killed = not self._killed, True
        if first and get_ident() == self._thread:  # a signal arrived between two steps of our own execute
            raise _Killed
        if self._reading:
            self._reading.stop()

    def _execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_wedata.operators.output_path import place_of  # noqa: PLC0415 - a DAG file needs no object storage

        form = self._parse_format()
        with as_airflow_errors():
            form.require()
            place = place_of(self.output_path, self.object_storage_conn_id, self._raise_if_killed)
        if content := form.misnamed(str(self.output_path)):
            self.log.warning(
                "output_path: %s %s; file_format and compression decide, not the suffix",
                self.output_path,
                content,
            )
        hook = self._hook()
        query = hook.query(self._filters_and_terms())
        self._show_link(context, hook, query)
        try:
            with as_airflow_errors():
                summary = self._write(hook, query, form, place)
        except WeDataConfigError as error:
            if self.if_exists == "skip" and isinstance(error.__cause__, AlreadyThere):
                raise AirflowSkipException(str(error)) from error
            raise
        self.log.info(
            "Wrote %(path)s in %(seconds).1f s; rows: %(rows)d, bytes: %(bytes)d, requests: %(requests)d, "
            "throttled: %(throttled)d",
            summary,
        )
        advice = "" if form.name == "jsonl" else "; file_format='jsonl' keeps them as WeData sent them"
        self._warn_of(summary.get("unreadable", {}), self.output_path, advice)
        for outlet in self.outlets:
            if isinstance(outlet, Asset):
                context["outlet_events"][outlet].extra.update(summary)
        self._report_lineage(hook, query, place)
        return summary

    def _write(self, hook: WeDataHook, query: InstanceQuery, form: Format, place: Place) -> dict[str, Any]:
        progress, rows = Progress(), 0
        with published(place, replace=self.if_exists == "replace") as publication:
            writer = form.writer(publication.file, query.zone.wire)
            with hook.reading(query) as self._reading, self._kill_wins():
                reading = self._reading
                for rows, row in enumerate(reading, 1):
                    self._raise_if_killed()
                    writer.write(row)
                    if line := progress.line(rows, reading.total, reading.throttled):
                        self.log.info(line)
            if not rows:
                self._handle_empty(query)
            writer.finish()
            self._raise_if_killed()
        summary = {
            "path": str(self.output_path),
            "rows": rows,
            "bytes": publication.size,
            "requests": reading.requests,
            "throttled": reading.throttled,
            "seconds": round(progress.seconds, 3),
            "time_zone": str(query.zone.wire),
        }
        if form.name != "jsonl" or writer.unreadable:  # jsonl can hold almost any value
            summary["unreadable"] = dict(writer.unreadable)
        return summary

    def _handle_empty(self, query: InstanceQuery) -> None:
        message = (
            f"if_empty: {self.if_empty!r}, and there are no {query.describe()}; "
            f"{self.output_path} was not written"
        )
        if self.if_empty == "skip":
            raise AirflowSkipException(message)
        if self.if_empty == "fail":
            raise WeDataExportError(message)

    def _report_lineage(self, hook: WeDataHook, query: InstanceQuery, place: Place) -> None:
        """Report the lineage to Airflow; the file is published already, so an error here is only logged."""
        try:
            lineage = get_hook_lineage_collector()  # type: ignore[no-untyped-call]  # common-compat's, untyped
            lineage.add_input_asset(context=hook, uri=f"wedata://{query.project_id}/task_instances")
            lineage.add_output_asset(context=hook, uri=place.uri)
        except Exception as error:  # noqa: BLE001 - from Airflow, its collector, or a provider's URI handler
            self.log.warning("The lineage of %s is incomplete: %s", self.output_path, error)

    def _raise_if_killed(self) -> None:
        if self._killed:
            raise _Killed

    @contextmanager
    def _kill_wins(self) -> Iterator[None]:
        """Raise `_Killed` instead of an error that `on_kill` caused."""
        try:
            yield
        except Exception:
            self._raise_if_killed()
            raise

    def _parse_format(self) -> Format:
        for name, known in (("if_exists", _IF_EXISTS), ("if_empty", _IF_EMPTY)):
            if getattr(self, name) not in known:
                raise WeDataConfigError(
                    f"{name}: {getattr(self, name)!r} is not known; expected {' or '.join(known)}"
                )
        with as_airflow_errors():
            return Format.parse(self.file_format, self.compression, self.fields)


class _Killed(BaseException):
    """The task must stop. Not an `Exception`, so that no handler on the way treats it as an error of its own."""
