"""The operators of this provider, in the module wedata.py."""

from __future__ import annotations
