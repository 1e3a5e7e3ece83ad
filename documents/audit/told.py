"""What the trail tells of a record that grants access, and where the stored row says otherwise."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from documents.audit.event import AuditEvent, AuditOutcome
from documents.canonical import UNSPEAKABLE, digest, plain, same
from documents.details import differences
from documents.salts import salted
from documents.seals import FIELD
from documents.store.record import Record
from documents.store.units import Raw

UNTOLD = frozenset({"_id", "revision", "salts", FIELD, "last_used_at", "search_tokens"})


@dataclass(slots=True)
class Told:
    """A record as its events tell it, path by path; a path that is nothing is in none of these."""

    values: dict[str, Any] = field(default_factory=dict)
    private: dict[str, str | None] = field(default_factory=dict)
    """The salted digests of private values; None where an event says only that the value changed."""
    seq: int | None = None
    """The place of the last event; None if no event tells of the record."""

    def take(self, event: Raw) -> None:
        details = event["details"]
        if details.get("baseline"):
            self.values, self.private = {}, {}
        for each in details["changes"]:
            path = each["path"]
            if each.get("changed"):
                self.private[path] = each.get("salted")
            else:
                self.values = {at: value for at, value in self.values.items() if not at.startswith(f"{path}.")}
                self.values[path] = each["to"]
        self.values = {at: value for at, value in self.values.items() if value is not None}
        self.seq = event["seq"]


async def told(kind: type[Record], key: str) -> Told:
    """The record of that key as the trail tells it."""
    query = {"resource.id": key, "resource.type": kind.__name__, "outcome": AuditOutcome.SUCCESS}
    events = await AuditEvent.raws(query, fields=["seq", "details"])
    found = Told()
    for each in sorted(events, key=lambda event: event["seq"]):
        found.take(each)
    return found


def differing(kind: type[Record], row: Raw, by: Told) -> list[str]:
    """The paths at which a stored row says something else than the trail, in order.

    Private values are compared where the trail tells their salted digests and the row has the salts.
    """
    untold = UNTOLD | (kind.derived - kind.private)
    try:
        said = plain({name: value for name, value in row.items() if name not in untold})
    except UNSPEAKABLE:
        return ["a value that no record holds"]
    ends = kind.private | {path for path, value in by.values.items() if _is_content(value)}
    now = {each.path: each.now for each in differences({}, said, ends=frozenset(ends))}
    private = {path for path in now if path in kind.private} | by.private.keys()
    salts = {each["path"]: each["salt"] for each in row.get("salts") or ()}
    wrong = {path for path in (now.keys() | by.values.keys()) - private if not _is_told(now.get(path), by.values.get(path))}
    wrong |= {path for path, told in by.private.items() if told and not _hides(told, salts.get(path), now.get(path))}
    return sorted(wrong)


def _is_content(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"content"}


def _is_told(now: Any, told: Any) -> bool:
    return digest(now) == told["content"] if _is_content(told) else same(now, told)


def _hides(told: str, salt: str | None, now: Any) -> bool:
    return salt is not None and salted(salt, now) == told


def lines(name: str, row: Raw, paths: Iterable[str], by: Told) -> list[str]:
    """What differs, a sentence for each path; private values are not shown."""
    said = plain({each: value for each, value in row.items() if each not in UNTOLD})
    shown = {each.path: each.now for each in differences({}, said)}
    return [
        f"{name}: {path} differs from what the trail tells"
        if path in by.private
        else f"{name}: {path} is {shown.get(path)!r}, and the trail tells {by.values.get(path)!r}"
        for path in paths
    ]
