"""Decisions: how a version is submitted, decided about, and how the conditions that were set are met."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from documents.access import Actor, GovernanceRole, Permission, acting_role, confirmed_identity, needs, refuse_submitter
from documents.audit.event import AuditEventType
from documents.classification import KeywordMatch
from documents.contents import ContentKind, keep
from documents.errors import InvalidInput, InvalidState, NotFound, ToBeMended
from documents.people import Stakeholder
from documents.policies import BoundPolicy
from documents.versions.approvals import (
    Approval,
    ApprovalRound,
    ClosedContent,
    ClosedRound,
    Decision,
    Verdict,
    acted_as,
)
from documents.versions.conditions import Condition
from documents.versions.lifecycle import possible
from documents.versions.standing import Standing
from documents.versions.version import ModelVersion


def may_submit(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of a submission.

    NotReady while the previous round counts, for two rounds are open then. ToBeMended while a word that would call for a more
    critical tier waits to be judged.
    """
    version.permits(by, Permission.SUBMIT_FOR_APPROVAL)
    if version.previous_round and version.round:
        problem = f"round {version.round.number} is open, and takes the place of the one before once it is complete"
        raise version.not_ready(Permission.SUBMIT_FOR_APPROVAL, problem)
    if unjudged := version.unjudged_keywords:
        raise _to_be_judged(version, unjudged, Permission.SUBMIT_FOR_APPROVAL)


async def submit(
    version: ModelVersion, policies: tuple[BoundPolicy, ...], kept: tuple[Decision, ...], by: Actor, at: datetime
) -> None:
    """Opens a round of approvals under `policies`, those in force, with the decisions that are `kept` from the round before.

    A rejected round is closed. Another one becomes the previous round, which counts until the new one is complete.
    """
    may_submit(version, by)
    number = len(version.closed_rounds) + len(version.open_rounds) + 1
    if version.round and version.round.rejected:
        await _close(version, version.round, at)
    else:
        version.previous_round = version.round
    version.round = ApprovalRound(
        number=number, submitted_by=by.id, submitted_at=at, tier=version.tier, policies=policies, decisions=kept
    )


async def close_previous(version: ModelVersion, at: datetime) -> None:
    """Closes and keeps the previous round, so that the current one alone counts."""
    if version.previous_round:
        await _close(version, version.previous_round, at)
        version.previous_round = None


def leave_previous(version: ModelVersion, at: datetime) -> None:
    """Closes the previous round of a version that is not stored, without keeping the round's content."""
    if version.previous_round:
        _leave(version, version.previous_round, at)
        version.previous_round = None


async def _close(version: ModelVersion, ended: ApprovalRound, at: datetime) -> None:
    content = _leave(version, ended, at)
    await keep(ContentKind.APPROVAL_ROUND, content.value)


def _leave(version: ModelVersion, ended: ApprovalRound, at: datetime) -> ClosedContent:
    closed, content = ClosedRound.of(ended, at)
    version.takes_salts(content.salts_at(len(version.closed_rounds)))
    version.closed_rounds = (*version.closed_rounds, closed)
    return content


def _to_be_judged(version: ModelVersion, unjudged: Sequence[KeywordMatch], action: Permission) -> ToBeMended:
    mutation = Permission.JUDGE_CLASSIFICATION
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


async def follow(version: ModelVersion, policies: tuple[BoundPolicy, ...], at: datetime) -> None:
    """Binds the round to `policies`, those in force, if it was bound for another tier; the round before it then ends."""
    if version.round and version.round.tier is not version.tier:
        await close_previous(version, at)
        version.round = version.round.rebound(version.tier, policies, at)


