"""Write task instances to a file: the formats, and all-or-nothing publishing. No Airflow."""

from __future__ import annotations
