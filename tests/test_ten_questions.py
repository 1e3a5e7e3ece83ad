"""The questions of docs/questions.md, each one request, answered as plain computations over what is stored answer them."""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.held import Held, Raw
from tests.service import Service

PAGE = (Path(__file__).parents[1] / "docs" / "questions.md").read_text()
SINCE = datetime(2026, 1, 30, tzinfo=UTC)
SECTIONS = dict(section.split("\n", 1) for section in PAGE.split("\n## ")[1:])
ASKED = {heading: re.findall(r"```graphql\n(.*?)```", text, re.DOTALL) for heading, text in SECTIONS.items()}


@pytest.fixture(scope="module")
async def held(server: str) -> AsyncIterator[Held]:
    service = await Service.started(server)
    held = Held(service)
    with service.database.bound():
        await held.fill(Random(1913))
    yield held
    await service.close()


def grouped(records: Iterable[Raw], *by: Callable[[Raw], Any]) -> dict[tuple[Any, ...], list[Raw]]:
    found: dict[tuple[Any, ...], list[Raw]] = defaultdict(list)
    for each in records:
        found[tuple(key(each) for key in by)].append(each)
    return found


def mean(numbers: list[float]) -> Any:
    return pytest.approx(sum(numbers) / len(numbers)) if numbers else None


def by_name(raw: Raw) -> tuple[str, str]:
    return raw["model_id"], raw["version"]


def department_of(held: Held, user_id: str) -> str | None:
    return held.people[user_id]["department"] if user_id in held.people else None


def metrics_of(raw: Raw, name: str) -> list[Raw]:
    return [each for each in (raw["card"] or {"metrics": []})["metrics"] if each["metric_name"] == name]


def decisions_of(raw: Raw) -> list[Raw]:
    return list((raw["round"] or {"decisions": []})["decisions"])


# What each question is answered, as a set of tuples: told by the answer, and computed of what is stored


def without_ethics(held: Held, answer: Raw) -> tuple[Any, Any]:
    def counts(raw: Raw) -> bool:
        until = [each["until"] for each in raw["standing"]["approvals"] if each["role"] == "ethics_reviewer"]
        return any(each is None or each > held.service.now for each in until)

    critical = [raw for raw in held.versions if raw["tier"] == "tier_1_critical"]
    found = {by_name(raw) for raw in critical if "ethics_reviewer" in raw["standing"]["required_roles"] and not counts(raw)}
    return {(each["modelId"], each["version"]) for each in answer["modelVersions"]["nodes"]}, found


def residual_risk(held: Held, answer: Raw) -> tuple[Any, Any]:
    def left(raw: Raw) -> list[float]:
        factors = (raw["latest_assessment"] or {"factors": []})["factors"]
        return [each["likelihood"] * each["impact"] * (1 - each["control_effectiveness"]) for each in factors]

    expected = {}
    for key, raws in grouped(held.versions, lambda raw: department_of(held, raw["owner_id"]), lambda raw: raw["tier"]).items():
        scores = [each for raw in raws if (each := raw["standing"]["risk_score"]) is not None]
        factors = [each for raw in raws for each in left(raw)]
        expected[key] = (len(raws), mean(scores), len(factors), mean(factors), pytest.approx(max(factors)) if factors else None)
    told = {
        (each["keys"]["ownerDepartment"], each["keys"]["tier"].lower()): (
            each["count"], each["avg"]["standingRiskScore"], of["count"], of["avg"]["residualScore"], of["max"]["residualScore"],
        )
        for each in answer["modelVersionAggregates"] if (of := each["latestAssessmentFactors"])
    }  # fmt: skip
    return told, expected


def by_reviewer(held: Held, answer: Raw) -> tuple[Any, Any]:
    versions: dict[str, set[tuple[str, str]]] = defaultdict(set)
    approvals: dict[str, int] = defaultdict(int)
    for raw in held.versions:
        for each in decisions_of(raw):
            if each["verdict"] != "rejected" and each["decided_at"] >= SINCE:
                versions[each["reviewer_id"]].add(by_name(raw))
                approvals[each["reviewer_id"]] += 1
    groups = answer["modelVersionAggregates"]
    counted = [each["roundDecisions"]["count"] for each in groups]
    assert counted == sorted(counted, reverse=True)
    told = {each["keys"]["roundDecisionsReviewerId"]: (each["count"], each["roundDecisions"]["count"]) for each in groups}
    return told, {who: (len(versions[who]), approvals[who]) for who in versions}


