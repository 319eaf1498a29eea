"""The command line: what it offers, and what its commands do."""
