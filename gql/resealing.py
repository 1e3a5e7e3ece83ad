"""Seals made anew at a start: after the secret key was changed, those of the key before."""

import logging
from collections.abc import Callable
from datetime import datetime

from documents.access import SYSTEM
from documents.audit.event import AuditEventType
from documents.audit.forms import is_text
from documents.audit.sealing import problem, problem_of_head, put
from documents.audit.trail import AuditHead, EventIds, Occurrence, Request
from documents.canonical import quoted
from documents.kinds import RECORDS
from documents.seals import FIELD, Keyring, names_unknown_key, seq_of
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.standins import VALUE_ERRORS
from documents.store.units import Raw, Unit

KINDS = sorted((each for each in RECORDS if each.grants_access), key=lambda each: each.__name__)
KEY_ID, BATCH, NAMED = f"{FIELD}.key_id", 100, 50
WINDOW, LABEL = 1_000, 200  # rows that are listed at once; characters of a label
Place = tuple[type[Record], str]
log = logging.getLogger(__name__)


async def rotate(keys: Keyring, at: datetime) -> None:
    """Seals anew what is sealed under the previous key, after each seal was checked; the trail tells of each batch with it.

    A record that is not what it was keeps its old seal, and the event names it. Any number of processes can do so at once. Warns
    of records under a key that is not here.
    """
    if keys.previous:
        await AuditHead.seal_anew(_sealed_before(keys), at)
        places, untold = list[Place](), list[str]()
        for kind in KINDS:
            named, nameless = await _sealed_under(kind, keys.previous.id)
            places += [(kind, key) for key in named]
            untold += nameless
        for each in untold:
            _warn(each)
        for first in range(0, len(places), BATCH):
            sealed, refused = await _batch(places[first : first + BATCH], keys.previous.id, keys.current.id, untold, at)
            for each in refused:
                _warn(each)
            untold = [] if sealed else untold + refused
    known = [keys.current.id, *([keys.previous.id] if keys.previous else [])]
    if lost := sum([await each.tally({KEY_ID: {"$exists": True, "$nin": known}}) for each in KINDS]):
        log.error(
            "%d people and tokens are sealed under a secret key that is not here, so nobody signs in by them: set "
            "MAGISTRATE_SECRET_KEY_PREVIOUS to that key, or run `magistrate admin recover` on the host",
            lost,
        )


def _sealed_before(keys: Keyring) -> Callable[[Raw], bool]:
    """Whether a stored head is sealed rightly, and not under the current key."""
    return lambda head: names_unknown_key(head, Keyring(keys.current)) and problem_of_head(head) is None


async def _sealed_under(kind: type[Record], key_id: str) -> tuple[list[str], list[str]]:
    """The keys of the records under a key, in order, and the labels of the rows whose key is no text; each row is read once."""
    (name,) = kind.keys
    named, nameless = set[str](), list[str]()
    async for window in kind.raw_windows({KEY_ID: key_id}, (), WINDOW, [name]):
        for row in window:
            key = row.get(name)
            if is_text(key):
                named.add(str(key))
            else:
                nameless.append(_label(kind, key))
    return sorted(named), nameless


def _label(kind: type[Record], key: object) -> str:
    return f"{kind.__name__}/{key if is_text(key) else quoted(key)}"[:LABEL]


async def _batch(places: list[Place], previous: str, current: str, untold: list[str], at: datetime) -> tuple[int, list[str]]:
    """Seals records anew, in one transaction with the event that tells of it; how many, and the labels of those it refused."""
    ids, by_kind = EventIds(), dict[type[Record], list[str]]()
    for kind, key in places:
        by_kind.setdefault(kind, []).append(key)

    async def work(unit: Unit) -> tuple[int, list[str]]:
        head, sealed, refused = await AuditHead.touch(), 0, list[str]()
        for kind, keys in by_kind.items():
            (name,) = kind.keys
            async for rows in kind.raw_windows({KEY_ID: previous, name: {"$in": keys}}, [(name, 1)], BATCH):
                for row in rows:
                    if (key := row.get(name)) not in keys:  # a list with such a text meets the query too
                        continue
                    if await _resealed(kind, key, row):
                        refused.append(_label(kind, key))
                    else:
                        sealed += 1
        if sealed:
            facts = {"from": previous, "to": current, "sealed": sealed, "refused": [*untold, *refused][:NAMED]}
            about, request = ("SecretKey", current), Request(ids[0])
            told = Occurrence(AuditEventType.SYSTEM_STARTED, "rotateSecretKey", SYSTEM, request, about, facts=facts)
            await head.append([told], at, ids)
        return sealed, refused

    return await bound_database().transact(work, at)


async def _resealed(kind: type[Record], key: str, row: Raw) -> str | None:
    """Seals a row anew unless something is wrong with it, which is the answer."""
    wrong = await problem(kind.__name__, key, row)
    if wrong is None:
        try:
            record = kind.hydrated(row)
        except VALUE_ERRORS:  # under another id of the database, which no seal covers
            return "it cannot be read"
        await put(record, row, seq_of(row) or 0)
    return wrong


def _warn(label: str) -> None:
    log.error("%s keeps the seal of the previous secret key: it is not what it was", label)
