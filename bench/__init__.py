"""What a request costs the server, as a ratio to what it could cost: `make bench`, or `python -m bench --help`."""
