"""The fold: replays events into the state of each record as the trail tells it. Pure: imports no database.

A state is a map of paths to told leaves. A leaf is a scalar, or an object with one member:

- `{"content": digest}`: the value is the content of that digest, as a reviewed or large value is told;
- `{"cites": digest}`: the value is that digest, as a text;
- `{"salted": digest}`: the value is private, and this is its salted digest;
- `{"unknown": true}`: the trail does not say what the value is, as events of schema 1 say nothing of private values;
- `{"malformed": true}`: the event says something that no value is told as. No stored value equals it.

A missing value, null, an empty list and an empty object are nothing, and have no leaf.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple, Self

from documents.canonical import UNSPEAKABLE, canonical, is_sha256, loosely_parsed
from documents.values import MAX_SAFE_INTEGER

TOLD_BY = frozenset({"success", "partial"})  # the outcomes of events that changed a record
TELLS_ALL = 2  # the schema from which on events tell everything of a record
STEPS = 100  # of a path; a document of MongoDB is not nested deeper
EMPTY = frozenset(sha256(text).hexdigest() for text in (b"[]", b"{}", b"null"))  # the digests of contents that are nothing
UNKNOWN, MALFORMED = {"unknown": True}, {"malformed": True}
_DOUBTFUL = UNKNOWN.keys() | MALFORMED.keys()
MISSING: Any = object()
_SCALARS = frozenset({str, int, float, bool})

Look = Callable[[str], Any]
"""Looks up the value of a content by its digest; returns MISSING if there is none that hashes to it."""


class Telling(NamedTuple):
    """What one event tells of a record."""

    kind: str
    key: str
    seq: int
    schema: int
    baseline: bool
    changes: list[Any]

    @classmethod
    def of(cls, said: Any) -> Self | None:
        """What an event tells, given the value of its canonical bytes; None for an event that tells no change."""
        if not isinstance(said, dict):
            return None
        outcome, resource, details = said.get("outcome"), said.get("resource"), said.get("details")
        if not (isinstance(resource, dict) and isinstance(details, dict) and isinstance(outcome, str) and outcome in TOLD_BY):
            return None
        kind, key, seq, schema = resource.get("type"), resource.get("id"), said.get("seq"), said.get("schema")
        if not (isinstance(kind, str) and isinstance(key, str) and isinstance(seq, int) and isinstance(schema, int)):
            return None
        changes, baseline = details.get("changes"), details.get("baseline") is True
        if not (isinstance(changes, list) and (changes or baseline) and 0 <= seq < MAX_SAFE_INTEGER):
            return None
        return cls(kind, key, seq, schema, baseline, changes)

    @classmethod
    def in_bytes(cls, text: Any) -> Self | None:
        """What the event with these canonical bytes tells; None for bytes that are no event."""
        try:
            return cls.of(loosely_parsed(text)) if isinstance(text, bytes) else None
        except ValueError:
            return None


class ToldLeaf(NamedTuple):
    """A leaf, and the number of the event that told it."""

    leaf: Any
    seq: int


Put = tuple[str, Any]
"""What a change puts where: a path, and a leaf or None for nothing."""


def puts(changes: Iterable[Any]) -> list[Put]:
    """What the changes of an event put where; what is no change is left out."""
    return [(path, _leaf(each)) for each in changes if isinstance(each, dict) and isinstance(path := each.get("path"), str)]


class _Node:
    """A place in a state: its leaf, if it has one, and the places below it."""

    # What is below a leaf replaces parts of a content that told a whole field; there, None stands for nothing.
    __slots__ = ("below", "leaf", "seq")

    def __init__(self, leaf: Any = None, seq: int | None = None) -> None:
        self.leaf, self.seq = leaf, seq
        self.below: dict[str, _Node] = {}


class Told:
    """The state of a record as the trail tells it. No event makes it raise."""

    # Most states are maps of leaves of which none stands below another: `_leaves`, and `_seqs` with the events that told them. As
    # soon as a change touches what stands above or below its path, a tree takes the place of the maps: `_root`.

    def __init__(self) -> None:
        self.last = -1
        """The number of the last event that told of the record."""
        self.since: int | None = None
        """The number of the event since which the state is proven; None if it is not, for schema 1 did not tell everything."""
        self._empty()

    def _empty(self) -> None:
        self._root: _Node | None = None
        self._leaves: dict[str, Any] = {}
        self._seqs: dict[str, int] = {}
        self._above: set[str] = set()  # all paths above those that ever were in the maps; none of them has a leaf

    def take(self, telling: Telling) -> None:
        """Applies the changes of the next event that tells of the record."""
        self.put(telling.seq, telling.schema, telling.baseline, puts(telling.changes))

    def put(self, seq: int, schema: int, baseline: bool, put: Iterable[Put]) -> None:
        """Applies what the next event puts where: `take` in two steps."""
        if baseline:
            self.since = seq
            self._empty()
        elif schema < TELLS_ALL:
            self.since = None
        elif self.last < 0:
            self.since = seq
        self.last = seq
        for path, leaf in put:
            if self._root is None and not self._put_in_map(path, leaf, seq):
                self._root = self._as_tree()
            if self._root is not None:
                _put_in_tree(self._root, path, leaf, seq)

    def _put_in_map(self, path: str, leaf: Any, seq: int) -> bool:
        """Puts a leaf in the maps; False, and nothing done, where only a tree can tell what comes of it."""
        if path not in self._leaves and not self._is_free(path):
            return False
        if leaf is None:
            self._leaves.pop(path, None)
            self._seqs.pop(path, None)
        elif type(leaf) is dict and leaf.keys() <= _DOUBTFUL:
            return False
        else:
            self._leaves[path], self._seqs[path] = leaf, seq
        return True

    def _is_free(self, path: str) -> bool:
        """Whether no leaf ever stood below a path, and none stands above it; notes the paths above."""
        if path in self._above or path.count(".") >= STEPS:  # of more steps a tree knows only that they are there
            return False
        cut, above = path.rfind("."), []
        while cut >= 0 and (each := path[:cut]) not in self._above:
            if each in self._leaves:
                return False
            above.append(each)
            cut = path.rfind(".", 0, cut)
        self._above.update(above)
        return True

    def _as_tree(self) -> _Node:
        root = _Node()
        for path, leaf in self._leaves.items():
            _place(root, path, leaf, self._seqs[path])
        return root

    def leaves(self) -> Iterator[tuple[str, ToldLeaf, bool]]:
        """The leaves as they were told, each with its path and whether others below it replace parts of it.

        A leaf comes before those below it.
        """
        if self._root is None:
            for path, leaf in self._leaves.items():
                yield path, ToldLeaf(leaf, self._seqs[path]), False
            return
        places = [*self._root.below.items()]
        while places:
            path, node = places.pop()
            if node.seq is not None:
                yield path, ToldLeaf(node.leaf, node.seq), bool(node.below)
            places += [(f"{path}.{step}", each) for step, each in node.below.items()]

    def is_surely(self, stored: Mapping[str, Any]) -> bool:
        """Whether the leaves of a stored record are what is told, leaf by leaf; False where one has to look closer."""
        # For Python 1 and True are equal, so the types are compared too.
        told = self._leaves
        return self._root is None and told == stored and all(type(each) is type(stored[path]) for path, each in told.items())

    def scalars(self, names: Iterable[str]) -> dict[str, Any]:
        """The scalar leaves at these paths of one step, those that there are."""
        told = self._leaves
        if self._root is not None:
            told = {name: node.leaf for name, node in self._root.below.items()}
        return {name: leaf for name in names if (leaf := told.get(name)) is not None and not isinstance(leaf, dict)}

    def to_open(self, stored: Mapping[str, Any]) -> set[str]:
        """The digests of the contents that `resolved` looks up for a record with the leaves `stored`."""
        if self.is_surely(stored):
            return set()
        above = parents(stored)
        return {
            digest
            for path, (leaf, _), parted in self.leaves()
            if (digest := _content(leaf)) and (parted or path in above or path not in stored)
        }

    def resolved(self, stored: Mapping[str, Any], look: Look) -> dict[str, ToldLeaf]:
        """The leaves to compare with `stored`, those of the stored record: a content that told a whole field is opened.

        A content is opened down to the paths of `stored`, so nobody needs to know which fields are reviewed. It is UNKNOWN if
        `look` does not find it.
        """
        above, found = parents(stored), dict[str, ToldLeaf]()
        for path, (leaf, seq), parted in self.leaves():
            for each in [each for each in found if each == path or each.startswith(f"{path}.")] if self._parted(path) else ():
                del found[each]
            digest = _content(leaf)
            if leaf is None:
                continue
            if digest is None or not (parted or path in above or path not in stored):
                found[path] = ToldLeaf(leaf, seq)
            elif (value := look(digest)) is MISSING:
                found[path] = ToldLeaf(UNKNOWN if parted or path in above else leaf, seq)
            elif parts := dict(opened(value, path, stored)):
                whole = not parted and path not in above  # nothing is stored there: that is one difference, not one for each leaf
                found |= {path: ToldLeaf(leaf, seq)} if whole else {each: ToldLeaf(part, seq) for each, part in parts.items()}
        return found

    def _parted(self, path: str) -> bool:
        """Whether a leaf above `path` is replaced in part by the one at `path`."""
        if self._root is None:
            return False
        node = self._root
        for step in path.split(".", STEPS)[:-1]:
            node = node.below[step]
            if node.seq is not None:
                return True
        return False

    def as_json(self) -> list[Any]:
        """The state as a JSON value, for a store; `of_json` reads it."""
        return [self.last, self.since, [[path, *told] for path, told, _ in self.leaves()]]

    @classmethod
    def of_json(cls, said: list[Any]) -> Self:
        """The state that `as_json` made `said` of."""
        told = cls()
        told.last, told.since, leaves = said
        for path, leaf, seq in leaves:
            if told._root is None and (leaf is None or not told._put_in_map(path, leaf, seq)):
                told._root = told._as_tree()
            if told._root is not None:
                _place(told._root, path, leaf, seq)
        return told


def _put_in_tree(root: _Node, path: str, leaf: Any, seq: int) -> None:
    *above, step = path.split(".", STEPS)
    node, in_part = root, False
    for each in above:
        node = node.below.setdefault(each, _Node())
        if _is_part(node.leaf):
            in_part = True
        elif node.seq is not None:  # a scalar became an object or a list, whose leaves are told one by one
            node.leaf, node.seq = None, node.seq if in_part else None
    if leaf is None and not in_part:
        node.below.pop(step, None)
    else:
        node.below[step] = _Node(leaf, seq)


def _place(root: _Node, path: str, leaf: Any, seq: int) -> None:
    node = root
    for step in path.split(".", STEPS):
        node = node.below.setdefault(step, _Node())
    node.leaf, node.seq = leaf, seq


def fold(tellings: Iterable[Telling]) -> dict[tuple[str, str], Told]:
    """The states of all records, by kind and key, that the tellings come to, in the order of `seq`."""
    found: dict[tuple[str, str], Told] = {}
    for each in tellings:
        found.setdefault((each.kind, each.key), Told()).take(each)
    return found


def opened(value: Any, path: str, stored: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The leaves of the value of a content that tells what is at `path`; a content where `stored` has a content."""
    places = [(path, value)]
    while places:
        at, each = places.pop()
        match each:
            case None:
                pass
            case dict() if each.keys() == {"salted"}:  # a private value inside a whole field
                if each["salted"] is not None:
                    yield at, each
            case dict() | list() if each and _content(stored.get(at)):
                yield at, {"content": digest_of(each)}
            case dict():
                places += [(f"{at}.{name}", below) for name, below in each.items()]
            case list():
                places += [(f"{at}.{index}", below) for index, below in enumerate(each)]
            case _:
                yield at, each


