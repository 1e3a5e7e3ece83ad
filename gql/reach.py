"""Whether the database answers and has transactions."""

import re

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from gql.faults import DatabaseUnreachable, NoReplicaSet

PATIENCE_MS = 5_000


def check(uri: str) -> None:
    """DatabaseUnreachable after five seconds without an answer, NoReplicaSet for a MongoDB that stands alone."""
    try:
        with MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=PATIENCE_MS, connectTimeoutMS=PATIENCE_MS) as client:
            hello = client.admin.command("hello")
    except (PyMongoError, ValueError) as error:  # a port that is no number is a ValueError
        raise DatabaseUnreachable(re.split(r", Timeout: | \(configured timeouts", str(error))[0]) from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":  # what a replica set's member and a mongos say
        raise NoReplicaSet
