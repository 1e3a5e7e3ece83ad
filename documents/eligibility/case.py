"""The case file: all that there is to judge a version by, at one moment."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from documents.access import GovernanceRole
from documents.cards import ModelCard
from documents.people import Stakeholder
from documents.policies import PolicyInForce
from documents.versions.approvals import Approval, Dossier
from documents.versions.evidence import Evidence
from documents.versions.standing import VersionStatus
from documents.versions.version import ModelVersion


@dataclass(frozen=True)
class CaseFile:
    """All that there is to judge a version by, at one moment."""

    version: ModelVersion
    policies: tuple[PolicyInForce, ...]
    registration_proven: bool
    newer_datasheets: tuple[str, ...]
    people: tuple[Stakeholder, ...]
    """Whoever holds a required role; none where only the standing is asked for."""
    at: datetime

    @cached_property
    def dossier(self) -> Dossier:
        return self.version.dossier

    @cached_property
    def evidence(self) -> list[Evidence]:
        return self.version.standing_evidence(self.at)

    @cached_property
    def approvals(self) -> dict[GovernanceRole, Approval]:
        """The decision that stands for each role that decided, as it reads now."""
        standing = frozenset(each.evidence_id for each in self.evidence)
        latest = self.version.round.latest() if self.version.round else {}
        return {role: decision.as_read(self.dossier, standing, self.at) for role, decision in latest.items()}

    @cached_property
    def required(self) -> dict[GovernanceRole, tuple[str, ...]]:
        """Each role whose approval is required, and the blocking policies that require it."""
        roles: dict[GovernanceRole, tuple[str, ...]] = {}
        for policy in self.policies:
            for role in policy.says.required_roles if policy.blocking else ():
                roles[role] = (*roles.get(role, ()), policy.policy_id)
        return roles

    @cached_property
    def counting(self) -> list[Approval]:
        return [each for role in self.required if (each := self.approvals.get(role)) and each.counts]

    @property
    def status(self) -> VersionStatus:
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
        return {"modelId": self.version.model_id, "version": self.version.version}
