"""Attacks on a database by direct writes, by what they alter; `tests/test_tampering.py` carries them out."""
