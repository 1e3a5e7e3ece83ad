"""Departures: what becomes of all that a person answered for."""
