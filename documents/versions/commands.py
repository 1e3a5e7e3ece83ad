"""What is done to a version that needs the policies: submission and waivers."""

from datetime import datetime, timedelta

from documents.access import Actor
from documents.policies import BoundPolicy, all_policies, contents_of, in_force
from documents.versions.rules import decisions, waivers
from documents.versions.version import ModelVersion
from documents.versions.waivers import Waiver


async def submit(version: ModelVersion, by: Actor, at: datetime) -> None:
    """Opens a round of approvals under the policies in force now, and stores the version."""
    await decisions.submit(version, in_force(await all_policies(), version.tier, at), by, at)
    await version.store()


async def waive(
    version: ModelVersion, requirement_id: str, rationale: str, expires_at: datetime, longest: timedelta, by: Actor, at: datetime
) -> Waiver:
    """Excepts a version from a blocking requirement that it is held to, and stores it; InvalidInput for any other id."""
    says = await contents_of(await all_policies(), await _binding(version, at))
    blocking = {asked.requirement_id for each in says.values() if each.blocking for asked in each.requirements}
    waiver = waivers.grant(version, requirement_id, blocking, rationale, expires_at, longest, by, at)
    await version.store()
    return waiver


async def _binding(version: ModelVersion, at: datetime) -> tuple[BoundPolicy, ...]:
    """The policies that the version is held to now: those of its round, or for a draft those in force."""
    return version.round.policies if version.round else in_force(await all_policies(), version.tier, at)
