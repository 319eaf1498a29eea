"""A real Airflow and an emulator WeData on this machine, for the demo and for the end-to-end tests."""

from __future__ import annotations
