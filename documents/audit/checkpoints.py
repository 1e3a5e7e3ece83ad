"""Signed checkpoints of the trail (C2SP tlog-checkpoint): each is signed once, continues the one before it, and is stored."""

from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

from pydantic import Field, ValidationError

from documents.access import SYSTEM
from documents.audit import tree
from documents.audit.endorsements import endorsement_of
from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.audit.forks import restored
from documents.audit.notes import Checkpoint, SigningKey, VerifierKey, opened
from documents.audit.proofs import stored_hashes
from documents.audit.restorations import ends_of
from documents.audit.trail import AuditHead, EventIds, Occurrence, Request
from documents.errors import Inconsistent, LimitExceeded, Unproven
from documents.store.aggregates import Grouping, Measure, Question
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.standins import at_path, aware
from documents.store.units import Raw, Unit
from documents.values import Count, Digest, Moment, Value, is_count

ROTATE = "rotateAuditKey"
KEYS = 1_000  # keys that one answer lists, and endorsements that are read of one trail


class AuditCheckpoint(Record):
    """A checkpoint signs the trail's size and root: kept outside, it proves them."""

    keys: ClassVar = ("size",)

    size: Count = Field(description="The trail had this many events.")
    root: Digest = Field(description="The root that the tree over the events has.")
    signed_at: Moment = Field(description="The checkpoint was signed at this moment.")
    verifier_key: str = Field(description="The key that verifies it, in C2SP form; get it elsewhere.")
    text: str = Field(description="The note is a C2SP tlog-checkpoint; keep every byte.")
    endorsement: str | None = Field(
        default=None, description="The endorsement says that its key follows another; null in all but a key's first checkpoint."
    )

    collection: ClassVar = "audit_checkpoints"

    @classmethod
    async def newest(cls, by: VerifierKey | None = None) -> Self | None:
        """The newest checkpoint, or the newest that names `by` as its signer; None if there is none. Verifies no signature.

        Documents that are no checkpoints are left out.
        """
        query: Raw = {"size": {"$gte": 1}} | ({} if by is None else {"verifier_key": str(by)})
        for raw in await cls.raws(query, [("size", -1)], 1):
            if made := cls._made(raw):
                return made
            async with aclosing(cls.raw_windows(query, [("size", -1)], KEYS)) as windows:
                async for found in windows:
                    if several := [made for each in found if (made := cls._made(each))]:
                        return several[0]
        return None

    @classmethod
    async def last(cls) -> Self | None:
        """The newest checkpoint, to be continued; Inconsistent if a document that is no checkpoint stands in its place."""
        raw = await cls.raw_first({}, [("size", -1)])
        if raw is None or (last := cls._made(raw)):
            return None if raw is None else last
        raise Inconsistent(0, "a stored checkpoint was altered")

    @classmethod
    def _made(cls, raw: Raw) -> Self | None:
        """The checkpoint of a document; None if it has not the form of one."""
        try:
            return cls.hydrated(raw) if is_count(raw.get("size")) else None
        except (ValidationError, ValueError, TypeError, OverflowError):
            return None

    @classmethod
    async def newest_notes(cls, by: VerifierKey, limit: int) -> list[str]:
        """The texts of the newest `limit` checkpoints that name `by` as their signer."""
        found = await cls.raws({"verifier_key": str(by)}, [("size", -1)], limit, ["text"])
        return [each["text"] for each in found if isinstance(each.get("text"), str)]


class AuditKey(Value):
    """A key verifies checkpoints. Get it elsewhere too: who alters the trail can lie here."""

    verifier_key: str = Field(description="The key is in C2SP form, as `auditVerification` takes it.")
    is_current: bool = Field(description="Whether the answering server signs with it.")
    checkpoints: Count = Field(description="The number of stored checkpoints that name the key.")
    first_signed_at: Moment | None = Field(description="The time it signed the first of them.")
    last_signed_at: Moment | None = Field(description="The time it signed the last of them.")
    endorsement: str | None = Field(
        description="The endorsement says that it follows the key of before, and is signed by both; null if there is none."
    )


