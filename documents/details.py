"""The details of an event: the paths at which a record changed, with the values before and after. Pure: imports no database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

from documents.canonical import canonical, plain, same

PART_BYTES = 2 * 1024  # a larger value is kept as a content, and the event has its digest
DETAILS_BYTES = 32 * 1024  # if the changes are larger, each changed field is one change instead of one for each leaf
_LEFT_OUT = frozenset({"_id", "revision"})  # they differ in every change, and tell a reader of the trail nothing


@dataclass(frozen=True, slots=True)
class Disclosure:
    """How an event shows paths of a record; `*` stands for any index of a list.

    `private` paths are shown as changed, without values. `reviewed` ones are shown by digest, and `derived` ones not at all.
    """

    private: frozenset[str] = frozenset()
    reviewed: frozenset[str] = frozenset()
    derived: frozenset[str] = frozenset()


@dataclass(slots=True)
class Details:
    """The changes of one record in the form of an event, and the texts of the contents that they cite, by digest."""

    changes: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)

    def value(self, value: Any, by_digest: bool = False) -> Any:
        """A value in the form of an event: the value itself, or `{"content": digest}` for a large one or if `by_digest`."""
        if value is None or not (by_digest or isinstance(value, str | list | dict)):
            return value
        text = canonical(value)
        if not by_digest and len(text) <= PART_BYTES:
            return value
        digest = sha256(text).hexdigest()
        self.contents[digest] = text
        return {"content": digest}


def details_of(before: Mapping[str, Any] | None, after: Mapping[str, Any], disclosure: Disclosure) -> Details:
    """The changes from `before` to `after`, both as stored, in the order of their paths. `before` is None for a new record."""
    left_out, details = _LEFT_OUT | disclosure.derived, Details()
    was, now = (plain({name: each for name, each in side.items() if name not in left_out}) for side in (before or {}, after))
    details.changes = [
        _change(each, disclosure, details) for each in differences(was, now, ends=disclosure.private | disclosure.reviewed)
    ]
    if len(canonical(details.changes)) > DETAILS_BYTES:
        details = Details()  # a new one, so that no content is kept that no change cites
        differ = [name for name in was.keys() | now.keys() if _differ(was.get(name), now.get(name))]
        details.changes = [_whole(was.get(name), now.get(name), name, disclosure, details) for name in differ]
    details.changes.sort(key=lambda change: str(change["path"]))
    return details


class Difference(NamedTuple):
    """A difference of two plain values: its path, its shape (the path with `*` for each index), and the two values."""

    path: str
    shape: str
    was: Any
    now: Any


def differences(was: Any, now: Any, path: str = "", shape: str = "", ends: frozenset[str] = frozenset()) -> Iterator[Difference]:
    """The leaves in which two plain values differ. A value whose shape is in `ends` is a leaf, whatever it holds.

    A missing value, null, an empty list and an empty object are equal.
    """
    if not _differ(was, now):
        return
    if shape in ends:
        yield Difference(path, shape, was, now)
    elif isinstance(was, dict | None) and isinstance(now, dict | None):
        for name in sorted((was or {}).keys() | (now or {}).keys()):
            sides = (was or {}).get(name), (now or {}).get(name)
            yield from differences(*sides, _below(path, name), _below(shape, name), ends)
    elif isinstance(was, list | None) and isinstance(now, list | None):
        for at in range(max(len(was or []), len(now or []))):
            yield from differences(_at(was, at), _at(now, at), _below(path, str(at)), _below(shape, "*"), ends)
    else:
        yield Difference(path, shape, was, now)


def _below(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step


def _change(each: Difference, disclosure: Disclosure, details: Details) -> dict[str, Any]:
    if each.shape in disclosure.private:
        return {"path": each.path, "changed": True}
    reviewed = each.shape in disclosure.reviewed
    # An object or list here replaces a value of another kind, or is replaced by one. It is always cited by digest: otherwise an
    # object {"content": "..."} that somebody stored could pass for a citation.
    before, after = (details.value(side, by_digest=reviewed or isinstance(side, dict | list)) for side in (each.was, each.now))
    return {"path": each.path, "from": before, "to": after}


def _whole(was: Any, now: Any, name: str, disclosure: Disclosure, details: Details) -> dict[str, Any]:
    """The change of a whole field as one entry, for records whose leaves would be too many entries."""
    if name in disclosure.private:
        return {"path": name, "changed": True}
    sides = [_without_private(side, name, disclosure.private) for side in (was, now)]
    before, after = (details.value(side, by_digest=isinstance(side, dict | list)) for side in sides)
    return {"path": name, "from": before, "to": after}


def _without_private(value: Any, shape: str, private: frozenset[str]) -> Any:
    if shape in private:
        return None
    if isinstance(value, dict):
        return {name: _without_private(each, f"{shape}.{name}", private) for name, each in value.items()}
    return [_without_private(each, f"{shape}.*", private) for each in value] if isinstance(value, list) else value


def _differ(was: Any, now: Any) -> bool:
    return not (same(was, now) or (_says_nothing(was) and _says_nothing(now)))


def _says_nothing(value: Any) -> bool:
    return value is None or value in ([], {})


def _at(values: list[Any] | None, at: int) -> Any:
    return values[at] if values and at < len(values) else None
