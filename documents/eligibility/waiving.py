"""Waives a requirement: the ones that may be waived are those of the policies that the version is held to."""

from collections.abc import Iterator
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
    asking = [(each, asked.requirement_id) for each in _held_to(case) if each.blocking for asked in each.says.requirements]
    waiver = waivers.grant(version, requirement_id, {each for _, each in asking}, rationale, expires_at, longest, by, at)
    if any(each.says.demands_confirmed for each, asked in asking if asked == requirement_id):
        confirmed_identity(by, f"a policy demands a confirmed identity for a waiver of {requirement_id}")
    await version.store()
    return waiver


def _held_to(case: CaseFile) -> Iterator[PolicyInForce]:
    """The policies in force for a draft; for a version that was submitted, those that bind its open rounds now or later."""
    yield from case.policies
    if case.round:
        for each in case.later_policies.values():
            yield from each
    if case.next:
        yield from _held_to(case.next)
