"""One request in the emulator's log, for tests that check what the client sent.

The signature and the session token are masked. Of the response only the error is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_wedata.emulator.messages import Request

HIDDEN = {"authorization", "x-tc-token"}


@dataclass(frozen=True, slots=True)
class Received:
    """A request that was answered: its number from 1, its parameters, its time (epoch), and the error, if any."""

    number: int
    action: str
    params: Mapping[str, Any]
    headers: Mapping[str, str] = field(repr=False)
    received_at: float
    error: str | None = None

    @classmethod
    def of(cls, request: Request, number: int, received_at: float) -> Received:
        """Record a request; headers with secrets are `***`."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        hidden = dict.fromkeys(HIDDEN & headers.keys(), "***")
        return cls(
            number, request.header("X-TC-Action") or "", request.parameters(), headers | hidden, received_at
        )
