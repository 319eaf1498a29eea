"""One request as the emulator remembers it: for tests that ask what the client sent.

The signature and the session token are left out. Knows nothing of the answer but its error.
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
    """A request that was answered: its number from 1, what it asked, when (epoch), and the error it got."""

    number: int
    action: str
    params: Mapping[str, Any]
    headers: Mapping[str, str] = field(repr=False)
    received_at: float
    error: str | None = None

    @classmethod
    def of(cls, request: Request, number: int, received_at: float) -> Received:
        """Note a request down, without what is secret in it: such headers read `***`."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        hidden = dict.fromkeys(HIDDEN & headers.keys(), "***")
        return cls(
            number, request.header("X-TC-Action") or "", request.parameters(), headers | hidden, received_at
        )