def parents(paths: Iterable[str]) -> set[str]:
    """All paths above those of `paths`."""
    found: set[str] = set()
    for path in paths:
        above = path
        while (cut := above.rfind(".")) >= 0 and (above := above[:cut]) not in found:
            found.add(above)
    return found


def digest_of(value: Any) -> str:
    """The digest of a JSON value; empty if it has no canonical form."""
    try:
        return sha256(canonical(value)).hexdigest()
    except UNSPEAKABLE:
        return ""


def _leaf(change: Mapping[str, Any]) -> Any:
    """The leaf that a change puts in the place of what was there; None for nothing."""
    if type(to := change.get("to")) in _SCALARS and "changed" not in change:  # as by far most are
        return to
    match change:
        case {"changed": True, "salted": None}:
            return None
        case {"changed": True, "salted": str(digest)} if is_sha256(digest):
            return {"salted": digest}
        case {"changed": True} if "salted" not in change:
            return UNKNOWN
        case {"to": None | bool() | int() | float() | str() as scalar}:
            return scalar
        case {"to": {"content": str(digest)} as told} | {"to": {"cites": str(digest)} as told} if len(told) == 1:
            if not is_sha256(digest):
                return MALFORMED
            return None if "content" in told and digest in EMPTY else told
    return MALFORMED


def _content(leaf: Any) -> str | None:
    return leaf.get("content") if isinstance(leaf, dict) else None


def _is_part(leaf: Any) -> bool:
    """Whether a leaf stands for a value of which a part can be replaced."""
    return isinstance(leaf, dict) and leaf.keys() <= {"content", "unknown"}
