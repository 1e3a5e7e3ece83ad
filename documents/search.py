"""Finding records by words, over an array of tokens that is stored with each: the embedded database has no text index."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast
from unicodedata import combining, normalize

from bson import ObjectId
from bson.errors import InvalidId
from pymongo import IndexModel

from documents.database import BATCH, Record
from documents.errors import InvalidInput
from documents.fields import Fields, projection
from documents.records import Found, Window
from documents.units import Raw
from documents.values import NAME_LENGTH

TOKENS, MOST, LONGEST = "search_tokens", 200, 40  # a record's tokens, and a token's characters
BY_TOKENS = IndexModel([TOKENS])
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
        return [cast("Self", Found(cls, raw, fields)) async for raw in cls._raws().aggregate(steps, batchSize=BATCH)]

    @classmethod
    async def counted(cls, steps: list[Raw]) -> int:
        return sum([raw["all"] async for raw in cls._raws().aggregate([*steps, {"$count": "all"}])])


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


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found, and its place: its kind's, and its own in the order in which they came."""

    node: Record

    @property
    def cursor(self) -> str:
        return urlsafe_b64encode(f"{self.node.__class__.__name__}:{self.node.id}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of what was found, kind by kind."""

    kinds: Sequence[type[Searchable]]
    steps: list[Raw]
    nodes: Sequence[Record]
    has_previous_page: bool
    has_next_page: bool

    @property
    def edges(self) -> list[Hit]:
        return [Hit(each) for each in self.nodes]

    @property
    def page_info(self) -> "Hits":
        return self

    @property
    def start_cursor(self) -> str | None:
        return Hit(self.nodes[0]).cursor if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        return Hit(self.nodes[-1]).cursor if self.nodes else None

    async def total_count(self) -> int:
        return sum([await kind.counted(self.steps) for kind in self.kinds])


async def search(kinds: Mapping[type[Searchable], Fields], text: str, window: Window) -> Hits:
    """The records of `kinds` that hold every word of `text`, the last one perhaps only begun; of each its fields.

    In the order of the kinds, then of the ids: a command for each kind that the page touches.
    """
    steps, found = _holding(text), list[Record]()
    walked = [*kinds][:: -1 if window.backward else 1]
    place, beyond = _place(walked, window)
    direction = -1 if window.backward else 1
    for kind in walked[place:]:
        part = [*beyond, {"$sort": {"_id": direction}}, {"$limit": window.size + 1 - len(found)}]
        found += await kind.found([*steps, *part], kinds[kind])
        beyond = []
        if len(found) > window.size:
            break
    nodes, more, entered = found[: window.size], len(found) > window.size, window.cursor is not None
    if window.backward:
        return Hits([*kinds], steps, nodes[::-1], more, entered)
    return Hits([*kinds], steps, nodes, entered, more)


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


def _place(kinds: Sequence[type[Searchable]], window: Window) -> tuple[int, list[Raw]]:
    """Which kind to begin with, and which of its records."""
    if window.cursor is None:
        return 0, []
    try:
        name, identity = urlsafe_b64decode(window.cursor).decode().split(":")
        place = [each.__name__ for each in kinds].index(name)
        return place, [{"$match": {"_id": {"$lt" if window.backward else "$gt": ObjectId(identity)}}}]
    except (ValueError, InvalidId) as error:
        raise InvalidInput("before" if window.backward else "after", "is no cursor of this list") from error
