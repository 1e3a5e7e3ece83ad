"""The end of a trail whose seal is under a key that is not here: which of its events no checkpoint covers."""

from typing import NamedTuple

import typer

from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEvent
from documents.audit.forks import parting, restored
from documents.audit.pins import Kept
from documents.audit.restorations import ends_of
from documents.audit.sealing import keyring
from documents.audit.trail import AuditHead
from documents.errors import InvalidInput
from documents.seals import names_unknown_key
from documents.store.standins import at_path
from gql import checkpoints
from gql.faults import TrailFaulty
from gql.settings import PREFIX, Settings

RESEAL = "resealRecords"
AT_ONCE = 100  # checkpoints and events that are read at once


async def sealed_by_nobody_here() -> bool:
    """Whether the end of the trail has no seal under a key that is here, so that anybody may have left it so."""
    head = await AuditHead.raw_first({"name": "head"})
    return head is not None and names_unknown_key(head, keyring())


class Uncovered(NamedTuple):
    """The events at the end of a trail that no checkpoint covers; all, where there is nothing to compare the trail with."""

    first: int
    size: int
    compared: bool

    @property
    def late(self) -> list[range]:
        """The events that came after what was compared."""
        return [range(self.first, self.size)] if self.compared and self.first < self.size else []

    def must_be_looked_at(self, believe_from: int | None) -> None:
        """Raises InvalidInput unless somebody looked at these events, and says so by the first of them."""
        first, last = self.first, self.size - 1
        if first > last:
            return
        says = f"events {first} to {last} came after the last checkpoint, and nothing shows that a server left them"
        if not self.compared:
            says = (
                f"there is neither {PREFIX}AUDIT_KEY nor {PREFIX}CHECKPOINT_FILE here, so nothing shows that a server left the "
                f"{self.size} events; set them if servers have them"
            )
        if believe_from != first:
            raise InvalidInput(
                "believe_from",
                f"must be {first}: {says}. Was the secret key changed or lost? If not, somebody altered the seals. Look at those "
                f"events first, by `magistrate audit export --from {first} DIR`",
            )
        typer.echo(f"{says}{': they are believed, and make nobody an administrator' if self.compared else ''}", err=True)


async def uncovered_events(settings: Settings) -> Uncovered:
    """The events that no checkpoint covers: none of the file of the settings, nor a stored one by a key that is here.

    TrailFaulty if the trail contradicts a checkpoint.
    """
    keeping = checkpoints.keeping(settings)
    of_file = await keeping(True) if keeping else Kept()  # read before the head: whatever is in it was committed by then
    head = await AuditHead.require("head")
    key = checkpoints.signing_key(settings, head.origin) if checkpoints.has_key(settings) else None
    keys = [each.verifier for each in (key, *checkpoints.previous_keys(settings)) if each]
    notes = [note for each in keys for note in await AuditCheckpoint.newest_notes(each, AT_ONCE)]
    stored = Kept(Kept.of(notes, keys).signed, (), tuple(keys))  # an altered one covers nothing
    for kept in (of_file, stored):
        if found := await parting(kept, head):
            kind, seq, says = found[0]
            raise TrailFaulty(f"nobody is sealed by a trail that contradicts its checkpoints: {kind.name} at {seq}. {says}")
    ends = ends_of(each for _, each in await restored())
    reach = {head.origin: head.size} | {name: each.seq for name, each in ends.items()}
    signed = (*of_file.signed, *stored.signed)
    covered = max((each.size for each in signed if each.size <= reach.get(each.origin, 0)), default=0)
    return Uncovered(covered, head.size, compared=bool(keys) or keeping is not None)


async def believed_before() -> list[range]:
    """The events that no checkpoint covered when a recovery or a restoration believed them; one may cover them since."""
    query = {"resource.type": "SecretKey", "action": RESEAL}
    found = [range(each.kept_to, each.seq) for _, each in await restored()]
    async for events in AuditEvent.raw_windows(query, [("seq", 1)], AT_ONCE, ["details"]):
        for each in events:
            match at_path(each, "details.facts.believed"):
                case {"from": int(first), "to": int(last)}:
                    found.append(range(first, last + 1))
    return found
