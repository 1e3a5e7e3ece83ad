"""All that a database holds: kept, and put back for another test that begins in the same way."""

from collections import Counter
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import monitoring

from documents.store.session import Database

if TYPE_CHECKING:
    from tests.service import Service

Step = TypeVar("Step", bound=Callable[..., Awaitable[Any]])
Documents = dict[str, dict[bytes, RawBSONDocument]]
"""The documents of each collection, by their bytes."""

AS_IT_IS: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
READING = {
    "find", "aggregate", "getMore", "count", "distinct", "listCollections", "listIndexes", "hello", "killCursors", "endSessions",
}  # fmt: skip
_stages: dict[tuple[Any, ...], tuple["Stored", Any]] = {}


@dataclass(frozen=True)
class Stored:
    """All that a database holds, and what the clock said then."""

    now: datetime
    documents: Documents


class Sent(monitoring.CommandListener):
    """How many commands that may have written were sent to each database, and the change streams that were opened there."""

    def __init__(self) -> None:
        self.writes = Counter[str]()
        self.streams = set[tuple[str, str]]()
        self._opening = dict[int, tuple[str, str]]()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name not in READING:
            self.writes[event.database_name] += 1
        if "$changeStream" in (event.command.get("pipeline") or [{}])[0]:
            self._opening[event.request_id] = event.database_name, event.command["aggregate"]

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        if stream := self._opening.pop(event.request_id, None):
            self.streams.add(stream)

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


SENT = Sent()


class Holdings:
    """What a database holds; read again only after something may have been written to it from this process.

    Whoever knows of another process that writes begins with a new one.
    """

    def __init__(self, database: Database) -> None:
        self.database, self.collections = database, database.collections
        self._writes, self._held = -1, Documents()

    @property
    def is_known(self) -> bool:
        return self._writes == SENT.writes[self.database.name]

    async def now(self) -> Documents:
        if not self.is_known:
            writes, names = SENT.writes[self.database.name], await self.collections.list_collection_names()
            found = {name: await self.collections[name].with_options(AS_IT_IS).find().to_list(None) for name in names}
            self._writes, self._held = writes, {name: {each.raw: each for each in all_} for name, all_ in found.items()}
        return self._held

    async def become(self, wanted: Documents) -> None:
        """Takes away what is not as in `wanted`, and puts what is, in one transaction."""
        there = await self.now()
        gone = {name: [each["_id"] for each in beyond(all_, wanted.get(name))] for name, all_ in there.items()}
        missing = {name: beyond(all_, there.get(name)) for name, all_ in wanted.items()}

        async def write(session: Any) -> None:
            for name, ids in gone.items():
                if ids:
                    await self.collections[name].delete_many({"_id": {"$in": ids}}, session=session)
            for name, documents in missing.items():
                if documents:
                    await self.collections[name].with_options(AS_IT_IS).insert_many(documents, session=session)

        if any(gone.values()) or any(missing.values()):
            async with await self.database.client.start_session() as session:
                await session.with_transaction(write)
        self._writes, self._held = SENT.writes[self.database.name], wanted

    async def head(self) -> Any:
        """The last hash of the trail, which names all that was done to the database through the product."""
        if self.is_known:
            return next(iter(self._held["audit_head"].values()))["last_hash"]
        (head,) = await self.collections["audit_head"].find().to_list(None)
        return head["last_hash"]


def beyond(documents: dict[bytes, RawBSONDocument], others: dict[bytes, RawBSONDocument] | None) -> list[RawBSONDocument]:
    """Those that are not among the others."""
    return [each for raw, each in documents.items() if raw not in (others or ())]


def stage(do: Step) -> Step:
    """Has what many tests begin with done once: what it left is put back for whoever comes to it with the same trail and time."""

    @wraps(do)
    async def done(service: "Service", *args: Any, **said: Any) -> Any:
        at = await service.holdings.head(), service.now, do.__name__, repr(args), repr(said)
        if at in _stages:
            stored, answer = _stages[at]
            await service.holdings.become(stored.documents)
            service.now = stored.now
        else:
            answer = await do(service, *args, **said)
            _stages[at] = await service.stored(), answer
        return deepcopy(answer)

    return cast("Step", done)
