"""Approvals: who decided what about a version, bound to exactly what there was to decide about."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from pydantic import Field

from documents.access import GovernanceRole
from documents.policies import BoundPolicy
from documents.values import Choice, Digest, Key, Moment, Name, Statement, Statements, Text, Value


class Verdict(Choice):
    """What a reviewer decided."""

    APPROVED = "approved", "Go ahead; conditions, if any, are obligations after deployment."
    REJECTED = "rejected", "Do not; it closes the round."


class ApprovalStatus(Choice):
    """How the approval of a role reads now."""

    PENDING = "pending", "Nobody has decided for the role in this round."
    APPROVED = "approved", "It counts."
    REJECTED = "rejected", "It was refused."
    EXPIRED = "expired", "It counted until its expiration."
    SUPERSEDED = "superseded", "A later decision for the same role stands in its place."
    STALE = "stale", "What was approved has changed since; it does not count before somebody decides again."


class DossierPart(Choice):
    """A part of what there is to decide about."""

    SCOPE = "scope", "Purpose, use cases and restrictions."
    TIER = "tier", "The risk tier."
    ARTIFACTS = "artifacts", "What the version is made of: weights, prompts, code."
    CARD = "card", "The model card."
    ASSESSMENT = "assessment", "The risk assessment."
    DATASHEETS = "datasheets", "The linked datasheets, in the revisions that the links pin."
    EVIDENCE = "evidence", "The evidence that stood when it was decided."


class Dossier(Value):
    """Digests of what there is to decide about, one a part."""

    scope: Digest = Field(description="Of purpose, use cases and restrictions.")
    tier: Digest = Field(description="Of the risk tier.")
    artifacts: Digest = Field(description="Of the artefacts.")
    card: Digest | None = Field(description="Of the model card; nothing if there is none.")
    assessment: Digest | None = Field(description="Of the risk assessment; nothing if there is none.")
    datasheets: Digest = Field(description="Of the linked revisions.")

    def changed_by(self, today: Self) -> tuple[DossierPart, ...]:
        """The parts in which `today` differs from this."""
        return tuple(part for part in DossierPart if getattr(self, part, None) != getattr(today, part, None))


class Decision(Value):
    """What one reviewer decided for one role, and about what."""

    decision_id: str = Field(description="APR- and 32 hexadecimal digits.")
    role: GovernanceRole = Field(description="The role that it was decided for.")
    verdict: Verdict = Field(description="What was decided.")
    reviewer_id: Key = Field(description="The user id of whoever decided.")
    reviewer_name: Name = Field(description="That person's name, as it was.")
    reviewer_department: Name = Field(description="That person's department, as it was.")
    decided_at: Moment = Field(description="When.")
    comments: Text = Field(description="What the reviewer said.")
    conditions: Statements = Field(default=(), description="What must be done after deployment.")
    expires_at: Moment | None = Field(default=None, description="From when on it no longer counts; nothing: never.")
    dossier: Dossier = Field(description="What it is about, as it was.")
    evidence: tuple[str, ...] = Field(default=(), description="Ids of the evidence that stood then, and must still stand.")

    def as_read(self, today: Dossier, standing: frozenset[str], at: datetime) -> "Approval":
        """The decision as it reads at `at`, when the dossier is `today` and the evidence of the ids `standing` stands."""
        stale = self.dossier.changed_by(today)
        if not standing.issuperset(self.evidence):
            stale = (*stale, DossierPart.EVIDENCE)
        if self.verdict is Verdict.REJECTED:
            status = ApprovalStatus.REJECTED
        elif self.expires_at is not None and self.expires_at <= at:
            status = ApprovalStatus.EXPIRED
        else:
            status = ApprovalStatus.STALE if stale else ApprovalStatus.APPROVED
        return Approval.model_construct(**dict(self), status=status, stale_parts=stale)


class Approval(Decision):
    """A decision as it reads now."""

    status: ApprovalStatus = Field(description="How it reads now.")
    stale_parts: tuple[DossierPart, ...] = Field(description="What has changed since it was decided.")

    @property
    def counts(self) -> bool:
        return self.status is ApprovalStatus.APPROVED


class ApprovalRound(Value):
    """One submission and what was decided about it."""

    number: int = Field(description="1 for the first.")
    submitted_by: Key = Field(description="The user id of whoever submitted.")
    submitted_at: Moment = Field(description="When.")
    policies: tuple[BoundPolicy, ...] = Field(description="The policy revisions that were in force then and bind the round.")
    decisions: tuple[Decision, ...] = Field(
        default=(), description="Every decision, first one first; the latest of a role stands."
    )

    @property
    def rejected(self) -> bool:
        return any(each.verdict is Verdict.REJECTED for each in self.decisions)

    def as_read(self, today: Dossier, standing: frozenset[str], at: datetime) -> tuple["Approval", ...]:
        """Every decision as it reads at `at`; the latest of a role stands, and those before it are superseded."""
        stands = {each.decision_id for each in self.latest().values()}
        read = (each.as_read(today, standing, at) for each in self.decisions)
        return tuple(
            each if each.decision_id in stands else each.model_copy(update={"status": ApprovalStatus.SUPERSEDED}) for each in read
        )

    def latest(self) -> dict[GovernanceRole, Decision]:
        """The decision that stands, for each role that decided."""
        return {each.role: each for each in self.decisions}

    def with_decision(self, decision: Decision) -> Self:
        return self.model_copy(update={"decisions": (*self.decisions, decision)})


class Decider(Value):
    """Somebody who decided in a role: on one version one person decides in one role only."""

    user_id: Key = Field(description="Who.")
    role: GovernanceRole = Field(description="In which role.")


class ClosedRound(Value):
    """An earlier round, kept whole among the contents."""

    number: int = Field(description="1 for the first.")
    digest: Digest = Field(description="`content(digest)` is the whole round.")
    closed_at: Moment = Field(description="When the next one began.")
    deciders: tuple[Decider, ...] = Field(description="Who decided in it.")


def deciders(decisions: Iterable[Decision]) -> tuple[Decider, ...]:
    return tuple(dict.fromkeys(Decider(user_id=each.reviewer_id, role=each.role) for each in decisions))


class Condition(Value):
    """What an approval obliges to, and whose approval it was."""

    role: GovernanceRole = Field(description="The role that set it.")
    text: Statement = Field(description="What must be done.")
