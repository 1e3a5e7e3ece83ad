"""Seals made anew at a start: after the secret key was changed, those of the key before."""

import logging
from datetime import datetime

from documents.access import SYSTEM
from documents.audit.event import AuditEventType
from documents.audit.sealing import problem, put
from documents.audit.trail import AuditHead, EventIds, Occurrence, Request, record
from documents.kinds import RECORDS
from documents.seals import FIELD, Keyring, seq_of
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.units import Unit

KINDS = sorted((each for each in RECORDS if each.grants_access), key=lambda each: each.__name__)
KEY_ID, BATCH, NAMED = f"{FIELD}.key_id", 100, 50
log = logging.getLogger(__name__)


async def rotate(keys: Keyring, at: datetime) -> None:
    """Seals anew what is sealed under the previous key, after each seal was checked; the trail tells of it once.

    A record that is not what it was keeps its old seal, and the event names it. Any number of processes can do so at once. Warns
    of records under a key that is not here.
    """
    sealed, refused = 0, list[str]()
    if keys.previous:
        for kind in KINDS:
            after = ""
            while rows := await _batch(kind, keys.previous.id, after, at):
                sealed += sum(not wrong for _, wrong in rows)
                refused += [f"{kind.__name__}/{key}" for key, wrong in rows if wrong]
                after = rows[-1][0]
        if sealed:
            await _tell(keys.previous.id, keys.current.id, sealed, refused, at)
        for each in refused:
            log.error("%s keeps the seal of the previous secret key: it is not what it was", each)
    known = [keys.current.id, *([keys.previous.id] if keys.previous else [])]
    if lost := sum([await each.tally({KEY_ID: {"$exists": True, "$nin": known}}) for each in KINDS]):
        log.error(
            "%d people and tokens are sealed under a secret key that is not here, so nobody signs in by them: set "
            "MAGISTRATE_SECRET_KEY_PREVIOUS to that key, or run `magistrate admin recover` on the host",
            lost,
        )


async def _batch(kind: type[Record], key_id: str, after: str, at: datetime) -> list[tuple[str, str | None]]:
    """Seals the next records under the key anew, in one transaction; each by its key, with what is wrong with it."""
    (name,) = kind.keys

    async def work(unit: Unit) -> list[tuple[str, str | None]]:
        await AuditHead.touch()
        done = []
        for row in await kind.raws({KEY_ID: key_id, name: {"$gt": after}}, [(name, 1)], BATCH):
            key = str(row[name])
            wrong = await problem(kind.__name__, key, row)
            if wrong is None:
                await put(kind.hydrated(row), row, seq_of(row) or 0)
            done.append((key, wrong))
        return done

    return await bound_database().transact(work, at)


async def _tell(previous: str, current: str, sealed: int, refused: list[str], at: datetime) -> None:
    facts = {"from": previous, "to": current, "sealed": sealed, "refused": refused[:NAMED]}
    about, request = ("SecretKey", current), Request(EventIds()[0])
    await record(Occurrence(AuditEventType.SYSTEM_STARTED, "rotateSecretKey", SYSTEM, request, about, facts=facts), at)
