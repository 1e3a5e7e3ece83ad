"""Standing: what lists, filters and dashboards need to know of a version without asking anybody else."""

from datetime import datetime
from typing import ClassVar, Self

from pydantic import Field

from documents.access import GovernanceRole
from documents.risk.scales import RiskBand, RiskTrend
from documents.store.filters import Filter
from documents.values import Key, Moment, Share, Value
from documents.versions.approvals import DecisionTerms
from documents.versions.dependencies import VersionName
from documents.versions.dossier import Dossier
from documents.versions.lifecycle import LIVE, VersionStatus
from documents.versions.risks import HighRisk


class StandingApproval(Value):
    """A standing approval counts as long as nothing changes."""

    role: GovernanceRole = Field(description="The role that gave it.")
    until: Moment | None = Field(description="The time it or its evidence lapses; null for never.")


class LaterTerms(Value):
    """Later terms hold from a moment on if nothing changes until then."""

    begins: Moment = Field(description="The time from which they hold.")
    terms: DecisionTerms = Field(description="The terms on which the decisions of the current round then count.")


class Period(Value):
    """A period is a stretch of time."""

    begins: Moment = Field(description="The first moment that it has.")
    ends: Moment | None = Field(description="The time it is over; null for never.")

    def since(self, at: datetime) -> Self | None:
        """What is left of it at `at`; nothing if it is over."""
        return None if self.ends and self.ends <= at else self.model_copy(update={"begins": max(self.begins, at)})


