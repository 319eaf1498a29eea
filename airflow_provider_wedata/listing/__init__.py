"""Many requests, every instance exactly once. No Airflow in here, and no I/O but in reader.py."""

from __future__ import annotations
