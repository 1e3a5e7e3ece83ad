"""Assessments: how a version's risks are rated, treated, accepted and approved."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from documents.access import Actor, Permission, refuse_involved
from documents.contents import ContentKind, revised
from documents.errors import InvalidInput, InvalidState
from documents.people import refuse_unknown
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import ClosedRisk, OwnRisk, Response, Template
from documents.versions.entries import longer, refuse_full
from documents.versions.risks import ACCEPTANCES, AssessmentApproval, RiskAcceptance, accepted_anew, still_covering
from documents.versions.version import ModelVersion

_APPROVED = "the approved assessments of a version"


async def assess(
    version: ModelVersion, responses: Sequence[Response], own: Sequence[OwnRisk], closed: Sequence[ClosedRisk], carry_over: bool,
    templates: Sequence[Template], by: Actor, at: datetime,
) -> RiskAssessment:  # fmt: skip
    """Makes the next assessment from answers to the questionnaire and risks of its own; earlier ones stay on record.

    With `carry_over`, what the latest assessment rated and the caller does not mention stays as it was. Its
    risks that no template asks about stay without it too, unless they are `closed`, with a reason.
    """
    version.permits(by, Permission.CREATE_RISK_ASSESSMENT)
    before = version.latest_assessment
    if carry_over and before and before.tier is not version.tier:
        raise InvalidInput("carry_over", f"is not possible: the latest assessment was made for {before.tier.name}")
    owners = {f"responses.{index}.owner": each.owner for index, each in enumerate(responses)}
    await refuse_unknown(owners | {f"own_risks.{index}.owner": each.owner for index, each in enumerate(own)})
    assessment = RiskAssessment.from_responses(
        version.model_id, version.version, version.tier, responses, before if carry_over else None, own, closed,
        latest=before, by=by.id, at=at, templates=templates,
    )  # fmt: skip
    await _add(version, assessment)
    return assessment


async def mitigate(version: ModelVersion, risk_id: str, said: Mapping[str, Any], by: Actor, at: datetime) -> RiskAssessment:
    """Makes the next assessment: the latest, with what `said` changes of one risk's controls, owner or review date."""
    latest = may_treat(version, by, Permission.MITIGATE_RISK)
    await refuse_unknown({"owner": said.get("owner")})
    assessment = latest.mitigated(risk_id, said, by.id, at)
    await _add(version, assessment)
    return assessment


async def _add(version: ModelVersion, now: RiskAssessment) -> None:
    before, kept = version.latest_assessment, version.assessment_revisions
    version.earlier_assessments = (*version.earlier_assessments, *([before] if before else []))
    version.latest_assessment = now
    version.assessment_revisions = await revised(kept, ContentKind.RISK_ASSESSMENT, now, now.assessor, now.assessed_at)
    version.acceptances = still_covering(version.acceptances, now)


def _latest(version: ModelVersion, permission: Permission) -> RiskAssessment:
    if version.latest_assessment is None:
        raise version.not_ready(permission, "its risks were never assessed")
    return version.latest_assessment


def _of_its_tier(version: ModelVersion, permission: Permission) -> RiskAssessment:
    """The latest assessment; NotReady if it was made for another tier."""
    latest = _latest(version, permission)
    if latest.tier is not version.tier:
        raise version.not_ready(permission, f"the latest assessment was made for {latest.tier.name}: assess anew")
    return latest


def may_treat(version: ModelVersion, by: Actor, permission: Permission) -> RiskAssessment:
    """The latest assessment, of which `by` may mitigate or accept a risk; raises what stands in the way of that."""
    version.permits(by, permission)
    return _of_its_tier(version, permission)


def may_accept(version: ModelVersion, by: Actor) -> RiskAssessment:
    """The latest assessment, of which `by` may accept a risk; raises what stands in the way of that."""
    latest = may_treat(version, by, Permission.ACCEPT_RISK)
    refuse_full(ACCEPTANCES, version.acceptances)
    return latest


def may_approve(version: ModelVersion, by: Actor) -> RiskAssessment:
    """The latest assessment, which `by` may approve; raises what stands in the way of that."""
    latest = may_treat(version, by, Permission.APPROVE_RISK_ASSESSMENT)
    refuse_involved(by.id, {latest.assessor}, "made this assessment", "a RISK_MANAGER who did not make it")
    if version.assessment_approval:
        raise InvalidState(Permission.APPROVE_RISK_ASSESSMENT.value, "APPROVED", ["UNAPPROVED"])
    refuse_full(_APPROVED, version.assessment_approvals)
    return latest


def accept_risk(
    version: ModelVersion, risk_id: str, rationale: str, expires_at: datetime, by: Actor, at: datetime
) -> RiskAcceptance:
    """Accepts, until `expires_at`, what the latest assessment leaves of a risk; no part of the dossier changes."""
    latest = may_accept(version, by)
    factor = latest.known_factor(risk_id)
    acceptance = RiskAcceptance.of(factor, latest.assessment_id, rationale, expires_at, by, at)
    version.acceptances = accepted_anew(version.acceptances, acceptance)
    return acceptance


def approve(version: ModelVersion, assessment_id: str, by: Actor, at: datetime) -> AssessmentApproval:
    """Approves the latest assessment, by somebody who did not make it; no part of the dossier changes."""
    latest = may_approve(version, by)
    if latest.assessment_id != assessment_id:
        raise InvalidInput("assessment_id", f"must be the latest assessment: {latest.assessment_id}")
    digest = version.assessment_revisions[-1].digest
    approval = AssessmentApproval(
        assessment_id=assessment_id, digest=digest, approved_by=by.id, approved_at=at, identity=by.identity
    )
    version.assessment_approvals = longer(_APPROVED, version.assessment_approvals, approval)
    return approval
