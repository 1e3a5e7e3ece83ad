"""Lapses: who decided in a role, and has left or lost the role since. The decision stays, and a notice says so."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from documents.access import GovernanceRole
from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.people import Stakeholder
from documents.store.units import Raw
from documents.versions.approvals import Decider


@dataclass(frozen=True, slots=True)
class Lapse:
    """A lapse says that a person can no longer decide in a role, and since when."""

    left: bool
    """Whether the person is inactive; otherwise the person lost the role."""
    since: datetime | None
    """The time of the last event that tells of it; None if the trail has none."""

    @property
    def says(self) -> str:
        how = "left" if self.left else "lost the role"
        return f"{how} on {self.since:%Y-%m-%d}" if self.since else how


async def lapses(deciders: Collection[Decider], people: Collection[Stakeholder]) -> Mapping[Decider, Lapse]:
    """The lapse of each of the `deciders` who can no longer decide in the role; `people` has the records of all of them.

    Takes one database command if there is any, and none otherwise.
    """
    known = {each.user_id: each for each in people}
    # An id without a person is a service's or a person's of a database that was put together by hand: nothing is known of it.
    lapsed = [each for each in deciders if each.user_id in known and not known[each.user_id].holds(each.role)]
    told = await _revocations({each.user_id for each in lapsed})
    return {each: _lapse(each, known[each.user_id], told) for each in lapsed}


async def _revocations(ids: Collection[str]) -> list[Raw]:
    """The events by which the people lost something, oldest first."""
    if not ids:
        return []
    about = {"resource.id": {"$in": sorted(ids)}, "resource.type": Stakeholder.__name__}
    query = about | {"event_type": AuditEventType.ACCESS_REVOKED, "outcome": AuditOutcome.SUCCESS}
    return await AuditEvent.raws(query, [("seq", 1)], fields=["resource", "occurred_at", "details"])


def _lapse(decider: Decider, person: Stakeholder, told: Collection[Raw]) -> Lapse:
    ends = _left if not person.active else lambda changes: _lost(changes, decider.role)
    about = (each for each in told if each["resource"]["id"] == decider.user_id)
    moments = [each["occurred_at"] for each in about if ends(each["details"].get("changes", []))]
    return Lapse(left=not person.active, since=moments[-1] if moments else None)


def _left(changes: Collection[Mapping[str, Any]]) -> bool:
    return any(each["path"] == "active" and each.get("to") is False for each in changes)


def _lost(changes: Collection[Mapping[str, Any]], role: GovernanceRole) -> bool:
    """Whether the role is on the list of roles before and not after; one that only moved there is told as both."""
    told = [each for each in changes if each["path"].startswith("roles.")]
    return any(each.get("from") == role for each in told) and not any(each.get("to") == role for each in told)
