"""The case file: everything that a version is judged by, at one moment. It is loaded first, so that judging is pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from documents.access import GovernanceRole
from documents.cards import ModelCard
from documents.datasheets import DatasetRecord
from documents.eligibility.lapses import Lapse
from documents.eligibility.rules import RulesInForce
from documents.people import Stakeholder
from documents.policies import PolicyInForce
from documents.reviews import ReviewCalendar
from documents.stages import GOVERNED, Stage
from documents.versions.accountability import current
from documents.versions.approvals import Approval, Decider
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
    """The policies that a draft will be held to, by the later moment from which they are in force; in the order of time."""
    lapsed: Mapping[Decider, Lapse] = field(default_factory=dict)
    """Who decided in the current round and can no longer decide in the role; empty if loaded for the standing only."""
    sheets: tuple[LinkedSheet, ...] = ()
    """The linked datasheets as they read, in the order of the links."""
    stages: tuple[Stage, ...] = GOVERNED
    """The stages of environments that the judgement is for: only policies that bind one of them are asked."""

    def at_stage(self, stage: Stage) -> "CaseFile":
        """The same case, to be judged for environments of one stage."""
        return replace(self, stages=(stage,))

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
        opened = self.version.round.submitted_at if self.version.round else None
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
        policies = [each for begins, each in self.later_policies.items() if begins <= at]
        return replace(self, at=at, policies=policies[-1] if policies else self.policies)

    @cached_property
    def edges(self) -> Sequence[datetime]:
        """The later moments at which a policy, evidence, a waiver or the last review begins or ceases to count, in order."""
        evidence = [each for each in self.version.evidence if not each.withdrawn]
        proofs = [moment for each in evidence for moment in (each.effective_from, each.valid_until)]
        waivers = [each.expires_at for each in self.version.waivers if not each.revoked]
        due = self.next_review if self.version.reviews else None
        return sorted({each for each in (*proofs, due, *waivers, *self.later_policies) if each and each > self.at})

    @property
    def next_review(self) -> datetime | None:
        return self.version.next_review(self.calendar)

    @cached_property
    def evidence(self) -> list[Evidence]:
        """The evidence that counts at this moment."""
        return self.version.standing_evidence(self.at)

    @cached_property
    def decisions(self) -> tuple[Approval, ...]:
        """Every decision of the current round, with its status at this moment, in the order in which they were made."""
        return self.version.round.as_read(self.dossier, self.version.evidence, self.at) if self.version.round else ()

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
        standing = (each for each in self.version.waivers if each.stands(self.at))
        return {each.requirement_id: each for each in sorted(standing, key=lambda waiver: waiver.expires_at)}

    @property
    def holds(self) -> list[Hold]:
        return [each for each in self.version.holds if each.stands]

    @property
    def status(self) -> VersionStatus:
        """The version's status at this moment."""
        if self.version.retired:
            return VersionStatus.RETIRED
        if self.version.round is None:
            return VersionStatus.DRAFT
        if self.version.round.rejected:
            return VersionStatus.REJECTED
        return VersionStatus.APPROVED if len(self.counting) == len(self.required) else VersionStatus.PENDING_APPROVAL

    @property
    def card(self) -> ModelCard | None:
        return self.version.card

    @property
    def names(self) -> dict[str, str]:
        """The arguments by which a remedy names the version."""
        return {"modelId": self.version.model_id, "version": self.version.version}
