"""One filter language with two readers, a query and a plain function: they agree, and what users write stays text."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition

from documents.numbers import is_semantic
from documents.store.expressions import to_expression
from documents.store.filters import in_order, matches, to_query
from documents.store.operators import COMPARING, EACH, ORDERING, OTHER
from documents.store.pages import By, Page, Window, optional
from documents.store.standins import Found
from documents.values import BigInt, Hash
from documents.versions.lifecycle import VersionStatus
from documents.versions.standing import Standing
from documents.versions.version import ModelVersion
from gql.schema import build_schema
from resolvers.graph.asked import ACROSS, DERIVED
from resolvers.graph.filters import record_filter
from resolvers.graph.orders import record_order
from tests.examples import BOT, EXPERIMENT, decide, read, register, save_card, submit
from tests.service import ALICE, CAROL, DAVID, NOW, Service

MOMENT = NOW.replace(microsecond=123000)
DRAWN: Mapping[Any, list[Any]] = {
    str: ["", "a", "b", "a.b", "axb", "A.B", "a b", "a\nb", "^a", "$ne", "é", "É", "ß", "ẞ", "ss", "K", "k\u212a", "\U0001f600"],
    int: [-1, 0, 1, 2],
    float: [-2.5, 0.0, 0.5, 1.0, 1e300],
    bool: [True, False],
    datetime: [MOMENT + timedelta(days=each) for each in range(3)],
    date: ["2026-02-28", "2026-03-01", "2026-03-02"],
    BigInt: [0, 1, 2**53 - 1],
    Hash: ["0" * 64, "f" * 64],
}
VERSIONS_HELD = [
    "1.0.0", "1.0.0+build", "1.0.0-rc.1", "1.0.0-rc.1.0", "1.0.0-alpha", "1.0.0-2", "1.0.0-10", "2.0.0", "1.10.0", "1.9.0",
    "1.9.10", "10.0.0-0", "nightly", "1.0", "v1.0.0", "01.0.0",
]  # fmt: skip
SEMANTIC_ONES = [each for each in VERSIONS_HELD if is_semantic(each)]
OVER_RECORDS = {"and", "or", "not"}


@cache
def fields_of(kind: Any) -> dict[str, Any]:
    """The fields of a filter or order input, by the names that a record has; edges lead to other records."""
    fields = [each for each in kind.__strawberry_definition__.fields if not {ACROSS, DERIVED} & each.metadata.keys()]
    return {each.python_name.rstrip("_"): bare(each.type) for each in fields}


def bare(kind: Any) -> Any:
    return bare(kind.of_type) if isinstance(kind, StrawberryOptional | StrawberryList) else kind


def values_of(operators: Mapping[str, Any]) -> list[Any]:
    """What a field with these operators may hold."""
    kind = operators["eq"]
    if "version_lt" in operators:
        return VERSIONS_HELD
    return list(kind.wrapped_cls) if isinstance(kind, StrawberryEnumDefinition) else DRAWN[kind]


def drawn(kind: Any, dice: Random) -> Any:
    """Anything that a record may hold where the filter `kind` is about it, as stored."""
    fields = fields_of(kind)
    if "eq" in fields:
        value = dice.choice(values_of(fields))
        return value.value if isinstance(value, Enum) else value
    if "some" in fields:
        return [drawn(fields["some"], dice) for _ in range(dice.choice([0, 1, 2, 2]))]
    held = {name: drawn(each, dice) for name, each in fields.items() if name not in OVER_RECORDS}
    return {name: dice.choice([each, each, each, None]) for name, each in held.items() if dice.random() < 0.9}


@st.composite
def wanted(draw: st.DrawFn, kind: Any, depth: int = 4) -> dict[str, Any]:
    """Any filter of that kind."""
    fields = fields_of(kind)
    if "eq" in fields:
        one = st.sampled_from(values_of(fields))
        takes = {"in": st.lists(one, max_size=3), "not_in": st.lists(one, max_size=3), "is_null": st.booleans()}
        takes |= dict.fromkeys(ORDERING, st.sampled_from(SEMANTIC_ONES))
        takes |= {name: takes.get(each, one) for name, each in OTHER.items()}
        alike = places().get(kind.__name__, [])
        takes |= dict.fromkeys(COMPARING, st.sampled_from(alike) if alike else st.nothing())
        offered = {*fields, *(name for name, each in OTHER.items() if each in fields)} - (set() if alike else COMPARING.keys())
        names = draw(st.lists(st.sampled_from(sorted(offered)), max_size=3, unique=True))
        return {name: draw(takes.get(name, one)) for name in names}
    names = sorted(fields if depth else fields.keys() - OVER_RECORDS)
    chosen = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    return {name: draw(part(name, fields[name], depth - (name in OVER_RECORDS))) for name in chosen}


@cache
def places() -> dict[str, list[str]]:
    """The paths of single values in a version, by the filter inputs that are about them."""
    found: dict[str, list[str]] = defaultdict(list)

    def look(kind: Any, path: str) -> None:
        fields = fields_of(kind)
        if "eq" in fields:
            found[kind.__name__].append(path)
        elif "some" not in fields:
            for name, each in fields.items():
                if name not in OVER_RECORDS:
                    look(each, f"{path}.{name}".lstrip("."))

    look(VERSIONS_FILTER, "")
    return found


def part(name: str, kind: Any, depth: int) -> st.SearchStrategy[Any]:
    return st.lists(wanted(kind, depth), max_size=2) if name in {"and", "or"} else wanted(kind, depth)


DICE = Random(9162)
REGISTRY = build_schema().registry
VERSIONS_FILTER = record_filter(REGISTRY, ModelVersion)
HELD = [{"_id": ObjectId(f"{at:024x}"), **drawn(VERSIONS_FILTER, DICE)} for at in range(30)]


@pytest.fixture
async def held(service: Service) -> Any:
    """A collection of records of every shape."""
    collection = service.database.collection("held")
    await collection.insert_many(HELD)
    return collection


@settings(
    deadline=None, max_examples=settings().max_examples * 5 // 2, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(filter=wanted(VERSIONS_FILTER))
async def test_the_query_and_the_evaluator_agree_on_any_filter(held: Any, filter: dict[str, Any]) -> None:
    found = await held.find(to_query(filter), {"_id": 1}).to_list(None)
    assert [each["_id"] for each in found] == [each["_id"] for each in HELD if matches(filter, each)]


@settings(
    deadline=None, max_examples=settings().max_examples * 5 // 2, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(filter=wanted(VERSIONS_FILTER))
async def test_the_expression_and_the_evaluator_agree_on_any_filter(held: Any, filter: dict[str, Any]) -> None:
    meets = {"$let": {"vars": {"one": "$$ROOT"}, "in": to_expression(filter, "$$one")}}
    found = {each["_id"]: each["meets"] async for each in held.aggregate([{"$project": {"meets": meets}}])}
    assert found == {each["_id"]: matches(filter, each) for each in HELD}


# A narrow record, so that fields are often compared with each other, in elements of elements too.
TEXTS = st.sampled_from(DRAWN[str])
NUMBERS = st.sampled_from([0, 1, 2])
MOMENTS = st.sampled_from(DRAWN[datetime])
SEMANTIC_TEXTS = st.sampled_from(VERSIONS_HELD)
KINDS: Mapping[str, tuple[st.SearchStrategy[Any], list[str]]] = {
    "text": (TEXTS, ["a", "b", "part.c"]), "number": (NUMBERS, ["n", "part.m"]), "moment": (MOMENTS, ["t", "part.u"]),
    "version": (SEMANTIC_TEXTS, ["v"]),
}  # fmt: skip
ELEMENT = {"d": "text", "k": "number", "at": "moment", "v": "version"}
NARROW: dict[str, Any] = {
    "a": "text", "b": "text", "n": "number", "t": "moment", "v": "version", "part": {"c": "text", "m": "number", "u": "moment"},
    "tags": ["text"], "counts": ["number"], "list": [ELEMENT | {"inner": [ELEMENT], "words": ["text"]}],
}  # fmt: skip


def narrow(shape: Any, dice: Random) -> Any:
    """Anything that a record of that shape may hold."""
    match shape:
        case str():
            values: dict[str, list[Any]] = {
                "text": ["a", "A", "b", "é", "É", "ß", "k\u212a"],
                "number": [0, 1, 2],
                "moment": DRAWN[datetime],
            }
            return dice.choice(values.get(shape, VERSIONS_HELD))
        case list():
            return [narrow(shape[0], dice) for _ in range(dice.choice([0, 1, 2, 2]))]
    held = {name: narrow(each, dice) for name, each in shape.items()}
    return {name: dice.choice([each, each, each, None]) for name, each in held.items() if dice.random() < 0.9}


@st.composite
def asked_of_narrow(draw: st.DrawFn, shape: Any, depth: int = 3) -> dict[str, Any]:
    """Any filter over a record of that shape."""
    if isinstance(shape, str):
        value, alike = KINDS[shape]
        takes = dict.fromkeys(("eq", "ne", "lt", "lte", "gt", "gte"), value)
        takes |= {each: st.lists(value, max_size=3) for each in ("in", "not_in")}
        takes |= {name: takes[each] for name, each in OTHER.items()} | {"is_null": st.booleans()}
        takes |= dict.fromkeys(COMPARING, st.sampled_from(alike))
        takes |= dict.fromkeys(("contains", "icontains", "starts_with"), value) if shape == "text" else {}
        takes |= dict.fromkeys(ORDERING, st.sampled_from(SEMANTIC_ONES)) if shape == "version" else {}
        names = draw(st.lists(st.sampled_from(sorted(takes)), min_size=1, max_size=3, unique=True))
        return {name: draw(takes[name]) for name in names}
    if isinstance(shape, list):
        names = draw(st.lists(st.sampled_from(sorted(EACH)), max_size=2, unique=True))
        return {name: draw(asked_of_narrow(shape[0], depth)) for name in names}
    names = draw(st.lists(st.sampled_from(sorted(shape.keys() | (OVER_RECORDS if depth else set()))), max_size=3, unique=True))
    several = {name: st.lists(asked_of_narrow(shape, depth - 1), max_size=2) for name in ("and", "or")}
    takes = several | {"not": asked_of_narrow(shape, depth - 1)}
    return {name: draw(takes[name] if name in takes else asked_of_narrow(shape[name], depth)) for name in names}


NARROWLY_HELD = [{"_id": at, **narrow(NARROW, DICE)} for at in range(60)]


@pytest.fixture
async def narrowly_held(service: Service) -> Any:
    collection = service.database.collection("narrow")
    await collection.insert_many(NARROWLY_HELD)
    return collection


@settings(deadline=None, max_examples=settings().max_examples * 3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filter=asked_of_narrow(NARROW))
async def test_both_readers_compare_fields_elements_cases_and_versions_alike(narrowly_held: Any, filter: dict[str, Any]) -> None:
    found = await narrowly_held.find(to_query(filter), {"_id": 1}).to_list(None)
    assert [each["_id"] for each in found] == [each["_id"] for each in NARROWLY_HELD if matches(filter, each)]


@settings(deadline=None, max_examples=settings().max_examples * 3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filter=asked_of_narrow(NARROW))
async def test_expressions_compare_fields_elements_cases_and_versions_alike_too(
    narrowly_held: Any, filter: dict[str, Any]
) -> None:
    meets = {"$let": {"vars": {"one": "$$ROOT"}, "in": to_expression(filter, "$$one")}}
    found = {each["_id"]: each["meets"] async for each in narrowly_held.aggregate([{"$project": {"meets": meets}}])}
    assert found == {each["_id"]: matches(filter, each) for each in NARROWLY_HELD}


def paths(kind: Any, path: str = "") -> list[str]:
    """Everything that the order input `kind` orders by."""
    if not hasattr(kind, "__strawberry_definition__") or isinstance(kind, StrawberryEnumDefinition):
        return [path]
    return [each for name, inner in fields_of(kind).items() for each in paths(inner, f"{path}.{name}".lstrip("."))]


PATHS = paths(record_order(REGISTRY, ModelVersion))
ENDLESS = [each for each in PATHS if optional(ModelVersion, each)]


def orders(among: list[str]) -> st.SearchStrategy[By]:
    each = st.tuples(st.sampled_from(among), st.sampled_from([1, -1]))
    several = st.lists(each, min_size=1, max_size=3, unique_by=lambda order: order[0])
    return several.map(lambda by: (*by, ("_id", by[-1][1])))


@settings(deadline=None, max_examples=settings().max_examples, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filter=wanted(VERSIONS_FILTER), by=orders(PATHS))
async def test_the_database_and_the_evaluator_agree_on_any_order(held: Any, filter: dict[str, Any], by: By) -> None:
    found = await held.find(to_query(filter), {"_id": 1}, sort=list(by)).to_list(None)
    wanted = [each for each in HELD if matches(filter, each)]
    assert [each["_id"] for each in found] == [each["_id"] for each in in_order(wanted, by)]


@settings(
    deadline=None, max_examples=settings().max_examples * 2 // 5, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(by=orders(ENDLESS), size=st.integers(5, 12), backward=st.booleans())
async def test_pages_in_any_order_hold_everything_once_nulls_included(held: Any, by: By, size: int, backward: bool) -> None:
    seen: list[Any] = []
    part = Window(size, backward)
    while True:
        found = [held.find(each, sort=part.order(by)) for each in part.queries(ModelVersion, {}, by)]
        raws = [raw for each in found for raw in await each.to_list(None)][: size + 1]
        page = Page.of([Found(ModelVersion, raw) for raw in raws], by, part, {}, count=lambda: held.count_documents({}))
        ids = [each._raw["_id"] for each in page.nodes]
        seen = ids + seen if backward else seen + ids
        if not (page.has_previous_page if backward else page.has_next_page):
            break
        part = Window(size, backward, page.start_cursor if backward else page.end_cursor)
    assert seen == [each["_id"] for each in in_order(HELD, by)]


MODELS = "query($filter: ModelFilter) { models(filter: $filter, first: 100) { nodes { modelId } } }"
VERSIONS = "query($filter: ModelVersionFilter) { modelVersions(filter: $filter, first: 100) { nodes { modelId } } }"
NAMES = {
    "dots": "a.b", "letters": "axb", "stars": ".*", "operator": '{"$gt": ""}', "quoted": "' || '1' == '1", "escaped": "\\d+$",
}  # fmt: skip


async def found(service: Service, query: str, filter: dict[str, Any]) -> list[str]:
    (answer,) = (await service.ask(query, filter=filter)).values()
    return [each["modelId"] for each in answer["nodes"]]


async def test_two_conditions_on_an_element_of_a_list_hold_of_the_same_one(service: Service) -> None:
    await register(service, modelId="one", tags=["alpha", "beta"])
    await register(service, modelId="other", tags=["alphabet"])
    assert await found(service, MODELS, {"tags": {"some": {"startsWith": "alpha", "contains": "bet"}}}) == ["other"]
    assert await found(service, MODELS, {"tags": {"some": {"contains": "bet", "ne": "beta"}}}) == ["other"]
    assert await found(service, MODELS, {"tags": {"none": {"startsWith": "alpha", "contains": "bet"}}}) == ["one"]


async def test_a_filter_reaches_into_what_is_nested_and_null_says_nothing(service: Service) -> None:
    api = {"kind": "API", "uri": "https://example.org/v1"}
    await register(service, artifacts=[{"kind": "WEIGHTS", "uri": "s3://models/1", "size": 2**40}, api])
    await save_card(service)
    for wanted in (
        {"tier": {"in": ["TIER_2_IMPORTANT"]}, "artifacts": {"some": {"size": {"gte": 2**40}, "kind": {"eq": "WEIGHTS"}}}},
        {"artifacts": {"none": {"kind": {"eq": "WEIGHTS"}, "uri": {"startsWith": "https:"}}}},
        {"or": [{"card": {"modelType": {"contains": "bot"}}}, {"standing": {"violations": {"some": {"contains": "POL-003"}}}}]},
        {
            "card": {
                "metrics": {"some": {"dateMeasured": {"gte": "2026-02-20"}, "disaggregated": {"none": {"value": {"lt": 0.8}}}}}
            }
        },
        {"not": {"registeredAt": {"lt": "2026-03-01T13:00:00+01:00"}}, "evidence": None},
    ):
        assert await found(service, VERSIONS, wanted), wanted
    assert not await found(service, VERSIONS, {"artifacts": {"some": {"size": {"gte": 1}, "kind": {"eq": "API"}}}})


def models_by(filter: str) -> str:
    kinds = {"$v": "String", "$m": "ModelFilter"}
    taken = ", ".join(f"{name}: {kind}" for name, kind in kinds.items() if name in filter)
    return f"query{f'({taken})' if taken else ''} {{ models(first: 1, filter: {filter}) {{ totalCount }} }}"


@pytest.mark.parametrize(
    ("filter", "place"),
    [
        ("{ownerId: {eq: null}}", "ownerId.eq"), ("{ownerId: {eq: $v}}", "ownerId.eq"), ("{ownerId: {ne: null}}", "ownerId.ne"),
        ("{ownerId: {in: null}}", "ownerId.in"), ("{not: {ownerId: {eq: null}}}", "not.ownerId.eq"), ("{ownerId: {}}", "ownerId"),
        ("{not: null}", "not"), ("{and: []}", "and"), ("{or: []}", "or"), ("{and: null}", "and"), ("{tags: {}}", "tags"),
        ("{or: [{ownerId: {eq: \"alice\"}}, {name: {contains: null}}]}", "or.1.name.contains"),
        ("{tags: {some: null}}", "tags.some"), ("{tags: {some: {eq: null}}}", "tags.some.eq"),
        ("{owner: {department: {eq: null}}}", "owner.department.eq"), ("{name: {isNull: null}}", "name.isNull"),
    ],
)  # fmt: skip
async def test_an_operator_without_an_operand_is_refused_by_its_place(service: Service, filter: str, place: str) -> None:
    await register(service)
    refused = await service.refusal(models_by(filter))
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"filter.{place}"), refused


async def test_a_variable_that_is_null_is_refused_as_an_operand_that_is_null(service: Service) -> None:
    await register(service)
    refused = await service.refusal(models_by("{ownerId: {eq: $v}}"), v=None)
    assert (refused["code"], "isNull" in refused["problem"]) == ("INVALID_INPUT", True)


OF_V = '{eq: $v, ne: "x"}'
GROUPS = "modelVersionAggregates"


@pytest.mark.parametrize(
    ("kind", "query", "place"),
    [
        ("String", f"modelVersions(filter: {{ownerId: {OF_V}}}) {{ totalCount }}", "filter.ownerId.eq"),
        ("[String!]", "modelVersions(filter: {not: {ownerId: {in: $v, isNull: false}}}) { totalCount }", "filter.not.ownerId.in"),
        ("Boolean", "modelVersions(filter: {eligible: $v}) { totalCount }", "filter.eligible"),
        ("Float", "modelVersions(filter: {daysWaiting: {gt: $v, lt: 9}}) { totalCount }", "filter.daysWaiting.gt"),
        ("ModelVersionFilter", "modelVersions(filter: {not: $v}) { totalCount }", "filter.not"),
        ("[ModelVersionFilter!]", "modelVersions(filter: {and: [{or: $v}]}) { totalCount }", "filter.and.0.or"),
        ("StringFilter", 'models(filter: {tags: {some: $v, none: {eq: "x"}}}) { totalCount }', "filter.tags.some"),
        ("String", 'models { nodes { versions(filter: {version: {gte: $v, ne: "2"}}) { totalCount } } }', "filter.version.gte"),
        ("String", f"{GROUPS} {{ ... {{ cardMetrics(where: {{metricName: {OF_V}}}) {{ count }} }} }}", "where.metricName.eq"),
        ("Int", f"{GROUPS}(having: {{count: {{gte: $v, lt: 9}}}}) {{ count }}", "having.count.gte"),
        ("String", f"{GROUPS}(groupBy: [{{card: {{metrics: {{dataset: ASC, where: {{dataset: {OF_V}}}}}}}}}]) {{ count }}",
         "groupBy.0.card.metrics.where.dataset.eq"),
        ("String", f"{GROUPS}(orderBy: [{{cardMetrics: {{count: ASC, where: {{dataset: {OF_V}}}}}}}]) {{ count }}",
         "orderBy.0.cardMetrics.where.dataset.eq"),
    ],
)  # fmt: skip
async def test_a_variable_that_was_left_out_is_no_operand(service: Service, kind: str, query: str, place: str) -> None:
    await register(service)
    refused = await service.refusal(f"query($v: {kind}) {{ {query} }}")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", place), refused
    assert "the variable $v was left out" in refused["problem"]


async def test_a_variable_may_be_left_out_with_what_it_is_for_or_if_it_has_a_default(service: Service) -> None:
    await register(service)
    asked = 'models(filter: {ownerId: {eq: $v, ne: "bob"}}) { totalCount }'
    query = f"query($v: String, $show: Boolean!) {{ {asked.replace(') {', ') @include(if: $show) {')} }}"
    assert await service.ask(query, show=False) == {}  # a screen that shows a part only sometimes
    assert (await service.refusal(query, show=True))["code"] == "INVALID_INPUT"
    spread = f"query($v: String, $hide: Boolean!) {{ ...F @skip(if: $hide) }} fragment F on Query {{ {asked} }}"
    assert await service.ask(spread, hide=True) == {}
    assert (await service.refusal(spread, hide=False))["code"] == "INVALID_INPUT"
    found = await service.ask(f'query($v: String = "alice") {{ {asked} }}')
    assert found["models"]["totalCount"] == 1
    sought = 'query($k: [NodeKind!]) { search(query: "support", filter: {kinds: $k}) { totalCount } }'
    assert (await service.ask(sought))["search"]["totalCount"] == 2  # the model and its version
    period = "query($z: String) { modelAggregates(groupBy: [{registeredAt: {period: YEAR, zone: $z}}]) { count } }"
    assert (await service.ask(period))["modelAggregates"] == [{"count": 1}]


@pytest.mark.parametrize("filter", [
    "{not: {}}", "{not: {ownerId: null}}", "{not: {ownerId: $f}}", "{or: [{}, {ownerId: {eq: \"x\"}}]}", "{not: {owner: {}}}",
    "{not: {and: [{ownerId: null}]}}", "{or: [{owner: {not: {}}}]}",
])  # fmt: skip
async def test_the_opposite_of_nothing_and_an_alternative_of_nothing_are_refused(service: Service, filter: str) -> None:
    taken = "($f: StringFilter)" if "$f" in filter else ""
    refused = await service.refusal(f"query{taken} {{ models(filter: {filter}) {{ totalCount }} }}")
    assert refused["code"] == "INVALID_INPUT" and refused["path"].startswith("filter.")
    assert "asks for nothing" in refused["problem"]


async def test_a_null_condition_of_a_derived_field_is_refused(service: Service) -> None:
    query = "query($e: Boolean) { modelVersions(first: 1, filter: {eligible: $e}) { totalCount } }"
    refused = await service.refusal(query, e=None)
    assert (refused["code"], "isNull" in refused["problem"]) == ("INVALID_INPUT", True)


@pytest.mark.parametrize("filter", ["{}", "null", "$m", "{owner: null}", "{ownerId: null}", "{ownerId: {notIn: []}}"])
async def test_a_filter_that_asks_for_nothing_restricts_nothing(service: Service, filter: str) -> None:
    await register(service)
    assert (await service.ask(models_by(filter)))["models"]["totalCount"] == 1
    if "$m" in filter:
        assert (await service.ask(models_by(filter), m=None))["models"]["totalCount"] == 1


async def test_one_of_none_matches_nothing(service: Service) -> None:
    await register(service)
    assert (await service.ask(models_by("{ownerId: {in: []}}")))["models"]["totalCount"] == 0


STATUSES = list(VersionStatus)
ENDS = [None, *(MOMENT + timedelta(milliseconds=each) for each in (-1, 0, 1))]


@pytest.mark.parametrize("at", [MOMENT, MOMENT + timedelta(microseconds=999)])
async def test_what_is_asked_of_stored_standings_is_what_they_say_of_the_moment(service: Service, at: datetime) -> None:
    await register(service)
    first = (await ModelVersion.require(*BOT.values())).standing
    assert first is not None
    standings = [
        first.model_copy(update={"status": status, "approved_until": end, "next_review": end})
        for status, end in product(STATUSES, ENDS)
    ]
    raws: list[dict[str, Any]] = [{"_id": place, "standing": each.model_dump()} for place, each in enumerate(standings)]
    raws.append({"_id": len(raws)})
    collection = service.database.collection("standings")
    await collection.insert_many(raws)
    read = [*(each.status_at(at) for each in standings), VersionStatus.DRAFT]
    due = [*(each.next_review is not None and each.next_review <= at for each in standings), False]
    asked = [(Standing.says(status, at), [each is status for each in read]) for status in STATUSES]
    asked += [(Standing.is_overdue(overdue, at), [each is overdue for each in due]) for overdue in (True, False)]
    for wanted, holds in asked:
        expected = [each for each, met in enumerate(holds) if met]
        assert [each["_id"] for each in raws if matches(wanted, each)] == expected
        assert [each["_id"] async for each in collection.find(to_query(wanted))] == expected


async def test_lists_and_fields_agree_on_a_status_to_the_millisecond(service: Service) -> None:
    ends = MOMENT + timedelta(days=30)
    for model_id in ("draft", "pending", "rejected", "lapsing"):
        await register(service, modelId=model_id)
        if model_id != "draft":
            await submit(service, modelId=model_id)
    await decide(service, CAROL, "REJECTED", modelId="rejected")
    for who, said in ((CAROL, {"expiresAt": ends.isoformat()}), (DAVID, {}), (ALICE, {})):
        await decide(service, who, modelId="lapsing", **said)
    asked = "query($filter: ModelVersionFilter) { modelVersions(filter: $filter, first: 9) { nodes { modelId status } } }"
    for service.now, lapsing in ((ends - timedelta(milliseconds=1), "APPROVED"), (ends, "PENDING_APPROVAL")):
        listed = (await service.ask(asked))["modelVersions"]["nodes"]
        assert {"modelId": "lapsing", "status": lapsing} in listed
        for one in STATUSES:
            for status, chosen in (
                ({"eq": one.name}, {one.name}),
                ({"in": [one.name, "REJECTED"]}, {one.name, "REJECTED"}),
                ({"ne": one.name}, {each.name for each in STATUSES} - {one.name}),
                ({"notIn": [one.name, "REJECTED"]}, {each.name for each in STATUSES} - {one.name, "REJECTED"}),
                ({"eq": one.name, "in": ["REJECTED"]}, {one.name} & {"REJECTED"}),
                ({"in": []}, set()),
            ):  # fmt: skip
                found = (await service.ask(asked, filter={"status": status}))["modelVersions"]["nodes"]
                assert found == [each for each in listed if each["status"] in chosen], status


async def test_a_review_is_overdue_from_the_moment_on_that_it_is_due(service: Service) -> None:
    await register(service)
    await register(service, modelId="experiment", **EXPERIMENT)
    due = (await read(service, "standing { nextReview }"))["standing"]["nextReview"]
    for service.now, overdue in (
        (datetime.fromisoformat(due) - timedelta(milliseconds=1), []), (datetime.fromisoformat(due), ["support-assistant"])
    ):  # fmt: skip
        assert await found(service, VERSIONS, {"reviewOverdue": True}) == overdue
        assert len(await found(service, VERSIONS, {"reviewOverdue": False})) == 2 - len(overdue)
    later = {"owner": {"userId": {"eq": "alice"}}, "or": [{"reviewOverdue": True}, {"status": {"eq": "RETIRED"}}]}
    assert await found(service, VERSIONS, {"model": {"owner": {"active": {"eq": True}}}} | later) == ["support-assistant"]


async def test_what_a_user_writes_is_never_an_operator_or_a_pattern(service: Service) -> None:
    for model_id, name in NAMES.items():
        await register(service, modelId=model_id, name=name)
    for operator in ("eq", "contains", "startsWith"):
        for model_id, name in NAMES.items():
            assert await found(service, MODELS, {"name": {operator: name}}) == [model_id], (operator, name)
    assert not await found(service, MODELS, {"name": {"in": ["^", "$ne", "a[.x]b"]}})


async def test_paging_arguments_that_are_null_restrict_nothing(service: Service) -> None:
    await register(service)
    nothing = "after: null, last: null, before: null, filter: null, orderBy: null"
    found = (await service.ask(f"{{ models(first: 1, {nothing}) {{ totalCount nodes {{ modelId }} }} }}"))["models"]
    assert (found["totalCount"], len(found["nodes"])) == (1, 1)
