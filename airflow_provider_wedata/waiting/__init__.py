"""Is it done? The rule, one consistent look, when to look, and how a wait travels. No Airflow, no I/O."""
