"""What a wait is for: a query, and the condition that its instances must meet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_wedata.api.exchange import Flow
    from airflow_provider_wedata.api.query import InstanceQuery
    from airflow_provider_wedata.waiting.condition import Condition, Verdict
    from airflow_provider_wedata.waiting.counts import Ask


@dataclass(frozen=True, slots=True)
class Watch:
    """A query and the condition that its instances must meet."""

    query: InstanceQuery
    condition: Condition

    def poll(self, ask: Ask, *, deadline: float = math.inf) -> Flow[Verdict]:
        """Fetch the instances once and judge them: see `Poll`.

        :param ask: returns the flow that performs an operation: `Channel.answered`.
        :param deadline: when the wait ends, in seconds since the epoch; from then on its requests go first.
        :raises ApiError: if a request fails.
        """
        from airflow_provider_wedata.waiting.poll import Poll  # noqa: PLC0415 - a DAG file polls nothing

        return Poll(self.query, self.condition, ask, deadline).verdict()

    def describe(self) -> str:
        """Return what is waited for as text."""
        return self.query.describe()

    def summary(self) -> dict[str, str]:
        """Return what is waited for, in JSON's types: a text, and the window's ends in the user's time zone."""
        window, zone = self.query.schedule, self.query.zone.tzinfo
        ends = {"schedule_time_from": window.start, "schedule_time_to": window.end}
        times = {name: end.astimezone(zone).isoformat() for name, end in ends.items() if end}
        return {"about": self.describe(), **times}
