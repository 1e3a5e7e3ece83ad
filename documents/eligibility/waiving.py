"""Waives a requirement: the ones that may be waived are those of the policies that the version is held to."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from documents.access import Actor, confirmed_identity
from documents.eligibility.case import CaseFile
from documents.eligibility.loading import case_files
from documents.policies import PolicyInForce
from documents.versions.rules import waivers
from documents.versions.version import ModelVersion
from documents.versions.waivers import Waiver


async def waive(
    version: ModelVersion, requirement_id: str, rationale: str, expires_at: datetime, longest: timedelta, by: Actor, at: datetime
) -> Waiver:
    """Excepts a version from a blocking requirement that it is held to, and stores it; InvalidInput for any other id.

    Forbidden where the policy demands a confirmed identity and that of `by` is not confirmed.
    """
    (case,) = await case_files([version], at, for_standing=True)
    blocking = waivable(case)
    waiver = waivers.grant(version, requirement_id, blocking.keys(), rationale, expires_at, longest, by, at)
    may_waive(requirement_id, blocking, by)
    await version.store()
    return waiver


def may_waive(requirement_id: str, blocking: Mapping[str, bool], by: Actor) -> None:
    """Forbidden where a policy demands a confirmed identity for the waiver and that of `by` is not confirmed."""
    if blocking[requirement_id]:
        confirmed_identity(by, f"a policy demands a confirmed identity for a waiver of {requirement_id}")


def waivable(case: CaseFile) -> Mapping[str, bool]:
    """The ids of the requirements that may be waived, each with whether a policy demands a confirmed identity for it."""
    found: dict[str, bool] = {}
    for policy in (each for each in _held_to(case) if each.blocking):
        for asked in policy.says.requirements:
            found[asked.requirement_id] = found.get(asked.requirement_id, False) or policy.says.demands_confirmed
    return found


def _held_to(case: CaseFile) -> Iterator[PolicyInForce]:
    """The policies in force for a draft; for a version that was submitted, those that bind its open rounds now or later."""
    yield from case.policies
    if case.round:
        for each in case.later_policies.values():
            yield from each
    if case.next:
        yield from _held_to(case.next)
