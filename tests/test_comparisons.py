"""What filters compare with: versions as SemVer has them, other fields of the record, every element, letters in any case."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semver import Version

from documents.numbers import PATTERN, SEMANTIC, above, below, is_semantic, version_key
from documents.store import cases
from documents.store.cases import any_case, fold, folded
from resolvers.graph import asked
from tests.examples import BOT, CARD, REGISTRATION, decide, register, submit
from tests.operations import DORA, PLAN
from tests.service import ADA, ALICE, BOB, CAROL, DAVID, Service
from tests.watching import watching, where

VERSIONS = """query($filter: ModelVersionFilter, $orderBy: [ModelVersionOrder!]) {
    modelVersions(filter: $filter, orderBy: $orderBy, first: 100) { nodes { version } } }"""
VERSION = {name: each for name, each in REGISTRATION.items() if name != "name"}
NUMBERS = ["1.10.0", "1.9.0", "2.0.0", "2.0.0-rc.1", "2.0.0-rc.2", "2.0.0-rc.10", "2.0.0+build", "nightly"]


async def versions(service: Service, filter: dict[str, Any] | None = None, **order: str) -> list[str]:
    found = await service.ask(VERSIONS, filter=filter, orderBy=[order] if order else None)
    return [each["version"] for each in found["modelVersions"]["nodes"]]


async def register_all(service: Service) -> None:
    await register(service, version=NUMBERS[0])
    for each in NUMBERS[1:]:
        await service.do("registerModelVersion", **VERSION | {"version": each})


ORDERED = ["1.9.0", "1.10.0", "2.0.0-rc.1", "2.0.0-rc.2", "2.0.0-rc.10", "2.0.0", "2.0.0+build", "nightly"]


async def test_versions_are_ordered_and_compared_as_semantic_versions(service: Service) -> None:
    await register_all(service)
    assert await versions(service, version="ASC") == ORDERED
    assert await versions(service, version="DESC") == ORDERED[::-1]
    for operator, than, expected in (
        ("gt", "1.9.0", ORDERED[1:7]), ("gte", "1.10.0", ORDERED[1:7]), ("lt", "2.0.0-rc.2", ORDERED[:3]),
        ("lte", "2.0.0-rc.2+other", ORDERED[:4]), ("gte", "2.0.0", ORDERED[5:7]), ("lte", "2.0.0", ORDERED[:7]),
        ("gt", "2.0.0", []), ("lt", "0.0.0-0", []),
    ):  # fmt: skip
        assert await versions(service, {"version": {operator: than}}, version="ASC") == expected, (operator, than)
    assert await versions(service, {"version": {"eq": "2.0.0"}}) == ["2.0.0"]
    assert await versions(service, {"not": {"version": {"gte": "1.0.0"}}}) == ["nightly"]


@pytest.mark.parametrize("than", ["nightly", "1.0", "v1.0.0", "01.0.0", "", "1.0.0-" + "a" * 95])
async def test_an_order_of_versions_takes_semantic_versions_alone(service: Service, than: str) -> None:
    refused = await service.refusal(VERSIONS, filter={"not": {"version": {"gte": than}}})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "filter.not.version.gte")


async def test_pages_in_the_order_of_versions_hold_each_once(service: Service) -> None:
    await register_all(service)
    query = """query($after: String) { modelVersions(first: 3, after: $after, orderBy: [{version: DESC}]) {
        nodes { version } pageInfo { endCursor hasNextPage } } }"""
    seen: list[str] = []
    after, more = None, True
    while more:
        page = (await service.ask(query, after=after))["modelVersions"]
        seen += [each["version"] for each in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert seen == ORDERED[::-1]


NUMERALS = st.sampled_from(["0", "1", "9", "10", "19", "20", "99", "100"])
WORDS = st.sampled_from(["a", "A", "alpha", "alpha-1", "-", "0a", "10a", "1-", "rc", "rc1", "rc10", "Z9", "a-"])
RELEASES = st.lists(st.sampled_from(["0", "1", "10"]), min_size=3, max_size=3).map(".".join)
SEMANTIC_VERSIONS = st.tuples(
    RELEASES, st.lists(NUMERALS | WORDS, max_size=3).map(".".join), st.sampled_from(["", "+1", "+b.2"])
).map(lambda parts: parts[0] + (f"-{parts[1]}" if parts[1] else "") + parts[2])


@given(SEMANTIC_VERSIONS, SEMANTIC_VERSIONS)
def test_key_and_expressions_order_versions_as_semver_does(one: str, other: str) -> None:
    def meets(patterns: list[str]) -> bool:
        assert all(len(each) < 1000 for each in [SEMANTIC, *patterns])
        return re.search(SEMANTIC, one) is not None and any(re.search(each, one) for each in patterns)

    compared = Version.parse(one).compare(other)
    assert (version_key(one) > version_key(other)) - (version_key(one) < version_key(other)) == compared
    assert (meets(above(other)), meets(below(other))) == (compared > 0, compared < 0)
    assert (meets(above(other, or_equal=True)), meets(below(other, or_equal=True))) == (compared >= 0, compared <= 0)


def test_the_longest_versions_have_expressions_that_the_embedded_database_takes() -> None:
    for longest in ("1.0.0-" + "a" * 94, "1.0.0-" + ".".join("z" * 47), "9" * 96 + ".0.0", "1.0.0-" + "1" * 93 + "a"):
        assert is_semantic(longest) and len(longest) <= 100
        assert all(len(each) <= PATTERN + 100 for each in (*above(longest), *below(longest)))


def test_folding_looks_at_every_letter_that_has_two_cases() -> None:
    looked_at = {each for those in cases.CASED for each in those}
    assert {each for each in range(0x110000) if fold(chr(each)) != chr(each)} <= looked_at
    assert folded("STRAẞE K\u212a Σς") == folded("straße kk \u03c3\u03c3") and folded("ss") != folded("ß") and fold("İ") == "İ"
    assert any_case("a.[É") == r"[aA]\.\[[éÉ]"


MODELS = "query($filter: ModelFilter) { models(filter: $filter, first: 100) { nodes { modelId } } }"


async def models(service: Service, filter: dict[str, Any]) -> list[str]:
    return [each["modelId"] for each in (await service.ask(MODELS, filter=filter))["models"]["nodes"]]


async def test_a_text_is_found_in_any_case_and_is_never_a_pattern(service: Service) -> None:
    for model_id, name in (("a", "Größe [Ä].*"), ("b", "GRÖẞE"), ("c", "Groesse"), ("d", "kelvin")):
        await register(service, modelId=model_id, name=name)
    for text, expected in (
        ("größe", ["a", "b"]), ("[ä].*", ["a"]), (".*", ["a"]), ("GROE", ["c"]), ("GROSSE", []), ("\u212aELVIN", ["d"])
    ):  # fmt: skip
        assert await models(service, {"name": {"icontains": text}}) == expected, text
    refused = await service.refusal(MODELS, filter={"name": {"icontains": "x" * 141}})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "filter.name.icontains") and "140" in refused["problem"]
    long = "x." * 900
    assert await models(service, {"or": [{"name": {"contains": long}}, {"tags": {"some": {"startsWith": long}}}]}) == []


async def test_every_element_meets_it_and_an_empty_list_does_too(service: Service) -> None:
    await register(service, modelId="both", tags=["alpha", "beta"])
    await register(service, modelId="one", tags=["alpha"])
    await register(service, modelId="none", tags=[])
    assert await models(service, {"tags": {"every": {"startsWith": "al", "ne": "beta"}}}) == ["none", "one"]
    assert await models(service, {"tags": {"every": {"contains": "a"}, "some": {"eq": "beta"}}}) == ["both"]
    assert await models(service, {"not": {"tags": {"every": {"eq": "alpha"}}}}) == ["both"]


OWN_DEPARTMENT = {
    "round": {"decisions": {"some": {"verdict": {"ne": "REJECTED"}, "reviewerDepartment": {"eqField": "owner.department"}}}}
}


async def test_versions_approved_by_somebody_of_the_owners_own_department_are_one_question(service: Service) -> None:
    for model_id in ("own", "others", "undecided"):
        await register(service, modelId=model_id)
        await submit(service, modelId=model_id)
    await decide(service, ALICE, modelId="own")
    await decide(service, CAROL, modelId="own")
    await decide(service, CAROL, modelId="others")
    query = "query($filter: ModelVersionFilter) { modelVersions(filter: $filter, first: 9) { nodes { modelId } } }"

    async def found(filter: dict[str, Any]) -> list[str]:
        return [each["modelId"] for each in (await service.ask(query, filter=filter))["modelVersions"]["nodes"]]

    assert await found(OWN_DEPARTMENT) == ["own"]
    assert await found({"not": OWN_DEPARTMENT}) == ["others", "undecided"]
    differs = {"round": {"decisions": {"some": {"reviewerDepartment": {"neField": "owner.department"}}}}}
    assert await found(differs) == ["own", "others"]
    assert await found({"round": {"decisions": {"every": {"reviewerDepartment": {"neField": "owner.department"}}}}}) == [
        "others", "undecided",
    ]  # fmt: skip
    by_owner = {"round": {"decisions": {"some": {"reviewerId": {"eqField": "ownerId"}}}}}
    assert await found(by_owner) == ["own"]
    assert await found({"round": {"submittedAt": {"gteField": "registeredAt"}}, "ownerId": {"neField": "dataStewardId"}}) == [
        "own", "others", "undecided",
    ]  # fmt: skip
    await service.do("updateStakeholder", ADA, userId=CAROL.id, department=ALICE.department)
    assert await found(OWN_DEPARTMENT) == ["own"]  # the department that the reviewer then was in
    await service.do("updateStakeholder", ADA, userId=ALICE.id, department=CAROL.department)
    assert await found(OWN_DEPARTMENT) == ["own", "others"]  # the department that the owner is in now
    over_edge = {"model": {"owner": {"userId": {"eqField": "name"}}}}
    assert await found(over_edge) == []


async def test_a_field_over_an_edge_is_read_once_for_all_records_of_a_page(server: str, service: Service) -> None:
    query = """query($first: Int, $filter: ModelVersionFilter) { models(first: $first) {
        nodes { modelId versions(filter: $filter) { totalCount nodes { version } } } } }"""
    async for watched in watching(server, service):
        for at in range(3):
            await register(watched.service, modelId=f"m{at}")
        _, alone = await watched.costs(query, first=1, filter=OWN_DEPARTMENT)
        _, several = await watched.costs(query, first=3, filter=OWN_DEPARTMENT)
        assert where(several) == where(alone)
        answer, _ = await watched.costs(query, first=3, filter={"modelId": {"ne": "m1"}, "ownerId": {"eqField": "owner.userId"}})
        counted = {each["modelId"]: each["versions"]["totalCount"] for each in answer["models"]["nodes"]}
        assert counted == {"m0": 1, "m1": 0, "m2": 1}


async def test_the_paths_of_a_filter_in_a_search_and_in_having_begin_at_what_it_is_about(service: Service) -> None:
    await register(service)
    metrics = [CARD["metrics"][0] | {"metricName": name, "dataset": of} for name, of in (("a", "a"), ("b", "a"), ("c", "c"))]
    await service.do("saveModelCard", **BOT, card={"metrics": metrics})
    query = """query($said: ModelVersionFilter!) {
        search(query: "support", filter: {kinds: [MODEL_VERSION], modelVersions: $said}) { totalCount } }"""
    for owner, expected in (
        ({"neField": "dataStewardId"}, 1),
        ({"eqField": "dataStewardId"}, 0),
        ({"eqField": "owner.userId"}, 1),
    ):
        assert (await service.ask(query, said={"ownerId": owner}))["search"]["totalCount"] == expected, owner
    assert (await service.refusal(query, said={"ownerId": {"neField": "modelVersions.ownerId"}}))["code"] == "INVALID_INPUT"
    groups = "query($h: ModelVersionHaving!) { modelVersionAggregates(having: $h) { count } }"
    for dataset, count in (({"eqField": "metricName"}, 2), ({"neField": "metricName"}, 1)):
        having = {"cardMetrics": {"where": {"dataset": dataset}, "count": {"eq": count}}}
        assert (await service.ask(groups, h=having))["modelVersionAggregates"] == [{"count": 1}], dataset
    refused = await service.refusal(groups, h={"cardMetrics": {"where": {"dataset": {"neField": "cardMetrics.where.dataset"}}}})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "having.cardMetrics.where.dataset.neField")


@pytest.mark.parametrize("limit", ["VALUES", "SPELLED", "KEYS"])
async def test_a_field_over_an_edge_is_spelled_out_for_so_many_values(
    service: Service, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    assert await versions(service, OWN_DEPARTMENT) == []
    monkeypatch.setattr(asked, limit, 2)
    refused = await service.refusal(VERSIONS, filter=OWN_DEPARTMENT)
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 2)


@pytest.mark.parametrize(
    ("filter", "place"),
    [
        ({"ownerId": {"eqField": "registeredAt"}}, "ownerId.eqField"), ({"ownerId": {"eqField": "nothing"}}, "ownerId.eqField"),
        ({"ownerId": {"eqField": ""}}, "ownerId.eqField"), ({"ownerId": {"eqField": "useCases"}}, "ownerId.eqField"),
        ({"ownerId": {"eqField": "evidence.title"}}, "ownerId.eqField"), ({"ownerId": {"eqField": "owner"}}, "ownerId.eqField"),
        ({"ownerId": {"eqField": "model.owner.userId"}}, "ownerId.eqField"),
        ({"ownerId": {"ltField": "status"}}, "ownerId.ltField"),
        ({"ownerId": {"eqField": "owner_id"}}, "ownerId.eqField"), ({"ownerId": {"eqField": "ownerId.eq"}}, "ownerId.eqField"),
        ({"ownerId": {"eqField": "$ownerId"}}, "ownerId.eqField"), ({"ownerId": {"eqField": "x." * 5000}}, "ownerId.eqField"),
        ({"version": {"eqField": "modelId"}}, "version.eqField"),
        ({"purpose": {"eqField": "owner.name", "neField": "dataSteward.name"}}, "purpose.neField"),
    ],
)  # fmt: skip
async def test_a_path_that_names_no_single_field_of_the_kind_is_refused(service: Service, filter: Any, place: str) -> None:
    refused = await service.refusal(VERSIONS, filter=filter)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"filter.{place}")


def test_people_of_the_examples_are_of_departments_that_differ() -> None:
    assert len({each.department for each in (ALICE, BOB, CAROL, DAVID)}) == 4


async def test_deployments_incidents_and_changes_order_by_their_versions(service: Service) -> None:
    await register_all(service)
    await service.enrol(DORA)
    for each in ("1.10.0", "1.9.0", "2.0.0-rc.10", "2.0.0-rc.2"):
        said = {"severity": "LOW", "title": each, "description": "It went wrong."}
        await service.do("openIncident", **BOT | {"version": each} | said)
        plan = PLAN | {"title": each, "targetVersion": each}
        await service.do("createChangeRequest", DORA, **plan)
    incidents = "{ incidents(first: 9, orderBy: [{version: ASC}]) { nodes { version } } }"
    ordered = [each["version"] for each in (await service.ask(incidents))["incidents"]["nodes"]]
    assert ordered == ["1.9.0", "1.10.0", "2.0.0-rc.2", "2.0.0-rc.10"]
    changes = """{ changeRequests(first: 9, orderBy: [{plan: {targetVersion: DESC}}],
        filter: {plan: {targetVersion: {lt: "2.0.0-rc.10"}}}) { nodes { plan { targetVersion } } } }"""
    planned = [each["plan"]["targetVersion"] for each in (await service.ask(changes))["changeRequests"]["nodes"]]
    assert planned == ["2.0.0-rc.2", "1.10.0", "1.9.0"]
    events = '{ auditEvents(first: 9, filter: {subject: {version: {gte: "2.0.0-rc.10"}}}) { nodes { subject { version } } } }'
    told = (await service.ask(events, by=ADA))["auditEvents"]["nodes"]
    assert {each["subject"]["version"] for each in told} == {"2.0.0-rc.10", "2.0.0", "2.0.0+build"}
