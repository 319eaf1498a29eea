"""What an Airflow connection says: its form, its settings, the clients that it opens, how to check it."""
