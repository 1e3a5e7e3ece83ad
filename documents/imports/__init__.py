"""Imports: what files of somebody else's bring: cards and datasheets filled, and models registered."""
