"""A trail that goes on from a restored state: the event that says so, and what it says. Pure: imports no database.

A backup that is put back takes the trail back too, and events that were signed are lost. The trail then goes on under another
name. Its first event under that name cites the name of before, the last checkpoint that was kept, and the numbers that are lost.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import Field, ValidationError

from documents.audit.notes import BadNote, Checkpoint, unverified
from documents.values import Count, Value

ACTION = "restoreTrail"
RESOURCE = ("AuditHead", "head")


class Restoration(Value):
    """A restoration says where a trail went on under another name, because a backup was put back, and what was lost."""

    seq: Count = Field(description="The event that tells of it, the first under the name of after.")
    origin_before: str = Field(description="The name that the trail had before.")
    origin: str = Field(description="The name that the trail has from there on.")
    lost_from: Count = Field(description="The first number whose former event is lost.")
    lost_to: Count = Field(description="The last number whose former event is known to be lost.")
    kept_to: Count = Field(description="The size of the newest kept checkpoint with which the restored trail agreed.")
    reason: str = Field(description="The reason that was given on the host.")
    checkpoint: str = Field(description="The last checkpoint that was kept of the trail of before.")


def facts_of(before: Checkpoint, note: str, size: int, kept_to: int, reason: str) -> dict[str, Any]:
    """The facts of the event by which a trail of `size` events goes on, where `before` had been signed in `note`."""
    lost = {"from": size, "to": before.size - 1}
    return {"origin": before.origin, "checkpoint": note, "lost": lost, "kept_to": kept_to, "reason": reason}


def restoration_in(event: Mapping[str, Any]) -> Restoration | None:
    """The restoration that an event tells of; None for any other event, and for one that contradicts itself."""
    match event:
        case {
            "seq": int(seq), "origin": str(origin), "action": action, "actor": {"id": "system", "type": "system"},
            "outcome": "success",
            "resource": {"type": kind, "id": key},
            "details": {"facts": {
                "origin": str(before), "checkpoint": str(note), "lost": {"from": int(first), "to": int(last)},
                "kept_to": int(kept_to), "reason": str(reason),
            }},
        } if action == ACTION and (kind, key) == RESOURCE:  # fmt: skip
            pass
        case _:
            return None
    try:
        cited = unverified(note)
    except BadNote:
        return None
    if (cited.origin, cited.size) != (before, last + 1) or before == origin or not 0 <= kept_to <= first == seq <= last:
        return None
    with suppress(ValidationError):  # for Python a boolean is an integer, and for this model it is none
        return Restoration(
            seq=seq, origin_before=before, origin=origin, lost_from=first, lost_to=last, kept_to=kept_to, reason=reason,
            checkpoint=note,
        )  # fmt: skip
    return None


def ends_of(restorations: Iterable[Restoration]) -> dict[str, Restoration]:
    """By the name that a trail no longer bears, the restoration that ended it."""
    return {each.origin_before: each for each in restorations}
