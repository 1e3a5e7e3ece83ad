"""Approvals: who decided what about a version, bound to exactly what there was to decide about."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import uuid4

from pydantic import Field

from documents.access import Actor, GovernanceRole
from documents.bindings import ERASED
from documents.canonical import digest, plain
from documents.errors import InvalidInput, InvalidState, NotFound
from documents.identities import IdentityMark
from documents.people import Stakeholder
from documents.policies import BoundPolicy
from documents.risk.scales import RiskTier
from documents.salts import fresh, private_values, salted, shapes_of
from documents.values import Choice, Digest, Key, Moment, Name, Text, Value
from documents.versions.conditions import Condition, SupersededCondition
from documents.versions.dossier import Dossier, DossierPart
from documents.versions.evidence import Evidence
from documents.versions.parts import Ending


class Verdict(Choice):
    """A reviewer decides in one of these ways."""

    APPROVED = "approved", "The version may go ahead; its conditions are met after deployment."
    CONDITIONAL = "conditional", "The version may go ahead once each condition is satisfied and confirmed."
    REJECTED = "rejected", "The version may not go ahead; the round closes."


class ApprovalStatus(Choice):
    """An approval has one of these statuses."""

    PENDING = "pending", "Nobody has decided for the role in this round."
    APPROVED = "approved", "The approval counts and stands."
    CONDITIONAL = "conditional", "The approval counts once each condition is confirmed."
    REJECTED = "rejected", "The role has rejected the version."
    WITHDRAWN = "withdrawn", "The approval was withdrawn."
    EXPIRED = "expired", "The approval counted until it expired."
    SUPERSEDED = "superseded", "A later decision for the same role replaces it."
    STALE = "stale", "The content has changed; the role must decide again."
    UNCONFIRMED = "unconfirmed", "A policy demands a confirmed identity, which the decider had not; the role must decide again."


OBLIGING = (ApprovalStatus.CONDITIONAL, ApprovalStatus.APPROVED)


class DecisionTerms(Value):
    """The terms on which decisions count, by the policies."""

    confirming: tuple[GovernanceRole, ...] = Field(
        default=(), description="The roles whose approval counts only from a person with a confirmed identity."
    )
    asked_anew: tuple[GovernanceRole, ...] = Field(
        default=(), description="The roles that a policy asks more of than when they decided."
    )


class Decision(Value):
    """A decision is what a reviewer decided for a role."""

    grouped: ClassVar = frozenset({"role", "verdict", "reviewer_id", "reviewer_name", "reviewer_department"})
    bounded: ClassVar = frozenset({"decided_at", "expires_at"})

    decision_id: str = Field(description="The id is APR- and 32 hexadecimal digits.")
    role: GovernanceRole = Field(description="The role that it was decided for.")
    verdict: Verdict = Field(description="The verdict says what was decided.")
    reviewer_id: Key = Field(description="The user id of whoever decided.")
    reviewer_name: Name = Field(description="The name that the person then had.")
    reviewer_department: Name = Field(description="The department that the person was then in.")
    decided_at: Moment = Field(description="The time it was decided.")
    comments: Text = Field(description="The comments that the reviewer made.")
    conditions: tuple[Condition, ...] = Field(
        default=(), description="The conditions to meet: before it counts if CONDITIONAL, else after deployment."
    )
    expires_at: Moment | None = Field(default=None, description="The time it expires; null for never.")
    dossier: Dossier = Field(description="The dossier of what it was about.")
    evidence: tuple[str, ...] = Field(default=(), description="The ids of the evidence that must still stand.")
    withdrawn: Ending | None = Field(default=None, description="The ending, if it was withdrawn.")
    identity: IdentityMark | None = Field(
        default=None, description="The mark of the reviewer's identity at that time; null if it was not kept."
    )

    @classmethod
    def made(
        cls, role: GovernanceRole, verdict: Verdict, comments: str, conditions: tuple[str, ...], expires_at: datetime | None,
        reviewer: Stakeholder, dossier: Dossier, evidence: tuple[str, ...], identity: IdentityMark | None, at: datetime,
    ) -> Self:  # fmt: skip
        if expires_at is not None and expires_at <= at:
            raise InvalidInput("expires_at", "must be in the future")
        if verdict is Verdict.CONDITIONAL and not conditions:
            raise InvalidInput("conditions", "must name what a conditional approval demands")
        if verdict is Verdict.REJECTED and not comments.strip():
            raise InvalidInput("comments", "must say why the version is rejected")
        if verdict is Verdict.REJECTED and conditions:
            raise InvalidInput("conditions", "have no place in a rejection: say in `comments` what must change")
        return cls(
            decision_id=f"APR-{uuid4().hex}", role=role, verdict=verdict, reviewer_id=reviewer.user_id,
            reviewer_name=reviewer.name, reviewer_department=reviewer.department, decided_at=at, comments=comments,
            conditions=tuple(map(Condition.set, conditions)), expires_at=expires_at, dossier=dossier, evidence=evidence,
            identity=identity,
        )  # fmt: skip

    def as_read(self, today: Dossier, standing: frozenset[str], terms: "DecisionTerms", at: datetime) -> "Approval":
        """The decision as it reads at `at`, when the dossier is `today` and the evidence of the ids `standing` stands."""
        stale = self.dossier.changed_by(today)
        if not standing.issuperset(self.evidence):
            stale = (*stale, DossierPart.EVIDENCE)
        if self.role in terms.asked_anew:
            stale = (*stale, DossierPart.POLICIES)
        unconfirmed = self.role in terms.confirming and not self.confirmed
        return Approval.model_construct(**dict(self), status=self._status(bool(stale), unconfirmed, at), stale_parts=stale)

    @property
    def confirmed(self) -> bool:
        """Whether the identity of whoever decided was confirmed then, and of whoever confirmed what the approval waited for."""
        acted = [self.identity, *(each.confirmed.identity for each in self.conditions if each.confirmed)]
        return all(each is not None and each.confirmed for each in (acted if self.verdict is Verdict.CONDITIONAL else acted[:1]))

    def _status(self, stale: bool, unconfirmed: bool, at: datetime) -> ApprovalStatus:
        if self.verdict is Verdict.REJECTED:
            return ApprovalStatus.REJECTED
        if self.withdrawn:
            return ApprovalStatus.WITHDRAWN
        if self.expires_at is not None and self.expires_at <= at:
            return ApprovalStatus.EXPIRED
        if stale:
            return ApprovalStatus.STALE
        if unconfirmed:
            return ApprovalStatus.UNCONFIRMED
        waits = self.verdict is Verdict.CONDITIONAL and self.open_conditions
        return ApprovalStatus.CONDITIONAL if waits else ApprovalStatus.APPROVED

    @property
    def open_conditions(self) -> tuple[Condition, ...]:
        return tuple(each for each in self.conditions if not each.confirmed)

    def superseded(self) -> Self:
        """The decision with conditions that read SUPERSEDED."""
        return self.model_copy(update={"conditions": tuple(SupersededCondition(**dict(each)) for each in self.conditions)})

    @property
    def deciders(self) -> Iterator["Decider"]:
        """The people who acted for the role: who decided, confirmed a condition or withdrew the decision."""
        acted = [self.reviewer_id, *(each.confirmed.by for each in self.conditions if each.confirmed)]
        for who in [*acted, *([self.withdrawn.by] if self.withdrawn else [])]:
            yield Decider(user_id=who, role=self.role)

    def satisfied(self, condition: Condition, note: str | None, evidence_id: str | None, by: str, at: datetime) -> Self:
        return self._with(condition.satisfy(note, evidence_id, by, at))

    def with_confirmed(self, condition: Condition, comments: str, by: Actor, at: datetime) -> Self:
        """The decision with a condition confirmed; a conditional approval then rests on the evidence that satisfied it."""
        done = condition.confirm(comments, by, at)
        shown = done.satisfied.evidence_id if done.satisfied and self.verdict is Verdict.CONDITIONAL else None
        rests_on = (*self.evidence, shown) if shown and shown not in self.evidence else self.evidence
        return self._with(done).model_copy(update={"evidence": rests_on})

    def taken_back(self, reason: str, by: Actor, at: datetime) -> Self:
        return self.model_copy(update={"withdrawn": Ending(at=at, by=by.id, reason=reason, identity=by.identity)})

    def _with(self, condition: Condition) -> Self:
        kept = tuple(condition if each.condition_id == condition.condition_id else each for each in self.conditions)
        return self.model_copy(update={"conditions": kept})


class Approval(Decision):
    """An approval is a decision as it reads now."""

    status: ApprovalStatus = Field(description="The status that it has now.")
    stale_parts: tuple[DossierPart, ...] = Field(description="The parts that have changed since.")

    @property
    def counts(self) -> bool:
        return self.status is ApprovalStatus.APPROVED


class Decider(Value):
    """A decider is a person who decided in a role."""

    user_id: Key = Field(description="The user id of whoever decided.")
    role: GovernanceRole = Field(description="The role that the person decided in.")


def deciders(decisions: Iterable[Decision]) -> tuple[Decider, ...]:
    return tuple(dict.fromkeys(who for each in decisions for who in each.deciders))


def told(decisions: Sequence[Decision]) -> tuple[Decision, ...]:
    """The decisions of a round as clients read them: the conditions of a superseded one read SUPERSEDED."""
    stands = {each.role: each.decision_id for each in decisions}
    return tuple(each if stands[each.role] == each.decision_id else each.superseded() for each in decisions)


class FormerBinding(Value):
    """A former binding is what bound a round for another tier."""

    since: Moment = Field(description="The time since which it bound the round.")
    tier: RiskTier = Field(description="The tier that the round was then held for.")
    policies: tuple[BoundPolicy, ...] = Field(description="The policy revisions that bound it from then on.")


class ApprovalRound(Value):
    """An approval round is a submission and what was decided."""

    private: ClassVar = frozenset(
        f"decisions.*.{path}"
        for path in (
            "comments", "reviewer_name", "conditions.*.text", "conditions.*.satisfied.note", "conditions.*.confirmed.comments",
            "withdrawn.reason",
        )
    )  # fmt: skip
    """The paths of what the trail shows by a salted digest, as `Record.private` has them; contents of closed rounds too."""
    cites: ClassVar = frozenset(
        {
            "policies.*.digest",
            "former_bindings.*.policies.*.digest",
            *(f"decisions.*.dossier.{part}" for part in Dossier.model_fields),
        }
    )
    """The paths whose value is the digest of a content, as `Record.cites` has them."""
    ordered: ClassVar = frozenset({"submitted_at"})
    grouped: ClassVar = frozenset({"tier", "submitted_by"})
    bounded: ClassVar = frozenset({"submitted_at"})

    number: int = Field(description="The round's number counts from 1.")
    submitted_by: Key = Field(description="The user id of whoever submitted.")
    submitted_at: Moment = Field(description="The time it was submitted.")
    tier: RiskTier = Field(description="The tier that it is held for.")
    policies: tuple[BoundPolicy, ...] = Field(
        description="The policy revisions that bound it when it opened or its tier changed."
    )
    bound_at: Moment | None = Field(
        default=None,
        description="The time the tier changed, and other policies bound it; null before that.",
    )
    former_bindings: tuple[FormerBinding, ...] = Field(
        default=(), description="The policy revisions that bound it for other tiers before, oldest first."
    )
    decisions: tuple[Decision, ...] = Field(default=(), description="The decisions that were made, oldest first.")

    @property
    def rejected(self) -> bool:
        return any(each.verdict is Verdict.REJECTED for each in self.decisions)

    @property
    def bound_since(self) -> datetime:
        """The time since which `policies` bind it."""
        return self.bound_at or self.submitted_at

    @property
    def bindings(self) -> tuple[FormerBinding, ...]:
        """What bound it at each time, the present binding last: what its roles were asked when they decided is judged by them."""
        return (*self.former_bindings, FormerBinding(since=self.bound_since, tier=self.tier, policies=self.policies))

    def rebound(self, tier: RiskTier, policies: tuple[BoundPolicy, ...], at: datetime) -> Self:
        """The round held for another tier, and bound to other policies."""
        return self.model_copy(update={"tier": tier, "policies": policies, "bound_at": at, "former_bindings": self.bindings})

    def as_read(self, today: Dossier, evidence: Iterable[Evidence], terms: DecisionTerms, at: datetime) -> tuple[Approval, ...]:
        """Every decision as it reads at `at`; the latest of a role stands, and those before it are superseded."""
        standing = frozenset(each.evidence_id for each in evidence if each.stands(at))
        stands = {each.decision_id for each in self.latest().values()}
        read = (each.as_read(today, standing, terms, at) for each in told(self.decisions))
        return tuple(
            each if each.decision_id in stands else each.model_copy(update={"status": ApprovalStatus.SUPERSEDED}) for each in read
        )

    def has(self, decision_id: str) -> bool:
        return any(each.decision_id == decision_id for each in self.decisions)

    def latest(self) -> dict[GovernanceRole, Decision]:
        """The decision that stands, for each role that decided."""
        return {each.role: each for each in self.decisions}

    def with_decision(self, decision: Decision) -> Self:
        """The round with one more decision, or with a new state of one that it has."""
        if not self.has(decision.decision_id):
            return self.model_copy(update={"decisions": (*self.decisions, decision)})
        index = [each.decision_id for each in self.decisions].index(decision.decision_id)
        return self.model_copy(update={"decisions": (*self.decisions[:index], decision, *self.decisions[index + 1 :])})

    def without_name(self, user_id: str) -> Self:
        """The round without the name of a person who decided in it."""
        kept = tuple(
            each.model_copy(update={"reviewer_name": ERASED}) if each.reviewer_id == user_id else each for each in self.decisions
        )
        return self.model_copy(update={"decisions": kept})

    def approval_of(self, role: GovernanceRole) -> Decision:
        """The approval that stands for a role and can be taken back; NotFound without one."""
        decision = self.latest().get(role)
        if decision is None or decision.withdrawn:
            raise NotFound("Approval", role.name)
        return decision

    def has_condition(self, condition_id: str) -> bool:
        return any(each.condition_id == condition_id for decision in self.decisions for each in decision.conditions)

    def condition(self, condition_id: str, action: str) -> tuple[Decision, Condition]:
        """A condition and the approval that set it; NotFound without one, InvalidState where that approval no longer stands."""
        for decision in self.decisions:
            for each in decision.conditions:
                if each.condition_id == condition_id:
                    if decision.withdrawn:
                        raise InvalidState(action, ApprovalStatus.WITHDRAWN, OBLIGING)
                    if decision is not self.latest()[decision.role]:
                        raise InvalidState(action, ApprovalStatus.SUPERSEDED, OBLIGING)
                    return decision, each
        raise NotFound("Condition", condition_id)


class WithheldText(Value):
    """A withheld text is one that a closed round has, and that its content shows by a salted digest."""

    path: str = Field(description="The path of the text in the round, such as `decisions.0.comments`.")
    text: str = Field(description="The text itself.")
    whose: Key | None = Field(default=None, description="The user id of the person whose name it is; null for other texts.")


class ClosedRound(Value):
    """A closed round is kept whole as a content."""

    number: int = Field(description="The round's number counts from 1.")
    digest: Digest = Field(description="The digest that `content` takes for the round.")
    closed_at: Moment = Field(description="The time the next round began.")
    submitted_by: Key = Field(description="The user id of whoever submitted.")
    deciders: tuple[Decider, ...] = Field(description="The people who decided in it.")
    withheld: tuple[WithheldText, ...] = Field(
        default=(), description="The texts that the content shows by salted digests; none in a round closed before release 0.3.0."
    )

    @classmethod
    def of(cls, ended: ApprovalRound, at: datetime) -> "tuple[Self, ClosedContent]":
        """The closed round, and the content that keeps it."""
        content = ClosedContent.of(ended)
        whose = {f"decisions.{at}.reviewer_name": each.reviewer_id for at, each in enumerate(ended.decisions)}
        withheld = tuple(WithheldText(path=path, text=text, whose=whose.get(path)) for path, text in content.texts.items())
        closed = cls(
            number=ended.number, digest=digest(content.value), closed_at=at, submitted_by=ended.submitted_by,
            deciders=deciders(ended.decisions), withheld=withheld,
        )  # fmt: skip
        return closed, content

    def without_name(self, user_id: str) -> Self:
        """The closed round without the name of a person who decided in it; the content never showed it."""
        kept = tuple(each.model_copy(update={"text": ERASED}) if each.whose == user_id else each for each in self.withheld)
        return self.model_copy(update={"withheld": kept})

    def round(self, canonical: str) -> ApprovalRound:
        """The whole round: its content, with the texts that are withheld there."""
        value = json.loads(canonical)
        for each in self.withheld:
            *steps, last = each.path.split(".")
            inside = value
            for step in steps:
                inside = inside[int(step)] if isinstance(inside, list) else inside[step]
            inside[last] = each.text
        return ApprovalRound.model_validate_json(json.dumps(value))


@dataclass(frozen=True, slots=True)
class ClosedContent:
    """What is kept of a closed round: the round without its private texts, which the version keeps with their salts."""

    value: dict[str, Any]
    texts: Mapping[str, str]
    salts: Mapping[str, str]

    @classmethod
    def of(cls, ended: ApprovalRound) -> Self:
        value = plain(ended)
        texts = dict(private_values(value, shapes_of(ApprovalRound.private)))
        salts = {path: fresh() for path in texts}
        for path, text in texts.items():
            *steps, last = path.split(".")
            inside: Any = value
            for step in steps:
                inside = inside[int(step)] if isinstance(inside, list) else inside[step]
            inside[last] = {"salted": salted(salts[path], text)}
        return cls(value, texts, salts)

    def salts_at(self, index: int) -> Mapping[str, str]:
        """The salts by the paths that the withheld texts have in a version whose closed round of that index it is."""
        return {f"closed_rounds.{index}.withheld.{at}.text": self.salts[path] for at, path in enumerate(self.texts)}


def those_open(previous: ApprovalRound | None, current: ApprovalRound | None) -> tuple[ApprovalRound, ...]:
    """The rounds that are open, the current one last."""
    return tuple(each for each in (previous, current) if each)


def submitters_of(opened: Iterable[ApprovalRound], closed: Iterable[ClosedRound]) -> frozenset[str]:
    """Everybody who ever submitted a version, by its rounds."""
    return frozenset([*(each.submitted_by for each in closed), *(each.submitted_by for each in opened)])


def deciders_of(opened: Iterable[ApprovalRound], closed: Iterable[ClosedRound]) -> tuple[Decider, ...]:
    """Everybody who ever decided about a version, and in which role, by its rounds; each once."""
    earlier = (decider for each in closed for decider in each.deciders)
    return tuple(dict.fromkeys((*earlier, *(decider for each in opened for decider in deciders(each.decisions)))))


def acted_as(deciders: Iterable[Decider], who: str) -> tuple[GovernanceRole, ...]:
    """The roles in which a person decided about a version."""
    return tuple(each.role for each in deciders if each.user_id == who)