async def keys(own: str | None) -> list[AuditKey]:
    """The server's own key first, then the keys that stored checkpoints name, the latest signer first.

    Takes two database commands. Raises LimitExceeded for more than a thousand keys.
    """
    asked = Question([Grouping("verifier_key", 1)], measures=[Measure(None, "$signed_at")], figures=[(0, "min"), (0, "max")])
    among = {"verifier_key": {"$type": "string"}, "signed_at": {"$type": "date"}}  # whatever else somebody may have stored
    found = {each["_id"]["k0"]: _moments(aware(each)) for each in await AuditCheckpoint.groups(among, asked, KEYS + 1)}
    found = {each: said for each, said in found.items() if _is_key(each)}
    if len(found) > KEYS:
        raise LimitExceeded("the number of keys", len(found), KEYS)
    unused = {"count": 0, "min0": None, "max0": None}
    endorsed = {each["verifier_key"]: each["endorsement"] for each in await _endorsed()}
    told = [
        AuditKey(
            verifier_key=each, is_current=each == own, checkpoints=said["count"], first_signed_at=said["min0"],
            last_signed_at=said["max0"], endorsement=endorsed.get(each),
        )
        for each, said in (({own: unused} if own else {}) | found).items()
    ]  # fmt: skip
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(told, key=lambda each: (each.is_current, each.last_signed_at or never), reverse=True)


