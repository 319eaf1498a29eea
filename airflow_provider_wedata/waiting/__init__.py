"""Is it done? The condition, one consistent poll, the schedule of polls, and the codecs. No Airflow, no I/O."""
