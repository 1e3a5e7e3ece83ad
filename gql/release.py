"""Which release of Magistrate this is."""

from importlib.metadata import version

RELEASE = version("magistrate")
"""The release as installed, a semantic version like `0.2.0`."""
