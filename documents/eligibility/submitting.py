"""Submits a version: opens a round of approvals, with the decisions of the round before that still answer what is asked."""

from datetime import datetime

from documents.access import Actor, separated
from documents.eligibility.loading import case_files
from documents.policies import BoundPolicy, PolicyInForce, all_policies, asked_of, contents_of, in_force
from documents.versions.approvals import OBLIGING, Decision, acted_as
from documents.versions.rules import decisions
from documents.versions.version import ModelVersion


async def submit(version: ModelVersion, by: Actor, at: datetime) -> None:
    """Opens a round of approvals under the policies in force now, and stores the version."""
    decisions.may_submit(version, by)
    bound = in_force(await all_policies(), version.tier, at)
    await decisions.submit(version, bound, await _kept(version, bound, by, at), by, at)
    await version.store()


async def _kept(version: ModelVersion, bound: tuple[BoundPolicy, ...], by: Actor, at: datetime) -> tuple[Decision, ...]:
    """The decisions of the open round that the next one keeps; none of a rejected one.

    A decision is kept if it would count but for conditions, if the policies of the next round ask nothing of its role that they
    did not ask when it was made, and if nobody who decided, or confirmed a condition, became the submitter of the version.
    """
    if version.round is None or version.round.rejected:
        return ()
    (case,) = await case_files([version], at, for_standing=True)
    says = await contents_of(await all_policies(), bound)
    policies = [PolicyInForce(**dict(each), says=says[each.digest]) for each in bound]
    submitters, latest = version.submitters | {by.id}, version.round.latest()

    def acted(decision: Decision) -> set[str]:
        return {each.user_id for each in decision.deciders}

    return tuple(
        latest[each.role]
        for each in case.approvals.values()
        if each.status in OBLIGING
        and asked_of(policies, each.role) <= case.asked(each.role, each.decided_at)
        and all(separated(each.role, who, submitters, acted_as(version.deciders, who)) for who in acted(each))
    )
