"""The server's own verifications of the trail. One process at a time verifies, and each run is stored.

A run verifies the events since the last run. It believes the earlier events if their tree still has the root that the last run
computed. A run over all events comes at least once a day, and more often if such runs take less than a hundredth of the time.
It compares all records with the trail; a run over new events compares the records of which these events tell.
While the trail has a fault, every run reads all events: a run over new events alone would not see the fault again. So does the
run after somebody tried to sign in by a record that was altered.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import ClassVar, Self

from pydantic import Field, ValidationError, computed_field

from documents.access import SYSTEM
from documents.audit.books import Books
from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.audit.findings import AuditFaultKind, Fault, Report
from documents.audit.notes import VerifierKey
from documents.audit.pins import Kept
from documents.audit.resource import EventResource
from documents.audit.sealing import keyring, sealed
from documents.audit.trail import AuditHead, EventIds, Occurrence, Request, record
from documents.audit.verify import verify_on
from documents.canonical import spelled
from documents.errors import StaleRevision
from documents.seals import FIELD, names_unknown_key, problem_of
from documents.store.counts import FigureCount, recount
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.units import Raw, Unit
from documents.turns import LEASE, NUMBERS, Turn
from documents.values import Count, Moment, is_count

LISTED, KEPT = 20, 1_000  # faults that a stored run lists; runs that are stored
NEWEST = 16  # stored checkpoints that a run compares, where the server keeps no file of them
Keeping = Callable[[bool], Awaitable[Kept]]
"""Reads the file in which a server keeps its checkpoints: the whole, or the last one in it."""
DAY = timedelta(days=1)
_FAR = datetime(9000, 1, 1, tzinfo=UTC)  # sums of later moments may be beyond what there is
ANOTHER_PAST = frozenset({AuditFaultKind.TAIL_CUT, AuditFaultKind.REWRITTEN})
OVERDUE, PATIENCE = 3, timedelta(minutes=15)  # a run is overdue after three times the wait for it, and after 15 minutes at least
LOAD, LOAD_OF_WHOLE = 10, 100  # a run waits ten times as long as the one before took, one over everything a hundred times


class VerificationRun(Record):
    """A run is a verification of the trail by the server."""

    keys: ClassVar = ("number",)
    ordered: ClassVar = frozenset(
        {
            "number",
            "began_at",
            "ended_at",
        }
    )
    grouped: ClassVar = frozenset({"is_news"})
    bounded: ClassVar = frozenset({"began_at", "ended_at"})

    number: Count = Field(description="The run's number counts from 1, with gaps.")
    began_at: Moment = Field(description="The time the run began.")
    ended_at: Moment = Field(description="The time the run ended.")
    found: Report = Field(description=f"The report says what was verified and found; it keeps the first {LISTED} faults.")
    checkpoint_size: Count | None = Field(description="The size that the compared checkpoint has; null for none.")
    is_news: bool = Field(description="Whether the run found a fault that is new.")
    due_at: Moment | None = Field(
        default=None, description="The time from which the next run was due; null for a run before release 0.3.0."
    )

    collection: ClassVar = "audit_verifications"

    @computed_field(description="Whether the run verified the trail from its first event on.")  # type: ignore[prop-decorator]
    @property
    def is_whole(self) -> bool:
        return self.found.first == 0

    @property
    def took(self) -> timedelta:
        return max(self.ended_at - self.began_at, timedelta(0))

    def unverified_since(self, at: datetime) -> datetime | None:
        """The time since which nothing could be verified, if this is the last run and the next is overdue at `at`; else None."""
        wait = min(max((self.due_at or self.began_at) - self.began_at, timedelta(0)), DAY)
        return self.ended_at if at - self.ended_at > max(OVERDUE * wait, PATIENCE) else None

    def valid_at(self, at: datetime) -> bool | None:
        """Whether the trail has no fault, if this is the last run; None if it found none and the next run is overdue at `at`."""
        return None if self.found.valid and self.unverified_since(at) else self.found.valid

    @classmethod
    async def last(cls, at: datetime) -> Self | None:
        """The newest run; None if there is none, or if a later one is sealed under a key that is not here.

        What no server has stored is left out.
        """
        async for raw in cls._newest_first({}):
            if run := cls._made(raw, at):
                return run
            if cls._is_of_another_key(raw, at):
                return None
        return None

    @classmethod
    async def last_that(cls, at: datetime, query: Raw) -> Self | None:
        """The newest run that a server has sealed and that meets `query`; None if there is none."""
        async for raw in cls._newest_first(query):
            if run := cls._made(raw, at):
                return run
        return None

    @classmethod
    async def _newest_first(cls, query: Raw) -> AsyncGenerator[Raw, None]:
        asked = {"number": {"$gte": 1, "$lt": NUMBERS}} | query
        for raw in await cls.raws(asked, [("number", -1)], 1):
            yield raw
            async with aclosing(cls.raw_windows(asked, [("number", -1)], KEPT)) as windows:
                async for found in windows:
                    for each in found:
                        yield each

    @classmethod
    async def altered(cls, at: datetime) -> list[Raw]:
        """The ids of the stored documents that are no runs and stand where the newest run is looked for."""
        return (await cls.after_last(at))[1]

    @classmethod
    async def after_last(cls, at: datetime) -> tuple[list[Self], list[Raw]]:
        """The runs of a clock that was fast and was set right, and the ids of the documents that no server stored.

        Both stand where the newest run is looked for. A fast clock is at most a day ahead of this one, or of the trail's last
        event; its run has a number that a turn had. Such a run counts for nothing until its time has come.
        """
        last = await cls.last_that(at, {})
        if last and last.number >= NUMBERS - 1:  # no number is left: somebody altered a turn, and the numbers begin anew
            return [], [{}]
        older: Raw = {"number": {"$gte": 1, "$lte": last.number}} if last else {"number": {"$in": []}}
        # A list meets a comparison if one of its elements does.
        found = await cls.raw_window({"$or": [{"$nor": [older]}, {"number": {"$type": "array"}}]}, (), KEPT)
        strange = [each for each in found if cls._made(each, at) is None and not cls._is_of_another_key(each, at, last)]
        if not strange:
            return [], []
        heads = await AuditHead.raw_window({"name": "head"}, (), 1)
        turns = await VerificationTurn.raw_window({"name": "turn"}, (), 1)
        told, counted = [each.get("last_at") for each in heads], [each.get("number") for each in turns]
        latest = max([at, *(each for each in told if isinstance(each, datetime))])
        highest = max([last.number + 1 if last else 1, *(each for each in counted if isinstance(each, int))])
        runs = [(each, cls._made(each, min(latest, _FAR) + DAY)) for each in strange]
        ahead = [run for _, run in runs if run and run.number <= min(highest, NUMBERS - 2)]
        return ahead, [{"_id": each.get("_id")} for each, run in runs if run not in ahead]

    @classmethod
    def _made(cls, raw: Raw, at: datetime) -> Self | None:
        """The run that a document tells of; None if it has not the form of one, no right seal, or ended in the future."""
        run = cls._formed(raw, at)
        return None if run is None or problem_of(cls.__name__, run.key, raw, keyring()) else run

    @classmethod
    def _is_of_another_key(cls, raw: Raw, at: datetime, last: Self | None = None) -> bool:
        """Whether a document tells of a run that was sealed under a key that is not here, or stored before runs were sealed."""
        return cls._formed(raw, at) is not None and names_unknown_key(raw, keyring()) and not (last and raw.get(FIELD) is None)

    @classmethod
    async def forget_others(cls, above: int) -> None:
        """Deletes the runs above a number that are of no key that is here: else they might stay the newest for ever."""
        keys = keyring()
        known = [each.id for each in (keys.current, keys.previous) if each]
        await cls.delete_unrecorded({"number": {"$gt": above}, f"{FIELD}.key_id": {"$nin": known}})

    @classmethod
    def _formed(cls, raw: Raw, at: datetime) -> Self | None:
        try:
            run = cls.hydrated(raw)
        except (ValidationError, ValueError, TypeError, OverflowError):
            return None
        # The model reads numbers and texts as moments too, and no server stores those. Clocks of servers differ a little.
        moments = [raw.get(name) for name in ("began_at", "ended_at", "due_at") if raw.get(name) is not None]
        formed = is_count(raw.get("number")) and all(isinstance(each, datetime) for each in moments)
        return run if formed and run.number < NUMBERS and run.began_at <= run.ended_at <= at + LEASE else None


class VerificationTurn(Turn):
    """The record that says which process may verify the trail now, and until when."""

    collection: ClassVar = "audit_verification_turns"

    async def end(self, run: VerificationRun, spare: Count | None, due_at: datetime) -> None:
        """Stores the run as the newest, and ends the turn until `due_at`.

        Deletes old runs, except `spare` and those that found a new fault, and runs of another key that claim to be newer than
        one of a key that is here.
        """

        async def work(unit: Unit) -> None:
            if own := await VerificationRun.last_that(run.ended_at, {}):
                await VerificationRun.forget_others(own.number)
            while there := await VerificationRun.raw_first({"number": run.number}):
                if spelled(there.get("began_at")) == spelled(run.began_at):
                    return  # an earlier attempt committed, and only its answer was lost
                run.number += 1  # somebody put a document in its place
            await VerificationRun.forget_others(run.number)
            await self.moved(due_at)
            await VerificationRun.insert_raws([sealed(run, run._as_stored(), run.number)])
            old = {"$lte": run.number - KEPT, "$ne": spare}
            await VerificationRun.delete_unrecorded({"number": old, "is_news": False})

        await bound_database().transact(work, run.ended_at)


async def verify_in_turn(
    key: VerifierKey | None,
    clock: Callable[[], datetime],
    every: timedelta,
    keeping: Keeping | None = None,
    books: Books | None = None,
    *,
    at_once: bool = False,
) -> VerificationRun | None:
    """Verifies the trail if a run is due, and stores the run; None if none is due or another process has the turn.

    With `at_once` it is due now. Compares with the file of checkpoints that `keeping` reads, a run over everything with all of
    them; without a file with the newest ones that `key` signed. Compares the records of `books` with the trail. After each window
    it sleeps as long as the window took, which leaves at least half of the processor to requests.
    """
    ahead, strange = await VerificationRun.after_last(began := clock())
    altered = await VerificationTurn.cleared(began, max(every, DAY)) and not ahead
    # An earlier release let an operator wait for as long as he liked, and no seal says that a run of his was altered.
    altered = altered and await VerificationRun.last_that(began, {}) is not None
    taken = await VerificationTurn.taken(began, at_once=at_once or bool(ahead))  # a fast clock put off the turn too
    if taken is None:
        return None
    turn = taken
    altered = await _cleared(strange, began) or altered
    last, sound = await VerificationRun.last(began), await VerificationRun.last_that(began, {"found.fault_count": 0})
    whole = altered or await _whole_is_due(last, began)
    first = sound.found.tree_size if sound and not whole else 0
    if first and await _signed_in_altered(first):
        first = 0
    # The file counts where there is one: whoever rewrote the trail may have had the stored checkpoints signed anew.
    kept = await keeping(first == 0) if keeping else Kept()
    if key and not kept.signed and not kept.denied:
        kept = await _stored(key)
    earlier = (sound.found.tree_size, sound.found.root) if sound and sound.found.root else None
    since = monotonic()

    async def rest(read: int) -> None:
        """Prolongs the turn after a window, and sleeps as long as the window took."""
        nonlocal turn, since
        turn = await turn.hold(clock())
        await asyncio.sleep(monotonic() - since)
        since = monotonic()

    try:
        report = await verify_on(first, earlier, kept, rest, books)
        if books and not first:
            await rest(0)
            report = await _counted(report, books, clock())
        if altered:
            says = "What was stored of earlier runs, or of whose turn it is, is nothing that a server stores; it was deleted."
            told = Fault(kind=AuditFaultKind.RUN_ALTERED, seq=None, detail=says)
            report = report.model_copy(update={"faults": (told, *report.faults), "fault_count": report.fault_count + 1})
        ended = max(clock(), began)
        due_at = began + min(max(every, LOAD * (ended - began)), max(every, DAY))
        run = VerificationRun(
            number=max([turn.number, *(each.number + 1 for each in [last, *ahead] if each)]),
            began_at=began,
            ended_at=ended,
            found=report.model_copy(update={"faults": report.faults[:LISTED]}),
            checkpoint_size=kept.signed[-1].size if kept.signed else None,
            is_news=not _faults(report) <= (_faults(last.found) if last else set()),
            due_at=due_at,
        )
        await turn.end(run, sound and sound.number, due_at)
    except StaleRevision:  # a window took so long that the turn ran out, and another process took it
        return None
    return run


async def _counted(report: Report, books: Books, at: datetime) -> Report:
    """Puts right each count that is not what the records come to; the report with a fault for each, if it has no other.

    A record that was altered makes counts differ too, and has a fault of its own.
    """
    found = await recount(books.kinds, at)
    if not report.valid:
        return report
    faults = tuple(
        Fault(
            kind=AuditFaultKind.RECORD_DIFFERS, seq=None, path=each.figure or None,
            resource=EventResource(type=FigureCount.__name__, id=each.name),
            detail=f"The records come to {each.missing:+d} of what was stored; it was put right.",
        )
        for each in found
    )  # fmt: skip
    return report.model_copy(update={"faults": faults, "fault_count": len(faults)})


async def _stored(key: VerifierKey) -> Kept:
    return Kept.of(await AuditCheckpoint.newest_notes(key, NEWEST), [key])


async def _cleared(found: list[Raw], at: datetime) -> bool:
    """Deletes the stored documents that are no runs; whether there were any."""

    async def work(unit: Unit) -> None:
        for each in found:
            await VerificationRun.delete_unrecorded(each)

    if found:
        await bound_database().transact(work, at)
    return bool(found)


async def _whole_is_due(last: VerificationRun | None, at: datetime) -> bool:
    whole = await VerificationRun.last_that(at, {"found.first": 0})
    if last is None or whole is None or not last.found.valid:
        return True
    return at - whole.began_at >= min(DAY, LOAD_OF_WHOLE * whole.took)


async def _signed_in_altered(first: int) -> bool:
    """Whether somebody tried to sign in by a record that was altered, as an event from `first` on tells."""
    told = {"action": "signIn", "outcome": AuditOutcome.DENIED, "details.facts.altered": True}
    return bool(await AuditEvent.raws({"seq": {"$gte": first}, **told}, fields=["seq"], limit=1))


Identity = tuple[AuditFaultKind, int | None, EventResource | None, str | None]


def _faults(found: Report) -> set[Identity]:
    """The identities of the first faults, by which a run sees whether it found a new one.

    TAIL_CUT and REWRITTEN are one identity: a trail whose end was cut off reads as rewritten once it has grown again.
    """
    return {
        (AuditFaultKind.REWRITTEN, None, None, None)
        if each.kind in ANOTHER_PAST
        else (each.kind, each.seq, each.resource, each.path)
        for each in found.faults[:LISTED]
    }


async def tell(run: VerificationRun) -> None:
    """Appends a failure event that lists the faults of a run."""
    found = run.found
    facts = {
        "first": found.first, "tree_size": found.tree_size, "fault_count": found.fault_count,
        "faults": [_told(each) for each in found.faults],
    }  # fmt: skip
    told = Occurrence(
        AuditEventType.COMPLIANCE_CHECK, "verifyTrail", SYSTEM, Request(EventIds()[0]), (VerificationRun.__name__, run.key),
        outcome=AuditOutcome.FAILURE, facts=facts,
    )  # fmt: skip
    await record(told, run.ended_at)


def _told(fault: Fault) -> Raw:
    of = fault.resource
    record = {"resource": {"type": of.type, "id": of.id}, "path": fault.path} if of else {}
    return {"kind": str(fault.kind), "seq": fault.seq, **record}
