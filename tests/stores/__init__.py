"""What each release leaves in a database, kept for the releases after it: how it is written, and how it is loaded again."""
