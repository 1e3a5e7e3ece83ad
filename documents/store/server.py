"""The database server, before anything is read from it: whether it answers, and what the driver calls its failures."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bson.errors import BSONError
from pymongo import MongoClient
from pymongo.errors import PyMongoError

PATIENCE_MS = 5_000
DriverError = PyMongoError
UnreadableDocument = BSONError


def hello(uri: str) -> Mapping[str, Any]:
    """Asks the server what it is (MongoDB's `hello` command).

    Raises DriverError after five seconds without an answer, and ValueError for a URI whose port is no number.
    """
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=PATIENCE_MS, connectTimeoutMS=PATIENCE_MS) as client:
        return client.admin.command("hello")


def has_transactions(answer: Mapping[str, Any]) -> bool:
    """Whether a server that answered `hello` so is a member of a replica set or the router of a sharded cluster."""
    return "setName" in answer or answer.get("msg") == "isdbgrid"


def end_transactions(uri: str) -> None:
    """Ends the transactions that a killed process left open, and those of all others, which begin theirs again.

    An open transaction keeps the audit trail's head for a minute.
    """
    with suppress(PyMongoError), MongoClient[dict[str, object]](uri, serverSelectionTimeoutMS=1_000) as client:
        client.admin.command("killAllSessions", [])


def reason(error: Exception) -> str:
    """The driver's reason in one line, without the page of details that the driver adds."""
    return re.split(r" \(configured timeouts|, Timeout: |, full error: ", str(error))[0]
