"""These tests have an object store."""

from __future__ import annotations

from tests.object_store import server, store

__all__ = ["server", "store"]
