"""A real Airflow and a stand-in WeData on this machine, for the demo and for the end-to-end tests."""

from __future__ import annotations
