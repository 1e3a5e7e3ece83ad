"""Finding records by words, over an array of tokens that is stored with each: the embedded database has no text index."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, Self
from unicodedata import combining, normalize

from documents.errors import InvalidInput
from documents.store.fields import Fields, projection
from documents.store.indexes import index
from documents.store.pages import By, Window
from documents.store.record import Identity, Record
from documents.store.server import UnreadableDocument
from documents.store.units import Raw
from documents.values import NAME_LENGTH

TOKENS, MOST, LONGEST = "search_tokens", 200, 40  # a record's tokens, and a token's characters
BY_TOKENS = index(TOKENS)
_WORD = re.compile(r"[^\W_]+")
_LAST = "\U0010ffff"  # no character comes after it


class Searchable(Record):
    """A record that is found by the words of the texts at the paths in `searched`; what some readers must not see is none.

    Its tokens are made whenever it is stored. Nothing is released that stored any without, so there is nothing to migrate.
    """

    searched: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, **said: Any) -> None:
        super().__init_subclass__(**said)
        cls.derived = cls.derived | {TOKENS}  # whatever else is: tokens hold names, and the trail must not

    def _as_stored(self) -> Raw:
        stored = super()._as_stored()
        said = (text for path in self.searched for text in _texts(stored, path.split(".")))
        return stored | {TOKENS: words(said)}

    @classmethod
    async def found(cls, steps: list[Raw], fields: Fields) -> list[Self]:
        """What an aggregation leaves."""
        steps = steps if fields is None else [*steps, {"$project": projection(cls, fields)}]
        return cls.stand_ins(await cls.aggregated(steps), fields)

    @classmethod
    async def counted(cls, steps: list[Raw]) -> int:
        return sum(raw["all"] for raw in await cls.aggregated([*steps, {"$count": "all"}]))


def words(texts: Iterable[str]) -> list[str]:
    """The first 200 words, each once, as they are compared: letters and digits without case and accents, `ß` as `ss`."""
    found: dict[str, None] = {}
    for text in texts:
        found |= dict.fromkeys(word[:LONGEST] for word in _WORD.findall(_folded(text)))
        if len(found) >= MOST:
            break
    return list(found)[:MOST]


def _folded(text: str) -> str:
    return "".join(each for each in normalize("NFKD", normalize("NFKD", text).casefold()) if not combining(each))


def _texts(value: Any, steps: Sequence[str]) -> Iterator[str]:
    match value:
        case str() if not steps:
            yield value
        case dict() if steps:
            yield from _texts(value.get(steps[0]), steps[1:])
        case list():
            for each in value:
                yield from _texts(each, steps)


KIND_BY_KIND: By = (("kind", 1), ("id", 1))


@dataclass(frozen=True, slots=True)
class Sought:
    """Records of one kind that are looked for: what they must meet beside the words, and which of their fields are read."""

    kind: type[Searchable]
    query: Raw
    fields: Fields

    async def found(self, steps: list[Raw], direction: int, limit: int, beyond: Identity | None) -> list[Searchable]:
        further = [self.query, *([{"_id": {"$gt" if direction > 0 else "$lt": beyond}}] if beyond else [])]
        part: list[Raw] = [{"$match": each} for each in further]
        return await self.kind.found([*steps, *part, {"$sort": {"_id": direction}}, {"$limit": limit}], self.fields)

    async def counted(self, steps: list[Raw]) -> int:
        return await self.kind.counted([*steps, {"$match": self.query}])


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found, and its place: its kind's and its own in an order."""

    node: Record
    by: By

    @property
    def cursor(self) -> str:
        return urlsafe_b64encode(f"{_said(self.by)}:{self.node.__class__.__name__}:{self.node.id}".encode()).decode()


def _said(by: By) -> str:
    return " ".join(f"{path}{direction:+}" for path, direction in by)


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of what was found."""

    among: Sequence[Sought]
    steps: list[Raw]
    by: By
    nodes: Sequence[Record]
    has_previous_page: bool
    has_next_page: bool

    @property
    def edges(self) -> list[Hit]:
        return [Hit(each, self.by) for each in self.nodes]

    @property
    def page_info(self) -> "Hits":
        return self

    @property
    def start_cursor(self) -> str | None:
        return Hit(self.nodes[0], self.by).cursor if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        return Hit(self.nodes[-1], self.by).cursor if self.nodes else None

    async def total_count(self) -> int:
        return sum([await each.counted(self.steps) for each in self.among])


async def search(among: Sequence[Sought], text: str, window: Window, by: By) -> Hits:
    """The records of what is sought that hold every word of `text`, the last one perhaps only begun.

    In an order by `kind`, as these are given, and by `id`. Kind by kind it takes a command for each that the page touches; by
    id alone, a command for each.
    """
    steps, order = _holding(text), dict(window.order(by))
    walked, enough = among[:: order["kind"]], window.size + 1
    place, beyond = _place([each.kind.__name__ for each in walked], by, window)
    found: list[Record] = []
    if by[0][0] == "kind":
        for each in walked[place:]:
            found += await each.found(steps, order["id"], enough - len(found), beyond)
            beyond = None
            if len(found) == enough:
                break
    else:
        for each in walked:
            found += await each.found(steps, order["id"], enough, beyond)
        found.sort(key=attrgetter("id"), reverse=order["id"] < 0)
    nodes, more, entered = found[: window.size], len(found) > window.size, window.cursor is not None
    if window.backward:
        return Hits(among, steps, by, nodes[::-1], more, entered)
    return Hits(among, steps, by, nodes, entered, more)


def _holding(text: str) -> list[Raw]:
    """The steps that leave what holds these words. A range and no pattern: what users write stays text.

    In two steps, of which the first has an index to look up: the embedded engine uses none for `$all` and `$elemMatch`.
    """
    asked = words([text]) if len(text) <= NAME_LENGTH else []
    if not asked:
        raise InvalidInput("query", f"must hold a word, and {NAME_LENGTH} characters at most")
    *whole, begun = asked
    beginning = {"$gte": begun, "$lte": begun + _LAST}
    exactly = ({"$all": whole} if whole else {}) | {"$elemMatch": beginning}
    return [{"$match": {TOKENS: whole[0] if whole else beginning}}, {"$match": {TOKENS: exactly}}]


def _place(names: Sequence[str], by: By, window: Window) -> tuple[int, Identity | None]:
    """Which kind to begin with, and after which of its records."""
    if window.cursor is None:
        return 0, None
    try:
        said, name, identity = urlsafe_b64decode(window.cursor).decode().split(":")
        if said != _said(by):
            raise ValueError
        return names.index(name), Identity(identity)
    except (ValueError, UnreadableDocument) as error:
        raise InvalidInput("before" if window.backward else "after", "is no cursor of this list and order") from error
