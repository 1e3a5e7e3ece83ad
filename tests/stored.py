"""All that a database holds: kept, and put back for another test that begins in the same way."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import IndexModel, MongoClient, monitoring
from pymongo.client_session import ClientSession
from pymongo.database import Database as SyncDatabase
from pymongo.errors import DuplicateKeyError

from documents.audit import trail
from documents.store.session import NAIVE, Database

if TYPE_CHECKING:
    from tests.service import Service

Step = TypeVar("Step", bound=Callable[..., Awaitable[Any]])
Documents = dict[str, dict[bytes, RawBSONDocument]]
"""The documents of each collection, by their bytes."""

READING = {
    "find", "aggregate", "getMore", "count", "distinct", "listCollections", "listIndexes", "hello", "killCursors", "endSessions",
}  # fmt: skip
TOKENS = "api_tokens"
_stages: dict[tuple[Any, ...], tuple["Stored", Any]] = {}


@dataclass(frozen=True, eq=False)
class Stored:
    """All that a database holds, and what the clock said then; one is equal to itself alone."""

    now: datetime
    documents: Documents


class Sent(monitoring.CommandListener):
    """How many commands that may have written began and ended at each collection, and the change streams that were opened there.

    A commit counts as a write to each collection that its transaction wrote to.
    """

    def __init__(self) -> None:
        self.writes = defaultdict[str, Counter[str]](Counter)
        self.streams = set[tuple[str, str]]()
        self.waiting = dict[str, Holdings]()
        """The databases of which something is still to be put back before the next command, by name."""
        self._opening = dict[int, tuple[str, str]]()
        self._writing = dict[int, set[tuple[str, str]]]()
        self._written = defaultdict[bytes, set[tuple[str, str]]](set)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if waiting := self.waiting.get(event.database_name):
            waiting.settle()
        command, named = event.command, event.command.get(event.command_name)
        if event.command_name not in READING:
            written = {(event.database_name, named)} if isinstance(named, str) else set()
            if command.get("autocommit") is False:  # it is part of a transaction, or ends one
                earlier = set() if command.get("startTransaction") else self._written[bytes(command["lsid"]["id"])]
                written |= earlier
                self._written[bytes(command["lsid"]["id"])] = written
            self._writing[event.request_id] = written
            self._count(written)
        if "$changeStream" in (command.get("pipeline") or [{}])[0]:
            self._opening[event.request_id] = event.database_name, command["aggregate"]

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self._ended(event.request_id)
        if stream := self._opening.pop(event.request_id, None):
            self.streams.add(stream)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._ended(event.request_id)

    def _ended(self, request_id: int) -> None:
        """Counts a write again: whoever read while it was under way may have read what was there before."""
        self._count(self._writing.pop(request_id, ()))

    def _count(self, written: Iterable[tuple[str, str]]) -> None:
        for database, collection in written:
            self.writes[database][collection] += 1


class Holdings:
    """What a database holds; a collection is read again only after something may have been written to it from this process.

    Whoever knows of another process that writes begins with a new one. It has a client of its own, which waits for no event
    loop: so it can put back what is to be put back in the middle of a command of another client.
    """

    def __init__(self, database: Database, uri: str) -> None:
        self.database, self.name, self.uri = database, database.name, uri
        self._seen, self._held = dict[str, int](), Documents()
        self._listed = False  # whether the collections were asked for that nobody here wrote to
        self._wanted: Documents | None = None
        self._putting_back = Lock()
        self._stored: tuple[Stored, dict[str, int]] | None = None  # the last that was put back or kept, and `_sent` then

    @property
    def _collections(self) -> SyncDatabase[RawBSONDocument]:
        if self.uri not in _clients:
            _clients[self.uri] = MongoClient(self.uri, document_class=RawBSONDocument)
        return _clients[self.uri][self.name]

    def _sent(self) -> dict[str, int]:
        """How often something may have been written to each collection."""
        return {**SENT.writes[self.name]}

    def now(self) -> Documents:
        self.settle()
        return self._now()

    def of(self, names: Sequence[str]) -> Documents:
        """What some collections hold, each in the order in which the database gives it."""
        self.settle()
        sent = self._sent()
        self._read({name for name in names if name not in self._held or self._seen.get(name) != sent.get(name)}, sent)
        return {name: self._held[name] for name in names}

    def _now(self) -> Documents:
        sent = self._sent()
        names = {name for name, number in sent.items() if self._seen.get(name) != number}
        if not self._listed:
            names |= {*self._collections.list_collection_names()} - self._held.keys()
            self._listed = True
        self._read(names, sent)
        return self._held

    def _read(self, names: set[str], sent: dict[str, int]) -> None:
        found = {name: Context().run(self._documents, name) for name in names}
        self._seen |= {name: sent[name] for name in names if name in sent}
        self._held = self._held | found

    def _documents(self, name: str) -> dict[bytes, RawBSONDocument]:
        held = self._held.get(name, {})  # what several stages left lies in the memory once
        there = (held.get(bytes(each.raw), each) for each in self._collections[name].find())
        return {bytes(each.raw): each for each in there}

    def become(self, wanted: Documents) -> None:
        """Takes away what is not as in `wanted`, and puts what is, before the next command of anybody who tells `SENT`."""
        self._wanted, self._stored = wanted, None
        SENT.waiting[self.name] = self
        sizes = [bson.decode(each, NAIVE).get("size") for each in wanted.get("audit_head", ())]
        for database, head in [*trail._agreeing.items()]:
            if database.name == self.name and any(isinstance(each, int) and each < head.size for each in sizes):
                del trail._agreeing[database]  # else a server that saw a longer trail would refuse this one
        self.database.granted += 1  # and a server that knows callers would not look at them again

    def becomes(self, stored: Stored) -> None:
        self.become(stored.documents)
        self._stored = stored, {}

    def keep(self, now: datetime) -> Stored:
        """What the database holds, by a name for it: `stored` knows it again as long as nothing is written."""
        stored = Stored(now, self.now())
        self._stored = stored, self._sent()
        return stored

    @property
    def stored(self) -> Stored | None:
        """What was put back or kept last, if nothing was written since but the uses of tokens."""
        if self._stored is None:
            return None
        stored, then = self._stored
        since = {} if self._wanted is not None else self._sent()
        return stored if {**since, TOKENS: 0} == {**then, TOKENS: 0} else None

    def tokens(self) -> frozenset[bytes]:
        if self._wanted is not None:
            return frozenset(self._wanted[TOKENS])
        return frozenset(self.of([TOKENS])[TOKENS])

    def settle(self) -> None:
        """Does what `become` said, in one transaction, outside the session and the time limit that the caller may be bound to."""
        with self._putting_back:
            if self._wanted is not None:
                Context().run(self._put_back, self._wanted)
                self._seen, self._held, self._wanted = self._sent(), self._wanted, None
                if self._stored:
                    self._stored = self._stored[0], self._sent()
                del SENT.waiting[self.name]

    def _put_back(self, wanted: Documents) -> None:
        there = self._now()
        gone = {name: [id_of(each) for each in beyond(all_, wanted.get(name))] for name, all_ in there.items()}
        missing = {name: beyond(all_, there.get(name)) for name, all_ in wanted.items()}

        def take_away(session: ClientSession) -> None:
            for name, ids in gone.items():
                if ids:
                    self._collections[name].delete_many({"_id": {"$in": ids}}, session=session)

        def put(session: ClientSession) -> None:
            for name, documents in missing.items():
                if documents:
                    self._collections[name].insert_many(documents, session=session)

        def write(session: ClientSession) -> None:
            take_away(session)
            put(session)

        if any(gone.values()) or any(missing.values()):
            with self._collections.client.start_session() as session:
                try:
                    session.with_transaction(write)
                except DuplicateKeyError:  # secantusd-rs may keep what an index held of a document that is gone
                    session.with_transaction(take_away)
                    for name in (name for name, documents in missing.items() if documents):
                        self._make_anew(name, list(wanted[name].values()))

    def _make_anew(self, name: str, documents: list[RawBSONDocument]) -> None:
        """The collection with its indexes and these documents, made again."""
        collection = self._collections.get_collection(name, codec_options=NAIVE)
        indexes = [IndexModel(list(each.pop("key").items()), **each) for each in map(dict, collection.list_indexes())]
        collection.drop()
        for each in indexes:
            each.document.pop("v", None)
        if kept := [each for each in indexes if each.document["name"] != "_id_"]:
            collection.create_indexes(kept)
        self._collections[name].insert_many(documents)


SENT = Sent()
_clients: dict[str, MongoClient[RawBSONDocument]] = {}


def hang_up(uri: str) -> None:
    """Closes the client of `Holdings` to that server."""
    if client := _clients.pop(uri, None):
        client.close()


def beyond(documents: dict[bytes, RawBSONDocument], others: dict[bytes, RawBSONDocument] | None) -> list[RawBSONDocument]:
    """Those that are not among the others."""
    return [each for raw, each in documents.items() if raw not in (others or ())]


def stage(do: Step) -> Step:
    """Has what many tests begin with done once: what it left is put back for whoever comes to it from the same beginning.

    That is a database which holds exactly what another stage or the first start left, at the same time. It is done again
    wherever something else was written since, somebody listens to changes, or something else goes on at the same time.
    """

    @wraps(do)
    async def done(service: "Service", *args: Any, **said: Any) -> Any:
        holdings = service.holdings
        alone = service.is_staged and len(asyncio.all_tasks()) == 1
        if not alone or (begun := holdings.stored) is None:
            return await do(service, *args, **said)
        at = begun, holdings.tokens(), service.now, str(service.http.headers), do.__qualname__, repr(args), repr(said)
        if at in _stages:
            stored, answer = _stages[at]
            holdings.becomes(stored)
            service.now = stored.now
        else:
            answer = await do(service, *args, **said)
            _stages[at] = holdings.keep(service.now), answer
        return deepcopy(answer)

    return cast("Step", done)


def id_of(document: RawBSONDocument) -> Any:
    """Its `_id`, whatever else it holds: a moment that Python's years do not reach, or a text that is no UTF-8."""
    return bson.decode(document.raw, NAIVE)["_id"]
