"""`python -m airflow_provider_wedata`: the command line, where Airflow's own has no place for it."""

from __future__ import annotations

from airflow_provider_wedata.cli.definition import main

if __name__ == "__main__":
    main()
