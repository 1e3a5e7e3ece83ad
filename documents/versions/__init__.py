"""Models and their versions: the records that everything else is about."""