class Standing(Value):
    """A standing is stored with the version, by the same rule as eligibility, in the transaction of each change."""

    ordered: ClassVar = frozenset({
        "status", "open_conditions", "critical_incidents", "approved_until", "card_completeness", "next_review",
        "risk_score", "risk_band", "risk_trend", "rules", "changes_at",
    })  # fmt: skip
    grouped: ClassVar = frozenset({"status", "risk_band", "risk_trend", "assessment_approved"})
    summed: ClassVar = frozenset({"open_conditions", "critical_incidents", "card_completeness", "risk_score"})
    bounded: ClassVar = frozenset({"approved_until", "next_review"})

    as_of: Moment = Field(description="The time it was computed.")
    rules: int = Field(default=0, description="The number of the rules that computed it; 0 before rules had numbers.")
    changes_at: Moment | None = Field(
        default=None,
        description="The time it changes by itself, and is computed anew; null for never.",
    )
    status: VersionStatus = Field(description="The status that the decisions then came to.")
    required_roles: tuple[GovernanceRole, ...] = Field(description="The roles whose approval is required.")
    missing_roles: tuple[GovernanceRole, ...] = Field(description="The required roles that have no approval that counts.")
    approvals: tuple[StandingApproval, ...] = Field(description="The approvals that count.")
    stale_roles: tuple[GovernanceRole, ...] = Field(description="The required roles whose approval is stale.")
    next_roles: tuple[GovernanceRole, ...] = Field(
        default=(), description="The roles whose approval the current round requires, while the previous round counts."
    )
    next_missing_roles: tuple[GovernanceRole, ...] = Field(
        default=(), description="The roles that the current round still waits for, while the previous round counts."
    )
    terms: DecisionTerms = Field(
        default=DecisionTerms(), description="The terms on which the decisions of the current round count."
    )
    later_terms: tuple[LaterTerms, ...] = Field(
        default=(), description="The terms on which they will count, in the order of time, because policies bind the round then."
    )
    policies: tuple[Key, ...] = Field(default=(), description="The ids of the policies that bind its open rounds.")
    open_conditions: int = Field(description="The number of conditions that are not confirmed.")
    violations: tuple[str, ...] = Field(description="The ids of the blocking requirements that are neither met nor waived.")
    waived: tuple[str, ...] = Field(description="The ids of the blocking requirements that are not met, and waived.")
    holds: tuple[GovernanceRole, ...] = Field(description="The roles whose hold stands.")
    critical_incidents: int = Field(description="The number of critical incidents that are open.")
    dossier: Dossier = Field(description="The dossier has the digests of what is decided on.")
    approved_until: Moment | None = Field(
        description="The time the first of the approvals lapses, or a policy asks for another; null for never."
    )
    compliance: tuple[Period, ...] = Field(
        description="The periods in which no blocking requirement is violated if nothing else changes, in order."
    )
    card_completeness: Share | None = Field(
        description="The share of the card's sections that are filled, 0 to 1; null without a card."
    )
    next_review: Moment | None = Field(description="The time the next review is due; null in tier 4.")
    outdated_datasheets: tuple[Key, ...] = Field(default=(), description="The linked datasheets that have a newer revision.")
    retired_dependencies: tuple[VersionName, ...] = Field(default=(), description="The direct dependencies that are retired.")
    uncovered_roles: tuple[GovernanceRole, ...] = Field(
        default=(), description="The roles whose accountable person no longer holds them."
    )
    accountable_ids: tuple[Key, ...] = Field(description="The user ids of the people who are accountable for it.")
    decider_ids: tuple[Key, ...] = Field(description="The user ids of the people who ever decided about it.")
    risk_score: float | None = Field(description="The overall score that the current assessment has, from 0 to 25.")
    risk_band: RiskBand | None = Field(description="The band that the risk score is in.")
    risk_trend: RiskTrend = Field(description="The trend compares the score with that of the assessment before.")
    assessment_approved: bool = Field(description="Whether a risk manager approved the current assessment.")
    high_risks: tuple[HighRisk, ...] = Field(
        description="The risks that have a residual score of 10 or more and no control, accepted or not."
    )

    @property
    def deciding_roles(self) -> tuple[GovernanceRole, ...]:
        """The roles that decide in the current round."""
        return self.next_roles or self.required_roles

    def status_at(self, at: datetime) -> VersionStatus:
        """The status at a moment after `as_of`: an approval may have lapsed by itself."""
        lapsed = self.status is VersionStatus.APPROVED and self.approved_until is not None and self.approved_until <= at
        return VersionStatus.PENDING_APPROVAL if lapsed else self.status

    def terms_at(self, at: datetime) -> DecisionTerms:
        """The terms at a moment after `as_of`: a policy may bind the current round by itself."""
        return next((each.terms for each in reversed(self.later_terms) if each.begins <= at), self.terms)

    @staticmethod
    def says(status: VersionStatus, at: datetime) -> Filter:
        """The stored versions whose status is that at that moment, as `status_at` has it."""
        stored = {"status": {"eq": status}}
        match status:
            case VersionStatus.APPROVED:
                return {"standing": stored | {"or": [{"approved_until": {"is_null": True}}, {"approved_until": {"gt": at}}]}}
            case VersionStatus.PENDING_APPROVAL:
                lapsed = {"status": {"eq": VersionStatus.APPROVED}, "approved_until": {"lte": at}}
                return {"standing": {"or": [stored, lapsed]}}
            case VersionStatus.DRAFT:
                return {"standing": {"status": {"in": [status, None]}}}
            case _:
                return {"standing": stored}

    @staticmethod
    def lacks(role: GovernanceRole, at: datetime) -> Filter:
        """The stored versions that require an approval of that role and have none that counts at that moment."""
        counts = {"role": {"eq": role}, "or": [{"until": {"is_null": True}}, {"until": {"gt": at}}]}
        return {"standing": {"required_roles": {"some": {"eq": role}}, "approvals": {"none": counts}}}

    @staticmethod
    def lacks_none(at: datetime) -> Filter:
        """The stored versions that were submitted and of which no required approval is missing at that moment.

        In tier 4 none is required.
        """
        lasts = [{"approved_until": {"is_null": True}}, {"approved_until": {"gt": at}}]
        return {"and": [Standing.was_submitted(), {"standing": {"missing_roles": {"none": {}}, "or": lasts}}]}

    @staticmethod
    def was_submitted() -> Filter:
        """The stored versions that were ever submitted, and are not retired."""
        return {"standing": {"status": {"in": [each for each in LIVE if each is not VersionStatus.DRAFT]}}}

    @staticmethod
    def is_overdue(overdue: bool, at: datetime) -> Filter:
        """The stored versions whose periodic review is overdue at that moment, or those whose is not."""
        due = {"standing": {"next_review": {"lte": at}}}
        return due if overdue else {"not": due}

    @staticmethod
    def is_compliant(compliant: bool, at: datetime) -> Filter:
        """The stored versions of which no blocking requirement is violated at that moment, or those of which one is."""
        then = {"begins": {"lte": at}, "or": [{"ends": {"is_null": True}}, {"ends": {"gt": at}}]}
        return {"standing": {"compliance": {"some" if compliant else "none": then}}}

    @staticmethod
    def is_eligible(eligible: bool, at: datetime) -> Filter:
        """The stored versions that may be deployed at that moment, as eligibility has it, or those that may not."""
        nothing_stops = {"holds": {"none": {}}, "critical_incidents": {"eq": 0}}
        approved, compliant = Standing.says(VersionStatus.APPROVED, at), Standing.is_compliant(True, at)
        found = {"and": [approved, compliant, {"standing": nothing_stops}]}
        return found if eligible else {"not": found}

    @staticmethod
    def has_open_high_risk(yes: bool, at: datetime) -> Filter:
        """The stored versions with a high risk that has neither control nor, at that moment, acceptance; or those without."""
        return {"standing": {"high_risks": {"some" if yes else "none": HighRisk.open_at(at)}}}

    def still(self, later: Self) -> bool:
        """Whether what was computed later says the same: that what was foretold has come is no news."""
        since = (each.since(later.as_of) for each in self.compliance)
        foretold = tuple(each for each in since if each)
        terms, coming = self.terms_at(later.as_of), tuple(each for each in self.later_terms if each.begins > later.as_of)
        now = {"as_of": later.as_of, "compliance": foretold, "terms": terms, "later_terms": coming}
        return self.model_copy(update=now) == later
