"""Answers queries by plans that are compiled from their texts; whatever a plan is not sure of, graphql-core executes.

Without this folder and the one argument in `gql/schema.py` that names it, every answer is the same, more slowly.
"""

from gql.executor.execution import planned

__all__ = ["planned"]
