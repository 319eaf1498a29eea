"""Who signs: the three values that Tencent Cloud knows a caller by.

A source of credentials hands out snapshots, so that a request is never signed with half of a renewed key.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """SecretId, SecretKey and, of temporary credentials, their token; only the id is ever shown."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
