"""The release of Magistrate that is running."""

from importlib.metadata import version

RELEASE = version("magistrate")
"""The release as installed, a semantic version like `0.2.0`."""
