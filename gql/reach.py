"""Checks that the database answers and has transactions, and raises a fault of starting if not."""

from documents.store import server
from gql.faults import DatabaseUnusable, NoReplicaSet


def check(uri: str) -> None:
    """Raises DatabaseUnusable after five seconds without an answer, and NoReplicaSet for a standalone MongoDB."""
    try:
        answer = server.hello(uri)
    except (server.DriverError, ValueError) as error:  # a port that is no number is a ValueError
        raise unusable(error) from error
    if not server.has_transactions(answer):
        raise NoReplicaSet


def unusable(error: Exception) -> DatabaseUnusable:
    return DatabaseUnusable(server.reason(error))
