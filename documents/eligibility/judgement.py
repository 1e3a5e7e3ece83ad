"""The judgement of a case file: what clients read of it, and what is stored of it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from documents.access import GovernanceRole, Permission
from documents.eligibility.answer import Eligibility, Finding, Remedy, RequiredApproval
from documents.eligibility.case import CaseFile
from documents.eligibility.checks import CHECKS, Met, Unmet, remedy
from documents.policies import PolicyInForce, Requirement
from documents.risk.scales import RiskTier
from documents.versions.accountability import current
from documents.versions.approvals import ApprovalStatus, Condition
from documents.versions.standing import Standing, VersionStatus
from documents.versions.version import SUBMITTABLE


@dataclass(frozen=True)
class Judgement:
    """A case file, judged once: what clients read of it, and what is stored of it."""

    case: CaseFile

    @cached_property
    def results(self) -> list[tuple[PolicyInForce, Requirement, Met | Unmet]]:
        return [
            (policy, asked, CHECKS[asked.check](self.case, asked))
            for policy in self.case.policies
            for asked in policy.says.requirements
        ]

    def findings(self, blocking: bool) -> tuple[Finding, ...]:
        return tuple(
            Finding(
                policy_id=policy.policy_id, policy_name=policy.says.name, requirement_id=asked.requirement_id,
                title=asked.title, reason=result.reason, remedy=result.remedy,
            )
            for policy, asked, result in self.results
            if isinstance(result, Unmet) and policy.blocking is blocking
        )  # fmt: skip

    @property
    def checked(self) -> dict[str, str]:
        """Each requirement and whether it is met, for the event of a submission."""
        return {asked.requirement_id: "met" if isinstance(result, Met) else "unmet" for _, asked, result in self.results}

    @property
    def eligibility(self) -> Eligibility:
        case, violations = self.case, self.findings(blocking=True)
        required = tuple(self._required(role, policies) for role, policies in case.required.items())
        return Eligibility(
            eligible=case.status is VersionStatus.APPROVED and not violations,
            tier=case.version.tier,
            status=case.status,
            required_approvals=required,
            missing_approvals=tuple(each for each in required if each.status is not ApprovalStatus.APPROVED),
            violations=violations,
            advisories=self.findings(blocking=False),
            notices=self._notices(),
            conditions=tuple(Condition(role=each.role, text=text) for each in case.counting for text in each.conditions),
        )

    def _required(self, role: GovernanceRole, policies: tuple[str, ...]) -> RequiredApproval:
        decision = self.case.approvals.get(role)
        status = decision.status if decision else ApprovalStatus.PENDING
        missing = status is not ApprovalStatus.APPROVED
        return RequiredApproval(
            role=role, policies=policies, status=status, decision=decision,
            candidate_ids=tuple(self._could_give(role)) if missing else (),
            remedy=self._approval_remedy(role) if missing else None,
        )  # fmt: skip

    def _could_give(self, role: GovernanceRole) -> Iterable[str]:
        """Who could approve for `role`: authorised for the tier, decided in no other, not the submitter unless as owner."""
        version = self.case.version
        barred = {each.user_id for each in version.deciders if each.role is not role}
        if version.round and role is not GovernanceRole.MODEL_OWNER:
            barred.add(version.round.submitted_by)
        return (each.user_id for each in self.case.people if each.may_decide(role, version.tier) and each.user_id not in barred)

    def _approval_remedy(self, role: GovernanceRole) -> Remedy:
        if self.case.status in SUBMITTABLE:
            return remedy(Permission.SUBMIT_FOR_APPROVAL, self.case.names)
        known = {**self.case.names, "role": role.name, "verdict": "APPROVED"}
        return Remedy(mutation=Permission.SUBMIT_APPROVAL, arguments=known, fill=("comments",), permitted=(role.name,))

    def _notices(self) -> tuple[str, ...]:
        newer = [f"datasheet {each} has a newer revision than the one linked" for each in self.case.newer_datasheets]
        tier_4 = self.case.version.tier is RiskTier.TIER_4_EXPERIMENTAL
        return (*newer, *(("a version in tier 4 may not be deployed to production",) if tier_4 else ()))

    @property
    def standing(self) -> Standing:
        case, assessment = self.case, self.case.version.latest_assessment
        counts = {each.role for each in case.counting}
        stale = [role for role in case.required if role in case.approvals and case.approvals[role].status is ApprovalStatus.STALE]
        met = [result.until for policy, _, result in self.results if isinstance(result, Met) and policy.blocking]
        stood = {identity for each in case.counting for identity in each.evidence}
        evidence = [each.valid_until for each in case.evidence if each.evidence_id in stood]
        return Standing(
            as_of=case.at,
            status=case.status,
            required_roles=tuple(case.required),
            missing_roles=tuple(role for role in case.required if role not in counts),
            stale_roles=tuple(stale),
            violations=tuple(each.requirement_id for each in self.findings(blocking=True)),
            dossier=case.dossier,
            approved_until=_first([*(each.expires_at for each in case.counting), *evidence]),
            compliant_until=_first(met),
            next_review=case.version.next_review,
            accountable_ids=tuple(dict.fromkeys(each.user_id for each in current(case.version.accountability).values())),
            decider_ids=tuple(dict.fromkeys(each.user_id for each in case.version.deciders)),
            risk_score=assessment.overall_score if assessment else None,
            risk_band=assessment.band if assessment else None,
        )


def _first(moments: Iterable[datetime | None]) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)
