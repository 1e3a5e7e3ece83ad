"""The database server, before anything is read from it: whether it answers, and what the driver calls its failures."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bson.errors import BSONError
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

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


def make_user(uri: str, name: str, password: str) -> bool:
    """Gives a server that asks for no password yet a user who may do everything; False if the server knows no users."""
    said: dict[str, Any] = {"pwd": password, "roles": ["root"], "mechanisms": ["SCRAM-SHA-256"]}
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=PATIENCE_MS) as client:
        try:
            client.admin.command("createUser", name, **said)
        except OperationFailure:
            try:
                client.admin.command("updateUser", name, **said)  # an attempt before was interrupted
            except OperationFailure:
                return False
    return True


def asks_for_password(uri: str) -> bool:
    """Whether a server refuses a caller without a password."""
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=PATIENCE_MS) as client:
        try:
            client.admin.command("usersInfo", 1)
        except OperationFailure:
            return True
    return False


def keep_user(uri: str, name: str) -> bool:
    """Removes every user but this one, who asks for it; False if the server does not let the user in."""
    with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=PATIENCE_MS) as client:
        try:
            # secantusd-rs lists the users of all databases when asked, secantusd-py only in the view of that name.
            listed = [*client.admin.command("usersInfo", {"forAllDBs": True})["users"], *client.admin["system.users"].find()]
            for user, database in {(each["user"], each["db"]) for each in listed} - {(name, "admin")}:
                client[database].command("dropUser", user)
        except OperationFailure:
            return False
    return True


def reason(error: Exception) -> str:
    """The driver's reason in one line, without the page of details that the driver adds."""
    return re.split(r" \(configured timeouts|, Timeout: |, full error: ", str(error))[0]