def may_decide(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of a decision, whichever role it is for."""
    version.permits(by, Permission.SUBMIT_APPROVAL)


def may_decide_as(version: ModelVersion, role: GovernanceRole, reviewer: Stakeholder) -> None:
    """Raises what stands in the way of every decision of the reviewer for a role."""
    _may_act(version, role, deciding(version), reviewer)


def may_approve_as(version: ModelVersion, role: GovernanceRole, by: Actor) -> None:
    """Raises what stands in the way of an approval that stands in the way of no rejection."""
    _confirmed(version, role, by)
    if unjudged := version.unjudged_keywords:
        raise _to_be_judged(version, unjudged, Permission.SUBMIT_APPROVAL)


def may_withdraw(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of a withdrawal, whichever role's approval it is of."""
    version.permits(by, Permission.WITHDRAW_APPROVAL)


def may_withdraw_as(version: ModelVersion, role: GovernanceRole, reviewer: Stakeholder) -> list[Decision]:
    """The decisions that a withdrawal for a role takes back; raises what stands in the way of it."""
    _may_act(version, role, required(version), reviewer)
    standing = [each for opened in version.open_rounds if (each := opened.latest().get(role)) and not each.withdrawn]
    if not standing:
        _round_of(version).approval_of(role)  # raises NotFound
    return standing


async def decide(
    version: ModelVersion, role: GovernanceRole | None, verdict: Verdict, comments: str, conditions: tuple[str, ...],
    expires_at: datetime | None, reviewer: Stakeholder, by: Actor, at: datetime,
) -> Decision:  # fmt: skip
    """Records a decision for a required role, bound to what there is to decide about now, all of which is kept.

    It belongs to the current round. A rejection is always possible. An approval is Forbidden where a policy demands a confirmed
    identity, and ToBeMended while a word that would call for a more critical tier waits to be judged: the texts can have changed
    since the submission.
    """
    may_decide(version, by)
    decided_as = role or acting_role(deciding(version), reviewer.holds, "role", holds_none(reviewer))
    may_decide_as(version, decided_as, reviewer)
    if verdict is not Verdict.REJECTED:
        may_approve_as(version, decided_as, by)
    evidence = tuple(each.evidence_id for each in version.standing_evidence(at))
    decision = Decision.made(
        decided_as, verdict, comments, conditions, expires_at, reviewer, version.dossier, evidence, by.identity, at
    )
    for part in version.dossier_parts.values():
        await keep(ContentKind.DOSSIER_PART, part)
    version.round = _round_of(version).with_decision(decision)
    version.names_event(AuditEventType.APPROVAL_DENIED if verdict is Verdict.REJECTED else AuditEventType.APPROVAL_GRANTED)
    return decision


def withdraw(
    version: ModelVersion, role: GovernanceRole | None, reason: str, reviewer: Stakeholder, by: Actor, at: datetime
) -> Decision:
    """Takes back the approval that stands for a role, in every open round: by whoever gave it, or somebody else who could."""
    may_withdraw(version, by)
    decided_as = role or acting_role(required(version), reviewer.holds, "role", holds_none(reviewer))
    for each in may_withdraw_as(version, decided_as, reviewer):
        withdrawn = _enter(version, each.taken_back(reason, by, at))
    return withdrawn


def may_meet(version: ModelVersion, by: Actor, permission: Permission) -> None:
    """Raises what stands in the way of satisfying or confirming, whichever condition: NotReady if none was set."""
    version.permits(by, permission)
    if not conditions(version):
        raise version.not_ready(permission, "no open round has a decision that sets a condition")


def may_satisfy(version: ModelVersion, condition_id: str) -> tuple[Decision, Condition]:
    """A condition, and the decision that set it; raises what stands in the way of satisfying it."""
    decision, condition = _condition(version, condition_id, Permission.SATISFY_CONDITION)
    condition.may_satisfy()
    return decision, condition


def may_confirm(version: ModelVersion, condition_id: str, reviewer: Stakeholder, by: Actor) -> tuple[Decision, Condition]:
    """A condition, and the decision that set it; raises what stands in the way of confirming it."""
    decision, condition = _condition(version, condition_id, Permission.CONFIRM_CONDITION)
    _may_act(version, decision.role, required(version), reviewer)
    _confirmed(version, decision.role, by)
    condition.may_confirm()
    return decision, condition


def conditions(version: ModelVersion) -> tuple[Condition, ...]:
    """Every condition that a decision of an open round set, first one first; each once."""
    found = (each for opened in version.open_rounds for decision in opened.decisions for each in decision.conditions)
    return tuple({each.condition_id: each for each in found}.values())


def open_conditions(version: ModelVersion) -> tuple[Condition, ...]:
    """The conditions that a decision which stands has set and nobody has confirmed, first one first; each once."""
    standing = (each for opened in version.open_rounds for each in opened.latest().values() if not each.withdrawn)
    return tuple({each.condition_id: each for decision in standing for each in decision.open_conditions}.values())


def satisfy_condition(
    version: ModelVersion, condition_id: str, note: str | None, evidence_id: str | None, by: Actor, at: datetime
) -> Decision:
    """Says how a condition is met: by a note, by evidence that stands, or by both."""
    may_meet(version, by, Permission.SATISFY_CONDITION)
    if note is None and evidence_id is None:
        raise InvalidInput("note", "or `evidence_id` must show how the condition is met")
    if evidence_id is not None and evidence_id not in {each.evidence_id for each in version.standing_evidence(at)}:
        raise InvalidInput("evidence_id", "must be evidence of this version that stands")
    decision, condition = may_satisfy(version, condition_id)
    return _enter(version, decision.satisfied(condition, note, evidence_id, by.id, at))


def confirm_condition(
    version: ModelVersion, condition_id: str, comments: str, reviewer: Stakeholder, by: Actor, at: datetime
) -> Decision:
    """Agrees that a condition is met: by somebody who could decide for the role that set it."""
    may_meet(version, by, Permission.CONFIRM_CONDITION)
    decision, condition = may_confirm(version, condition_id, reviewer, by)
    return _enter(version, decision.with_confirmed(condition, comments, by, at))


def approvals(version: ModelVersion, at: datetime) -> tuple[Approval, ...]:
    """Every decision of the current round as it reads at `at`, first one first; asks for round, standing and evidence only."""
    if version.round is None or version.standing is None:
        return ()
    return version.round.as_read(version.standing.dossier, version.evidence, Standing.terms_at(version.standing, at), at)


def approval(version: ModelVersion, decision_id: str, at: datetime) -> Approval | None:
    """The decision of that id as it reads at `at`; None if no open round has it."""
    if version.standing is None:
        return None
    terms = Standing.terms_at(version.standing, at)
    read = (each.as_read(version.standing.dossier, version.evidence, terms, at) for each in version.open_rounds)
    return next((each for decisions in reversed([*read]) for each in decisions if each.decision_id == decision_id), None)


def deciding(version: ModelVersion) -> tuple[GovernanceRole, ...]:
    """The roles that may decide in the current round."""
    return version.standing.deciding_roles if version.standing else ()


def required(version: ModelVersion) -> tuple[GovernanceRole, ...]:
    """The roles whose approval an open round requires."""
    return tuple(dict.fromkeys((*deciding(version), *(version.standing.required_roles if version.standing else ()))))


def _confirmed(version: ModelVersion, role: GovernanceRole, by: Actor) -> None:
    """Forbidden if a policy demands a confirmed identity of the role and the identity of `by` is not confirmed."""
    if version.standing and role in version.standing.terms.confirming:
        confirmed_identity(by, f"a policy demands a confirmed identity of {role.name}")


def _enter(version: ModelVersion, decision: Decision) -> Decision:
    """Puts the new state of a decision into every open round that has the decision."""
    if version.previous_round and version.previous_round.has(decision.decision_id):
        version.previous_round = version.previous_round.with_decision(decision)
    if version.round and version.round.has(decision.decision_id):
        version.round = version.round.with_decision(decision)
    return decision


def _condition(version: ModelVersion, condition_id: str, permission: Permission) -> tuple[Decision, Condition]:
    """A condition and the approval that set it, of the current round or else of the previous one while that counts."""
    if version.previous_round:
        try:
            return _round_of(version).condition(condition_id, permission.value)
        except (NotFound, InvalidState):
            if version.previous_round.has_condition(condition_id):
                return version.previous_round.condition(condition_id, permission.value)
            raise
    return _round_of(version).condition(condition_id, permission.value)


def holds_none(reviewer: Stakeholder) -> str:
    """The problem of somebody who holds none of the roles that decide."""
    return f"{reviewer.user_id} holds no role that must decide here"


def _may_act(version: ModelVersion, role: GovernanceRole, among: Sequence[GovernanceRole], reviewer: Stakeholder) -> None:
    """Forbidden unless `reviewer` may act in the role, which is to be `among` these, by tier and separation of duties."""
    who = reviewer.user_id
    reviewer.must_act_as(role, among, version.tier, acted_as(version.deciders, who))
    refuse_submitter(role, who, version.submitters)


def _round_of(version: ModelVersion) -> ApprovalRound:
    """The round of a version whose status says that it has one."""
    if version.round is None:
        raise AssertionError(f"{version.key} is {version.status} without a round")
    return version.round
