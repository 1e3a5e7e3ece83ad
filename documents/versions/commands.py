"""What is done to a version that needs the policies: submission, evidence and waivers."""

from datetime import datetime, timedelta
from itertools import chain

from documents.access import Actor
from documents.policies import BoundPolicy, all_policies, contents_of, from_then_on, in_force
from documents.risk.scales import RiskTier
from documents.versions.evidence import Evidence
from documents.versions.rules import decisions, evidence, waivers
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


async def attach(version: ModelVersion, proof: Evidence, by: Actor, at: datetime) -> None:
    """Attaches evidence and stores the version; InvalidInput for a requirement that no policy has.

    The policies are those that bind the version, and those in force or upcoming for any tier.
    """
    policies = await all_policies()
    to_come = (bound for tier in RiskTier for bound in from_then_on(policies, tier, at).values())
    says = await contents_of(policies, chain(version.round.policies if version.round else (), *to_come))
    evidence.attach(version, proof, {asked.requirement_id for each in says.values() for asked in each.requirements}, by)
    await version.store()


async def _binding(version: ModelVersion, at: datetime) -> tuple[BoundPolicy, ...]:
    """The policies that the version is held to now: those of its round, or for a draft those in force."""
    return version.round.policies if version.round else in_force(await all_policies(), version.tier, at)
