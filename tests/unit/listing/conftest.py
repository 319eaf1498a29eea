"""Properties are judged by what they find, never by how long it takes: a slow machine is no bug."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
