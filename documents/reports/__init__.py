"""Reports: all there is to say of one thing, as data and as a text to read."""
