"""The case file: everything that a version is judged by, at one moment. It is loaded first, so that judging is pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from documents.access import GovernanceRole
from documents.cards import ModelCard
from documents.datasheets import DatasetRecord
from documents.eligibility.lapses import Lapse
from documents.eligibility.rules import RulesInForce
from documents.people import Stakeholder
from documents.policies import Asked, PolicyInForce, asked_of
from documents.reviews import ReviewCalendar
from documents.stages import GOVERNED, Stage
from documents.versions.accountability import current
from documents.versions.approvals import Approval, ApprovalRound, Decider, DecisionTerms
from documents.versions.dependencies import VersionName
from documents.versions.dossier import Dossier
from documents.versions.evidence import Evidence
from documents.versions.holds import Hold
from documents.versions.lifecycle import VersionStatus
from documents.versions.version import ModelVersion
from documents.versions.waivers import Waiver


@dataclass(frozen=True, slots=True)
class LinkedSheet:
    """A linked sheet is the revision of a datasheet that a version rests on, and the newest one there is."""

    dataset_id: str
    says: DatasetRecord
    newest: DatasetRecord


@dataclass(frozen=True)
class CaseFile:
    """A case file holds everything that a version is judged by, at the moment `at`."""

    version: ModelVersion
    round: ApprovalRound | None
    """The round whose decisions are judged: the current one or, while it counts, the previous one; None for a draft."""
    policies: tuple[PolicyInForce, ...]
    registration_proven: bool
    newer_datasheets: tuple[str, ...]
    """The ids of the linked datasheets that have a newer revision than the link pins."""
    retired_dependencies: tuple[VersionName, ...]
    """The retired versions that it depends on directly."""
    people: tuple[Stakeholder, ...]
    """The active people who hold a required role, and those who decided; empty if loaded for the standing only."""
    answering: Mapping[str, Stakeholder]
    """The people who are accountable for a version, by user id; empty if the case file is loaded for eligibility."""
    at: datetime
    calendar: ReviewCalendar
    rules: RulesInForce
    later_policies: Mapping[datetime, tuple[PolicyInForce, ...]] = field(default_factory=dict)
    """The policies that it will be held to, by the later moment from which they are in force or bind; in the order of time."""
    earlier_policies: Mapping[datetime, tuple[PolicyInForce, ...]] = field(default_factory=dict)
    """The policies that bound the round, by the earlier moment from which they did; in the order of time."""
    next: "CaseFile | None" = None
    """The case of the current round, while the previous round counts."""
    lapsed: Mapping[Decider, Lapse] = field(default_factory=dict)
    """Who decided in the current round and can no longer decide in the role; empty if loaded for the standing only."""
    sheets: tuple[LinkedSheet, ...] = ()
    """The linked datasheets as they read, in the order of the links."""
    stages: tuple[Stage, ...] = GOVERNED
    """The stages of environments that the judgement is for: only policies that bind one of them are asked."""

    def at_stage(self, stage: Stage) -> "CaseFile":
        """The same case, to be judged for environments of one stage."""
        return self._alike(lambda each: replace(each, stages=(stage,), next=None))

    @classmethod
    def of_round(cls, current: "CaseFile", previous: "CaseFile | None") -> "CaseFile":
        """The case of the round that counts.

        That is the previous round, as long as its approvals suffice and those of the current round are wanting.
        """
        waits = current.status is VersionStatus.PENDING_APPROVAL
        if previous and waits and previous.status is VersionStatus.APPROVED:
            return replace(previous, next=current)
        return current

    def _alike(self, change: Callable[["CaseFile"], "CaseFile"]) -> "CaseFile":
        """The case after a change of this one and of the case of the current round, by whichever round then counts."""
        return self.of_round(change(self.next), change(self)) if self.next else change(self)

    @cached_property
    def binding(self) -> tuple[PolicyInForce, ...]:
        """The policies that bind a stage that the judgement is for."""
        return tuple(each for each in self.policies if not set(self.stages).isdisjoint(each.says.stages))

    @property
    def cleared(self) -> bool:
        """Whether no approval is wanting. Where no governed stage is judged, a version need not have been submitted."""
        if set(self.stages).isdisjoint(GOVERNED):
            return not self.version.retired and len(self.counting) == len(self.required)
        return self.status is VersionStatus.APPROVED

    def announced(self, since: int) -> datetime | None:
        """The moment from which a check of the rules number `since` binds the version; None if it binds now."""
        opened = self.round.submitted_at if self.round else None
        return self.rules.announces(since, opened, self.at)

    @property
    def uncovered_roles(self) -> tuple[GovernanceRole, ...]:
        """The roles whose accountable person is inactive or no longer holds the role."""
        held = current(self.version.accountability).items()
        return tuple(role for role, each in held if not (found := self.answering.get(each.user_id)) or not found.holds(role))

    @cached_property
    def dossier(self) -> Dossier:
        return self.version.dossier

    def as_of(self, at: datetime) -> "CaseFile":
        """The same case at a later moment, if nothing but the time changes until then."""
        return self._alike(lambda each: each._moved(at))

    def _moved(self, at: datetime) -> "CaseFile":
        held = {self.at: self.policies} | {moment: each for moment, each in self.later_policies.items() if moment <= at}
        later = {moment: each for moment, each in self.later_policies.items() if moment > at}
        *_, policies = held.values()
        earlier = {**self.earlier_policies, **held}
        return replace(self, at=at, policies=policies, earlier_policies=earlier, later_policies=later, next=None)

    @cached_property
    def edges(self) -> Sequence[datetime]:
        """The later moments at which a policy, evidence, a waiver or the last review begins or ceases to count, in order."""
        evidence = [each for each in self.version.evidence if not each.withdrawn]
        proofs = [moment for each in evidence for moment in (each.effective_from, each.valid_until)]
        waivers = [each.expires_at for each in self.version.waivers if not each.revoked]
        due = self.next_review if self.version.reviews else None
        return sorted({each for each in (*proofs, due, *waivers, *self.policy_moments) if each and each > self.at})

    @property
    def policy_moments(self) -> Sequence[datetime]:
        """The later moments at which other policies bind a round that is open, in order."""
        return sorted({*self.later_policies, *(self.next.later_policies if self.next else ())})

    @property
    def next_review(self) -> datetime | None:
        return self.version.next_review(self.calendar)

    @cached_property
    def evidence(self) -> list[Evidence]:
        """The evidence that counts at this moment."""
        return self.version.standing_evidence(self.at)

    @cached_property
    def decisions(self) -> tuple[Approval, ...]:
        """Every decision of the round, with its status at this moment, in the order in which they were made."""
        return self.round.as_read(self.dossier, self.version.evidence, self.terms, self.at) if self.round else ()

    @cached_property
    def terms(self) -> DecisionTerms:
        """What the policies say at this moment of the decisions of the round."""
        demanding = (each.says for each in self.policies if each.blocking and each.says.demands_confirmed)
        confirming = {role for says in demanding for role in says.required_roles}
        latest = self.round.latest() if self.round and len(self.earlier_policies) > 1 else {}
        anew = {role for role, each in latest.items() if not asked_of(self.policies, role) <= self.asked(role, each.decided_at)}
        return DecisionTerms(confirming=tuple(sorted(confirming)), asked_anew=tuple(sorted(anew)))

    def asked(self, role: GovernanceRole, at: datetime) -> frozenset[Asked]:
        """What the blocking policies asked of a role when it decided at `at`, or when they bound the round if that was later."""
        first, *_ = self.earlier_policies.values()
        *_, bound = [first, *(each for moment, each in self.earlier_policies.items() if moment <= at)]
        return asked_of(bound, role)

    @cached_property
    def approvals(self) -> dict[GovernanceRole, Approval]:
        """The decision that stands for each role that decided."""
        return {each.role: each for each in self.decisions}

    @cached_property
    def required(self) -> dict[GovernanceRole, tuple[str, ...]]:
        """The roles whose approval is required, each with the ids of the blocking policies that require it."""
        roles: dict[GovernanceRole, tuple[str, ...]] = {}
        for policy in self.binding:
            for role in policy.says.required_roles if policy.blocking else ():
                roles[role] = (*roles.get(role, ()), policy.policy_id)
        return roles

    @cached_property
    def counting(self) -> list[Approval]:
        """The approvals of required roles that count at this moment."""
        return [each for role in self.required if (each := self.approvals.get(role)) and each.counts]

    @cached_property
    def waivers(self) -> dict[str, Waiver]:
        """The waiver of each waived requirement; of several that stand, the one that ends last."""
        standing = (each for each in self.version.waivers if each.stands(self.at) and self._excepts(each))
        return {each.requirement_id: each for each in sorted(standing, key=lambda waiver: waiver.expires_at)}

    def _excepts(self, waiver: Waiver) -> bool:
        """Whether the policy lets the waiver count: one that demands it wants a person whose identity was confirmed."""
        confirmed = waiver.identity is not None and waiver.identity.confirmed
        return confirmed or not any(
            each.says.demands_confirmed and asked.requirement_id == waiver.requirement_id
            for each in self.policies
            for asked in each.says.requirements
        )

    @property
    def holds(self) -> list[Hold]:
        return [each for each in self.version.holds if each.stands]

    @property
    def status(self) -> VersionStatus:
        """The version's status at this moment."""
        if self.version.retired:
            return VersionStatus.RETIRED
        if self.round is None:
            return VersionStatus.DRAFT
        if self.round.rejected:
            return VersionStatus.REJECTED
        return VersionStatus.APPROVED if len(self.counting) == len(self.required) else VersionStatus.PENDING_APPROVAL

    @property
    def card(self) -> ModelCard | None:
        return self.version.card

    @property
    def names(self) -> dict[str, str]:
        """The arguments by which a remedy names the version."""
        return {"modelId": self.version.model_id, "version": self.version.version}
