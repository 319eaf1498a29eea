"""A real Airflow and the WeData emulator on this machine, for the demo and for the end-to-end tests."""

from __future__ import annotations
