"""One request to WeData: how it is built, signed, sent and parsed. Imports no Airflow."""

from __future__ import annotations
