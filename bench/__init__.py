"""Measures what a request costs the server, as a ratio to a hand-written server: `make bench`, or `python -m bench --help`."""
