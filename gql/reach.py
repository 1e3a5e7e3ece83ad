"""Whether the database answers and has transactions."""

import re
from contextlib import suppress

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from gql.faults import DatabaseUnusable, NoReplicaSet

PATIENCE_MS = 5_000


def check(uri: str) -> None:
    """DatabaseUnusable after five seconds without an answer, NoReplicaSet for a MongoDB that stands alone."""
    try:
        with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=PATIENCE_MS, connectTimeoutMS=PATIENCE_MS) as client:
            hello = client.admin.command("hello")
    except (PyMongoError, ValueError) as error:  # a port that is no number is a ValueError
        raise unusable(error) from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":  # what a replica set's member and a mongos say
        raise NoReplicaSet


def end_transactions(uri: str) -> None:
    """Ends what a killed worker left open: it would hold the audit trail for a minute. The other workers begin theirs again."""
    with suppress(PyMongoError), MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=1_000) as client:
        client.admin.command("killAllSessions", [])


def unusable(error: Exception) -> DatabaseUnusable:
    """The driver's reason without the page of details that it adds."""
    return DatabaseUnusable(re.split(r" \(configured timeouts|, Timeout: |, full error: ", str(error))[0])
