"""The Airflow provider for Tencent Cloud WeData: what it is called and what it offers, as plain data."""

from __future__ import annotations

__version__ = "0.1.0"
