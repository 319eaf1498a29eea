"""The credentials that sign requests to Tencent Cloud.

They are immutable, so a request is never signed with one half of an old key and one of a renewed key.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """SecretId, SecretKey and the token of temporary credentials; `repr` shows only the id."""

    secret_id: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
