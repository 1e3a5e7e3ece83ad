"""The work of `magistrate admin recover` on the database of the settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex, token_urlsafe

import typer
from pydantic import TypeAdapter, ValidationError

from documents.access import SYSTEM, PlatformRole
from documents.audit.books import wrong_in
from documents.audit.event import AuditEvent, AuditEventType
from documents.audit.findings import AuditFaultKind
from documents.audit.fold import Told
from documents.audit.sealing import keyring, last_seq, problem, put
from documents.audit.told import differences, told, told_of
from documents.audit.trail import AuditHead, EventIds, Occurrence, Request, occurrences_of, record
from documents.audit.verify import verify
from documents.canonical import quoted
from documents.details import details_of
from documents.errors import InvalidInput
from documents.kinds import RECORDS
from documents.people import Stakeholder
from documents.seals import FIELD, Keyring, names_unknown_key, problem_of
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.units import Raw, RecordChange, Unit
from documents.tokens import LIFETIME, ApiToken, TokenKind
from documents.values import Statement, problem_in
from gql import secretkey
from gql.cli.trail import Work
from gql.cli.uncovered import RESEAL, believed_before, sealed_by_nobody_here, uncovered_events
from gql.faults import SecretKeyRefused
from gql.firststart import TOKEN_FILE, Clock, utc_now
from gql.private import write_private
from gql.resealing import KINDS, NAMED
from gql.settings import Settings

RECOVER = "recoverAdministrator"
AT_ONCE = 100  # rows that are read at once
LONGEST = 200  # characters of a key that are shown: in an altered row it may be anything
COUNTING = ("platform_role", "active", "registered_at")
ENTRANCES = ("email", "bindings")  # by which issuers let somebody in as a person
UNTOLD = frozenset(
    {
        AuditFaultKind.MISSING_EVENTS, AuditFaultKind.REPEATED_SEQ, AuditFaultKind.NOT_CANONICAL, AuditFaultKind.HASH_DIFFERS,
        AuditFaultKind.FIELD_DIFFERS, AuditFaultKind.MISSING_FIELD, AuditFaultKind.INVALID_FIELD, AuditFaultKind.BROKEN_LINK,
    }
)  # fmt: skip
"""The faults of events after which nobody knows what the trail told, nor of whom."""


@dataclass(slots=True)
class Recovered:
    """What was done: whose token it is, the token, what was sealed anew, and which records were not."""

    user_id: str
    token: str
    sealed: int = 0
    sealed_end: bool = False
    left: list[str] = field(default_factory=list)


def recovering(
    user_id: str | None,
    reason: str,
    *,
    reseal: bool,
    in_file: bool,
    believe_from: int | None = None,
    clock: Clock = utc_now,
) -> Work[Recovered]:
    """Makes a token for an administrator and seals the person anew; with `reseal`, all else that agrees with the trail too.

    While an event has a fault, nobody is believed to be what the trail tells: the person has to be named, and nobody else is
    sealed. Where nothing but the events themselves says that a server left the end so, `believe_from` has to be the first that no
    checkpoint covers. InvalidInput for an unfit person or reason, and for another number; TrailFaulty for an end that contradicts
    a checkpoint. Without `reseal`, SecretKeyRefused for a key under which nothing is sealed: if it is not the servers' own, they
    would shut the administrator out.
    """

    async def work(settings: Settings) -> Recovered:
        try:
            TypeAdapter(Statement).validate_python(reason)
        except ValidationError as wrong:
            raise InvalidInput("reason", problem_in(wrong.errors()[0]["msg"])) from None
        database = bound_database()
        known = database.keyring
        keys = known or secretkey.offered(settings)
        await database.know(RECORDS)
        if not reseal:
            await _check_key(keys, settings)
        database.keyring = keys
        kept = await any_sealed(keys)  # looked up before anybody is sealed under this key
        fault = await _fault()
        if user_id is None and fault:
            raise InvalidInput("user", f"must be named, for the trail proves nobody: {fault}")
        if fault:
            typer.echo(f"the trail proves nobody: {fault}", err=True)
        before = await believed_before()
        uncovered = list[range]()
        if reseal and not kept and await sealed_by_nobody_here():
            found = await uncovered_events(settings)
            found.must_be_looked_at(believe_from)
            uncovered = found.late
        late = [*before, *uncovered]
        database.keyring = known or secretkey.written(settings, keys)  # only now: a recovery that is refused leaves no key behind
        sealed_end = reseal and await _seal_head(clock(), kept=kept)
        named = await _longest_registered(late) if user_id is None else user_id
        text = f"mag_{token_hex(8)}_{token_urlsafe(32)}"
        ids, at = EventIds(), clock()

        async def recover(unit: Unit) -> str:
            head = await AuditHead.touch()
            row, known = await _administrator(named, fault)
            person = str(row["user_id"])
            if ids.made and await AuditEvent.wanted(ids[0]):
                return person  # an earlier attempt committed, and only the answer of the database was lost
            doubt = _Doubt(fault, late, kept)
            sealed = await _sealed_anew(row, known, doubt, reason, Request(ids[0]), at)
            token, _ = ApiToken.of(text, TokenKind.PERSONAL, person, "recovered on the host", at + LIFETIME, SYSTEM.id, at)
            token.adds_facts({"reason": reason}, partly=False)
            await token.store()
            others = await occurrences_of(unit, RECOVER, SYSTEM, Request(ids[0]), ApiToken, AuditEventType.ACCESS_GRANTED)
            await head.append([sealed, *(each for each in others if each.resource[0] == ApiToken.__name__)], at, ids)
            if in_file:
                write_private(settings.data_dir / TOKEN_FILE, f"{text}\n")
            return person

        done = Recovered(await database.transact(recover, at), text, sealed_end=sealed_end)
        if reseal:
            await _reseal(done, reason, at, _Doubt(fault, late, kept), uncovered)
        return done

    return work


async def _fault() -> str | None:
    """The first fault by which an event may have told something else than it tells now; None if there is none."""
    report = await verify(limit=None, sealed=False)
    found = next((each for each in report.faults if each.kind in UNTOLD), None)
    if found is None and report.fault_count > len(report.faults):
        return f"it has {report.fault_count} faults"
    return f"{found.kind.name} at event {found.seq}" if found else None


async def _check_key(keys: Keyring, settings: Settings) -> None:
    """Raises SecretKeyRefused if people are sealed, and none of them under a key that is here."""
    sealed = await Stakeholder.raws({FIELD: {"$ne": None}})
    if sealed and all(problem_of(Stakeholder.__name__, str(each.get("user_id")), each, keys) for each in sealed):
        under = sealed[0][FIELD].get("key_id") if isinstance(sealed[0][FIELD], dict) else "another"
        reason = f"is not the one under which people are sealed, which is {under}; add --reseal if that one is lost"
        raise SecretKeyRefused("the settings" if settings.secret_key else "the data folder", reason)


async def _seal_head(at: datetime, *, kept: bool) -> bool:
    """Seals the trail's end anew if its seal is under a key that is not here; whether it did.

    `kept` is as for `_reseal`: while others are sealed under a key that is here, no server sealed the end under another.
    """
    return not kept and await AuditHead.seal_anew(lambda head: names_unknown_key(head, keyring()), at)


async def any_sealed(keys: Keyring) -> bool:
    """Whether any person or token is rightly sealed under a key that is here."""
    for kind in KINDS:
        async for rows in kind.raw_windows({FIELD: {"$ne": None}}, [("_id", 1)], AT_ONCE):
            if any(problem_of(kind.__name__, kind.key_of(each), each, keys) is None for each in rows):
                return True
    return False


async def _longest_registered(late: Sequence[range]) -> str:
    """The user id of the active administrator registered first, by what the trail tells; InvalidInput without one.

    Whom an event among `late` made one is left out.
    """
    found: list[tuple[str, str]] = []
    async for rows in Stakeholder.raw_windows({}, [("_id", 1)], AT_ONCE, ["user_id", *COUNTING]):
        by_id = {each["user_id"]: each for each in rows if isinstance(each.get("user_id"), str)}
        tellings = await told_of(Stakeholder, by_id.keys())
        for user_id, row in by_id.items():
            known = tellings.get(user_id, Told())
            said = _counting(row, known)
            if _told_late(known, COUNTING, late) is not None:
                continue
            if said.get("platform_role") == PlatformRole.ADMIN and said.get("active") is True:
                found.append((quoted(said.get("registered_at")), user_id))
    if not found:
        raise InvalidInput("user", "must be named: the trail tells of no active administrator")
    return min(found)[1]


def _told_late(known: Told, fields: Sequence[str], late: Sequence[range]) -> int | None:
    """The last event among `late` that told what is at one of these fields, or below it; None if there is none."""
    told = (leaf.seq for path, leaf, _ in known.leaves() if _field(path) in fields)
    return max((seq for seq in told if any(seq in each for each in late)), default=None)


def _field(path: str) -> str:
    return path.partition(".")[0]


def _counting(row: Raw, known: Told) -> Raw:
    """What counts of a person: what the trail tells. The row counts where the trail tells of the person and does not prove it."""
    if known.since is not None:
        return known.scalars(COUNTING)
    return row if known.last >= 0 else {}  # of everybody whom a server stored, an event tells


async def _administrator(user_id: str, fault: str | None) -> tuple[Raw, Told]:
    """The row of the named administrator, with what the trail tells of the person; InvalidInput for anybody else.

    Of a trail with a fault a row that a server left so says more.
    """
    rows = [each for each in await Stakeholder.raws({"user_id": user_id}) if each.get("user_id") == user_id]
    if not rows:
        raise InvalidInput("user", f"must be somebody who is registered; {user_id} is not")
    known = await told(Stakeholder, user_id)
    told_role, role = known.scalars(["platform_role"]).get("platform_role"), _counting(rows[0], known).get("platform_role")
    if fault and await problem(Stakeholder.__name__, user_id, rows[0]) is None:
        told_role = role = rows[0].get("platform_role")
    if PlatformRole.ADMIN not in (told_role, role):
        raise InvalidInput("user", f"must be an administrator, and the trail does not tell that {user_id} is one")
    return rows[0], known


async def _sealed_anew(row: Raw, known: Told, doubt: "_Doubt", reason: str, request: Request, at: datetime) -> Occurrence:
    """Stores the person as an active administrator, whom the event tells whole, whatever was altered.

    What issuers let somebody in by is no longer so if it is in doubt: somebody else would come in as the administrator.
    """
    differed = await differences(Stakeholder, row, known)
    name = f"Stakeholder/{row['user_id']}"
    for each in differed:
        typer.echo(f"{name}: {each.path}: {each.says}", err=True)
    person = _readable(row)
    if await problem(Stakeholder.__name__, person.user_id, row) is not None:
        altered = any(_field(each.path) in ENTRANCES for each in differed)
        if doubt.fault or altered or _told_late(known, ENTRANCES, doubt.late) is not None:
            person.forget_entrances(SYSTEM.id, at)
            says = "nothing proves the e-mail address and the bindings: they are gone. Set the address by updateStakeholder"
            typer.echo(f"{name}: {says}", err=True)
    person.recover(SYSTEM.id, at)
    await person.store()
    now = {name: value for name, value in (person.was or row).items() if name != FIELD}
    details = details_of(None, now, Stakeholder.disclosure())
    details.baseline = True
    about, facts = (Stakeholder.__name__, person.user_id), {"reason": reason, "differed": [each.path for each in differed]}
    return Occurrence(
        AuditEventType.ACCESS_GRANTED, RECOVER, SYSTEM, request, about, details=details, facts=facts,
        change=RecordChange(person, None, now),
    )  # fmt: skip


def _readable(row: Raw) -> Stakeholder:
    try:
        return Stakeholder.hydrated(row)
    except ValidationError as wrong:  # its text would quote the values, which are somebody's
        fields = ", ".join(sorted({str(each["loc"][0]) for each in wrong.errors() if each["loc"]}))
        problem = f"must be somebody whose record can be read; {row['user_id']} has no readable {fields or 'record'}"
        raise InvalidInput("user", f"{problem}: name another administrator, or mend that in the database first") from None


@dataclass(frozen=True, slots=True)
class _Doubt:
    """What speaks against a row that agrees with the trail."""

    fault: str | None
    """A fault of the trail, which then proves nothing."""
    late: Sequence[range]
    """The events that no checkpoint covered when they were believed."""
    kept: bool
    """Whether others are sealed under a key that is here. Then a row without a seal was altered."""


async def _reseal(done: Recovered, reason: str, at: datetime, doubt: _Doubt, uncovered: Sequence[range]) -> None:
    """Seals what is sealed under a key that is not here, or not at all, and agrees with the trail; names all else."""
    for kind in KINDS:
        async for rows in kind.raw_windows({}, [("_id", 1)], AT_ONCE, [*kind.keys]):
            for row in rows:
                name = f"{kind.__name__}/{kind.key_of(row)[:LONGEST]}"
                sealed = await _resealed(kind, row, at, name, doubt)
                done.sealed += sealed is True
                done.left += [name] if sealed is False else []
    about, facts = (
        ("SecretKey", keyring().current.id),
        {"reason": reason, "sealed": done.sealed, "end": done.sealed_end, "left": done.left[:NAMED]},
    )
    for each in uncovered:
        facts["believed"] = {"from": each.start, "to": each.stop - 1}
    await record(Occurrence(AuditEventType.ACCESS_GRANTED, RESEAL, SYSTEM, Request(EventIds()[0]), about, facts=facts), at)


async def _resealed(kind: type[Record], seen: Raw, at: datetime, name: str, doubt: _Doubt) -> bool | None:
    """Whether a record was sealed anew: False if it is not what was stored here, None if its seal is right already."""
    key = seen.get(kind.keys[0])
    if not isinstance(key, str):
        typer.echo(f"{name}: its {kind.keys[0]} is no text", err=True)
        return False

    async def work(unit: Unit) -> bool | None:
        await AuditHead.touch()
        row = next(iter(await kind.raw_window({"_id": seen["_id"], kind.keys[0]: key}, [], 1)), None)
        if row is None or problem_of(kind.__name__, key, row, keyring()) is None:
            return None
        seq = await last_seq(kind.__name__, key)
        wrong = await _altered(kind, key, row, doubt)
        for each in wrong:
            typer.echo(f"{name}: {each}", err=True)
        if wrong or seq is None:
            return False
        await put(kind.hydrated(row), row, seq)
        return True

    return await bound_database().transact(work, at)


async def _altered(kind: type[Record], key: str, row: Raw, doubt: _Doubt) -> Sequence[str]:
    """What shows that a row whose seal is not right was altered, in sentences."""
    # What is wrong under a key that is here was altered, perhaps where the trail shows nothing.
    if not names_unknown_key(row, keyring()):
        return ["its seal is not the one of what it says"]
    if row.get(FIELD) is None and doubt.kept:
        return ["it has no seal, and others have one under a key that is here"]
    if doubt.fault:
        return [f"the trail does not prove it: {doubt.fault}"]
    known = await told(kind, key)
    if known.last < 0:
        return ["no event tells of it"]
    if kind is ApiToken and any(known.last in each for each in doubt.late):
        return [f"event {known.last} told of it, and no checkpoint covered that: whose it is makes another"]
    administers = kind is Stakeholder and known.scalars(COUNTING).get("platform_role") == PlatformRole.ADMIN
    seq = _told_late(known, [*COUNTING, *ENTRANCES], doubt.late) if administers else None
    if seq is not None:
        says = "lets somebody in as an administrator, and no checkpoint covered that"
        return [f"event {seq} {says}: `magistrate admin recover {key}` does"]
    found = {each.path: each.says for each in await differences(kind, row, known)}
    return [f"{path}: {says}" for path, says in {**wrong_in(kind, row), **found}.items()]
