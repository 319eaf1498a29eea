"""WeData itself: what it is asked, what it answers and what that means. No Airflow in here."""

from __future__ import annotations
