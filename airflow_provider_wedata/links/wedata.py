"""The button on a task that links to WeData's console. The URL itself comes from connection/settings.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context


class WeDataConsoleLink(BaseOperatorLink):
    """A link to what the task waits for or lists, made from the connection's `console_url`."""

    name = "WeData console"
    #: Airflow 3 reads this XCom itself; 2.11 calls `get_link`.
    key: ClassVar[str] = "_link_WeDataConsoleLink"

    @property
    def xcom_key(self) -> str:
        """The key of the XCom that holds the link."""
        return self.key

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:  # noqa: ARG002 - Airflow's
        """Return the link, or an empty text if the task has not begun."""
        return XCom.get_value(key=self.key, ti_key=ti_key) or ""

    @classmethod
    def persist(cls, context: Context, url: str) -> None:
        """Store the link now; Airflow itself stores links only when the task has ended."""
        context["ti"].xcom_push(key=cls.key, value=url)
