"""The checks: each decides one kind of requirement from a case file, and names the mutation that would meet it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from documents.access import Permission, needs
from documents.cards import ModelCard
from documents.datasheets import REQUIRED_SECTIONS
from documents.eligibility.answer import Remedy
from documents.eligibility.case import CaseFile
from documents.policies import Requirement, RequirementCheck
from documents.values import Value, camel


@dataclass(frozen=True, slots=True)
class Met:
    """The requirement is met."""

    by: str | None = None
    """What meets it, where more than one thing could."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """The requirement is not met, for a reason."""

    reason: str
    mends: Callable[[], Remedy] | None
    """Makes the remedy, for a standing needs none; None if no mutation can meet the requirement."""

    @property
    def remedy(self) -> Remedy | None:
        """The mutation that would meet the requirement; None if no mutation can."""
        return self.mends() if self.mends else None


def remedy(mutation: Permission, known: Mapping[str, Any], *fill: str) -> Remedy:
    """The remedy `mutation` with the arguments `known`; only the caller can fill the input paths in `fill`."""
    return Remedy(mutation=mutation, arguments=dict(known), fill=fill, permitted=tuple(needs(mutation)))


def _unmet(reason: str, mutation: Permission, known: Mapping[str, Any], *fill: str) -> Unmet:
    return Unmet(reason, lambda: remedy(mutation, known, *fill))


Rule = Callable[[CaseFile, Requirement], Met | Unmet]


@dataclass(frozen=True, slots=True)
class Check:
    """The rule that decides one kind of requirement, and the former rule if a release made it stricter.

    A version that was submitted under older rules is held to `before` until the rules of number `stricter_since` bind it
    (`RulesInForce.announces`). Until then `rule` is advisory for it.
    """

    rule: Rule
    stricter_since: int = 0
    before: Rule | None = None

    def announced(self, case: CaseFile) -> datetime | None:
        """The moment from which `rule` binds the version; None if it binds now."""
        return case.announced(self.stricter_since) if self.before else None


def _card(holds: Callable[[ModelCard], bool], lacking: str, fill: str) -> Rule:
    """A rule about the card; the remedy names only what is missing, because `saveModelCard` keeps fields that are left out."""

    def check(case: CaseFile, _: Requirement) -> Met | Unmet:
        if case.card and holds(case.card):
            return Met()
        return _unmet(_of_card(case, lacking), Permission.SAVE_MODEL_CARD, case.names, f"card.{fill}")

    return check


def _metric(holds: Callable[[ModelCard], bool], lacking: str, fill: str) -> Rule:
    """A rule about the card's metrics."""

    def check(case: CaseFile, _: Requirement) -> Met | Unmet:
        if case.card and holds(case.card):
            return Met()
        metrics = case.card.metrics if case.card else ()
        path = f"card.metrics.0.{fill}" if metrics else "card.metrics"
        return Unmet(_of_card(case, lacking), lambda: _entries(case, "metrics", metrics, [path]))

    return check


def _limitations(case: CaseFile, _: Requirement) -> Met | Unmet:
    if case.card and case.card.states_limitations_and_risks:
        return Met()
    limitations, risks = (case.card.known_limitations, case.card.risks) if case.card else ((), ())
    fill = [path for path, said in (("card.knownLimitations", limitations), ("card.risks", risks)) if not said]
    lacking = _of_card(case, "limitations or risks are not listed")
    return _unmet(lacking, Permission.SAVE_MODEL_CARD, case.names, *fill)


def _mitigations(case: CaseFile, _: Requirement) -> Met | Unmet:
    if case.card and case.card.mitigates_every_risk:
        return Met()
    risks = case.card.risks if case.card else ()
    lacking = [f"card.risks.{index}.mitigation" for index, each in enumerate(risks) if not each.mitigation]
    reason = "some risk has no mitigation" if risks else "no risk is listed, with its mitigation"
    return Unmet(_of_card(case, reason), lambda: _entries(case, "risks", risks, lacking or ["card.risks"]))


def _of_card(case: CaseFile, lacking: str) -> str:
    return lacking if case.card else f"there is no model card; {lacking}"


def _entries(case: CaseFile, name: str, entries: Sequence[Value], fill: Sequence[str]) -> Remedy:
    """A remedy that saves a list of the card. A list is saved whole, so the remedy's arguments have the present entries."""
    card = {"card": {name: [as_input(each) for each in entries]}} if entries else {}
    return remedy(Permission.SAVE_MODEL_CARD, {**case.names, **card}, *fill)


def _training_data(case: CaseFile, _: Requirement) -> Met | Unmet:
    for each in case.sheets:
        if not each.says.lacking(REQUIRED_SECTIONS):
            return Met(f"datasheet {each.dataset_id}")
    if case.card and case.card.documents_training_data:
        return Met("the model card")
    undescribed = "no card describes the training data and names their sources"
    if not case.sheets:
        reason = f"no datasheet is linked, and {undescribed}"
        return _unmet(reason, Permission.LINK_DATASHEET, case.names, "datasetId")
    # A link pins a revision: what is filled in later counts once it is linked.
    linkable = next((each for each in case.sheets if not each.newest.lacking(REQUIRED_SECTIONS)), None)
    if linkable:
        reason = f"the linked revision of datasheet {linkable.dataset_id} lacks what its newest one says, and {undescribed}"
        return _unmet(reason, Permission.LINK_DATASHEET, {**case.names, "datasetId": linkable.dataset_id})
    sheet = case.sheets[0]
    empty = ", ".join(each.name for each in REQUIRED_SECTIONS if sheet.newest.lacking([each]))
    known = {"datasetId": sheet.dataset_id, "datasheet": {"datasetName": sheet.newest.dataset_name}}
    fill = (f"datasheet.{camel(each)}" for each in sheet.newest.lacking(REQUIRED_SECTIONS))
    reason = f"datasheet {sheet.dataset_id} does not fill {empty}, and {undescribed}"
    return _unmet(reason, Permission.SAVE_DATASHEET, known, *fill)


