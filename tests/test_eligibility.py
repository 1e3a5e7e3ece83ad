"""What a version must meet to be deployed: each check met and unmet, and the remedies that mend it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, coerce_input_value, get_nullable_type, is_required_input_field

from documents.access import Actor, ActorType, GovernanceRole, PlatformRole
from documents.cards import ModelCard
from documents.contents import Revision
from documents.datasheets import DatasetRecord
from documents.eligibility.answer import Eligibility, Finding, Remedy
from documents.eligibility.case import CaseFile, LinkedSheet
from documents.eligibility.checks import CHECKS
from documents.eligibility.judgement import Judgement
from documents.eligibility.rules import RulesInForce
from documents.people import Stakeholder
from documents.policies import Enforcement, PolicyInForce, RequirementCheck, defaults
from documents.reviews import ReviewCalendar
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import Response
from documents.risk.scales import RiskTier
from documents.values import camel
from documents.versions.approvals import ApprovalRound, Decision, Verdict
from documents.versions.evidence import Evidence
from documents.versions.lifecycle import VersionStatus
from documents.versions.rules import evidence, links, registration, reviews
from documents.versions.version import ModelVersion
from tests.examples import REVIEW
from tests.schema import SCHEMA
from tests.service import ALL_TIERS, NOW

TIER_1, TIER_2, TIER_3, TIER_4 = ALL_TIERS
OWNER, ETHICS, SECURITY = GovernanceRole.MODEL_OWNER, GovernanceRole.ETHICS_REVIEWER, GovernanceRole.SECURITY_REVIEWER
POLICIES = tuple(
    PolicyInForce(policy_id=policy_id, revision=1, digest="0" * 64, says=says) for policy_id, says in defaults(NOW).items()
)
ALICE_ACTS = Actor("alice", ActorType.USER, frozenset({OWNER, GovernanceRole.RISK_MANAGER}))
INSTANT, DAY = timedelta(milliseconds=1), timedelta(days=1)

METRIC = {"metric_name": "accuracy", "value": 0.9, "dataset": "Mail", "disaggregated": ({"group": "German", "value": 0.8},)}
RISK = {"risk_type": "accuracy", "description": "It loses a letter.", "mitigation": "Nothing is deleted."}
SAYS: dict[str, Any] = {
    "primary_intended_uses": ("Sort mail",), "training_data_description": "Mail.", "training_data_sources": ("The archive",),
    "metrics": (METRIC,), "known_limitations": ("Handwriting.",), "risks": (RISK,), "ethical_considerations": ("It reads mail.",),
}  # fmt: skip
RATES: dict[str, dict[str, Any]] = {
    "SEC-001": {"likelihood": 2, "impact": 3, "controls": ("A filter",)},
    "SEC-002": {"likelihood": 2, "impact": 3, "controls": ("A filter",)},
    "FAIR-001": {"likelihood": 2, "impact": 3},
}


def proof_for(requirement: str = "POL-003.access-control", until: datetime | None = None) -> Evidence:
    return Evidence.attach(requirement, "A review", "https://example.org", None, None, None, until, ALICE_ACTS, NOW)


def case(
    tier: RiskTier = TIER_2, *, card: Mapping[str, Any] | None = SAYS, rates: Mapping[str, Mapping[str, Any]] = RATES,
    linked: bool = False, proofs: tuple[Evidence, ...] = (proof_for(),), reviewed: bool = True, proven: bool = True,
    approved: bool = True, people: tuple[Stakeholder, ...] = (), at: datetime = NOW,
) -> CaseFile:  # fmt: skip
    """The case of a version that lacks nothing but what is said."""
    bot = registration.register(
        "bot", "1.0.0", "Sorts mail", (), (), tier, "To be tested.", "alice", "bob", (), (), by=ALICE_ACTS, at=NOW
    )
    if card is not None:
        bot.card = ModelCard.model_validate({"model_id": "bot", "model_name": "Bot", "version": "1.0.0", **card})
    responses = [Response.model_validate({"risk_id": risk_id, **said}) for risk_id, said in rates.items()]
    bot.latest_assessment = RiskAssessment.from_responses("bot", "1.0.0", tier, responses, by="alice", at=NOW)
    if linked:
        links.link(bot, "mail", Revision(revision=1, digest="0" * 64, author="bob", at=NOW), by=ALICE_ACTS, at=NOW)
    for proof in proofs:
        evidence.attach(bot, proof, {proof.requirement_id}, by=ALICE_ACTS)
    if reviewed:
        reviews.complete(bot, **REVIEW, by=ALICE_ACTS, at=NOW)
    policies = tuple(each for each in POLICIES if tier in each.says.applicable_tiers)
    if approved:
        decisions = tuple(decision(bot, role, role) for role in (OWNER, ETHICS, SECURITY))
        bot.round = submitted_round(tier, *decisions)
    return CaseFile(
        version=bot, round=bot.round, policies=policies, registration_proven=proven, newer_datasheets=(),
        retired_dependencies=(), people=people, answering={}, at=at, calendar=ReviewCalendar(), rules=RulesInForce(),
    )  # fmt: skip


def submitted_round(tier: RiskTier, *decisions: Decision) -> ApprovalRound:
    return ApprovalRound(number=1, submitted_by="alice", submitted_at=NOW, tier=tier, policies=(), decisions=decisions)


def decision(version: ModelVersion, role: GovernanceRole, who: str, verdict: Verdict = Verdict.APPROVED) -> Decision:
    return Decision(
        decision_id="APR-0", role=role, verdict=verdict, reviewer_id=who, reviewer_name=who, reviewer_department="Mail",
        decided_at=NOW, comments="", dossier=version.dossier,
        evidence=tuple(each.evidence_id for each in version.standing_evidence(NOW)),
    )  # fmt: skip


def judged(**lacking: Any) -> Eligibility:
    return Judgement(case(**lacking)).eligibility


@pytest.mark.parametrize("tier", [TIER_1, TIER_2, TIER_3])
def test_a_version_that_lacks_nothing_is_eligible(tier: RiskTier) -> None:
    found = judged(tier=tier)
    assert (found.eligible, found.status, found.violations, found.advisories) == (True, VersionStatus.APPROVED, (), ())


def without(risk_id: str, *said: str) -> dict[str, Any]:
    """The ratings without that of one risk, or without parts of it."""
    left = {name: value for name, value in RATES[risk_id].items() if said and name not in said}
    return {"rates": RATES | {risk_id: left}}


UNMET: list[tuple[str, dict[str, Any], str, str, tuple[str, ...]]] = [
    ("POL-001.intended-use", {"card": SAYS | {"primary_intended_uses": ()}}, "no intended use", "saveModelCard",
     ("card.primaryIntendedUses",)),
    ("POL-001.training-data", {"card": SAYS | {"training_data_sources": ()}}, "no datasheet", "linkDatasheet", ("datasetId",)),
    ("POL-001.training-data", {"card": SAYS | {"training_data_description": None}}, "no datasheet", "linkDatasheet",
     ("datasetId",)),
    ("POL-001.evaluation", {"card": SAYS | {"metrics": (METRIC | {"dataset": None},)}}, "no metric", "saveModelCard",
     ("card.metrics.0.dataset",)),
    ("POL-001.limitations", {"card": SAYS | {"known_limitations": ()}}, "limitations", "saveModelCard",
     ("card.knownLimitations",)),
    ("POL-002.bias-assessment", without("FAIR-001"), "FAIR-001 is not assessed", "createRiskAssessment",
     ("responses.0.likelihood", "responses.0.impact")),
    ("POL-002.bias-assessment", without("FAIR-001", "impact"), "FAIR-001 is not assessed", "createRiskAssessment",
     ("responses.0.likelihood", "responses.0.impact")),
    ("POL-002.fairness-metrics", {"card": SAYS | {"metrics": (METRIC | {"disaggregated": ()},)}}, "by group", "saveModelCard",
     ("card.metrics.0.disaggregated",)),
    ("POL-002.potential-harms", {"card": SAYS | {"ethical_considerations": ()}}, "no ethical", "saveModelCard",
     ("card.ethicalConsiderations",)),
    ("POL-002.mitigations", {"card": SAYS | {"risks": (RISK | {"mitigation": None},)}}, "no mitigation", "saveModelCard",
     ("card.risks.0.mitigation",)),
    ("POL-003.prompt-injection", without("SEC-001"), "SEC-001 is not assessed", "createRiskAssessment",
     ("responses.0.likelihood", "responses.0.impact", "responses.0.controls")),
    ("POL-003.prompt-injection", without("SEC-001", "controls"), "SEC-001 has no control", "createRiskAssessment",
     ("responses.0.likelihood", "responses.0.impact", "responses.0.controls")),
    ("POL-003.data-leakage", without("SEC-002"), "SEC-002 is not assessed", "createRiskAssessment",
     ("responses.0.likelihood", "responses.0.impact", "responses.0.controls")),
    ("POL-003.data-leakage", without("SEC-002", "controls"), "SEC-002 has no control", "createRiskAssessment",
     ("responses.0.likelihood", "responses.0.impact", "responses.0.controls")),
    ("POL-003.access-control", {"proofs": ()}, "no evidence", "attachEvidence", ("title", "uri")),
    ("POL-003.access-control", {"proofs": (proof_for("POL-003.data-leakage"),)}, "no evidence", "attachEvidence",
     ("title", "uri")),
    ("POL-003.audit-logging", {"proven": False}, "does not prove", "", ()),
]  # fmt: skip


@pytest.mark.parametrize(("requirement", "lacking", "reason", "mutation", "fill"), UNMET)
def test_what_is_lacking_breaks_its_requirement_and_no_other(
    requirement: str, lacking: dict[str, Any], reason: str, mutation: str, fill: tuple[str, ...]
) -> None:
    found = judged(**lacking)
    (violation,) = found.violations
    assert (found.eligible, violation.requirement_id, violation.policy_id) == (False, requirement, requirement[:7])
    assert reason in violation.reason
    assert mending(violation) == (mutation, fill)


def mending(finding: Finding) -> tuple[str, tuple[str, ...]]:
    return (finding.remedy.mutation, finding.remedy.fill) if finding.remedy else ("", ())


def test_every_check_is_tried() -> None:
    checks = {asked.requirement_id: asked.check for policy in POLICIES for asked in policy.says.requirements}
    reviews = {check for requirement, check in checks.items() if requirement.startswith("POL-004")}
    assert {checks[requirement] for requirement, *_ in UNMET} | reviews == set(RequirementCheck) == set(CHECKS)


def test_whoever_may_mend_it_is_named_in_the_order_of_the_roles() -> None:
    (violation,) = judged(proofs=()).violations
    assert violation.remedy
    assert violation.remedy.permitted == ("SERVICE", *(f"{role.name} (accountable)" for role in GovernanceRole))


FILLED: dict[str, Any] = {
    "purpose": "To learn what comes.", "creators": ("The post",), "instance_description": "A letter.", "instance_count": 0,
    "confidentiality": "internal", "collection_mechanism": "They were scanned.", "data_sources": ("The archive",),
}  # fmt: skip
UNDESCRIBED = SAYS | {"training_data_sources": ()}


def sheet(**said: Any) -> DatasetRecord:
    return DatasetRecord.model_validate({"dataset_id": "mail", "dataset_name": "Mail", **said})


def resting_on(linked: DatasetRecord, newest: DatasetRecord | None = None, **lacking: Any) -> Judgement:
    found = case(linked=True, **{"card": UNDESCRIBED} | lacking)
    return Judgement(replace(found, sheets=(LinkedSheet("mail", linked, newest or linked),)))


def test_a_linked_datasheet_documents_the_training_data_too() -> None:
    found = resting_on(sheet(**FILLED))
    assert found.eligibility.eligible
    assert {each.met_by for each in found.requirements} == {None, "datasheet mail"}
    assert {each.met_by for each in resting_on(sheet(), card=SAYS).requirements} == {None, "the model card"}


@pytest.mark.parametrize("name", FILLED)
def test_a_datasheet_with_an_empty_required_section_does_not_count(name: str) -> None:
    (violation,) = resting_on(sheet(**{each: said for each, said in FILLED.items() if each != name})).eligibility.violations
    assert violation.requirement_id == "POL-001.training-data" and violation.remedy
    assert mending(violation) == ("saveDatasheet", (f"datasheet.{camel(name)}",))
    assert violation.remedy.arguments == {"datasetId": "mail", "datasheet": {"datasetName": "Mail"}}
    assert violation.remedy.permitted == ("DATA_STEWARD",)


def test_a_datasheet_that_was_filled_after_it_was_linked_counts_once_it_is_linked_again() -> None:
    (violation,) = resting_on(sheet(), sheet(**FILLED)).eligibility.violations
    assert mending(violation) == ("linkDatasheet", ())
    assert violation.remedy and violation.remedy.arguments == {"modelId": "bot", "version": "1.0.0", "datasetId": "mail"}


def test_a_linked_datasheet_counts_whatever_it_says_for_what_was_submitted_before_it_had_to_be_filled() -> None:
    rules = RulesInForce()
    rules.rise(2, NOW + INSTANT, NOW + 30 * DAY)
    before = replace(
        case(linked=True, card=UNDESCRIBED, at=NOW + INSTANT), sheets=(LinkedSheet("mail", sheet(), sheet()),), rules=rules
    )
    found = Judgement(before).eligibility
    assert found.eligible and "POL-001.training-data blocks from 2026-03-31" in found.notices[0]
    assert not Judgement(before.as_of(NOW + 30 * DAY)).eligibility.eligible


def test_without_a_card_each_reason_says_so() -> None:
    violations = [each for each in judged(card=None).violations if mending(each)[0] == "saveModelCard"]
    assert len(violations) == 6 and all("there is no model card" in each.reason for each in violations)


@pytest.mark.parametrize(("tier", "days"), [(TIER_1, 90), (TIER_2, 180), (TIER_3, 365)])
def test_a_review_lasts_an_interval_of_its_tier_and_its_lack_blocks_nothing(tier: RiskTier, days: int) -> None:
    due = NOW.replace(microsecond=123_000) + timedelta(days=days)  # moments are kept to the millisecond
    reviewed, overdue, never = judged(tier=tier, at=due - INSTANT), judged(tier=tier, at=due), judged(tier=tier, reviewed=False)
    assert reviewed.advisories == () and reviewed.eligible and overdue.eligible and never.eligible
    for found in (overdue, never):
        assert [each.requirement_id for each in found.advisories] == [
            "POL-004.metrics", "POL-004.drift", "POL-004.incidents", "POL-004.compliance"
        ]  # fmt: skip
        assert {mending(each)[0] for each in found.advisories} == {"completeReview"}
        assert found.violations == ()
    assert Judgement(case(tier, reviewed=False)).standing.next_review == due


def test_tier_4_is_not_reviewed_and_held_to_no_policy() -> None:
    found = Judgement(case(TIER_4, card=None, rates={}, proofs=(), reviewed=False))
    assert found.eligibility.eligible and found.results == [] and found.standing.next_review is None


def test_a_version_complies_until_its_last_proof_ends_and_is_approved_until_the_first_that_stood_does() -> None:
    early, late = NOW + timedelta(days=1), NOW + timedelta(days=2)
    standing = Judgement(case(proofs=(proof_for(until=early), proof_for(until=late)))).standing
    cut = timedelta(microseconds=456)
    assert (standing.approved_until, standing.compliance[-1].ends) == (early - cut, late - cut)


def test_compliance_ends_when_a_review_falls_due_that_a_blocking_policy_asks_for() -> None:
    strict = [each.says.model_copy(update={"enforcement": Enforcement.BLOCKING}) for each in POLICIES]
    policies = tuple(each.model_copy(update={"says": says}) for each, says in zip(POLICIES, strict, strict=True))
    lenient, found = (Judgement(replace(case(), policies=each)).standing for each in (POLICIES, policies))
    assert lenient.compliance[-1].ends is None
    assert (
        found.compliance[-1].ends == found.next_review and Judgement(replace(case(reviewed=False), policies=policies)).violations
    )


def test_a_remedy_of_the_card_leaves_what_is_there() -> None:
    said = SAYS | {"known_limitations": (), "metrics": (METRIC | {"dataset": None},)}
    remedies = [each.remedy for each in judged(card=said).violations]
    evaluation, limitations = remedies
    assert evaluation and limitations
    assert (limitations.fill, set(limitations.arguments)) == (("card.knownLimitations",), {"modelId", "version"})
    assert evaluation.fill == ("card.metrics.0.dataset",)
    assert evaluation.arguments["card"] == {
        "metrics": [{"metricName": "accuracy", "value": 0.9, "disaggregated": [{"group": "German", "value": 0.8}]}]
    }


def test_an_assessment_of_another_tier_is_not_carried_over() -> None:
    def carries_over(found: CaseFile) -> set[bool]:
        remedies = [each.remedy for each in Judgement(found).violations if each.remedy]
        return {each.arguments["carryOver"] for each in remedies if each.mutation == "createRiskAssessment"}

    moved = case(rates={})
    assert carries_over(moved) == {True}
    moved.version.tier = TIER_3
    assert carries_over(replace(moved)) == {False}


def somebody(who: str, *roles: GovernanceRole, tiers: tuple[RiskTier, ...] = ALL_TIERS, active: bool = True) -> Stakeholder:
    found = Stakeholder.register(who, who, f"{who}@example.org", "Mail", PlatformRole.MEMBER, roles, tiers, NOW)
    found.active = active
    return found


def test_candidates_are_those_who_could_really_decide() -> None:
    people = (
        somebody("free", ETHICS, SECURITY), somebody("gone", ETHICS, SECURITY, active=False),
        somebody("elsewhere", ETHICS, SECURITY, tiers=(TIER_3,)), somebody("alice", OWNER, ETHICS, SECURITY),
        somebody("ethicist", ETHICS, SECURITY), somebody("owner", OWNER),
    )  # fmt: skip

    def candidates() -> dict[GovernanceRole, tuple[str, ...]]:
        approvals = Judgement(
            replace(pending, round=pending.version.round)
        ).eligibility.required_approvals  # a fresh case: what it derives, it keeps
        return {each.role: each.candidate_ids for each in approvals}

    pending = case(approved=False, people=people)
    decided = (decision(pending.version, ETHICS, "ethicist"),)
    pending.version.round = submitted_round(TIER_2, *decided)
    # The approval of ethics counts and is not to be given. Alice submitted; the ethicist decided in another role.
    assert candidates() == {OWNER: ("alice", "owner"), ETHICS: (), SECURITY: ("free",)}
    pending.version.card_revisions = (Revision(revision=1, digest="1" * 64, author="alice", at=NOW),)
    assert candidates()[ETHICS] == ("free", "ethicist")


def input_of(mutation: str) -> GraphQLInputObjectType:
    kind: GraphQLInputObjectType = get_nullable_type(SCHEMA.mutation_type.fields[mutation].args["input"].type)
    return kind


def type_at(kind: Any, path: tuple[str, ...]) -> Any:
    """The type of what stands at a path of an input."""
    for step in path:
        outer = get_nullable_type(kind)
        assert step.isdigit() is isinstance(outer, GraphQLList)
        kind = outer.of_type if isinstance(outer, GraphQLList) else outer.fields[step].type
    return kind


def leaves(value: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    match value:
        case dict():
            for name, each in value.items():
                yield from leaves(each, *path, name)
        case list():
            for place, each in enumerate(value):
                yield from leaves(each, *path, str(place))
        case _:
            yield path, value


def remedies() -> Iterator[Remedy]:
    bare: dict[str, Any] = {"card": None, "rates": {}, "proofs": (), "reviewed": False}
    draft, undecided = case(**bare, approved=False), case(**bare, approved=False)
    undecided.version.round = submitted_round(TIER_2)
    for each in (draft, undecided):
        found = Judgement(each).eligibility
        yield from (finding.remedy for finding in (*found.violations, *found.advisories) if finding.remedy)
        yield from (approval.remedy for approval in found.missing_approvals if approval.remedy)


@pytest.mark.parametrize(
    "remedy", {(each.mutation, each.fill): each for each in remedies()}.values(), ids=lambda each: f"{each.mutation}-{each.fill}"
)
def test_a_remedy_is_a_mutation_of_the_schema_and_fields_that_it_has(remedy: Remedy) -> None:
    kind = input_of(remedy.mutation)
    known, fill = dict(leaves(remedy.arguments)), [tuple(path.split(".")) for path in remedy.fill]
    for path, value in known.items():
        coerce_input_value(value, type_at(kind, path))
    assert all(type_at(kind, path) for path in fill)
    needed = {name for name, each in kind.fields.items() if is_required_input_field(each)}
    assert needed <= {path[0] for path in (*known, *fill)} and remedy.permitted
