"""The details of an event: the paths at which a record changed, with the values before and after. Pure: imports no database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

from documents.canonical import canonical, is_sha256, plain, same
from documents.salts import salted, salts_in

PART_BYTES = 2 * 1024  # a larger value is kept as a content, and the event has its digest
DETAILS_BYTES = 32 * 1024  # if the changes are larger, each changed field is one change instead of one for each leaf
BOOKKEEPING = frozenset({"_id", "revision", "salts", "mac"})
"""Stored fields of every record that no event tells: they count, name and protect the others."""


@dataclass(frozen=True)
class Disclosure:
    """How an event shows paths of a record; `*` stands for any index of a list.

    `private` paths are shown by a salted digest, and `reviewed` ones by the digest of the content. A path in `cites` holds the
    digest of a content itself. The fields in `derived` follow from others, those in `untold` are bookkeeping: no event tells
    them.
    """

    private: frozenset[str] = frozenset()
    reviewed: frozenset[str] = frozenset()
    derived: frozenset[str] = frozenset()
    cites: frozenset[str] = frozenset()
    untold: frozenset[str] = frozenset()

    @cached_property
    def left_out(self) -> frozenset[str]:
        """The stored fields that no event tells."""
        return BOOKKEEPING | self.derived | self.untold


@dataclass(slots=True)
class Details:
    """The changes of one record in the form of an event, and the texts of the contents that they cite, by digest."""

    changes: list[dict[str, Any]] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    baseline: bool = False
    """Whether the changes are the whole record, told anew from nothing."""

    def value(self, value: Any, by_digest: bool = False) -> Any:
        """A value in the form of an event: the value itself, or `{"content": digest}` for a large one or if `by_digest`."""
        if value is None or not (by_digest or isinstance(value, str | list | dict)):
            return value
        if not by_digest and isinstance(value, str) and len(value) <= PART_BYTES // 6 - 1:  # a character takes 6 bytes at most
            return value
        text = canonical(value)
        if not by_digest and len(text) <= PART_BYTES:
            return value
        digest = sha256(text).hexdigest()
        self.contents[digest] = text
        return {"content": digest}


def details_of(before: Mapping[str, Any] | None, after: Mapping[str, Any], disclosure: Disclosure) -> Details:
    """The changes from `before` to `after`, both as stored, in the order of their paths. `before` is None for a new record.

    A private value whose salt was renewed is told as changed, also if the value is the same.
    """
    details, before = Details(), before or {}
    salts = _Salts(salts_in(before), salts_in(after))
    resalted = {path for path, salt in salts.now.items() if salts.was.get(path) != salt}
    # A field that was not stored anew is the same value in both.
    differing = {name for name in before.keys() | after.keys() if before.get(name) is not after.get(name)}
    looked_at = (differing | {path.split(".", 1)[0] for path in resalted}) - disclosure.left_out
    was, now = (plain({name: each for name, each in side.items() if name in looked_at}) for side in (before, after))
    details.changes = [
        _change(each, disclosure, details, salts) for each in differences(was, now, ends=disclosure.private | disclosure.reviewed)
    ]
    told = {change["path"] for change in details.changes}
    untold = [path for path in salts.now if path in resalted and path not in told]
    details.changes += [_private(path, _value_at(now, path), salts) for path in untold]
    if _longest(details.changes) > DETAILS_BYTES and len(canonical(details.changes)) > DETAILS_BYTES:
        details = Details()  # a new one, so that no content is kept that no change cites
        differ = {name for name in was.keys() | now.keys() if _differ(was.get(name), now.get(name))}
        differ |= {path.split(".")[0] for path in untold}
        details.changes = [_whole(was.get(name), now.get(name), name, disclosure, details, salts) for name in differ]
    details.changes.sort(key=lambda change: str(change["path"]))
    return details


def _longest(changes: list[dict[str, Any]]) -> int:
    """How many bytes the changes have at most in canonical form: a value has PART_BYTES, and a character 6."""
    return sum(2 * PART_BYTES + 6 * len(each["path"]) + 100 for each in changes)


class _Salts(NamedTuple):
    """The salts of a record's private values before and after a change, by path."""

    was: Mapping[str, str]
    now: Mapping[str, str]


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


def _change(each: Difference, disclosure: Disclosure, details: Details, salts: _Salts) -> dict[str, Any]:
    if each.shape in disclosure.private:
        return _private(each.path, each.now, salts)
    reviewed = each.shape in disclosure.reviewed
    # An object or list here replaces a value of another kind, or is replaced by one. It is always cited by digest: otherwise an
    # object {"content": "..."} that somebody stored could pass for a citation.
    before, after = (
        {"cites": side}
        if each.shape in disclosure.cites and is_sha256(side)
        else details.value(
            _without_private(side, each.path, each.shape, disclosure.private, known),
            by_digest=reviewed or isinstance(side, dict | list),
        )
        for side, known in ((each.was, salts.was), (each.now, salts.now))
    )
    return {"path": each.path, "from": before, "to": after}


def _private(path: str, now: Any, salts: _Salts) -> dict[str, Any]:
    """The change of a private value: a salted digest of the value as it is now, null if it is nothing now."""
    return {"path": path, "changed": True, "salted": _digest_of(now, path, salts.now)}


def _digest_of(value: Any, path: str, salts: Mapping[str, str]) -> str | None:
    salt = salts.get(path)
    return None if salt is None or _says_nothing(value) else salted(salt, value)


def _whole(was: Any, now: Any, name: str, disclosure: Disclosure, details: Details, salts: _Salts) -> dict[str, Any]:
    """The change of a whole field as one entry, for records whose leaves would be too many entries."""
    if name in disclosure.private:
        return _private(name, now, salts)
    if name in disclosure.cites:
        return _change(Difference(name, name, was, now), disclosure, details, salts)
    sides = [
        _without_private(side, name, name, disclosure.private, known) for side, known in ((was, salts.was), (now, salts.now))
    ]
    before, after = (details.value(side, by_digest=isinstance(side, dict | list)) for side in sides)
    return {"path": name, "from": before, "to": after}


def _without_private(value: Any, path: str, shape: str, private: frozenset[str], salts: Mapping[str, str]) -> Any:
    """The value with `{"salted": digest}` in the place of each private value inside, null where that is nothing."""
    if shape in private:
        digest = _digest_of(value, path, salts)
        return digest and {"salted": digest}
    if isinstance(value, dict):
        inside = ((name, each, _below(path, name), _below(shape, name)) for name, each in value.items())
        return {name: _without_private(each, below, shaped, private, salts) for name, each, below, shaped in inside}
    if isinstance(value, list):
        return [
            _without_private(each, _below(path, str(at)), _below(shape, "*"), private, salts) for at, each in enumerate(value)
        ]
    return value


def _value_at(value: Any, path: str) -> Any:
    """The value at a dotted path of a plain one; None where there is none."""
    for step in path.split("."):
        if isinstance(value, list):
            value = _at(value, int(step)) if step.isdigit() else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _differ(was: Any, now: Any) -> bool:
    return not (same(was, now) or (_says_nothing(was) and _says_nothing(now)))


def _says_nothing(value: Any) -> bool:
    return value is None or value in ([], {})


def _at(values: list[Any] | None, at: int) -> Any:
    return values[at] if values and at < len(values) else None