def _training_data_linked(case: CaseFile, asked: Requirement) -> Met | Unmet:
    """The rule before number 2: a linked datasheet counted, whatever it says."""
    return Met() if case.version.datasheets else _training_data(case, asked)


def _assessed(risk_id: str, controlled: bool, for_its_tier: bool = True) -> Rule:
    """A rule that the latest assessment rates a risk, and, if `controlled`, names a control against it.

    With `for_its_tier`, an assessment that was made for a lighter tier than the version's does not count: the impact that it
    rates is not that of the tier.
    """

    def check(case: CaseFile, _: Requirement) -> Met | Unmet:
        latest = case.version.latest_assessment
        factor = latest.factor(risk_id) if latest else None
        outgrown = for_its_tier and latest is not None and latest.tier.is_lighter_than(case.version.tier)
        if not outgrown and factor and (factor.is_controlled if controlled else factor.assessed):
            return Met()
        reason = f"{risk_id} is not assessed" if not factor or not factor.assessed else f"{risk_id} has no control"
        if outgrown and latest:
            reason = f"the latest assessment was made for {latest.tier.name}"
        # createRiskAssessment refuses to carry ratings over from an assessment for another tier.
        carry_over = latest is None or latest.tier is case.version.tier
        known = {**case.names, "carryOver": carry_over, "responses": [{"riskId": risk_id}]}
        fill = ("responses.0.likelihood", "responses.0.impact", *(("responses.0.controls",) if controlled else ()))
        return _unmet(reason, Permission.CREATE_RISK_ASSESSMENT, known, *fill)

    return check


def _evidence(case: CaseFile, requirement: Requirement) -> Met | Unmet:
    if any(each.requirement_id == requirement.requirement_id for each in case.evidence):
        return Met()
    known = {**case.names, "requirementId": requirement.requirement_id}
    return _unmet("no evidence for it stands", Permission.ATTACH_EVIDENCE, known, "title", "uri")


def _registration(case: CaseFile, _: Requirement) -> Met | Unmet:
    if case.registration_proven:
        return Met()
    reason = "the audit trail does not prove the registration: it was altered, and an auditor must look"
    return Unmet(reason, None)


def _reviewed(case: CaseFile, _: Requirement) -> Met | Unmet:
    due = case.next_review if case.version.reviews else None
    if due and case.at < due:
        return Met()
    reason = "the last review is older than the tier's interval" if case.version.reviews else "no review is recorded"
    return _unmet(reason, Permission.COMPLETE_REVIEW, case.names, "metrics", "drift", "incidents", "compliance")


_RULES: Mapping[RequirementCheck, Rule] = {
    RequirementCheck.INTENDED_USE: _card(
        lambda card: card.names_intended_uses, "no intended use is named", "primaryIntendedUses"
    ),
    RequirementCheck.TRAINING_DATA: _training_data,
    RequirementCheck.EVALUATION: _metric(lambda card: card.reports_metrics, "no metric with its dataset is reported", "dataset"),
    RequirementCheck.LIMITATIONS: _limitations,
    RequirementCheck.BIAS_ASSESSED: _assessed("FAIR-001", controlled=False),
    RequirementCheck.FAIRNESS_METRIC: _metric(
        lambda card: card.has_disaggregated_metric, "no metric is broken down by group", "disaggregated"
    ),
    RequirementCheck.HARMS_STATED: _card(
        lambda card: card.states_ethical_considerations, "no ethical consideration is stated", "ethicalConsiderations"
    ),
    RequirementCheck.RISKS_MITIGATED: _mitigations,
    RequirementCheck.INJECTION_CONTROLLED: _assessed("SEC-001", controlled=True),
    RequirementCheck.LEAKAGE_CONTROLLED: _assessed("SEC-002", controlled=True),
    RequirementCheck.EVIDENCE: _evidence,
    RequirementCheck.REGISTRATION_AUDITED: _registration,
    RequirementCheck.METRICS_REVIEWED: _reviewed,
    RequirementCheck.DRIFT_REVIEWED: _reviewed,
    RequirementCheck.INCIDENTS_REVIEWED: _reviewed,
    RequirementCheck.COMPLIANCE_REVIEWED: _reviewed,
}

_BEFORE: Mapping[RequirementCheck, tuple[int, Rule]] = {
    RequirementCheck.TRAINING_DATA: (2, _training_data_linked),
    RequirementCheck.BIAS_ASSESSED: (2, _assessed("FAIR-001", controlled=False, for_its_tier=False)),
    RequirementCheck.INJECTION_CONTROLLED: (2, _assessed("SEC-001", controlled=True, for_its_tier=False)),
    RequirementCheck.LEAKAGE_CONTROLLED: (2, _assessed("SEC-002", controlled=True, for_its_tier=False)),
}
"""The former rule of each check that a release made stricter, with the rules number since when it is."""

CHECKS: Mapping[RequirementCheck, Check] = {kind: Check(rule, *_BEFORE.get(kind, ())) for kind, rule in _RULES.items()}
STRICTER = any(each.before for each in CHECKS.values())


def as_input(value: Any) -> Any:
    """A value as an input of a mutation has it: names in camel case, choices by name; null and empty lists are left out."""
    match value:
        case Value():
            said = {name: as_input(getattr(value, name)) for name in type(value).model_fields}
            return {camel(name): each for name, each in said.items() if each not in (None, [])}
        case Enum():
            return value.name
        case tuple():
            return [as_input(each) for each in value]
        case date():
            return value.isoformat()
    return value
