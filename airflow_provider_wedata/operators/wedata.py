"""Operators that take lists of task instances out of WeData: into an XCom, or into a file."""

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
    """A task with every filter on task instances: those of a wait, and those of what changes as they live.

    :param instance_state: instances in one state.
    :param executor_group_id: instances that run in one executor group.
    :param start_time_from, start_time_to: when they really started, inclusive.
    :param last_update_time_from, last_update_time_to: when they last changed, inclusive.
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
            self.log.warning("Values that can't be read are null in %s: %s%s", where, counts, advice)


class WeDataListTaskInstancesOperator(WeDataInstancesOperator):
    """Return task instances as a list of dicts, in WeData's own field names; for `.expand()` and small lists.

    Takes the filters of `WeDataBaseOperator` and `WeDataInstancesOperator`, and those below. Times in the list are
    WeData's texts, in the zone that was sent: `time_zone` if that is UTC+N, else UTC+8. Values are as they
    came, but numbers that an XCom can't carry (NaN, infinities, integers of more than 64 bits) are texts.

    :param fields: WeData's names of the fields to return; None for all 25.
    :param max_items: more instances than this are an error, never a cut: what a list lacks, nobody misses.
    :param sort_column: ``SCHEDULE_DATE``, ``START_TIME``, ``END_TIME`` or ``COST_TIME``.
    :param sort_type: ``ASC`` or ``DESC``.

    :raises WeDataConfigError: a parameter or the connection is wrong; nothing was sent.
    :raises WeDataApiError: WeData refuses, can't be reached, or has more than `max_items`.
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
        hook, given = self._hook(), self._filters_and_terms()
        query = hook.query(given)
        self._show_link(context, hook, query)
        names = FIELD_NAMES if self.fields is None else self.fields
        rows: list[dict[str, Any]] = []
        unreadable: Counter[str] = Counter()
        for instance in hook.stream(query):
            if len(rows) == self.max_items:
                raise WeDataApiError(
                    f"there are more than max_items={self.max_items} {query.describe()}; narrow the filters, "
                    "raise max_items, or export them to a file"
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
    """Write every task instance that the filters match to a file, each once; the whole file, or none.

    Takes the filters of `WeDataBaseOperator` and `WeDataInstancesOperator`. Returns, and puts in the extra of the
    asset events of its outlets: ``path``, ``rows``, ``bytes``, ``requests``, ``throttled``, ``seconds``, and
    ``time_zone``: that of the texts in jsonl and csv; for csv and parquet also ``unreadable``: how many values of
    which fields are null in the file because they can't be read. A retry begins anew.

    :param output_path: a local path, a ``file://`` URL or one of an object store, such as ``s3://bucket/key``. A
        directory must exist. Templated.
    :param file_format: ``jsonl``: rows as WeData gave them, with fields never heard of; ``csv``, ``parquet``:
        the documented fields. Parquet needs the extra ``parquet``.
    :param compression: ``gzip`` or ``zstd`` (extra ``zstd``); of parquet, the codec of its columns.
    :param fields: WeData's names of the fields to write, in this order; None for all.
    :param if_exists: what to do about a file that is there: ``replace`` it when the new one is whole, ``fail``, or
        ``skip`` the task.
    :param if_empty: if no instance matches: ``write`` a file without rows, ``skip`` the task, or ``fail``.
    :param object_storage_conn_id: the connection of the object store. Templated.

    :raises WeDataConfigError: a parameter, the path or a connection is wrong, or a library is missing.
    :raises WeDataApiError: WeData refuses, can't be reached, or its list does not come to rest.
    :raises WeDataExportError: the disk is full, the store is lost, or nothing matched and `if_empty` says fail.
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
            self._read_format()

    def execute(self, context: Context) -> dict[str, Any]:
        """Write the file and return the summary."""
        self._thread = get_ident()
        try:
            return self._execute(context)
        except _Killed:
            raise WeDataExportError(f"output_path: {self.output_path}: killed, so not written") from None
        finally:
            self._thread = self._reading = None

    def on_kill(self) -> None:
        """Stop at once. What was written so far goes; the final name stays as it was.

        Takes no lock, and so logs nothing: the step that a signal interrupted may hold it.
        """
        first, self._killed = not self._killed, True
        if first and get_ident() == self._thread:  # a signal has come between two steps of our own execute
            raise _Killed
        if self._reading:
            self._reading.stop()

    def _execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_wedata.operators.output_path import place_of  # noqa: PLC0415 - a DAG file needs no object store

        form = self._read_format()
        with as_airflow_errors():
            form.require()
            place = place_of(self.output_path, self.object_storage_conn_id, self._go_on)
        if strange := form.misnamed(str(self.output_path)):
            self.log.warning("output_path: %s %s; the name decides nothing", self.output_path, strange)
        hook, given = self._hook(), self._filters_and_terms()
        query = hook.query(given)
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
        self._tell_lineage(hook, query, place)
        return summary

    def _write(self, hook: WeDataHook, query: InstanceQuery, form: Format, place: Place) -> dict[str, Any]:
        progress, rows = Progress(), 0
        with published(place, replace=self.if_exists == "replace") as publication:
            writer = form.writer(publication.file, query.zone.wire)
            with hook.reading(query) as self._reading, self._kill_wins():
                reading = self._reading
                for rows, row in enumerate(reading, 1):
                    self._go_on()
                    writer.write(row)
                    if line := progress.line(rows, reading.total, reading.throttled):
                        self.log.info(line)
            if not rows:
                self._meet_emptiness(query)
            writer.finish()
            self._go_on()
        summary = {
            "path": str(self.output_path),
            "rows": rows,
            "bytes": publication.size,
            "requests": reading.requests,
            "throttled": reading.throttled,
            "seconds": round(progress.seconds, 3),
            "time_zone": str(query.zone.wire),
        }
        if form.name != "jsonl" or writer.unreadable:  # which leaves out next to nothing
            summary["unreadable"] = dict(writer.unreadable)
        return summary

    def _meet_emptiness(self, query: InstanceQuery) -> None:
        told = (
            f"if_empty: {self.if_empty!r}, and there are no {query.describe()}; "
            f"{self.output_path} was not written"
        )
        if self.if_empty == "skip":
            raise AirflowSkipException(told)
        if self.if_empty == "fail":
            raise WeDataExportError(told)

    def _tell_lineage(self, hook: WeDataHook, query: InstanceQuery, place: Place) -> None:
        """Tell Airflow where the rows came from and went; the file is published, whatever becomes of that."""
        try:
            lineage = get_hook_lineage_collector()  # type: ignore[no-untyped-call]  # common-compat's, untyped
            lineage.add_input_asset(context=hook, uri=f"wedata://{query.project_id}/task_instances")
            lineage.add_output_asset(context=hook, uri=place.uri)
        except Exception as error:  # noqa: BLE001 - of Airflow's, of its collector's, of a provider's for URIs
            self.log.warning("The lineage of %s is not complete: %s", self.output_path, error)

    def _go_on(self) -> None:
        if self._killed:
            raise _Killed

    @contextmanager
    def _kill_wins(self) -> Iterator[None]:
        """Tell an end that `on_kill` made from trouble."""
        try:
            yield
        except Exception:
            self._go_on()
            raise

    def _read_format(self) -> Format:
        for name, known in (("if_exists", _IF_EXISTS), ("if_empty", _IF_EMPTY)):
            if getattr(self, name) not in known:
                raise WeDataConfigError(
                    f"{name}: {getattr(self, name)!r} is not known; expected {' or '.join(known)}"
                )
        with as_airflow_errors():
            return Format.parse(self.file_format, self.compression, self.fields)


class _Killed(BaseException):
    """The task is to stop. No `Exception`: nobody on the way may take it for trouble of his own."""
