"""Reports: everything about the governance of one version, as data."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from documents.contents import Content
from documents.eligibility.answer import Eligibility
from documents.eligibility.judgement import Judgement
from documents.eligibility.load import case_files
from documents.people import Stakeholder
from documents.policies import Enforcement
from documents.risk.scales import RiskTier
from documents.values import Key, Moment, Name, Value
from documents.versions.approvals import Approval, ApprovalRound
from documents.versions.lifecycle import VersionStatus
from documents.versions.model import Model
from documents.versions.version import ModelVersion


class ReportedModel(Value):
    """Which version a report is about."""

    model_id: Key = Field(description="The model.")
    name: Name = Field(description="What people call it.")
    version: Key = Field(description="The version.")
    tier: RiskTier = Field(description="Its risk tier.")
    status: VersionStatus = Field(description="What the decisions say of it.")


class ReportedPerson(Value):
    """Somebody who is accountable, as that person is today."""

    user_id: Key = Field(description="The user id.")
    name: Name = Field(description="Full name.")
    department: Name = Field(description="Where the person works.")
    active: bool = Field(description="Whether the person may still act.")


class Ownership(Value):
    """Who answers for the version."""

    owner: ReportedPerson = Field(description="The model owner.")
    data_steward: ReportedPerson = Field(description="The data steward.")


class PurposeAndScope(Value):
    """What the version is for."""

    purpose: str = Field(description="What it is for.")
    use_cases: tuple[str, ...] = Field(description="What it is used for.")
    restrictions: tuple[str, ...] = Field(description="What it must not be used for, or only how.")


class AppliedPolicy(Value):
    """A policy that the version is held to."""

    policy_id: Key = Field(description="Which policy.")
    name: Name = Field(description="What it is called.")
    revision: int = Field(description="Which revision of it.")
    enforcement: Enforcement = Field(description="What an unmet requirement does.")


class Governance(Value):
    """What the version is held to, and who decided what."""

    policies_applied: tuple[AppliedPolicy, ...] = Field(description="The policies, by id.")
    approvals: tuple[Approval, ...] = Field(description="Every decision of the current round as it reads now, first one first.")
    earlier_rounds: tuple[ApprovalRound, ...] = Field(description="The rounds before, whole, as they were closed.")


class ReviewSchedule(Value):
    """When the version was looked at again, and when it will be."""

    last_review: Moment | None = Field(description="When the last periodic review was completed.")
    next_review: Moment | None = Field(description="When the next one is due; nothing in tier 4.")


class GovernanceReport(Value):
    """Everything about the governance of one version; complete, however long its history."""

    generated_at: Moment = Field(description="When the report was made.")
    model_info: ReportedModel = Field(description="Which version it is about.")
    ownership: Ownership = Field(description="Who answers for it.")
    purpose_and_scope: PurposeAndScope = Field(description="What it is for.")
    governance: Governance = Field(description="What it is held to, and who decided what.")
    deployment_eligibility: Eligibility = Field(description="Whether it may be deployed now.")
    review_schedule: ReviewSchedule = Field(description="When it is reviewed.")


async def governance_report(version: ModelVersion, at: datetime) -> GovernanceReport:
    """The report of one version at `at`."""
    (case,) = await case_files([version], at)
    model = await Model.require(version.model_id)
    people = {
        each.user_id: each for each in await Stakeholder.every({"user_id": {"$in": [version.owner_id, version.data_steward_id]}})
    }
    rounds = (
        await Content.every({"digest": {"$in": [each.digest for each in version.closed_rounds]}}) if version.closed_rounds else []
    )
    return GovernanceReport(
        generated_at=at,
        model_info=ReportedModel(
            model_id=version.model_id, name=model.name, version=version.version, tier=version.tier, status=case.status
        ),
        ownership=Ownership(owner=_person(people[version.owner_id]), data_steward=_person(people[version.data_steward_id])),
        purpose_and_scope=PurposeAndScope(
            purpose=version.purpose, use_cases=version.use_cases, restrictions=version.restrictions
        ),
        governance=Governance(
            policies_applied=tuple(
                AppliedPolicy(
                    policy_id=each.policy_id, name=each.says.name, revision=each.revision, enforcement=each.says.enforcement
                )
                for each in case.policies
            ),
            approvals=case.decisions,
            earlier_rounds=_in_order(rounds),
        ),
        deployment_eligibility=Judgement(case).eligibility,
        review_schedule=ReviewSchedule(
            last_review=version.reviews[-1].at if version.reviews else None, next_review=version.next_review
        ),
    )  # fmt: skip


def _person(person: Stakeholder) -> ReportedPerson:
    return ReportedPerson(user_id=person.user_id, name=person.name, department=person.department, active=person.active)


def _in_order(rounds: Sequence[Content]) -> tuple[ApprovalRound, ...]:
    read = [ApprovalRound.model_validate_json(each.canonical) for each in rounds]
    return tuple(sorted(read, key=lambda each: each.number))
