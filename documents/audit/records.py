"""Stored records against the state that the trail tells of them, leaf by leaf. Pure: imports no database."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, NamedTuple, Self

from documents.audit.findings import LISTED, AuditCaveat, AuditFaultKind, Fault, Report
from documents.audit.fold import UNKNOWN, Look, Told, digest_of, parents
from documents.audit.ledger import Ledger
from documents.audit.resource import EventResource
from documents.canonical import UNSPEAKABLE, dumped, is_sha256, plain, quoted, same
from documents.details import PART_BYTES, Disclosure
from documents.salts import salted

Leaves = dict[str, Any]
UNNAMED = {"odd": "name"}
"""The leaf of a value that no path leads to, because its name is empty or holds a dot. No event tells it."""


class Row(NamedTuple):
    """A stored record in the form of the trail, so that it holds no private value in clear."""

    kind: str
    key: str
    leaves: Leaves
    """The leaves by path, in the forms that `documents.audit.fold` lists; `{"odd": type}` for what no JSON can express, or
    `UNNAMED`."""
    wrong: Mapping[str, str] = {}
    """What only the database can show to be wrong, by path: a type of BSON, or a field that does not follow from the others."""
    later: bool = False
    """Whether events after those that are verified changed it, so that it is not compared."""
    waits: bool = False
    """Whether its standing waits to be judged anew, so that nobody can say whether the stored one is right."""

    def as_json(self) -> dict[str, Any]:
        """The row as a JSON object; what is usual is left out. Of a record that changed later, nothing but its key is said."""
        named = {"kind": self.kind, "key": self.key}
        if self.later:
            return named | {"later": True}
        seen = named | {"leaves": dict(sorted(self.leaves.items()))}
        return seen | ({"wrong": dict(self.wrong)} if self.wrong else {}) | ({"waits": True} if self.waits else {})

    @classmethod
    def of_json(cls, said: Any) -> Self | None:
        """The row that `as_json` made `said` of; None for any other value."""
        match said:
            case {"kind": str(kind), "key": str(key), "later": True} if len(said) == 3:
                return cls(kind, key, {}, {}, later=True)
            case {"kind": str(kind), "key": str(key), "leaves": dict(leaves)}:
                wrong, waits = said.get("wrong", {}), said.get("waits", False)
                formed = isinstance(wrong, dict) and all(isinstance(each, str) for each in wrong.values()) and type(waits) is bool
                if formed and said.keys() <= {"kind", "key", "leaves", "wrong", "waits"}:
                    return cls(kind, key, leaves, wrong, waits=waits)
        return None


def leaves_of(stored: Mapping[str, Any], disclosure: Disclosure) -> Leaves:
    """The leaves of a stored document in the form in which events tell them. Accepts any document.

    What stands under a name that is empty or holds a dot is an odd leaf, also where another value has the same path.
    """
    salts, found, unnamed = _salts(stored.get("salts")), Leaves(), Leaves()
    places = [(name, name, name, value) for name, value in stored.items() if name not in disclosure.left_out]
    while places:
        name, path, shape, value = places.pop()
        if value is None or (not value and isinstance(value, list | dict)):
            continue
        if not _is_step(name):  # before all else: its path could be that of a private value
            unnamed[path] = dict(UNNAMED)
        elif shape in disclosure.private:
            found[path] = {"salted": _salted(salts.get(path), value)}
        elif shape in disclosure.reviewed:
            found[path] = _by_digest(value)
        elif isinstance(value, dict):
            for inside, each in value.items():
                below = f"{path}.{inside}"
                places.append((inside, below, below if shape is path else f"{shape}.{inside}", each))
        elif isinstance(value, list):
            places += [(str(at), f"{path}.{at}", f"{shape}.*", each) for at, each in enumerate(value)]
        else:
            leaf = _scalar(value)
            found[path] = {"cites": leaf} if shape in disclosure.cites and is_sha256(leaf) else leaf
    return found | unnamed


def _is_step(name: Any) -> bool:
    """Whether a name can be a step of a path, so that it leads to one value only."""
    return type(name) is str and name != "" and "." not in name


def _salts(stored: Any) -> dict[str, Any]:
    rows = (each for each in (stored if isinstance(stored, list) else ()) if isinstance(each, dict))
    return {path: each.get("salt") for each in rows if type(path := each.get("path")) is str}


def _salted(salt: Any, value: Any) -> str | None:
    """The salted digest of a private value; None without a salt that can be used, which no event tells."""
    try:
        return salted(salt, value) if type(salt) is str else None
    except UNSPEAKABLE:
        return None


def _by_digest(value: Any) -> Any:
    digest = digest_of(value)
    return {"content": digest} if digest else _odd(value)


def _scalar(value: Any) -> Any:
    if type(value) is str and value.isascii() and len(value) * 6 <= PART_BYTES:  # as most are
        return value
    try:
        said = plain(value)
        if isinstance(said, str) and len(said) * 6 > PART_BYTES and len(text := dumped(said)) > PART_BYTES:
            return {"content": sha256(text).hexdigest()}
    except UNSPEAKABLE:
        return _odd(value)
    return said


def _odd(value: Any) -> Any:
    return {"odd": type(value).__name__}


class Differing(NamedTuple):
    """A path at which a stored record is not what the trail tells, and the number of the event that shows it."""

    path: str
    seq: int
    says: str


def differing(told: Told, stored: Leaves, look: Look) -> Iterator[Differing]:
    """The paths at which a record with the leaves `stored` is not what the trail tells, in order."""
    if told.is_surely(stored):
        return
    resolved = told.resolved(stored, look)
    unknown = {path for path, found in resolved.items() if found.leaf == UNKNOWN}
    for path in sorted(resolved.keys() | stored.keys()):
        found = resolved.get(path)
        if path in unknown or (found is None and unknown and not unknown.isdisjoint(parents([path]))):
            continue
        if found is None:
            yield Differing(path, told.last, f"It stores {_said(stored[path])}; no event told anything there.")
        elif path not in stored:
            yield Differing(path, found.seq, f"It stores nothing; event {found.seq} told {_said(found.leaf)}.")
        elif not _equal(found.leaf, stored[path]):
            says = f"It stores {_said(stored[path])}; event {found.seq} told {_said(found.leaf)}."
            yield Differing(path, found.seq, says)


def _equal(told: Any, stored: Any) -> bool:
    match stored:
        case {"content": digest} if not isinstance(told, dict):  # inside the content of a whole field, a value stands in clear
            return bool(digest_of(told) == digest)
    return same(_cited(told), _cited(stored))


def _cited(leaf: Any) -> Any:
    """The digest that a leaf cites as a text: inside the content of a whole field it stands as such."""
    return leaf["cites"] if isinstance(leaf, dict) and leaf.keys() == {"cites"} else leaf


def _said(leaf: Any) -> str:
    match leaf:
        case {"content": digest}:
            return f"a value with the digest {digest}"
        case {"salted": None}:
            return "a private value without a salt that fits"
        case {"salted": digest}:
            return f"a private value with the salted digest {digest}"
        case {"odd": "name"}:
            return "a value under a name that is empty or holds a dot"
        case {"odd": kind}:
            return f"a value of the type {kind}, which JSON cannot express"
        case {"malformed": True}:
            return "something that no value is told as"
    return quoted(_cited(leaf))


class Balance:
    """The comparison of all rows with the states in a ledger; it is fed row by row, and counts and lists what is wrong."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.compared = self.unproven = self.waiting = self.fault_count = 0
        self.faults: list[Fault] = []

    def judged(self, row: Row, told: Told | None, look: Look) -> list[Fault]:
        """The faults of a row; none for a record whose state is not proven."""
        if told is None:
            says = "It is stored, and no event tells of it."
            return [_fault(AuditFaultKind.RECORD_UNKNOWN, row.kind, row.key, None, None, says)] if self.ledger.proves else []
        if told.since is None or row.later:
            return []
        found = [*differing(told, row.leaves, look)]
        paths = {each.path for each in found}
        found += [Differing(path, told.last, says) for path, says in sorted(row.wrong.items()) if path not in paths]
        return [_fault(AuditFaultKind.RECORD_DIFFERS, row.kind, row.key, each.path, each.seq, each.says) for each in found]

    def count(self, row: Row, told: Told | None, faults: list[Fault]) -> None:
        """Counts a row and its faults, and marks its record as stored."""
        if not self.ledger.meets(row.kind, row.key):
            says = "Another record with the same key is stored too."
            self.add(_fault(AuditFaultKind.RECORD_UNKNOWN, row.kind, row.key, None, told.last if told else None, says))
        if not (self.ledger.proves if told is None else told.since is not None):
            self.unproven += 1
        elif not row.later:
            self.compared += 1
            self.waiting += row.waits
        for each in faults:
            self.add(each)

    def miss(self) -> None:
        """Counts the told records of which no row was counted, in the order of kind and key. Count all rows first."""
        for kind, key, told in self.ledger.unmet():
            if told.since is None:
                self.unproven += 1
            else:
                self.compared += 1
                says = "The trail tells of it, and it is not stored."
                self.add(_fault(AuditFaultKind.RECORD_MISSING, kind, key, None, told.last, says))

    def add(self, fault: Fault) -> None:
        """Counts a fault, and lists it among the first."""
        self.fault_count += 1
        if self.fault_count <= LISTED:
            self.faults.append(fault)

    def added_to(self, report: Report, *, whole: bool) -> Report:
        """The report with what was found in the records; `whole` says whether all were compared."""
        caveats = {
            AuditCaveat.UNPROVEN_RECORDS: self.unproven > 0, AuditCaveat.STANDINGS_WAIT: self.waiting > 0,
            AuditCaveat.RECORDS_NOT_COMPARED: not whole,
        }  # fmt: skip
        return report.model_copy(
            update={
                "faults": (*report.faults, *self.faults)[:LISTED],
                "fault_count": report.fault_count + self.fault_count,
                "records_compared": self.compared,
                "records_unproven": self.unproven,
                "caveats": (*report.caveats, *(each for each, applies in caveats.items() if applies)),
            }
        )


def not_compared(report: Report) -> Report:
    """The report of a verification that compared no record."""
    return report.model_copy(update={"caveats": (*report.caveats, AuditCaveat.RECORDS_NOT_COMPARED)})


def _fault(kind: AuditFaultKind, of: str, key: str, path: str | None, seq: int | None, says: str) -> Fault:
    resource = EventResource(type=_legible(of), id=_legible(key))
    return Fault(kind=kind, seq=seq, detail=says, resource=resource, path=None if path is None else _legible(path))


def _legible(text: str) -> str:
    """The text without unpaired surrogates, which no answer can hold."""
    return text.encode(errors="backslashreplace").decode()
