"""The verifier of a trail: it is fed events in order, needs bounded memory, and recomputes whatever can be recomputed.

It is separate from the module that appends events and imports no database, so a reader who doubts one can check the other.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from documents.audit import tree
from documents.audit.comparison import Comparison
from documents.audit.findings import LISTED, REACH, AuditCaveat, AuditFaultKind, Fault, Report
from documents.audit.forms import Known, checkpoint_problem, head_problems
from documents.audit.notes import Checkpoint
from documents.audit.ordinary import NOT_HASHED, Ordinary, ordinary, ordinary_bytes
from documents.audit.pins import Kept
from documents.audit.restorations import Restoration, ends_of, restoration_in
from documents.audit.schema import Said, cited, is_content, shape_faults
from documents.canonical import UNSPEAKABLE, dumped, is_sha256, loosely_parsed, parsed, plain, quoted, spelled
from documents.store.units import Raw
from documents.values import MAX_SAFE_INTEGER, is_count

GENESIS = "0" * 64  # the `previous_hash` of the first event


def _exactly_bytes(text: Any) -> bytes | None:
    """The canonical bytes of an event, or None: the driver has a subclass of bytes for other kinds of binary values."""
    return text if type(text) is bytes else None


class Verifier:
    """A verifier reads the events from `first` on and lists their faults. No stored value makes it raise.

    To begin in the middle it needs `earlier`, the events that complete `tree.edge_subtrees(first)`, and believes their hashes.
    It remembers the roots of the tree sizes in `marks`, for the comparison with checkpoints. `restored` are the restorations that
    events before or after those that it reads tell of; it believes them.
    """

    def __init__(
        self, first: int = 0, earlier: Iterable[Raw] = (), marks: Container[int] = (), restored: Iterable[Restoration] = ()
    ) -> None:
        self._first = self._next = first
        self._verified = 0
        self.fault_count = 0
        self._faults: list[Fault] = []
        self._ids: set[str] = set()
        self._older_ids: set[str] = set()
        self._ids_forgotten = self._head_compared = False
        self._marks, self._roots = marks, dict[int, str]()
        self._anchor: int | None = None
        self._uncompared = False
        self._restored = {each.seq: each for each in restored}
        # What is known of the events before the next one. None means that a fault hid it; then nothing is compared with it, so
        # that one fault is reported once.
        self._edge: list[str] | None = []
        self._last_hash: str | None = GENESIS
        self._last_at: str | None = None
        self._origin: str | None = None
        if first:
            self._believe({event["seq"]: event for event in earlier if isinstance(event.get("seq"), int)})
        if self._edge is not None:
            self._roots[first] = tree.root(self._edge)

    def feed(self, events: Iterable[Raw], contents: Mapping[str, str]) -> None:
        """Takes the next stored events, in the order of `seq`; `contents` has, by digest, the texts of the contents they cite."""
        kept = {digest for digest, text in contents.items() if is_content(digest, text)}
        self.feed_read([(each, ordinary(each)) for each in events], Known(kept, contents.keys() - kept))

    def feed_read(self, events: Iterable[tuple[Raw, Ordinary | None]], contents: Known) -> None:
        """Takes the next stored events, in the order of `seq`, with their readings and what is known of what they cite."""
        for event, read in events:
            self.take(event, read, *contents)

    def take(self, event: Raw, read: Ordinary | None, kept: Container[str], altered: Container[str]) -> None:
        """Takes the next stored event, with its reading by `ordinary`.

        `kept` are the digests of unaltered contents, `altered` those of altered ones.
        """
        if read is None or not self._takes(read, event.get("nodes"), kept):
            self._examine(event, kept, altered)

    def take_bytes(self, text: bytes, kept: Container[str], altered: Container[str]) -> Ordinary | None:
        """Takes the next event, of which nothing is stored that does not follow from its bytes; returns its reading."""
        read = ordinary_bytes(text)
        if read is None or not self._takes(read, None, kept, derived=True):
            self._examine(self.derived(text), kept, altered)
        return read

    def _takes(self, read: Ordinary, nodes: Any, kept: Container[str], *, derived: bool = False) -> bool:
        """Takes the next event if it follows on the one before without any fault; does nothing otherwise.

        `nodes` are the stored ones, which are not compared if they were `derived`.
        """
        said = read.said
        if not (
            said["seq"] == self._next
            and said["previous_hash"] == self._last_hash
            and said["origin"] == self._origin
            and self._edge is not None
            and (self._last_at is None or self._last_at <= read.at)
            and said["event_id"] not in self._ids
            and said["event_id"] not in self._older_ids
            and (not read.cites or all(each in kept for each in read.cites))
        ):
            return False
        edge, completed = tree.grow(self._edge, self._next, read.leaf)
        if not derived and nodes != completed:
            return False
        self._remember(said["event_id"])
        self._edge, self._last_hash, self._last_at = edge, read.leaf, read.at
        self._advance()
        self._verified += 1
        return True

    def _advance(self) -> None:
        self._next += 1
        if self._edge is not None and self._next in self._marks:
            self._roots[self._next] = tree.root(self._edge)

    def _examine(self, event: Raw, kept: Container[str], altered: Container[str]) -> None:
        """Takes the next event, and lists its faults."""
        seq = self._place(event)
        bytes_say, said = self._said(seq, event)
        leaf = self._leaf(seq, event)
        # What the bytes cite counts: an altered field beside them does not hide that a content is missing.
        for digest in sorted(each for each in cited(event if bytes_say is None else bytes_say) if each not in kept):
            kind = AuditFaultKind.CONTENT_ALTERED if digest in altered else AuditFaultKind.CONTENT_MISSING
            self._found(kind, seq, f"It cites the content {digest}.")
        if seq == self._next:
            self._follow(seq, said, leaf)
            self._grow(seq, leaf, event.get("nodes"))
            self._advance()
        self._verified += 1

    def derived(self, text: bytes) -> Raw:
        """The stored form that the next event must have if its bytes are `text`; only the bytes if they are no JSON object."""
        try:
            said = loosely_parsed(text)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            return {"canonical": text}
        leaf, at = tree.leaf_hash(text), said.get("occurred_at")
        with suppress(ValueError, TypeError):
            said["occurred_at"] = datetime.fromisoformat(at)  # type: ignore[arg-type]
        due = self._edge is not None and said.get("seq") == self._next
        nodes = tree.grow(self._edge or (), self._next, leaf)[1] if due else []
        return said | {"canonical": text, "event_hash": leaf, "nodes": nodes}

    def expect(self, seq: int) -> None:
        """Declares that all events before `seq` have been fed; those that were not are reported as missing."""
        if seq > self._next:
            self._found(AuditFaultKind.MISSING_EVENTS, seq, f"{self._next} to {seq - 1} are missing before it.")
            self._next, self._edge, self._last_hash = seq, None, None

    def expect_counted(self, head: Raw | None) -> None:
        """Declares that all events were fed; if the head counts more, those are reported as missing."""
        if head is not None and is_count(size := head.get("size")):
            self.expect(int(size or 0))

    def deny_stored(self, checkpoints: Iterable[Raw]) -> None:
        """Reports the stored checkpoints that were altered."""
        for stored in checkpoints:
            if problem := checkpoint_problem(stored):
                size = stored.get("size")
                says = f"A stored checkpoint was altered: {problem}."
                self._found(AuditFaultKind.CHECKPOINT_FORGED, size if is_count(size) else None, says)

    def compare_head(self, head: Raw | None, beside: int = 0, unsealed: str | None = None) -> None:
        """Compares the events with the stored head; None means that none is stored. Feed all events first.

        `beside` is the number of documents that are stored in the place of the head and are not the head. `unsealed` says what
        is wrong with the seal of a server on the head, where that can be told.
        """
        self._head_compared = True
        if beside:
            self._found(AuditFaultKind.HEAD_DIFFERS, None, f"Documents that are no head stand beside it: {beside}.")
        if head is None:
            if self._next:
                self._found(AuditFaultKind.HEAD_MISSING, None, f"There is no head over {self._next} events.")
            return
        stands = {
            "origin": self._origin,
            "size": self._next,
            "last_hash": self._last_hash,
            "last_at": self._last_at,
            "edge": self._edge,
        }
        if unsealed:
            self._found(AuditFaultKind.HEAD_DIFFERS, None, f"No server left it so: {unsealed}.")
        problems = head_problems(head)
        for says in problems.values():
            self._found(AuditFaultKind.HEAD_DIFFERS, None, says)
        for name, value in stands.items():
            if name in problems:
                continue
            # The canonical forms are compared, because the stored moment is a datetime and the verifier's is a text.
            if value is not None and spelled(head.get(name)) != spelled(value):
                says = f"Its {name} is {quoted(head.get(name))}; by the events it must be {quoted(value)}."
                self._found(AuditFaultKind.HEAD_DIFFERS, None, says)

    def compare_checkpoints(self, kept: Kept, size: int, proofs: Mapping[int, Sequence[str]]) -> None:
        """Compares a trail of `size` events with all checkpoints that were kept, as far as its events were read. Feed them first.

        `proofs` has, by the size of a checkpoint outside of what was read, the consistency proof between its tree and the nearest
        tree that was read.
        """
        compared = Comparison(kept, size, self._origin, self._restorations(), lambda each: self._agrees(each, proofs))
        for finding in compared.findings():
            self._found(*finding)
        self._anchor = compared.anchor
        self._uncompared = any(each.size not in proofs and not self._reaches(each.size) for each in compared.untold)

    def deny_endorsements(self, wrong: Iterable[str]) -> None:
        """Reports what is wrong with the endorsements that are kept with the trail, a sentence each."""
        for says in wrong:
            self._found(AuditFaultKind.ENDORSEMENT_FORGED, None, says)

    def compare_earlier(self, size: int, root: str) -> None:
        """Compares with the root that an earlier verification computed of the first `size` events. `size` must be in `marks`."""
        known = {each.kind for each in self._faults}
        if self._next < size:
            kind, says = AuditFaultKind.TAIL_CUT, f"{size} events were verified, and there are {self._next}."
        elif self._roots.get(size, root) != root:
            kind, says = AuditFaultKind.REWRITTEN, f"Before {size} something is not what it was when it was verified."
        else:
            return
        if kind not in known:  # else the comparison with a checkpoint has reported the same fault
            self._found(kind, self._next if kind is AuditFaultKind.TAIL_CUT else 0, says)

    def _reaches(self, size: int) -> bool:
        return self._first <= size <= self._next

    def _agrees(self, kept: Checkpoint, proofs: Mapping[int, Sequence[str]]) -> bool | None:
        """Whether the tree that was read has the signed root, or is consistent with it; None if that cannot be told."""
        if kept.size in self._roots:
            return self._roots[kept.size] == kept.root
        if self._reaches(kept.size) or kept.size not in proofs:
            return None  # a fault hid the tree's root, or nothing leads from what was read to the checkpoint
        proof = proofs[kept.size]
        if kept.size < self._first and self._first in self._roots:
            return tree.verify_consistency(kept.size, self._first, kept.root, self._roots[self._first], proof)
        if kept.size > self._next and self._edge is not None:
            return tree.verify_consistency(self._next, kept.size, tree.root(self._edge), kept.root, proof)
        return None

    def _restorations(self) -> list[Restoration]:
        return sorted(self._restored.values(), key=lambda each: each.seq)

    def report(self) -> Report:
        """The report on everything that was fed and compared so far."""
        caveats = {
            AuditCaveat.UNANCHORED: self._anchor is None,
            AuditCaveat.AFTER_CHECKPOINT: self._anchor is not None and self._anchor < self._next,
            AuditCaveat.BEGINNING_BELIEVED: self._first > 0,
            AuditCaveat.HEAD_NOT_COMPARED: not self._head_compared,
            AuditCaveat.RESTORED: bool(self._restored),
            AuditCaveat.CHECKPOINTS_NOT_COMPARED: self._uncompared,
            AuditCaveat.IDS_FORGOTTEN: self._ids_forgotten,
        }
        return Report(
            first=self._first,
            last=self._next - 1 if self._verified else None,
            events_verified=self._verified,
            tree_size=self._next,
            root=None if self._edge is None else tree.root(self._edge),
            faults=tuple(self._faults),
            fault_count=self.fault_count,
            caveats=tuple(caveat for caveat, applies in caveats.items() if applies),
            restorations=tuple(self._restorations()),
        )

    def _found(self, kind: AuditFaultKind, seq: int | None, detail: str) -> None:
        self.fault_count += 1
        if self.fault_count <= LISTED:
            self._faults.append(Fault(kind=kind, seq=seq, detail=detail))

    def _believe(self, earlier: Mapping[int, Raw]) -> None:
        """Takes the right edge before the first event, and the hash, time and origin of the event before it, as stored."""
        edge = []
        for subtree in tree.edge_subtrees(self._first):
            seq = subtree.completed_by
            try:
                found = subtree.hash_in(earlier[seq])
            except (LookupError, TypeError):
                found = ""
            if is_sha256(found):
                edge.append(found)
            else:
                kind = AuditFaultKind.NODES_DIFFER if seq in earlier else AuditFaultKind.MISSING_EVENTS
                self._found(kind, seq, f"It does not hold the hashes that are needed to begin at event {self._first}.")
        last = earlier.get(self._first - 1, {})
        leaf, at, origin = last.get("event_hash"), last.get("occurred_at"), last.get("origin")
        self._edge = None if self._faults else edge
        self._last_hash = leaf if is_sha256(leaf) else None
        self._last_at = plain(at) if isinstance(at, datetime) and at.utcoffset() is not None else None
        self._origin = origin if type(origin) is str else None

    def _place(self, event: Raw) -> int:
        """The event's `seq`, or the next number if it has none that can be used; reports gaps and repetitions."""
        seq = event.get("seq")
        if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq < MAX_SAFE_INTEGER:
            self._found(AuditFaultKind.INVALID_FIELD, self._next, f'Its "seq" is {quoted(seq)}.')
            return self._next
        self.expect(seq)
        if seq < self._next:
            self._found(AuditFaultKind.REPEATED_SEQ, seq, f"It stands in the place of event {self._next}.")
        return seq

    def _said(self, seq: int, event: Raw) -> tuple[Raw | None, Said | None]:
        """The event as its bytes have it, and the same in its shape; None for what the bytes do not have.

        Reports stored fields that differ from the bytes.
        """
        text = _exactly_bytes(event.get("canonical"))
        stored = {name: value for name, value in event.items() if name not in NOT_HASHED}
        try:
            said = plain(stored)
            # Encoding the fields once and comparing bytes is cheaper than parsing the bytes; only a difference is looked into.
            agree = dumped(said) == text
        except UNSPEAKABLE:
            agree = False
        if not agree:
            said = self._disagreement(seq, stored, text)
        if said is None:
            return None, None
        if not isinstance(event.get("occurred_at"), datetime):
            self._found(AuditFaultKind.INVALID_FIELD, seq, 'Its "occurred_at" is not stored as a time.')
        return said, self._shaped(seq, said)

    def _disagreement(self, seq: int, stored: Raw, text: Any) -> Any:
        """Reports each stored field that differs from the bytes; returns what the bytes hold, or None if they are unreadable."""
        try:
            said = parsed(text)
        except UNSPEAKABLE as error:
            self._found(AuditFaultKind.NOT_CANONICAL, seq, f"Its bytes cannot be read: {quoted(str(error))}.")
            return None
        if not isinstance(said, dict):
            self._found(AuditFaultKind.NOT_CANONICAL, seq, "Its bytes are no JSON object.")
            return None
        for name, value in stored.items():
            if name not in said:
                self._found(
                    AuditFaultKind.UNKNOWN_FIELD, seq, f"The field {quoted(name)} is stored, and the bytes do not have it."
                )
            elif spelled(value) != spelled(said[name]):
                says = f"The field {quoted(name)} is stored as {quoted(value)}, and the bytes have {quoted(said[name])}."
                self._found(AuditFaultKind.FIELD_DIFFERS, seq, says)
        for name in sorted(said.keys() - stored.keys()):
            self._found(AuditFaultKind.MISSING_FIELD, seq, f"The field {quoted(name)} is in the bytes, and is not stored.")
        return said

    def _shaped(self, seq: int, said: Any) -> Said | None:
        try:
            return Said.model_validate(said)
        except ValidationError as error:
            for kind, detail in shape_faults(error):
                self._found(kind, seq, detail)
            return None

    def _leaf(self, seq: int, event: Raw) -> str | None:
        """The leaf hash that the chain and the tree continue with.

        It is the stored hash if that is one, even where the bytes hash to another: so altered bytes are one fault, and not a
        fault in every later event.
        """
        text, stored = _exactly_bytes(event.get("canonical")), event.get("event_hash")
        computed = None if text is None else tree.leaf_hash(text)
        if computed and stored != computed:
            self._found(AuditFaultKind.HASH_DIFFERS, seq, f"Its bytes hash to {computed}, and it stores {quoted(stored)}.")
        return stored if is_sha256(stored) else computed

    def _follow(self, seq: int, said: Said | None, leaf: str | None) -> None:
        """Compares the event with the one before it: hash, time, origin and id."""
        if said:
            if self._last_hash not in (None, said.previous_hash):
                before = f"event {seq - 1} has the hash {self._last_hash}" if seq else "the first event has none before it"
                self._found(AuditFaultKind.BROKEN_LINK, seq, f"It names {said.previous_hash}, but {before}.")
            if self._last_at and said.occurred_at < self._last_at:
                self._found(
                    AuditFaultKind.TIME_REVERSED, seq, f"It occurred at {said.occurred_at}, event {seq - 1} at {self._last_at}."
                )
            if self._origin not in (None, said.origin) and not self._goes_on(said):
                self._found(
                    AuditFaultKind.ORIGIN_DIFFERS, seq, f"Its origin is {quoted(said.origin)}, not {quoted(self._origin)}."
                )
            if said.event_id in self._ids or said.event_id in self._older_ids:
                self._found(AuditFaultKind.DUPLICATE_ID, seq, f"An earlier event has the id {said.event_id} too.")
            self._remember(said.event_id)
            self._origin = said.origin
        self._last_at = said.occurred_at if said else None
        self._last_hash = leaf

    def _goes_on(self, said: Said) -> bool:
        """Whether an event under another name tells that the trail goes on from a restored state."""
        found = restoration_in(said.model_dump(by_alias=True))
        names = ends_of(self._restored.values())
        # A name that the trail has borne before would make it unclear what a checkpoint under that name is about.
        if found is None or found.origin_before != self._origin or found.origin in names:
            return False
        self._restored[found.seq] = found
        return True

    def _remember(self, event_id: str) -> None:
        # Two generations of at most REACH ids: the older one is dropped when the younger is full, so memory is bounded.
        if len(self._ids) == REACH:
            self._ids_forgotten = self._ids_forgotten or bool(self._older_ids)
            self._ids, self._older_ids = set(), self._ids
        self._ids.add(event_id)

    def _grow(self, seq: int, leaf: str | None, nodes: Any) -> None:
        """Appends the leaf to the tree, and compares the hashes of the completed subtrees with the stored `nodes`."""
        if self._edge is None or leaf is None:
            self._edge = None
            return
        self._edge, completed = tree.grow(self._edge, seq, leaf)
        if nodes != completed:
            self._found(
                AuditFaultKind.NODES_DIFFER, seq, f"It completes {len(completed)} subtrees, and does not store their hashes."
            )
