"""Decisions: how a version is submitted, decided about, and how the conditions that were set are met."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from documents.access import Actor, GovernanceRole, Permission, acting_role, needs, refuse_submitter
from documents.audit.event import AuditEventType
from documents.classification import KeywordMatch
from documents.contents import ContentKind, keep
from documents.errors import InvalidInput, ToBeMended
from documents.people import Stakeholder
from documents.policies import BoundPolicy
from documents.versions.approvals import (
    Approval,
    ApprovalRound,
    ClosedRound,
    Decision,
    Verdict,
    acted_as,
    deciders,
)
from documents.versions.lifecycle import possible
from documents.versions.version import ModelVersion


async def submit(version: ModelVersion, policies: tuple[BoundPolicy, ...], by: Actor, at: datetime) -> None:
    """Opens a round of approvals under `policies`, those in force; a rejected round is closed and kept.

    Raises ToBeMended while a word that would call for a more critical tier waits to be judged.
    """
    version.permits(by, Permission.SUBMIT_FOR_APPROVAL)
    if unjudged := version.unjudged_keywords:
        raise _to_be_judged(version, unjudged)
    if version.round:
        kept = await keep(ContentKind.APPROVAL_ROUND, version.round)
        decided = deciders(version.round.decisions)
        closed = ClosedRound(
            number=version.round.number, digest=kept, closed_at=at, submitted_by=version.round.submitted_by, deciders=decided
        )
        version.closed_rounds = (*version.closed_rounds, closed)
    number = len(version.closed_rounds) + 1
    version.round = ApprovalRound(number=number, submitted_by=by.id, submitted_at=at, tier=version.tier, policies=policies)


def _to_be_judged(version: ModelVersion, unjudged: Sequence[KeywordMatch]) -> ToBeMended:
    action, mutation = Permission.SUBMIT_FOR_APPROVAL, Permission.JUDGE_CLASSIFICATION
    words = ", ".join(f'"{each.found}" in {each.source} ({each.tier.name})' for each in unjudged)
    arguments, fill = judging(version, unjudged)
    mends = {"mutation": mutation.value, "arguments": arguments, "fill": fill, "permitted": needs(mutation)}
    problem = f"a risk manager has to judge words that would call for a more critical tier: {words}"
    return ToBeMended(action.value, version.status, possible(action), problem, mends)


def judging(version: ModelVersion, unjudged: Sequence[KeywordMatch]) -> tuple[dict[str, Any], list[str]]:
    """The known arguments of the mutation that judges the words, and the paths that only a risk manager can fill."""
    names = {"modelId": version.model_id, "version": version.version}
    known = names | {"judgements": [{"keyword": each.keyword, "found": each.found} for each in unjudged]}
    return known, [f"judgements.{index}.{name}" for index in range(len(unjudged)) for name in ("counts", "rationale")]


def follow(version: ModelVersion, policies: tuple[BoundPolicy, ...]) -> None:
    """Binds the round to `policies`, those in force, if it was bound for another tier."""
    if version.round and version.round.tier is not version.tier:
        version.round = version.round.model_copy(update={"tier": version.tier, "policies": policies})


async def decide(
    version: ModelVersion, role: GovernanceRole | None, verdict: Verdict, comments: str, conditions: tuple[str, ...],
    expires_at: datetime | None, reviewer: Stakeholder, by: Actor, at: datetime,
) -> Decision:  # fmt: skip
    """Records a decision for a required role, bound to what there is to decide about now, all of which is kept."""
    decided_as, submitted = _acting(version, role, reviewer, by, Permission.SUBMIT_APPROVAL)
    evidence = tuple(each.evidence_id for each in version.standing_evidence(at))
    decision = Decision.made(
        decided_as, verdict, comments, conditions, expires_at, reviewer, version.dossier, evidence, by.identity, at
    )
    for part in version.dossier_parts.values():
        await keep(ContentKind.DOSSIER_PART, part)
    version.round = submitted.with_decision(decision)
    version.names_event(AuditEventType.APPROVAL_DENIED if verdict is Verdict.REJECTED else AuditEventType.APPROVAL_GRANTED)
    return decision


def withdraw(
    version: ModelVersion, role: GovernanceRole | None, reason: str, reviewer: Stakeholder, by: Actor, at: datetime
) -> Decision:
    """Takes back the approval that stands for a role: by whoever gave it, or somebody else who could."""
    decided_as, submitted = _acting(version, role, reviewer, by, Permission.WITHDRAW_APPROVAL)
    withdrawn = submitted.approval_of(decided_as).taken_back(reason, by, at)
    version.round = submitted.with_decision(withdrawn)
    return withdrawn


def satisfy_condition(
    version: ModelVersion, condition_id: str, note: str | None, evidence_id: str | None, by: Actor, at: datetime
) -> Decision:
    """Says how a condition is met: by a note, by evidence that stands, or by both."""
    version.permits(by, Permission.SATISFY_CONDITION)
    if note is None and evidence_id is None:
        raise InvalidInput("note", "or `evidence_id` must show how the condition is met")
    if evidence_id is not None and evidence_id not in {each.evidence_id for each in version.standing_evidence(at)}:
        raise InvalidInput("evidence_id", "must be evidence of this version that stands")
    submitted = _round_of(version)
    decision, condition = submitted.condition(condition_id, Permission.SATISFY_CONDITION.value)
    decision = decision.satisfied(condition, note, evidence_id, by.id, at)
    version.round = submitted.with_decision(decision)
    return decision


def confirm_condition(
    version: ModelVersion, condition_id: str, comments: str, reviewer: Stakeholder, by: Actor, at: datetime
) -> Decision:
    """Agrees that a condition is met: by somebody who could decide for the role that set it."""
    version.permits(by, Permission.CONFIRM_CONDITION)
    decision, condition = _round_of(version).condition(condition_id, Permission.CONFIRM_CONDITION.value)
    _, submitted = _acting(version, decision.role, reviewer, by, Permission.CONFIRM_CONDITION)
    decision = decision.confirmed(condition, comments, by, at)
    version.round = submitted.with_decision(decision)
    return decision


def approvals(version: ModelVersion, at: datetime) -> tuple[Approval, ...]:
    """Every decision of the current round as it reads at `at`, first one first; asks for round, standing and evidence only."""
    if version.round is None or version.standing is None:
        return ()
    return version.round.as_read(version.standing.dossier, version.evidence, at)


def _acting(
    version: ModelVersion, role: GovernanceRole | None, reviewer: Stakeholder, by: Actor, permission: Permission
) -> tuple[GovernanceRole, ApprovalRound]:
    """The required role in which `reviewer` may act, the only one held if `role` is None, and the round to act in."""
    version.permits(by, permission)
    required, submitted = version.standing.required_roles if version.standing else (), _round_of(version)
    who = reviewer.user_id
    role = role or acting_role(required, reviewer.holds, "role", f"{who} holds no role that must decide here")
    reviewer.must_act_as(role, required, version.tier, acted_as(version.deciders, who))
    refuse_submitter(role, who, version.submitters)
    return role, submitted


def _round_of(version: ModelVersion) -> ApprovalRound:
    """The round of a version whose status says that it has one."""
    if version.round is None:
        raise AssertionError(f"{version.key} is {version.status} without a round")
    return version.round
