"""Foreign formats, one a file: how they are written, and read."""
