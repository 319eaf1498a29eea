"""An Airflow connection of type `wedata`: its form, its settings, the clients that it opens, and its check."""
