"""Every list is filtered, ordered and paged in the same language, reaches over an edge, and reads no more than it answers."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId
from graphql import get_named_type

from documents.numbers import version_key
from documents.values import camel
from tests.examples import BOT, RATED, TICKETS, approved, register, save_datasheet
from tests.nouns import NOUNS
from tests.schema import SCHEMA
from tests.service import ALICE, AUDREY, CAROL, NOW, Service, person
from tests.watching import Watched, watching

CONNECTIONS = {
    f"{kind.name}.{name}": field
    for kind in SCHEMA.type_map.values()
    for name, field in getattr(kind, "fields", {}).items()
    if get_named_type(field.type).name.endswith("Connection")
}
LIST = """query($filter: ModelVersionFilter, $orderBy: [ModelVersionOrder!], $after: String, $last: Int, $before: String) {
    modelVersions(filter: $filter, orderBy: $orderBy, first: %s, after: $after, last: $last, before: $before) {
        totalCount nodes { modelId version } pageInfo { endCursor startCursor hasNextPage } } }"""
VERSIONS, NEXT, BACK = LIST % 100, LIST % 3, LIST % "null"


def test_every_connection_is_filtered_ordered_and_paged() -> None:
    assert {"Query.models", "Query.auditEvents", "Model.versions", "ModelVersion.auditEvents"} <= CONNECTIONS.keys()
    for name, field in CONNECTIONS.items():
        kind = get_named_type(field.type).name.removesuffix("Connection")
        asked = {each: str(argument.type) for each, argument in field.args.items()}
        assert asked.pop("filter") == f"{kind}Filter" and asked.pop("orderBy") == f"[{kind}Order!]", name
        assert asked.items() >= {"first": "Int", "after": "String", "last": "Int", "before": "String"}.items(), name
        assert asked.keys() - {"first", "after", "last", "before"} == ({"query"} if kind == "Node" else set()), name


def test_the_filter_of_a_noun_says_which_of_its_fields_an_index_serves() -> None:
    for record in NOUNS:
        asked: Any = SCHEMA.type_map[f"{record.__name__}Filter"]
        told = re.fullmatch(r".+ Only (`.+`) ha(?:s|ve) an index\.", asked.description)
        assert told, asked.name
        served = {tuple(path.strip("`").split(".")) for path in told[1].split(", ")}
        paths = {tuple(map(camel, path.split("."))) for path in record.indexed()}
        assert served == {path for path in paths if path[0] in asked.fields}, asked.name
        ordered: Any = SCHEMA.type_map[f"{record.__name__}Order"]
        assert f"`{asked.name}` says which have an index" in ordered.description


def test_a_list_is_ordered_by_whatever_an_index_serves() -> None:
    for record in NOUNS:
        ordered: Any = SCHEMA.type_map[f"{record.__name__}Order"]
        asked: Any = SCHEMA.type_map[f"{record.__name__}Filter"]
        for path in record.indexed():
            filters, orders = asked, ordered
            for step in map(camel, path.split(".")):
                filters, orders = (get_named_type(each.fields[step].type) if each and step in each.fields else None
                                   for each in (filters, orders))  # fmt: skip
                if filters is None or filters.name.endswith("FilterList"):
                    break  # what is not asked by, or lies in a list, has no order
            else:
                assert orders is not None, f"{record.__name__}.{path}"


async def ids(service: Service, **asked: Any) -> list[str]:
    return [each["modelId"] for each in (await service.ask(VERSIONS, **asked))["modelVersions"]["nodes"]]


@pytest.fixture
async def four(service: Service) -> Service:
    """Two critical versions and two experiments, registered in the order of their names but for the last."""
    for model_id, tier in (("b", "TIER_1_CRITICAL"), ("c", "TIER_4_EXPERIMENTAL"), ("d", "TIER_1_CRITICAL")):
        await register(service, modelId=model_id, tier=tier, purpose="An experimental summary", useCases=[])
        service.later(minutes=1)
    await register(service, modelId="a", purpose="An experimental summary", useCases=[])
    return service


async def test_a_list_is_ordered_by_several_fields_nested_ones_and_what_is_empty(four: Service) -> None:
    assert await ids(four) == ["b", "c", "d", "a"]
    assert await ids(four, orderBy=[{"registeredAt": "DESC"}]) == ["a", "d", "c", "b"]
    assert await ids(four, orderBy=[{"tier": "ASC"}, {"modelId": "DESC"}]) == ["d", "b", "c", "a"]
    reviews = [{"standing": {"nextReview": "ASC"}}, {"modelId": "ASC"}]
    assert await ids(four, orderBy=reviews) == ["a", "c", "b", "d"]  # tier 4 is not reviewed: null comes first
    reviews[0] = {"standing": {"nextReview": "DESC"}}
    assert await ids(four, orderBy=reviews) == ["d", "b", "a", "c"]
    first = (await four.ask(NEXT, orderBy=reviews))["modelVersions"]
    assert first["totalCount"] == 4 and first["pageInfo"]["hasNextPage"]
    cursor = first["pageInfo"]["endCursor"]
    rest = (await four.ask(NEXT, orderBy=reviews, after=cursor))["modelVersions"]
    assert [each["modelId"] for each in rest["nodes"]] == ["c"]
    back = (await four.ask(BACK, orderBy=reviews, last=2, before=rest["pageInfo"]["startCursor"]))["modelVersions"]
    assert [each["modelId"] for each in back["nodes"]] == ["b", "a"]
    refused = await four.refusal(NEXT, orderBy=[{"modelId": "ASC"}], after=cursor)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "after")


@pytest.mark.parametrize(
    ("by", "code"),
    [
        ([{}], "INVALID_INPUT"),
        ([{"tier": "ASC"}, {"modelId": "ASC", "version": "ASC"}], "INVALID_INPUT"),
        ([{"standing": {}}], "INVALID_INPUT"),
        ([{"standing": {"riskScore": "ASC", "status": "ASC"}}], "INVALID_INPUT"),
        ([{"tier": "ASC"}, {"tier": "DESC"}], "INVALID_INPUT"),
        ([{"tier": "ASC"}] * 9, "LIMIT_EXCEEDED"),
    ],
)
async def test_an_order_names_each_field_once_and_one_field_an_element(service: Service, by: Any, code: str) -> None:
    assert (await service.refusal(VERSIONS, orderBy=by))["code"] == code


async def test_a_filter_reaches_over_edges_to_owners_models_and_datasheets(service: Service) -> None:
    ann = person("ann", *ALICE.roles, department="Credit")
    await service.enrol(ann)
    await register(service, modelId="one", name="First")
    await register(service, modelId="other", name="Second", ownerId=ann.id)
    await save_datasheet(service)
    await service.do("linkDatasheet", **BOT | TICKETS | {"modelId": "one"})
    internal = {"content": {"confidentiality": {"eq": "INTERNAL"}}}
    for wanted, expected in (
        ({"owner": {"department": {"eq": "Credit"}}}, ["other"]),
        ({"owner": {"department": {"eq": "Nowhere"}}}, []),
        ({"not": {"owner": {"department": {"eq": "Credit"}}}}, ["one"]),
        ({"model": {"name": {"eq": "First"}}, "owner": {"name": {"startsWith": "A"}}}, ["one"]),
        ({"model": {"owner": {"department": {"eq": "Credit"}}}}, ["other"]),
        ({"or": [{"model": {"name": {"eq": "First"}}}, {"owner": {"userId": {"eq": ann.id}}}]}, ["one", "other"]),
        ({"datasheets": {"some": {"datasheet": internal}}}, ["one"]),
        ({"datasheets": {"none": {"datasheet": internal}}}, ["other"]),
        ({"datasheets": {"some": {"datasheet": internal, "revision": {"gt": 1}}}}, []),
        ({"owner": {}}, ["one", "other"]),
        ({"owner": None}, ["one", "other"]),
    ):
        assert await ids(service, filter=wanted) == expected, wanted


async def test_a_filter_reaches_over_an_edge_of_two_keys_and_keeps_them_together(service: Service) -> None:
    critical = {"tier": {"eq": "TIER_1_CRITICAL"}}
    for model_id, tiers in (("a", ("TIER_1_CRITICAL", "TIER_4_EXPERIMENTAL")), ("b", ("TIER_4_EXPERIMENTAL", "TIER_1_CRITICAL"))):
        said: dict[str, Any] = {"purpose": "An experimental summary", "useCases": [], "ownerId": ALICE.id, "dataStewardId": "bob"}
        await register(service, modelId=model_id, version="1.0.0", **said | {"tier": tiers[0]})
        await service.do("registerModelVersion", modelId=model_id, version="1.1.0", **said | {"tier": tiers[1]})
    events = """query($filter: AuditEventFilter) { auditEvents(first: 100, orderBy: [{seq: ASC}], filter: $filter) {
        nodes { subject { modelId version modelVersion { tier } } } } }"""

    async def about(**filter: Any) -> list[tuple[str, str]]:
        of_versions = {"and": [{"subject": filter}, {"subject": {"version": {"ne": ""}}}]}  # and none of a whole model
        found = (await service.ask(events, AUDREY, filter=of_versions))["auditEvents"]["nodes"]
        return [(each["subject"]["modelId"], each["subject"]["version"]) for each in found]

    assert await about(modelVersion=critical) == [("a", "1.0.0"), ("b", "1.1.0")]
    assert await about(**{"not": {"modelVersion": critical}}, modelId={"isNull": False}) == [("a", "1.1.0"), ("b", "1.0.0")]
    assert await about(modelVersion={"model": {"modelId": {"eq": "b"}}}) == [("b", "1.0.0"), ("b", "1.1.0")]
    assert await about(modelVersion={"purpose": {"eq": "Another"}}) == []
    rated = {"latestAssessment": {"modelVersion": critical}}
    await service.do("createRiskAssessment", **BOT | {"modelId": "a", "responses": RATED})
    assert await ids(service, filter=rated) == ["a"]
    assert await ids(service, filter={"latestAssessment": {"factors": {"some": {"ownedBy": {"userId": {"eq": "david"}}}}}}) == [
        "a"
    ]


async def test_what_an_edge_of_a_filter_may_lead_to_is_bounded(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    owned = {"owner": {"active": {"eq": True}}}
    refused = await service.refusal(VERSIONS, filter={"or": [owned] * 11})
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 10)
    monkeypatch.setattr("resolvers.graph.asked.KEYS", 3)
    refused = await service.refusal(VERSIONS, filter=owned)
    assert (refused["code"], refused["size"], refused["limit"]) == ("LIMIT_EXCEEDED", 4, 3)


async def test_the_pages_of_an_edge_are_filtered_and_ordered_for_all_parents_at_once(server: str, service: Service) -> None:
    for model_id in ("a", "b"):
        await register(service, modelId=model_id)
        for version, tier in (("1.1.0", "TIER_1_CRITICAL"), ("1.2.0", None), ("1.3.0", "TIER_1_CRITICAL")):
            said: dict[str, Any] = {"purpose": "Answers customers", "ownerId": ALICE.id, "dataStewardId": "bob", "tier": tier}
            await service.do("registerModelVersion", modelId=model_id, version=version, **said)
    query = """query($first: Int, $after: String) { models(first: 9) { nodes { versions(
        filter: {tier: {eq: TIER_1_CRITICAL}, owner: {userId: {eq: "alice"}}}, orderBy: [{tier: ASC}, {version: DESC}]
        first: $first, after: $after) { totalCount nodes { version } pageInfo { endCursor } } } } }"""
    async for watched in watching(server, service):
        answer, commands = await watched.costs(query, first=1)
        assert len(commands) == 4  # the models, the owners once, the pages, the counts
        pages = [each["versions"] for each in answer["models"]["nodes"]]
        assert [(each["totalCount"], each["nodes"]) for each in pages] == [(2, [{"version": "1.3.0"}])] * 2
        answer, _ = await watched.costs(query, first=2, after=pages[0]["pageInfo"]["endCursor"])
        first, _ = [each["versions"] for each in answer["models"]["nodes"]]
        assert first["nodes"] == [{"version": "1.1.0"}] and first["totalCount"] == 2


async def test_the_events_of_a_version_are_filtered_and_ordered_by_those_who_may_see_them(service: Service) -> None:
    await approved(service)
    query = """{ modelVersion(modelId: "support-assistant", version: "1.0.0") {
        auditEvents(first: 2, filter: {eventType: {eq: APPROVAL_GRANTED}}, orderBy: [{actor: {id: DESC}}]) {
            totalCount nodes { actor { id } } } } }"""
    for asking in (ALICE, AUDREY):
        found = (await service.ask(query, asking))["modelVersion"]["auditEvents"]
        assert found == {"totalCount": 3, "nodes": [{"actor": {"id": "david"}}, {"actor": {"id": "carol"}}]}
    assert (await service.ask(query, CAROL))["modelVersion"]["auditEvents"] is None


async def test_critical_versions_without_a_standing_ethics_approval_are_one_question(service: Service) -> None:
    """As far as there are nouns today: where a version is deployed is not known yet."""
    ends = NOW.replace(microsecond=0) + timedelta(days=30)
    for model_id in ("approved", "lapsing", "stale", "lighter", "never"):
        tier = None if model_id == "lighter" else "TIER_1_CRITICAL"
        await register(service, modelId=model_id, tier=tier)
    for model_id in ("approved", "lapsing", "stale"):
        said: dict[str, Any] = {**BOT, "modelId": model_id, "conditions": ["Look again in May"]}
        await service.do("submitForApproval", **BOT | {"modelId": model_id})
        if model_id == "approved":  # first for a while, then for good
            await service.do("submitApproval", CAROL, **said, verdict="APPROVED", expiresAt=ends.isoformat())
        until = ends.isoformat() if model_id == "lapsing" else None
        await service.do("submitApproval", CAROL, **said, verdict="APPROVED", expiresAt=until)
    await service.do("saveModelCard", **BOT | {"modelId": "stale", "card": {"modelType": "Another"}})
    query = """{ modelVersions(first: 100, orderBy: [{modelId: ASC}], filter: {
        tier: {eq: TIER_1_CRITICAL}, missingApproval: {eq: ETHICS_REVIEWER}
    }) { nodes {
        modelId owner { name } approvals { role status conditions { text status } } eligibility { missingApprovals { role } }
    } } }"""
    service.now = ends - timedelta(milliseconds=1)
    never, stale = (await service.ask(query))["modelVersions"]["nodes"]
    assert never.items() >= {"modelId": "never", "owner": {"name": "Alice"}, "approvals": []}.items()
    conditions = [{"text": "Look again in May", "status": "OPEN"}]
    assert stale["approvals"] == [{"role": "ETHICS_REVIEWER", "status": "STALE", "conditions": conditions}]
    service.now = ends
    lapsed, *others = (await service.ask(query))["modelVersions"]["nodes"]
    assert [each["modelId"] for each in others] == ["never", "stale"]
    assert lapsed["approvals"] == [{"role": "ETHICS_REVIEWER", "status": "EXPIRED", "conditions": conditions}]
    for each in (lapsed, *others):
        assert {"role": "ETHICS_REVIEWER"} in each["eligibility"]["missingApprovals"]
    kept = query.replace("{eq: ETHICS_REVIEWER}", "{ne: ETHICS_REVIEWER}")
    assert [each["modelId"] for each in (await service.ask(kept))["modelVersions"]["nodes"]] == ["approved"]


MANY, PAGE = 300, 25


@pytest.fixture(scope="module")
async def many(server: str) -> AsyncIterator[Watched]:
    """As many versions of one model, put there past the trail."""
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
    versions = service.database.raw("model_versions")
    first = (await versions.find_one({})) or {}
    await versions.insert_many([like(first, at) for at in range(1, MANY)])
    async for each in watching(server, service):
        yield each
    await service.close()


def numbered(version: str) -> dict[str, Any]:
    return {"version": version, "version_key": version_key(version)}


def like(first: dict[str, Any], at: int) -> dict[str, Any]:
    """A version like that one, in one of four tiers, with a risk or none."""
    tiers = ("tier_1_critical", "tier_2_important", "tier_3_standard", "tier_4_experimental")
    standing = first["standing"] | {"risk_score": at % 200 / 8 if at % 5 else None}
    said = {
        "_id": ObjectId(),
        **numbered(f"2.0.{at}"),
        "registered_at": NOW + timedelta(minutes=at // 3),
        "tier": tiers[at % 4],
        "standing": standing,
    }
    return first | said


async def test_paging_skips_and_repeats_nothing_while_others_insert_and_delete(many: Watched) -> None:
    versions = many.service.database.raw("model_versions")
    first = (await versions.find_one({})) or {}
    there = [each["version"] async for each in versions.find({}, {"version": 1})]
    query = """query($first: Int, $after: String) { modelVersions(first: $first, after: $after, orderBy: [{version: ASC}]) {
        nodes { version } pageInfo { endCursor hasNextPage } } }"""
    seen: list[str] = []
    cursor, deleted, at = None, set(), 0
    while True:
        page = (await many.service.ask(query, first=PAGE, after=cursor))["modelVersions"]
        seen += [each["version"] for each in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor, at = page["pageInfo"]["endCursor"], at + 1
        await versions.insert_many([like(first, MANY + 2 * at), like(first, 500 + at) | numbered(f"1.0.{at}")])
        gone = [seen[-1], there[(at * 97) % len(there)]]
        deleted |= set(gone)
        await versions.delete_many({"version": {"$in": gone}})
    assert at >= MANY // PAGE and seen == sorted(set(seen), key=version_key)
    assert set(there) - deleted <= set(seen)
