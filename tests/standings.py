"""The standing of every version that is stored, worked out again by the product's own rule."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.policies import all_policies
from documents.versions.standing import Standing
from documents.versions.version import ModelVersion


async def misjudged() -> list[str]:
    """The versions whose standing is not what the rule makes of them at the moment as of which it was stored."""
    versions, policies = await ModelVersion.every({}), await all_policies()
    found = [each.key for each in versions if each.standing is None]
    moments = {each.standing.as_of for each in versions if each.standing}
    for at in moments:
        those = [each for each in versions if each.standing and each.standing.as_of == at]
        # A standing that a later revision of a policy left as it was says nothing of the moment from which that held.
        unknown = {each.effective_from for policy in policies for each in policy.revisions if each.at > at}
        for case in await case_files(those, at, for_standing=True):
            known = {moment: held for moment, held in case.later_policies.items() if moment not in unknown}
            if Judgement(replace(case, later_policies=known)).standing != case.version.standing:
                found.append(case.version.key)
    return found


async def misread(at: datetime) -> list[str]:
    """The versions of which the stored standing tells something else at `at` than the rule makes of them then.

    Until a moment that the standing foretells has come, everything that it says must still be so. Afterwards it must be so of
    what queries compare with the moment that they are asked at.
    """
    found = []
    for version in await ModelVersion.every({}):
        stored, now = version.standing, await judged(version, at)
        if stored is None or not (_read(stored, at) == _read(now, at) if _has_lapsed(stored, at) else stored.still(now)):
            found.append(version.key)
    return found


async def judged(version: ModelVersion, at: datetime) -> Standing:
    (case,) = await case_files([version], at, for_standing=True)
    return Judgement(case).standing


def _has_lapsed(standing: Standing, at: datetime) -> bool:
    """Whether something that the standing foretells has come by `at`: the end of an approval, say."""
    compliance = [moment for each in standing.compliance for moment in (each.begins, each.ends)]
    ends = [*(each.until for each in standing.approvals), *(each.accepted_until for each in standing.high_risks)]
    return any(standing.as_of < each <= at for each in (*compliance, *ends, standing.changes_at) if each)


def _read(standing: Standing, at: datetime) -> Sequence[Any]:
    """What queries make of a stored standing at a moment: `Standing.says`, `lacks`, `is_compliant`, `has_open_high_risk`."""
    counts = {each.role for each in standing.approvals if each.until is None or at < each.until}
    return (
        standing.status_at(at),
        set(standing.required_roles) - counts,
        any(each.begins <= at and (each.ends is None or at < each.ends) for each in standing.compliance),
        {each.risk_id for each in standing.high_risks if each.is_open(at)},
        (standing.holds, standing.critical_incidents, standing.dossier, standing.next_review, standing.risk_score),
    )
