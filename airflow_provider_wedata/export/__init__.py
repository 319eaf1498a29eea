"""Task instances into a file: the formats, and a file that is there whole or not at all. Knows no Airflow."""

from __future__ import annotations
