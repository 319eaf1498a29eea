"""The command line: its definition, and the implementation of its commands."""
