"""What is decided about a version: submission, decisions, the conditions that they set."""

from collections.abc import Callable, Sequence
from datetime import datetime

from documents.access import Actor, GovernanceRole, Permission
from documents.audit.event import AuditEventType
from documents.contents import ContentKind, keep
from documents.errors import Forbidden, InvalidInput
from documents.people import Stakeholder
from documents.policies import BoundPolicy
from documents.versions.approvals import (
    Approval,
    ApprovalRound,
    ClosedRound,
    Decider,
    Decision,
    Verdict,
    deciders,
    refuse_inseparable,
)
from documents.versions.documented import DocumentedVersion
from documents.versions.record import VersionRecord


class DecidedVersion(DocumentedVersion):
    """A version, as far as it is submitted and decided about."""

    async def submit(self, policies: tuple[BoundPolicy, ...], by: Actor, at: datetime) -> None:
        """Opens a round of approvals under the policies in force; a rejected round is closed and kept."""
        self.permits(by, Permission.SUBMIT_FOR_APPROVAL)
        if self.round:
            kept = await keep(ContentKind.APPROVAL_ROUND, self.round)
            decided = deciders(self.round.decisions)
            closed = ClosedRound(
                number=self.round.number, digest=kept, closed_at=at, submitted_by=self.round.submitted_by, deciders=decided
            )
            self.closed_rounds = (*self.closed_rounds, closed)
        number = len(self.closed_rounds) + 1
        self.round = ApprovalRound(number=number, submitted_by=by.id, submitted_at=at, tier=self.tier, policies=policies)

    @property
    def was_submitted(self) -> bool:
        """Whether its round was opened since it was last stored."""
        before = (self.was or {}).get("round")
        return self.round is not None and (before is None or before["number"] != self.round.number)

    async def decide(
        self, role: GovernanceRole | None, verdict: Verdict, comments: str, conditions: tuple[str, ...],
        expires_at: datetime | None, reviewer: Stakeholder, by: Actor, at: datetime,
    ) -> Decision:  # fmt: skip
        """Records a decision for a required role, bound to what there is to decide about now, all of which is kept."""
        decided_as, submitted = self._acting(role, reviewer, by, Permission.SUBMIT_APPROVAL)
        evidence = tuple(each.evidence_id for each in self.standing_evidence(at))
        decision = Decision.made(decided_as, verdict, comments, conditions, expires_at, reviewer, self.dossier, evidence, at)
        for part in self._dossier_parts.values():
            await keep(ContentKind.DOSSIER_PART, part)
        self.round = submitted.with_decision(decision)
        self.tells(AuditEventType.APPROVAL_DENIED if verdict is Verdict.REJECTED else AuditEventType.APPROVAL_GRANTED)
        return decision

    def withdraw_approval(
        self, role: GovernanceRole | None, reason: str, reviewer: Stakeholder, by: Actor, at: datetime
    ) -> Decision:
        """Takes back the approval that stands for a role: by whoever gave it, or somebody else who could."""
        decided_as, submitted = self._acting(role, reviewer, by, Permission.WITHDRAW_APPROVAL)
        withdrawn = submitted.approval_of(decided_as).taken_back(reason, by.id, at)
        self.round = submitted.with_decision(withdrawn)
        return withdrawn

    def satisfy_condition(
        self, condition_id: str, note: str | None, evidence_id: str | None, by: Actor, at: datetime
    ) -> Decision:
        """Says how a condition is met: by a note, by evidence that stands, or by both."""
        self.permits(by, Permission.SATISFY_CONDITION)
        if note is None and evidence_id is None:
            raise InvalidInput("note", "or `evidence_id` must show how the condition is met")
        if evidence_id is not None and evidence_id not in {each.evidence_id for each in self.standing_evidence(at)}:
            raise InvalidInput("evidence_id", "must be evidence of this version that stands")
        submitted = self._submitted
        decision, condition = submitted.condition(condition_id, Permission.SATISFY_CONDITION.value)
        decision = decision.satisfied(condition, note, evidence_id, by.id, at)
        self.round = submitted.with_decision(decision)
        return decision

    def confirm_condition(self, condition_id: str, comments: str, reviewer: Stakeholder, by: Actor, at: datetime) -> Decision:
        """Agrees that a condition is met: by somebody who could decide for the role that set it."""
        self.permits(by, Permission.CONFIRM_CONDITION)
        decision, condition = self._submitted.condition(condition_id, Permission.CONFIRM_CONDITION.value)
        _, submitted = self._acting(decision.role, reviewer, by, Permission.CONFIRM_CONDITION)
        decision = decision.confirmed(condition, comments, by.id, at)
        self.round = submitted.with_decision(decision)
        return decision

    def _acting(
        self, role: GovernanceRole | None, reviewer: Stakeholder, by: Actor, permission: Permission
    ) -> tuple[GovernanceRole, ApprovalRound]:
        """The required role in which `reviewer` may act, the only one held if none is said, and the round to act in."""
        self.permits(by, permission)
        required, submitted = self.standing.required_roles if self.standing else (), self._submitted
        role = role or only(required, reviewer.holds, "role", f"{reviewer.user_id} holds no role that must decide here")
        refuse_inseparable(role, required, self.tier, self.submitters, self.deciders, reviewer)
        return role, submitted

    @property
    def _submitted(self) -> ApprovalRound:
        """The round of a version whose status says that it has one."""
        if self.round is None:
            raise AssertionError(f"{self.key} is {self.status} without a round")
        return self.round

    @property
    def submitters(self) -> frozenset[str]:
        return submitters_of(self)

    @property
    def deciders(self) -> tuple[Decider, ...]:
        return deciders_of(self)


def submitters_of(version: VersionRecord) -> frozenset[str]:
    """Everybody who ever submitted a version; from its rounds alone."""
    earlier = {each.submitted_by for each in version.closed_rounds}
    return frozenset(earlier | {version.round.submitted_by} if version.round else earlier)


def deciders_of(version: VersionRecord) -> tuple[Decider, ...]:
    """Everybody who ever decided about a version, and in which role; from its rounds alone."""
    earlier = tuple(each for closed in version.closed_rounds for each in closed.deciders)
    return earlier + (deciders(version.round.decisions) if version.round else ())


def approvals(version: VersionRecord, at: datetime) -> tuple[Approval, ...]:
    """Every decision of the current round as it reads at `at`, first one first; from round, standing and evidence alone."""
    if version.round is None or version.standing is None:
        return ()
    return version.round.as_read(version.standing.dossier, version.evidence, at)


def only(roles: Sequence[GovernanceRole], holds: Callable[[GovernanceRole], bool], path: str, none: str) -> GovernanceRole:
    """The one of `roles` that somebody holds."""
    held = [role for role in roles if holds(role)]
    if len(held) > 1:
        raise InvalidInput(path, f"must say which of {', '.join(each.name for each in held)} is acting")
    if not held:
        raise Forbidden(none, roles)
    return held[0]