def unfair(held: Held, answer: Raw) -> tuple[Any, Any]:
    found = {by_name(raw) for raw in held.versions if any(each["value"] < 0.8 for each in metrics_of(raw, "parity"))}
    expected: Raw = {"below": found}
    told: Raw = {"below": {(each["modelId"], each["version"]) for each in answer["modelVersions"]["nodes"]}}
    for (tier,), raws in grouped(held.versions, lambda raw: raw["tier"]).items():
        for name in ("parity", "accuracy"):
            values = [each["value"] for raw in raws for each in metrics_of(raw, name)]
            expected[f"{tier} {name}"] = (len(values), min(values, default=None), mean(values))
    for each in answer["modelVersionAggregates"]:
        for name in ("parity", "accuracy"):
            of = each[name]
            told[f"{each['keys']['tier'].lower()} {name}"] = (of["count"], of["min"]["value"], of["avg"]["value"])
    return told, expected


def days_to_approval(held: Held, answer: Raw) -> tuple[Any, Any]:
    expected = {}
    for (tier,), raws in grouped(held.versions, lambda raw: raw["tier"]).items():
        days = [(at - raw["registered_at"]) / timedelta(days=1) for raw in raws if (at := raw["approved_at"])]
        expected[tier] = (len(raws), len(days), mean(days), max(days, default=None))
    told = {
        each["keys"]["tier"].lower(): (each["count"], *(each[of]["daysToApproval"] for of in ("values", "avg", "max")))
        for each in answer["modelVersionAggregates"]
    }
    return told, expected


def of_own_department(held: Held, answer: Raw) -> tuple[Any, Any]:
    def own(raw: Raw) -> bool:
        department = department_of(held, raw["owner_id"])
        approvals = [each for each in decisions_of(raw) if each["verdict"] != "rejected" and not each["withdrawn"]]
        return department is not None and any(each["reviewer_department"] == department for each in approvals)

    told = {(each["modelId"], each["version"]) for each in answer["modelVersions"]["nodes"]}
    return told, {by_name(raw) for raw in held.versions if own(raw)}


def by_licence(held: Held, answer: Raw) -> tuple[Any, Any]:
    groups = grouped(held.versions, lambda raw: raw["card"] and raw["card"]["license"])
    told = {
        each["keys"]["cardLicense"]: (each["count"], each["distinct"]["modelId"]) for each in answer["modelVersionAggregates"]
    }
    return told, {key: (len(raws), len({raw["model_id"] for raw in raws})) for (key,), raws in groups.items()}


def shared_datasets(held: Held, answer: Raw) -> tuple[Any, Any]:
    models = defaultdict(set)
    for raw in held.versions:
        for each in raw["datasheets"]:
            models[each["dataset_id"]].add(raw["model_id"])
    told = {each["keys"]["datasheetsDatasetId"]: each["distinct"]["modelId"] for each in answer["modelVersionAggregates"]}
    return told, {dataset: len(those) for dataset, those in models.items() if len(those) > 2}


def overdue(held: Held, answer: Raw) -> tuple[Any, Any]:
    late = [raw for raw in held.versions if (due := raw["standing"]["next_review"]) is not None and due <= held.service.now]
    assert all(raw["standing"]["status"] != "retired" for raw in held.versions)
    told = {(each["keys"]["ownerId"], each["keys"]["ownerName"]): each["count"] for each in answer["modelVersionAggregates"]}
    groups = grouped(late, lambda raw: raw["owner_id"], lambda raw: held.people.get(raw["owner_id"], {}).get("name"))
    return told, {key: len(raws) for key, raws in groups.items()}


def failed_by_month(held: Held, answer: Raw) -> tuple[Any, Any]:
    months = defaultdict(set)
    for raw in held.changes:
        for each in raw["moves"]:
            if each["to_status"] == "failed":
                at = each["at"] if each["at"].year == 9999 else each["at"].astimezone(ZoneInfo("Europe/Berlin"))
                months[at.date().replace(day=1).isoformat()].add(raw["change_id"])
    told = {each["keys"]["movesAt"]: each["count"] for each in answer["changeRequestAggregates"]}
    return told, {month: len(ids) for month, ids in months.items()}


ANSWERED: dict[str, Callable[[Held, Raw], tuple[Any, Any]]] = {
    "Which versions of tier 1 have no standing ethics approval?": without_ethics,
    "How much residual risk is there, by department and tier?": residual_risk,
    "How much did each reviewer approve in the last 30 days?": by_reviewer,
    "Which versions have a fairness metric below a value?": unfair,
    "How many days pass from registration to approval, by tier?": days_to_approval,
    "How many versions are there under each licence?": by_licence,
    "Which datasets are used by more than two models?": shared_datasets,
    "How many overdue reviews does each owner have?": overdue,
    "How many changes failed in each month?": failed_by_month,
    "Which versions were approved by somebody of the owner's own department?": of_own_department,
}


def test_every_question_of_the_page_has_an_answer_here() -> None:
    assert ASKED.keys() == ANSWERED.keys()


@pytest.mark.parametrize("question", ANSWERED)
async def test_a_question_is_answered_as_what_is_stored_says(held: Held, question: str) -> None:
    (query,) = ASKED[question]
    answer = await held.service.ask(query)
    told, expected = ANSWERED[question](held, answer)
    assert expected and told == expected
