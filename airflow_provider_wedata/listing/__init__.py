"""Lists of any length: many requests, every instance exactly once. No Airflow, and no I/O outside reader.py."""

from __future__ import annotations
