"""The hooks of this provider, in the module that is named after the service."""

from __future__ import annotations
