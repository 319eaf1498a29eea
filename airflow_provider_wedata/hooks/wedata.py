"""The hook: opens a WeData client from an Airflow connection, and lists and counts task instances.

What the connection's fields mean is in connection/settings.py, requests to WeData are in api/. A client is
imported where it is opened, so that a DAG file that only names a sensor loads no HTTP library.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.connection import get_async_extra_dejson
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_wedata.api.errors import InvalidRequest
from airflow_provider_wedata.api.filters import parse_query, parse_text
from airflow_provider_wedata.connection import fields as form
from airflow_provider_wedata.connection.lookup import read_connection, read_connection_async
from airflow_provider_wedata.connection.settings import Settings, parse_extra
from airflow_provider_wedata.exceptions import WeDataError, as_airflow_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_wedata.api.async_client import AsyncClient
    from airflow_provider_wedata.api.client import Client
    from airflow_provider_wedata.api.models import TaskInstance
    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.connection.check import Finding
    from airflow_provider_wedata.listing.reader import ConcurrentReader

#: What an error about an unreadable connection names and advises.
_MISSING = {
    "field": "wedata_conn_id",
    "advice": f"create it, of type {form.CONNECTION_TYPE!r}, or name another",
}


class WeDataHook(BaseHook):
    """Access Tencent Cloud WeData with the credentials of an Airflow connection of type ``wedata``.

    :param wedata_conn_id: the id of the connection.
    :param region: overrides the connection's region, such as ``ap-singapore``.
    :param project_id: overrides the connection's project.
    """

    conn_name_attr = "wedata_conn_id"
    default_conn_name = "wedata_default"
    conn_type = form.CONNECTION_TYPE
    hook_name = form.HOOK_NAME

    def __init__(
        self,
        wedata_conn_id: str = default_conn_name,
        *,
        region: str | None = None,
        project_id: str | None = None,
    ) -> None:
        super().__init__()
        self.wedata_conn_id = wedata_conn_id
        self._region = region
        self._project_id = project_id

    @cached_property
    def settings(self) -> Settings:
        """The connection's settings; read once.

        :raises WeDataConfigError: naming the field that is missing or wrong.
        :raises WeDataConnectionError: if Airflow can't read it.
        """
        with as_airflow_errors():
            connection = read_connection(self, self.wedata_conn_id, **_MISSING)
        extra = self._extra(connection)
        _ = connection.extra_dejson  # makes Airflow mask the secrets in it
        return self._settings(connection, extra)

    async def read_settings(self) -> Settings:
        """Return the connection's current settings, read on the running event loop without blocking it.

        :raises WeDataConfigError: naming the field that is missing or wrong.
        :raises WeDataConnectionError: if Airflow can't read it.
        """
        with as_airflow_errors():
            connection = await read_connection_async(self, self.wedata_conn_id, **_MISSING)
        extra = self._extra(connection)
        await get_async_extra_dejson(connection)  # masks, as above
        return self._settings(connection, extra)

    def get_conn(self) -> Client:
        """Return a client, to be used in a ``with`` block or closed.

        :raises WeDataConfigError: if the connection is not usable.
        """
        from airflow_provider_wedata.connection.clients import open_client  # noqa: PLC0415 - see the module's docstring

        with as_airflow_errors():
            return open_client(self.settings)

    async def get_async_conn(self) -> AsyncClient:
        """Return a client for the running event loop, to be used in an ``async with`` block.

        :raises WeDataConfigError: if the connection is not usable.
        """
        from airflow_provider_wedata.connection.clients import open_async_client  # noqa: PLC0415 - as above

        with as_airflow_errors():
            return open_async_client(await self.read_settings())

    def list_task_instances(self, **filters: Any) -> Iterator[TaskInstance]:
        """Yield every task instance that the filters match, each once, page by page.

        :param filters: those of `WeDataListTaskInstancesOperator`; naive times are in ``time_zone``, by default
            the connection's.
        :raises WeDataConfigError: if a filter is wrong, before anything is sent.
        :raises WeDataApiError: if WeData refuses or can't be reached, or if the result set keeps changing.
        """
        return self.stream(self.query(filters))

    def count_task_instances(self, **filters: Any) -> int:
        """Return the number of task instances that the filters match: WeData's count, or ours for named ids.

        :raises WeDataError: as `list_task_instances`.
        """
        from airflow_provider_wedata.api.operations import list_task_instances  # noqa: PLC0415 - as above

        query = self.query(filters)
        if query.exact:  # WeData finds them only by a fuzzy keyword
            return sum(1 for _ in self.stream(query))
        with as_airflow_errors(), self.get_conn() as client:
            return client.ask(list_task_instances(query, size=1)).total

    def query(self, filters: Mapping[str, Any]) -> InstanceQuery:
        """Return the query for the filters, with the connection's project and time zone as defaults.

        :raises WeDataConfigError: naming the filter, its value and what was expected.
        """
        with as_airflow_errors():
            return parse_query(
                filters, project_id=self.project_id(filters), time_zone=self.settings.time_zone
            )

    def project_id(self, filters: Mapping[str, Any]) -> str:
        """Return the project that a filter names, else this hook's, else the connection's.

        :raises WeDataConfigError: if none of them names one.
        """
        with as_airflow_errors():
            if "project_id" in filters:
                return parse_text(filters["project_id"], "project_id")
            project_id = self._project_id or self.settings.project_id
            if project_id is None:
                raise InvalidRequest(
                    "project_id", f"missing; set it on the task or in the connection {self.wedata_conn_id!r}"
                )
            return project_id

    def console_link(self, query: InstanceQuery) -> str:
        """Return the link to WeData's console for the query's project, first task and first instance."""
        return self.settings.console_link(
            project_id=query.project_id,
            task_id=next(iter(query.keywords), ""),
            instance_key=next(iter(query.instance_keys), ""),
        )

    def test_connection(self) -> tuple[bool, str]:
        """Return whether this connection works, and a text with the result. Never raises."""
        try:
            found = self.findings()
            wrong = [finding.text for finding in found if finding.fine is False]
            return (False, wrong[0]) if wrong else (True, self._summary(found))
        except Exception as error:  # noqa: BLE001 - the connections page shows the text, whatever it is
            return False, str(error) or type(error).__name__

    def findings(self) -> list[Finding]:
        """Return what one request shows about this connection, step by step."""
        from airflow_provider_wedata.connection.check import examine, stopped  # noqa: PLC0415 - as above

        try:
            settings = self.settings
            query = self.query({}) if self._project_id or settings.project_id else None
        except WeDataError as error:
            return stopped("connection", str(error))
        return examine(settings, query, name=self.wedata_conn_id)

    def _summary(self, found: Sequence[Finding]) -> str:
        settings, project = self.settings, found[-1].text
        key = _shortened(settings.credentials.secret_id)
        return (
            f"WeData answers: {project}, at {settings.host} (site {settings.site}), region {settings.region}, "
            f"as SecretId {key}"
        )

    def stream(self, query: InstanceQuery) -> Iterator[TaskInstance]:
        """Yield every task instance that the query matches, each once, page by page.

        :raises WeDataApiError: as `list_task_instances`.
        """
        with as_airflow_errors(), self.reading(query) as reading:
            yield from reading

    def reading(self, query: InstanceQuery) -> ConcurrentReader:
        """Return the same as a reader that reports its progress; to be used in a ``with`` block.

        Its errors during iteration are not translated: see `exceptions.as_airflow_errors`.

        :raises WeDataConfigError: if the connection is not usable.
        """
        from airflow_provider_wedata.listing.reader import ConcurrentReader  # noqa: PLC0415 - as above

        return ConcurrentReader(self.get_conn(), query)

    def _extra(self, connection: Connection) -> dict[str, Any]:
        with self._as_errors_of_connection():
            return parse_extra(connection.extra)

    def _settings(self, connection: Connection, extra: Mapping[str, Any]) -> Settings:
        with self._as_errors_of_connection():
            settings = Settings.parse(
                login=connection.login,
                password=connection.password,
                host=connection.host,
                port=connection.port,
                extra=extra,
                region=self._region,
            )
        if settings.plain:
            self.log.warning("Connection %r uses plain HTTP to reach %s", self.wedata_conn_id, settings.host)
        return settings

    @contextmanager
    def _as_errors_of_connection(self) -> Iterator[None]:
        with as_airflow_errors():
            try:
                yield
            except InvalidRequest as error:
                field = f"connection {self.wedata_conn_id!r}, {error.field}"
                raise InvalidRequest(field, error.problem) from None

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the connection form of Airflow before 3.2 shows the standard fields."""
        return {
            "hidden_fields": form.HIDDEN_FIELDS,
            "relabeling": form.RELABELING,
            "placeholders": form.PLACEHOLDERS,
        }

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields for the connection form of Airflow before 3.2."""
        from airflow_provider_wedata.connection.widgets import widgets  # noqa: PLC0415 - wtforms is not always there

        return widgets()


def _shortened(secret_id: str) -> str:
    return f"{secret_id[:8]}...{secret_id[-4:]}" if len(secret_id) > 16 else secret_id  # noqa: PLR2004 - legible
