"""`python -m airflow_provider_wedata`: the same commands as `airflow wedata`, for every Airflow version."""

from __future__ import annotations

from airflow_provider_wedata.cli.definition import main

if __name__ == "__main__":
    main()