def _is_key(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(VerifierKey.read(text))
    except ValueError:
        return False


def _moments(said: Raw) -> Raw:
    """The figures of a key, with null for a moment that is beyond the years that there are."""
    return said | {name: said[name] if isinstance(said[name], datetime) else None for name in ("min0", "max0")}


async def endorsements() -> list[str]:
    """The stored statements by which a key that signed the trail endorsed the next, the oldest first."""
    return [each["endorsement"] for each in await _endorsed()]


async def _endorsed() -> list[Raw]:
    found = await AuditCheckpoint.raws({"endorsement": {"$ne": None}}, [("size", 1)], KEYS, ["verifier_key", "endorsement"])
    return [each for each in found if all(isinstance(each.get(name), str) for name in ("verifier_key", "endorsement"))]


async def sign(key: SigningKey, at: datetime, previous: Sequence[SigningKey] = ()) -> AuditCheckpoint | None:
    """Signs and stores a checkpoint of the current head, or returns the newest one if it covers that head and names `key`.

    Returns None while the trail has no event. Raises Inconsistent, and signs nothing, if the trail does not continue the newest
    checkpoint, if that is by a key of somebody else, and if it is not kept as it was signed. If `key` is not the key that signed
    the newest checkpoint, an event records the rotation first. If that other key is among `previous`, it endorses `key`.
    """
    head, last = await AuditHead.seen(), await AuditCheckpoint.last()
    if last is None and head.size == 0:
        return None
    if last and _is_of(last, head, key):
        _as_signed(last, head.origin)
        return last
    # A transaction that is retried must use the same event ids, so they are made outside of it.
    ids = EventIds()

    async def work(unit: Unit) -> AuditCheckpoint:
        head = await AuditHead.touch()  # the touch admits one process at a time
        last = await AuditCheckpoint.last()  # read again: another process may have signed since the read above
        endorsement = None
        if head.origin != key.name:
            raise Inconsistent(head.size, f"it goes on as {head.origin}, and the key is of {key.name}")
        if last:
            await _goes_on(last, head)
            if _is_of(last, head, key):
                return last
            if last.verifier_key != str(key.verifier):
                await _refuse_foreign(last, key, previous)
                endorsement = next(
                    (endorsement_of(each, key) for each in previous if str(each.verifier) == last.verifier_key), None
                )
                facts = {"from": last.verifier_key, "to": str(key.verifier), "endorsement": endorsement}
                resource = AuditCheckpoint.__name__, last.key
                told = Occurrence(AuditEventType.SYSTEM_STARTED, ROTATE, SYSTEM, Request(ids[0]), resource, facts=facts)
                await head.append([told], at, ids)
        signed = AuditCheckpoint(
            size=head.size,
            root=head.root,
            signed_at=at,
            verifier_key=str(key.verifier),
            text=Checkpoint(head.origin, head.size, head.root).signed(key),
            endorsement=endorsement,
        )
        await signed.store()
        return signed

    return await bound_database().transact(work, at)


async def tell(found: Inconsistent, at: datetime) -> None:
    """Appends a failure event that says why signing was refused; once for each checkpoint that the trail does not continue."""
    ids, kind = EventIds(), AuditCheckpoint.__name__
    told = {"resource.id": str(found.size), "resource.type": kind, "outcome": AuditOutcome.FAILURE}

    async def work(unit: Unit) -> None:
        head = await AuditHead.touch()
        if await AuditEvent.raw_first(told) is None:
            occurrence = Occurrence(
                AuditEventType.COMPLIANCE_CHECK, "signCheckpoint", SYSTEM, Request(ids[0]), (kind, str(found.size)),
                outcome=AuditOutcome.FAILURE, facts={"code": found.code, **found.facts},
            )  # fmt: skip
            await head.append([occurrence], at, ids)

    await bound_database().transact(work, at)


def _is_of(last: AuditCheckpoint, head: AuditHead, key: SigningKey) -> bool:
    return (last.size, last.root, last.verifier_key) == (head.size, head.root, str(key.verifier))


def _as_signed(last: AuditCheckpoint, *origins: str) -> None:
    """Raises Inconsistent unless the note of a stored checkpoint is signed, and says what is stored beside it.

    The signed text is the authority, and leaves the database. All of it is a copy there, which somebody may have altered.
    """
    try:
        signed = opened(last.text, [VerifierKey.read(last.verifier_key)])
    except ValueError as error:
        raise Inconsistent(last.size, f"it {error}") from error
    if signed.origin not in origins or signed != Checkpoint(signed.origin, last.size, last.root):
        raise Inconsistent(last.size, "it is kept beside another size, root or origin than it was signed with")


async def _refuse_foreign(last: AuditCheckpoint, key: SigningKey, previous: Sequence[SigningKey]) -> None:
    """Raises Inconsistent for a checkpoint by a key that this server does not have and to which no event tells of a rotation.

    A key that signs here for the first time believes whichever key signed last: the one of before may be lost.
    """
    other = last.verifier_key
    if other in {str(each.verifier) for each in previous} or await AuditCheckpoint.newest(key.verifier) is None:
        return
    signed = await AuditCheckpoint.raws({"verifier_key": other}, [("size", -1)], KEYS, ["size"])
    before = [each["size"] - 1 for each in signed if is_count(each.get("size"))]  # a rotation is told before its key signs
    rotations = await AuditEvent.raws({"seq": {"$in": before}, "action": ROTATE}, fields=["details"])
    if all(at_path(each, "details.facts.to") != other for each in rotations):
        raise Inconsistent(last.size, "it is by another key, to which no event tells of a rotation")


async def _goes_on(last: AuditCheckpoint, head: AuditHead) -> None:
    """Raises Inconsistent unless the tree under `head` begins with the tree under `last` (RFC 9162 section 2.1.4)."""
    try:
        ends = ends_of(each for _, each in await restored())
        _as_signed(last, head.origin, *(name for name, each in ends.items() if last.size <= each.seq))
        if head.size < last.size:
            raise Inconsistent(last.size, f"there are {head.size} today")
        hash_of = await stored_hashes(tree.subtrees_for_consistency(last.size, head.size))
        proof = tree.consistency_proof(last.size, head.size, hash_of)
    except (ValueError, Unproven) as error:
        raise Inconsistent(last.size, str(error)) from error
    if not tree.verify_consistency(last.size, head.size, last.root, head.root, proof):
        raise Inconsistent(last.size, "its events are others today")
