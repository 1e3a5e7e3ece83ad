"""The work of `magistrate audit restored`: a trail whose backup was put back goes on under another name."""

import re
from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError

from documents import migrations
from documents.access import SYSTEM
from documents.audit.checkpoints import endorsements
from documents.audit.comparison import Finding
from documents.audit.endorsements import followed
from documents.audit.event import AuditEvent, AuditEventType
from documents.audit.findings import AuditFaultKind
from documents.audit.forks import parting, restored
from documents.audit.notes import trimmed
from documents.audit.pins import Kept, kept_in, pinned, trusted
from documents.audit.restorations import ACTION, RESOURCE, Restoration, facts_of
from documents.audit.runs import VerificationTurn
from documents.audit.sealing import keyring
from documents.audit.trail import AuditHead, EventIds, Occurrence, Request
from documents.audit.verify import verify
from documents.errors import InvalidInput, OlderSchema
from documents.seals import FIELD, names_unknown_key
from documents.store.session import bound_database
from documents.store.units import Raw, Unit
from documents.values import Statement, problem_in
from gql import checkpoints, secretkey
from gql.cli.recovery import any_sealed
from gql.cli.trail import Work
from gql.faults import TrailFaulty
from gql.firststart import Clock, utc_now
from gql.release import RELEASE
from gql.settings import PREFIX, Settings

NAME = re.compile(r"[^\s+]{1,200}")


def restoring(text: str, keys: Sequence[str], origin: str, reason: str, clock: Clock = utc_now) -> Work[list[str]]:
    """Lets the trail go on as `origin`, because a backup was put back; returns what is to be told, a line each.

    `text` are the checkpoints that were kept, the last of which the restored trail does not reach. Raises InvalidInput for an
    unfit name or reason or if nothing is lost, and TrailFaulty if the trail is not the beginning of what was signed.
    """

    async def work(settings: Settings) -> list[str]:
        _check(origin, reason)
        allowed, wrong = followed(trusted(text, keys), await endorsements())
        if wrong:
            raise TrailFaulty(f"the trail cannot be declared restored: {wrong[0]}")
        await bound_database().know([VerificationTurn])
        kept, at, ids = Kept.read(text, allowed), clock(), EventIds()
        earlier = await _is_of_an_earlier_release()
        if earlier:  # then nothing was ever sealed in it, and an embedded database may have no key yet
            bound_database().keyring = bound_database().keyring or secretkey.keyring(settings)
        # A backup may also be of before a change of the secret key; then nobody in it is sealed under a key that is here. What
        # was kept outside is compared with it below, and does not show an event that was put after the last checkpoint.
        secrets = keyring()
        nobody_sealed = not await any_sealed(secrets)

        def believed(head: Raw) -> bool:
            return nobody_sealed and (names_unknown_key(head, secrets) if FIELD in head else earlier)

        async def restore(unit: Unit) -> Restoration:
            head = await AuditHead.touch(believed=believed)
            before = [each for _, each in await restored()]
            # After a kill the command is given again: what is in the trail is not told twice, and the key is put aside below.
            if before and before[-1].origin == head.origin == origin:
                return before[-1]
            if origin == head.origin or origin in {each.origin_before for each in before}:
                raise InvalidInput("origin", "must be a name that the trail has not borne yet")
            _check_beginning(await parting(kept, head), head)
            last = max((each for each in kept.signed if each.origin == head.origin), key=lambda each: each.size)
            reached = {each.origin_before: each.seq for each in before} | {head.origin: head.size}
            agreed = max((each.size for each in kept.signed if each.size <= reached[each.origin]), default=0)
            note = next(each for each in kept_in(text) if pinned(each, allowed) == last)
            facts = facts_of(last, trimmed(note, allowed), head.size, agreed, reason)
            what = Occurrence(AuditEventType.SYSTEM_STARTED, ACTION, SYSTEM, Request(ids[0]), RESOURCE, facts=facts)
            if not await AuditEvent.wanted(ids[0]):  # else an earlier attempt committed, and only the answer was lost
                head.origin = origin
                await head.append([what], at, ids)
            if turn := await VerificationTurn.wanted("turn"):  # what the last run found is no longer so
                turn.due_at = at
                await turn.store()
            return (await restored())[-1][1]

        found = await bound_database().transact(restore, at)
        return [*_lost(found), *_keys(settings, origin)]

    return work


async def _is_of_an_earlier_release() -> bool:
    """Whether the data are of a release that sealed nothing. Raises TrailFaulty if the trail that tells so has a fault."""
    try:
        await migrations.check(bound_database(), RELEASE, as_told=True)
    except OlderSchema as older:
        if older.found >= migrations.SEALED:
            return False
        head = await AuditHead.raw_first({"name": "head"}) or {}
        if found := (await verify(limit=None, sealed=FIELD in head)).faults:
            at = "" if found[0].seq is None else f" at {found[0].seq}"
            raise TrailFaulty(f"the trail cannot be declared restored: it has faults: {found[0].kind.name}{at}") from older
        return True
    return False


def _check(origin: str, reason: str) -> None:
    if not NAME.fullmatch(origin):
        raise InvalidInput("origin", "must be a name of up to 200 characters without space or +")
    try:
        TypeAdapter(Statement).validate_python(reason)
    except ValidationError as wrong:
        raise InvalidInput("reason", problem_in(wrong.errors()[0]["msg"])) from None


def _check_beginning(found: Sequence[Finding], head: AuditHead) -> None:
    """Raises unless all that is wrong with the trail is that it ends before the last checkpoint."""
    for kind, seq, says in found:
        if (kind, seq) != (AuditFaultKind.TAIL_CUT, head.size):
            # The endorsement of a key that came after the backup is lost with the events after it.
            hint = " If the key was changed after the backup was made, give each verifier key by --key."
            forged = kind is AuditFaultKind.CHECKPOINT_FORGED
            raise TrailFaulty(f"the trail is not the beginning of what was signed: {kind.name}. {says}{hint if forged else ''}")
    if not found:
        raise InvalidInput("checkpoint", f"shows no loss: the trail has {head.size} events and reaches all that was signed")


def _lost(found: Restoration) -> list[str]:
    return [
        f"the trail goes on as {found.origin} from event {found.seq}",
        f"of {found.origin_before}, events {found.lost_from} to {found.lost_to} are lost",
        *([f"no checkpoint covers events {found.kept_to} to {found.seq - 1}"] if found.kept_to < found.seq else []),
    ]


def _keys(settings: Settings, origin: str) -> list[str]:
    """Makes room for a key of the new name, or says which settings are to be changed."""
    if settings.audit_key or settings.mongodb_uri:
        name = f"{PREFIX}AUDIT_KEY"
        return [
            f"make a key by `magistrate audit key {origin}`; set {name} to it, {name}_PREVIOUS to the key of before; start again"
        ]
    aside = checkpoints.put_aside(settings, origin)
    key = checkpoints.signing_key(settings, origin)
    told = [f"the key of before is in {aside}; it endorses the new one at the next checkpoint"] if aside else []
    return [*told, f"start the server again: it signs with {key.verifier}" if key else "start the server again"]
