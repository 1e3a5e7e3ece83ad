"""The effect of a policy that is not written yet: which versions that may be deployed would not be, once it binds them."""

from asyncio import sleep
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from pydantic import Field

from documents.access import GovernanceRole
from documents.eligibility.answer import Finding
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.policies import Policy, all_policies
from documents.store.units import Raw
from documents.values import Key, Moment, Value
from documents.versions.lifecycle import VersionStatus
from documents.versions.version import ModelVersion

AT_ONCE = 25  # versions that are judged before other requests have their turn
LISTED = 500


class StoppedVersion(Value):
    """A stopped version may be deployed until the policy binds it, and not from then on."""

    model_id: Key = Field(description="The id of the model that it belongs to.")
    version: Key = Field(description="The name that the version has.")
    violations: tuple[Finding, ...] = Field(description="The requirements that it would not meet.")
    missing_roles: tuple[GovernanceRole, ...] = Field(description="The roles whose approval would not count.")


class PolicyEffect(Value):
    """An effect says which versions a policy would stop."""

    binds_from: Moment | None = Field(
        description="The time from which it would bind versions that were submitted before; null if never."
    )
    judged: int = Field(description="The number of approved versions that were judged under it.")
    stops: int = Field(description="The number of versions that would stop being eligible.")
    stopped: tuple[StoppedVersion, ...] = Field(description="The versions that would stop, oldest first: 500 at most.")
    ends_announcement: Moment | None = Field(
        description="The time at which a revision before it was to bind them, and no longer would; null if there is none."
    )


async def effect_of(policy: Policy, at: datetime) -> PolicyEffect:
    """What the newest revision of a policy does to approved versions at the moment from which it binds them. Changes no record.

    A version that would lapse by then all the same is not counted: the policy does not stop it.
    """
    binds = policy.revisions[-1].binds_approved_from
    judged, stops, stopped = 0, 0, list[StoppedVersion]()
    stored = await all_policies()
    ended = _ended(next((each for each in stored if each.policy_id == policy.policy_id), None), policy, at)
    if binds is None:
        return PolicyEffect(binds_from=None, judged=0, stops=0, stopped=(), ends_announcement=ended)
    policies = [*(each for each in stored if each.policy_id != policy.policy_id), policy]
    tiers = {tier for each in policy.revisions for tier in each.applicable_tiers}
    approved = {"standing.status": VersionStatus.APPROVED, "tier": {"$in": sorted(tiers)}}
    async for versions in _batches(approved):
        before = [Judgement(each.as_of(binds)) for each in await case_files(versions, at, for_standing=True, under=stored)]
        after = [Judgement(each.as_of(binds)) for each in await case_files(versions, at, for_standing=True, under=policies)]
        judged += len(versions)
        for version, was, now in zip(versions, before, after, strict=True):
            if was.eligible and not now.eligible:
                stops += 1
                stopped += [_stopped(version, now, policy.policy_id)] if len(stopped) < LISTED else []
        await sleep(0)
    return PolicyEffect(binds_from=binds, judged=judged, stops=stops, stopped=tuple(stopped), ends_announcement=ended)


def _ended(before: Policy | None, after: Policy, at: datetime) -> datetime | None:
    """The first moment to come at which a revision was to bind submitted versions, and at which it no longer does."""
    kept = {(moment, each.revision) for moment, each in after.reaches}
    coming = ((moment, each.revision) for moment, each in (before.reaches if before else ()) if moment > at)
    return next((moment for moment, revision in coming if (moment, revision) not in kept), None)


async def _batches(query: Raw) -> AsyncIterator[Sequence[ModelVersion]]:
    last: Raw = {}
    while versions := await ModelVersion.every(query | last, [("_id", 1)], AT_ONCE):
        yield versions
        last = {"_id": {"$gt": versions[-1].id}}


def _stopped(version: ModelVersion, now: Judgement, policy_id: str) -> StoppedVersion:
    return StoppedVersion(
        model_id=version.model_id, version=version.version,
        violations=tuple(each for each in now.violations if each.policy_id == policy_id),
        missing_roles=tuple(each.role for each in now.missing if policy_id in each.policies),
    )  # fmt: skip
