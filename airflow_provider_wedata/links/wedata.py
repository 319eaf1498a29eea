"""The button on a task that leads to WeData's console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context


class WeDataConsoleLink(BaseOperatorLink):
    """A link to what the task waits for, in the connection's `console_url`."""

    name = "WeData console"
    #: Airflow 3 looks here by itself; 2.11 asks `get_link`.
    key: ClassVar[str] = "_link_WeDataConsoleLink"

    @property
    def xcom_key(self) -> str:
        """The XCom in which the link is found."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's
        """Return the link, or nothing if the task has not begun."""
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""

    @classmethod
    def persist(cls, context: Context, url: str) -> None:
        """Make the link visible now: Airflow's own way makes it so only when the task has ended."""
        context["ti"].xcom_push(key=cls.key, value=url)
