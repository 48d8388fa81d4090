"""One thin command per workflow rule; each runs by hand with `python -m scripts.NAME --help`."""
