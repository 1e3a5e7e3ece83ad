"""Finds records by words. Each record stores an array of tokens, because the embedded database has no text index."""

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

TOKENS, MOST, LONGEST = "search_tokens", 200, 40  # the stored field; tokens of a record; characters of a token
BY_TOKENS = index(TOKENS)
_WORD = re.compile(r"[^\W_]+")
_LAST = "\U0010ffff"  # the last code point: `word + _LAST` ends the range of the texts that begin with `word`


class Searchable(Record):
    """A record that is found by the words in the texts at the paths in `searched`.

    Whoever may search finds the record by any of these texts, so no path that some readers must not see belongs there. The tokens
    are made whenever the record is stored.
    """

    searched: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, **said: Any) -> None:
        super().__init_subclass__(**said)
        cls.derived = cls.derived | {TOKENS}  # events show no derived path: tokens hold names, which the trail must not

    def _as_stored(self) -> Raw:
        stored = super()._as_stored()
        return stored | {TOKENS: self._tokens(stored)}

    @classmethod
    def recomputed(cls, raw: Raw) -> Raw:
        return super().recomputed(raw) | {TOKENS: cls._tokens(raw)}

    @classmethod
    def _tokens(cls, stored: Raw) -> list[str]:
        return words(text for path in cls.searched for text in _texts(stored, path.split(".")))

    @classmethod
    async def found(cls, steps: list[Raw], fields: Fields) -> list[Self]:
        """The records that an aggregation yields, as stand-ins with `fields`."""
        steps = steps if fields is None else [*steps, {"$project": projection(cls, fields)}]
        return cls.stand_ins(await cls.aggregated(steps), fields)

    @classmethod
    async def counted(cls, steps: list[Raw]) -> int:
        """The number of records that an aggregation yields."""
        return sum(raw["all"] for raw in await cls.aggregated([*steps, {"$count": "all"}]))


def words(texts: Iterable[str]) -> list[str]:
    """The first 200 different words of the texts, in the form in which words are compared.

    A word is letters and digits, without case and accents (`ß` is `ss`), cut to 40 characters.
    """
    found: dict[str, None] = {}
    for text in texts:
        found |= dict.fromkeys(word[:LONGEST] for word in _WORD.findall(_folded(text)))
        if len(found) >= MOST:
            break
    return list(found)[:MOST]


def _folded(text: str) -> str:
    if text.isascii():  # by far most are
        return text.lower()
    # Unicode section 3.13, compatibility caseless matching: case folding can undo a normalisation, so it is done on both sides.
    return "".join(each for each in normalize("NFKD", normalize("NFKD", text).casefold()) if not combining(each))


def _texts(value: Any, steps: Sequence[str]) -> Iterator[str]:
    """The texts at a path of a stored value, in every element of the lists on the way."""
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
    """A kind of record that is searched: the query that it must meet beside the words, and the fields that are read."""

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
    """A record that was found, and the order by which its cursor places it."""

    node: Record
    by: By

    @property
    def cursor(self) -> str:
        """The place of the record: the order, the kind and the id, so that a cursor of another order is noticed."""
        return urlsafe_b64encode(f"{_said(self.by)}:{self.node.__class__.__name__}:{self.node.id}".encode()).decode()


def _said(by: By) -> str:
    return " ".join(f"{path}{direction:+}" for path, direction in by)


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of the records that were found."""

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
        """The number of records on all pages; takes one database command for each kind."""
        return sum([await each.counted(self.steps) for each in self.among])


async def search(among: Sequence[Sought], text: str, window: Window, by: By) -> Hits:
    """The records that hold every word of `text`; the last word may be the beginning of one.

    `by` orders them by kind, in the sequence of `among`, and by id. It takes one command for each kind that the page touches, or
    one for each kind in an order by id alone. Raises InvalidInput for a text without words, and for a cursor of another list.
    """
    steps, order = _holding(text), dict(window.order(by))
    walked, enough = among[:: order["kind"]], window.size + 1  # one record more than the page tells whether another page follows
    place, beyond = _place([each.kind.__name__ for each in walked], by, window)
    found: list[Record] = []
    if by[0][0] == "kind":
        for each in walked[place:]:
            found += await each.found(steps, order["id"], enough - len(found), beyond)
            beyond = None  # the cursor is in the first kind; the kinds after it are read from their beginning
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
    """The steps of an aggregation that yield the records with these words. Raises InvalidInput for a text without words.

    A range of texts finds the word that is only begun. A pattern would give the user's text another meaning than text.
    """
    # In two steps, because the embedded database uses an index for the first and none for `$all` and `$elemMatch`.
    asked = words([text]) if len(text) <= NAME_LENGTH else []
    if not asked:
        raise InvalidInput("query", f"must hold a word, and {NAME_LENGTH} characters at most")
    *whole, begun = asked
    beginning = {"$gte": begun, "$lte": begun + _LAST}
    exactly = ({"$all": whole} if whole else {}) | {"$elemMatch": beginning}
    return [{"$match": {TOKENS: whole[0] if whole else beginning}}, {"$match": {TOKENS: exactly}}]


def _place(names: Sequence[str], by: By, window: Window) -> tuple[int, Identity | None]:
    """The kind with which the page begins, and the record after which it begins; (0, None) without a cursor."""
    if window.cursor is None:
        return 0, None
    try:
        said, name, identity = urlsafe_b64decode(window.cursor).decode().split(":")
        if said != _said(by):
            raise ValueError
        return names.index(name), Identity(identity)
    except (ValueError, UnreadableDocument) as error:
        raise InvalidInput("before" if window.backward else "after", "is no cursor of this list and order") from error
