"""Imports: they fill cards and datasheets from foreign files, and register the models that such files name."""
