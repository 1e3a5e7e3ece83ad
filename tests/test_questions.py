"""Random questions over random records, over edges too, are answered as going through the records one by one answers them."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.risk.scales import RiskBand, RiskTier
from documents.store.aggregates import Grouping, Question, steps
from tests.examples import BOT, RATED, TICKETS, register, save_card, save_datasheet
from tests.service import ALICE, BOB, Service

Raw = dict[str, Any]
Holds = Callable[[Raw], bool]
Asked = tuple[Raw, Holds]  # a filter, and what it means of a stored version
PEOPLE, MODELS, SHEETS, NOBODY = [f"p{at}" for at in range(5)], [f"m{at}" for at in range(4)], ["s0", "s1", "s2"], "nobody"
NUMBERS, DEPARTMENTS, TIERS = ["1.0.0", "1.1.0", "2.0.0"], ["Credit", "Claims", "Sales"], [each.value for each in RiskTier]


@dataclass
class Shelf:
    """What is stored, by its keys, as it lies in the database."""

    service: Service
    people: dict[str, Raw] = field(default_factory=dict)
    models: dict[str, Raw] = field(default_factory=dict)
    sheets: dict[str, Raw] = field(default_factory=dict)
    versions: dict[tuple[str, str], Raw] = field(default_factory=dict)

    async def fill(self, dice: Random) -> None:
        """Puts records there past the trail: people and datasheets that do not exist are referred to as well."""
        await register(self.service)
        await save_card(self.service)
        await save_datasheet(self.service)
        await self.service.do("linkDatasheet", **BOT | TICKETS)
        await self.service.do("createRiskAssessment", ALICE, **BOT, responses=RATED)
        first = {name: await self._first(name) for name in ("stakeholders", "models", "datasheets", "model_versions")}
        who = [*PEOPLE, NOBODY]
        for each in PEOPLE:
            self.people[each] = first["stakeholders"] | {"user_id": each, "department": dice.choice(DEPARTMENTS)}
        for each in MODELS:
            named = {"name": f"N{dice.randrange(3)}", "owner_id": dice.choice(who)}
            self.models[each] = first["models"] | {"model_id": each} | named
        for each in SHEETS:
            confidentiality = dice.choice(["public", "internal", None])
            content = first["datasheets"]["content"] | {"dataset_id": each, "confidentiality": confidentiality}
            self.sheets[each] = first["datasheets"] | {"dataset_id": each, "content": content}
        for model_id in MODELS:
            for number in NUMBERS:
                about = {"model_id": model_id, "version": number, "version_key": number, "owner_id": dice.choice(who)}
                self.versions[model_id, number] = varied(first["model_versions"], dice) | about
        raws = (self.people.values(), self.models.values(), self.sheets.values(), self.versions.values())
        for name, those in zip(first, raws, strict=True):
            await self.service.database.raw(name).insert_many([raw | {"_id": ObjectId()} for raw in those])

    async def _first(self, name: str) -> Raw:
        collection = self.service.database.collection(name)
        found: Any = await collection.find_one({"user_id": BOB.id} if name == "stakeholders" else {})
        if name != "stakeholders":  # of whom some must still be let in
            await collection.delete_many({})
        return dict(found)


def varied(first: Raw, dice: Random) -> Raw:
    """A version like that one whose assessment is of any version, with any numbers."""
    made = deepcopy(first) | {"tier": dice.choice(TIERS)}
    score = dice.choice([None, 2.5, 7.0, 12.25])
    made["standing"] |= {"risk_score": score, "risk_band": None if score is None else RiskBand.of(score).value}
    made["datasheets"] = [
        made["datasheets"][0] | {"dataset_id": each, "revision": dice.randrange(1, 4)}
        for each in dice.sample([*SHEETS, "s9"], dice.randrange(4))
    ]
    assessment = made["latest_assessment"]
    assessment |= {"model_id": dice.choice([*MODELS, "m9"]), "version": dice.choice(NUMBERS)}
    for each in assessment["factors"]:
        likelihood, impact = dice.randrange(1, 6), dice.randrange(1, 6)
        owner, effect = dice.choice([*PEOPLE, NOBODY, None]), dice.choice([0, 0.25, 0.6, 1.0])
        each |= {"likelihood": likelihood, "impact": impact, "control_effectiveness": effect, "owner": owner}
    for metric in made["card"]["metrics"] * dice.randrange(2):
        metric["disaggregated"] = [{"group": "G", "value": dice.random()} for _ in range(dice.randrange(3))]
    return made | {name: None for name in ("latest_assessment", "card") if dice.random() < 0.2}


@pytest.fixture(scope="module")
async def shelf(server: str) -> AsyncIterator[Shelf]:
    service = await Service.started(server)
    shelf = Shelf(service)
    with service.database.bound():
        await shelf.fill(Random(1966))
    yield shelf
    await service.close()


def department_of(shelf: Shelf, user_id: str | None) -> str | None:
    return shelf.people[user_id]["department"] if user_id in shelf.people else None


def question(shelf: Shelf, depth: int = 2) -> st.SearchStrategy[Asked]:
    """Any filter over versions, and a plain function that says the same."""
    department, tier, name = st.sampled_from(DEPARTMENTS), st.sampled_from(TIERS), st.sampled_from(["N0", "N1", "N2"])

    def owned(wanted: str) -> Asked:
        return {"owner": {"department": {"eq": wanted}}}, lambda raw: department_of(shelf, raw["owner_id"]) == wanted

    def of_tier(wanted: str) -> Asked:
        return {"tier": {"eq": wanted.upper()}}, lambda raw: raw["tier"] == wanted

    def of_model(wanted: str) -> Asked:
        return {"model": {"name": {"eq": wanted}}}, lambda raw: shelf.models[raw["model_id"]]["name"] == wanted

    def of_model_of(wanted: str) -> Asked:  # two edges
        asked = {"model": {"owner": {"department": {"ne": wanted}}}}
        return asked, lambda raw: department_of(shelf, shelf.models[raw["model_id"]]["owner_id"]) not in (None, wanted)

    def assessed(inner: Asked) -> Asked:  # an edge of two keys
        asked, holds = inner

        def meant(raw: Raw) -> bool:
            of = raw["latest_assessment"]
            other = shelf.versions.get((of["model_id"], of["version"])) if of else None
            return other is not None and holds(other)

        return {"latestAssessment": {"modelVersion": asked}}, meant

    def linked(wanted: tuple[str, str, int]) -> Asked:  # an edge of each element
        some, confidentiality, least = wanted
        link = {"datasheet": {"content": {"confidentiality": {"eq": confidentiality.upper()}}}, "revision": {"gte": least}}

        def meant(raw: Raw) -> bool:
            found = [each for each in raw["datasheets"] if each["dataset_id"] in SHEETS and each["revision"] >= least]
            one = any(shelf.sheets[each["dataset_id"]]["content"]["confidentiality"] == confidentiality for each in found)
            return one is (some == "some")

        return {"datasheets": {some: link}}, meant

    def looked_after(wanted: tuple[str, str]) -> Asked:
        some, by = wanted

        def meant(raw: Raw) -> bool:
            factors = raw["latest_assessment"]["factors"] if raw["latest_assessment"] else []
            one = any(department_of(shelf, each["owner"]) == by and each["likelihood"] > 3 for each in factors)
            return one is (some == "some")

        factor = {"ownedBy": {"department": {"eq": by}}, "likelihood": {"gt": 3}}
        return {"latestAssessment": {"factors": {some: factor}}}, meant

    some = st.sampled_from(["some", "none"])
    links = st.tuples(some, st.sampled_from(["public", "internal"]), st.integers(1, 3))
    leaves = (
        department.map(owned) | tier.map(of_tier) | name.map(of_model) | department.map(of_model_of)
        | links.map(linked) | st.tuples(some, department).map(looked_after)
    )  # fmt: skip
    if not depth:
        return leaves
    inner = question(shelf, depth - 1)
    several = st.lists(inner, min_size=1, max_size=2)
    return leaves | inner.map(assessed) | inner.map(negated) | several.map(every) | several.map(some_of)


def negated(one: Asked) -> Asked:
    asked, holds = one
    return {"not": asked}, lambda raw: not holds(raw)


def every(of: list[Asked]) -> Asked:
    return {"and": [asked for asked, _ in of]}, lambda raw: all(holds(raw) for _, holds in of)


def some_of(of: list[Asked]) -> Asked:
    return {"or": [asked for asked, _ in of]}, lambda raw: any(holds(raw) for _, holds in of)


bounded = settings(
    max_examples=settings().max_examples * 3 // 5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
LIST = "query($filter: ModelVersionFilter) { modelVersions(filter: $filter, first: 100) { nodes { modelId version } } }"


@bounded
@given(data=st.data())
async def test_a_filter_finds_what_going_over_its_edges_record_by_record_finds(shelf: Shelf, data: st.DataObject) -> None:
    asked, holds = data.draw(question(shelf))
    found = (await shelf.service.ask(LIST, filter=asked))["modelVersions"]["nodes"]
    assert {tuple(each.values()) for each in found} == {key for key, raw in shelf.versions.items() if holds(raw)}


STATS = ("values", "min", "max", "avg", "sum")
FACTORS, VALUES = "residualScore", "value"
NUMERIC = " ".join(f"{each} {{ standingRiskScore }}" for each in STATS)
NUMERIC += f" latestAssessmentFactors {{ {' '.join(f'{each} {{ residualScore }}' for each in STATS)} }}"
NUMERIC += f"""cardMetrics(where: {{metricName: {{eq: "accuracy"}}}}) {{
    disaggregated {{ {" ".join(f"{each} {{ value }}" for each in STATS)} }} }}"""
SUMS = f"""query($filter: ModelVersionFilter, $groupBy: [ModelVersionGroupBy!]) {{
    modelVersionAggregates(filter: $filter, groupBy: $groupBy) {{
        keys {{ tier standingRiskBand ownerDepartment modelName }} count {NUMERIC} }} }}"""


def residuals(raw: Raw) -> list[float]:
    factors = raw["latest_assessment"]["factors"] if raw["latest_assessment"] else []
    return [each["likelihood"] * each["impact"] * (1 - each["control_effectiveness"]) for each in factors]


def measured(raw: Raw) -> Mapping[str, list[float]]:
    """The numbers of a version that aggregates add up."""
    metrics = raw["card"]["metrics"] if raw["card"] else []
    return {
        "standingRiskScore": [each for each in [raw["standing"]["risk_score"]] if each is not None],
        FACTORS: residuals(raw),
        VALUES: [part["value"] for metric in metrics for part in metric["disaggregated"]],
    }


@bounded
@given(data=st.data())
async def test_groups_come_to_what_adding_up_record_by_record_comes_to(shelf: Shelf, data: st.DataObject) -> None:
    """Exact but for the order in which floating-point numbers are added."""
    asked, holds = data.draw(question(shelf, depth=1))
    keys: dict[str, tuple[Callable[[str], Raw], Callable[[Raw], Any]]] = {
        "tier": (lambda way: {"tier": way}, lambda raw: raw["tier"].upper()),
        "standingRiskBand": (lambda way: {"standing": {"riskBand": way}}, lambda raw: raw["standing"]["risk_band"]),
        "ownerDepartment": (lambda way: {"owner": {"department": way}}, lambda raw: department_of(shelf, raw["owner_id"])),
        "modelName": (lambda way: {"model": {"name": way}}, lambda raw: shelf.models[raw["model_id"]]["name"]),
    }
    by = data.draw(st.lists(st.sampled_from(sorted(keys)), max_size=3, unique=True))
    ways = data.draw(st.lists(st.sampled_from(["ASC", "DESC"]), min_size=len(by), max_size=len(by)))
    grouped: dict[tuple[Any, ...], list[Raw]] = defaultdict(list)
    for raw in filter(holds, shelf.versions.values()):
        grouped[tuple(keys[name][1](raw) for name in by)].append(raw)
    order = [*grouped]
    for place, way in reversed([*enumerate(ways)]):
        order.sort(key=lambda key: (key[place] is not None, key[place]), reverse=way == "DESC")

    said = [keys[name][0](way) for name, way in zip(by, ways, strict=True)]
    found = (await shelf.service.ask(SUMS, filter=asked, groupBy=said))["modelVersionAggregates"]
    assert [tuple(each["keys"][name] for name in by) for each in found] == order
    for each, key in zip(found, order, strict=True):
        assert each["count"] == len(grouped[key])
        each |= {FACTORS: each["latestAssessmentFactors"], VALUES: each["cardMetrics"]["disaggregated"]}
        for name in ("standingRiskScore", FACTORS, VALUES):
            told = each.get(name, each)
            numbers = [number for raw in grouped[key] for number in measured(raw)[name]]
            assert told["values"][name] == len(numbers)
            assert told["sum"][name] == pytest.approx(sum(numbers))
            assert told["avg"][name] == (pytest.approx(sum(numbers) / len(numbers)) if numbers else None)
            for of, bound in (("min", min), ("max", max)):
                assert told[of][name] == (pytest.approx(bound(numbers)) if numbers else None)


async def test_groups_reach_over_an_edge_of_two_keys(shelf: Shelf) -> None:
    keys = ("model_id", "version")
    own = tuple(f"latest_assessment.{each}" for each in keys)
    over = Grouping("tier", 1, collection="model_versions", keys=keys, own=own)
    counted: dict[str | None, int] = defaultdict(int)
    for raw in shelf.versions.values():
        of = raw["latest_assessment"]
        other = shelf.versions.get((of["model_id"], of["version"])) if of else None
        counted[other["tier"] if other else None] += 1
    groups = shelf.service.database.raw("model_versions").aggregate(steps({}, Question([over]), 10))
    assert {each["_id"]["k0"]: each["count"] async for each in groups} == counted
