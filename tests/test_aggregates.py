"""What records come to, group by group: counted, added up and averaged over exactly what meets the filter."""

from collections import defaultdict
from typing import Any

import pytest

from gql.schema import build_schema
from tests.examples import BOT, CARD, RATED, approved, register, save_card
from tests.service import ALICE, AUDREY, CAROL, Service, person

QUERIES: dict[str, Any] = dict(build_schema()._schema.query_type.fields)  # type: ignore[union-attr]
GROUPED = """query($filter: ModelVersionFilter, $groupBy: [ModelVersionGroupBy!]) {
    modelVersionAggregates(filter: $filter, groupBy: $groupBy) {
        keys { tier modelId ownerDepartment modelName standingRiskBand } count
        min { standingRiskScore registeredAt } max { standingRiskScore registeredAt }
        avg { standingRiskScore } sum { standingRiskScore } acceptances { count sum { residualScore } } } }"""
STATS = ("values", "min", "max", "avg", "sum")
VALUES, SCORES = (" ".join(f"{of} {{ {each} }}" for of in STATS) for each in ("value", "inherentScore residualScore"))
OF_ELEMENTS = f"""query($filter: ModelVersionFilter, $groupBy: [ModelVersionGroupBy!]) {{
    modelVersionAggregates(filter: $filter, groupBy: $groupBy) {{
        keys {{ tier ownerDepartment }} count values {{ standingRiskScore }}
        cardMetrics(where: {{metricName: {{eq: "accuracy"}}}}) {{
            {VALUES} least: min {{ dateMeasured }} disaggregated {{ {VALUES} }} }}
        latestAssessmentFactors {{ {SCORES} }} }} }}"""
ANN = person("ann", *ALICE.roles, department="Credit")


async def grouped(service: Service, *by: Any, **filter: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await service.ask(GROUPED, groupBy=list(by), filter=filter))["modelVersionAggregates"]
    return found


@pytest.fixture
async def scored(service: Service) -> dict[str, dict[str, Any]]:
    """Versions of two departments and two tiers, assessed or not, two of them with a metric that is broken down by group."""
    await service.enrol(ANN)
    whole = CARD["metrics"][0] | {"disaggregated": []}
    for model_id, owner, tier, likelihood, metrics in (
        ("a", ALICE, "TIER_1_CRITICAL", 5, [whole]),
        ("b", ALICE, "TIER_1_CRITICAL", 2, []),
        ("c", ALICE, "TIER_1_CRITICAL", None, None),
        ("d", ALICE, None, 4, CARD["metrics"]),
        ("e", ANN, "TIER_1_CRITICAL", 1, [whole]),
        ("f", ANN, None, 5, [whole]),
        ("g", ANN, None, 1, [whole]),
        ("h", ANN, None, 3, CARD["metrics"]),
    ):
        service.later(days=1)
        await register(service, modelId=model_id, ownerId=owner.id, tier=tier)
        of = {**BOT, "modelId": model_id}
        if metrics is not None:
            await service.do("saveModelCard", owner, **of, card={"metrics": metrics})
        if likelihood:
            rated = [RATED[0] | {"likelihood": likelihood}]
            await service.do("createRiskAssessment", owner, **of, responses=rated)
    every = """{ modelVersions(first: 100) { nodes {
        modelId tier registeredAt owner { department } standing { riskScore }
        latestAssessment { factors { residualScore inherentScore } }
        card { metrics { value dateMeasured disaggregated { group value } } } } } }"""
    return {each["modelId"]: each for each in (await service.ask(every))["modelVersions"]["nodes"]}


async def test_groups_by_version_are_in_the_order_of_semantic_versions(service: Service) -> None:
    for version in ("10.0.0", "9.1.0", "9.1.0-rc.1", "final"):
        await register(service, modelId=f"m{version[:2].strip('.')}{len(version)}", version=version)
    query = """query($groupBy: [ModelVersionGroupBy!]!, $order: [ModelVersionGroupOrder!], $first: Int) {
        modelVersionAggregates(groupBy: $groupBy, orderBy: $order, first: $first) { keys { version } } }"""

    async def versions(**asked: Any) -> list[str]:
        return [each["keys"]["version"] for each in (await service.ask(query, **asked))["modelVersionAggregates"]]

    rising = ["9.1.0-rc.1", "9.1.0", "10.0.0", "final"]  # those that are not semantic are last, as in lists
    assert await versions(groupBy=[{"version": "ASC"}]) == rising
    assert await versions(groupBy=[{"version": "DESC"}], first=2) == ["final", "10.0.0"]
    assert await versions(groupBy=[{"tier": "ASC"}, {"version": "ASC"}], order=[{"keys": {"version": "DESC"}}]) == rising[::-1]


def test_every_aggregate_of_a_noun_that_there_is_can_be_asked_for() -> None:
    aggregates = {name: field for name, field in QUERIES.items() if name.endswith("Aggregates")}
    assert len(aggregates) == 12
    for name, field in aggregates.items():
        assert field.args.keys() == {"filter", "groupBy", "having", "orderBy", "first"}
        told = field.type.of_type.of_type.of_type.fields.keys()
        assert {"keys", "count", "distinct"} <= told or name == "policyAggregates", name
        numbers = {"values", "avg", "sum"} & told
        assert numbers in (set(), {"values", "avg", "sum"}) and ({"min", "max"} <= told or not numbers), name


def test_every_list_of_a_noun_has_aggregates_of_the_same_records() -> None:
    listed = {
        str(field.type).removesuffix("Connection!") for field in QUERIES.values() if str(field.type).endswith("Connection!")
    }
    grouped = {
        field.type.of_type.of_type.of_type.name.removesuffix("Aggregate")
        for name, field in QUERIES.items()
        if name.endswith("Aggregates")
    }
    assert listed - {"Node"} == grouped  # `search` lists several nouns


def test_aggregates_offer_what_somebody_would_group_by_or_sum_up_and_nothing_else() -> None:
    """The place of a keyword, a number of a revision, prose and moments to the millisecond are none of that."""
    types: Any = build_schema()._schema.type_map
    offered = {(kind, name) for kind in ("Keys", "Bounds", "Numbers") for name in types[f"ModelVersion{kind}"].fields}
    assert {
        ("Keys", "tier"),
        ("Keys", "ownerDepartment"),
        ("Bounds", "registeredAt"),
        ("Numbers", "standingRiskScore"),
    } <= offered
    silly = ("position", "revision", "purpose", "description", "digest", "dossier", "registered", "contact")
    moments = {("Keys", name) for name in ("registeredAt",)}  # by the day or month
    assert [each for each in offered - moments if each[0] != "Bounds" and any(word in each[1].lower() for word in silly)] == []
    assert [each for each in offered if "position" in each[1].lower() or "revision" in each[1].lower()] == []


async def test_average_residual_risk_by_department_and_tier_without_a_disaggregated_metric_is_one_question(
    service: Service, scored: dict[str, dict[str, Any]]
) -> None:
    """The stored risk score is the mean of the residual scores of a version's assessment, each weighted by its impact."""
    expected: dict[tuple[str, str], list[float | None]] = defaultdict(list)
    for each in scored.values():
        if not any(metric["disaggregated"] for metric in (each["card"] or {"metrics": []})["metrics"]):
            expected[each["owner"]["department"], each["tier"]].append(each["standing"]["riskScore"])
    found = await grouped(
        service, {"owner": {"department": "DESC"}}, {"tier": "ASC"},
        card={"metrics": {"none": {"disaggregated": {"some": {}}}}},
    )  # fmt: skip
    assert [(each["keys"]["ownerDepartment"], each["keys"]["tier"], each["count"]) for each in found] == [
        ("ML Engineering", "TIER_1_CRITICAL", 3), ("Credit", "TIER_1_CRITICAL", 1), ("Credit", "TIER_2_IMPORTANT", 2),
    ]  # fmt: skip
    for each in found:
        scores = [score for score in expected[each["keys"]["ownerDepartment"], each["keys"]["tier"]] if score is not None]
        assert each["avg"]["standingRiskScore"] == pytest.approx(sum(scores) / len(scores))
        assert each["sum"]["standingRiskScore"] == pytest.approx(sum(scores))
        assert (each["min"]["standingRiskScore"], each["max"]["standingRiskScore"]) == (min(scores), max(scores))


async def test_numbers_in_lists_are_summed_up_element_by_element_and_records_counted_once(
    service: Service, scored: dict[str, dict[str, Any]]
) -> None:
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for version in scored.values():
        grouped[version["owner"]["department"], version["tier"]].append(version)
    by = [{"owner": {"department": "ASC"}}, {"tier": "ASC"}]
    found = (await service.ask(OF_ELEMENTS, groupBy=by))["modelVersionAggregates"]
    assert [(each["keys"]["ownerDepartment"], each["keys"]["tier"]) for each in found] == sorted(grouped)
    for each, versions in zip(found, map(grouped.get, sorted(grouped)), strict=True):
        assert versions is not None and each["count"] == len(versions)
        metrics = [metric for version in versions for metric in (version["card"] or {"metrics": []})["metrics"]]
        factors = [one for version in versions for one in (version["latestAssessment"] or {"factors": []})["factors"]]
        assert each["values"]["standingRiskScore"] == len([one for one in versions if one["standing"]["riskScore"] is not None])
        of_metrics, of_factors = each["cardMetrics"], each["latestAssessmentFactors"]
        assert of_metrics["least"]["dateMeasured"] == min([metric["dateMeasured"] for metric in metrics], default=None)
        for told_of, name, numbers in (
            (of_metrics, "value", [metric["value"] for metric in metrics]),
            (of_metrics["disaggregated"], "value", [one["value"] for metric in metrics for one in metric["disaggregated"]]),
            (of_factors, "inherentScore", [one["inherentScore"] for one in factors]),
            (of_factors, "residualScore", [one["residualScore"] for one in factors]),
        ):
            told = {of: told_of[of][name] for of in STATS}
            mean = sum(numbers) / len(numbers) if numbers else None
            least, most = min(numbers, default=None), max(numbers, default=None)
            assert told == pytest.approx({"values": len(numbers), "min": least, "max": most, "avg": mean, "sum": sum(numbers)})


async def test_without_grouping_everything_is_one_group_and_nothing_is_none(
    service: Service, scored: dict[str, dict[str, Any]]
) -> None:
    (one,) = await grouped(service)
    moments = [each["registeredAt"] for each in scored.values()]
    assert one["count"] == len(scored) and set(one["keys"].values()) == {None}
    assert (one["min"]["registeredAt"], one["max"]["registeredAt"]) == (min(moments), max(moments))
    assert one["acceptances"] == {"count": 0, "sum": {"residualScore": 0}}
    assert await grouped(service, modelId={"eq": "nothing"}) == []


async def test_what_is_empty_is_a_group_of_its_own_and_counts_for_no_mean(
    service: Service, scored: dict[str, dict[str, Any]]
) -> None:
    first, *others = await grouped(service, {"standing": {"riskBand": "ASC"}}, model={"name": {"eq": "Support assistant"}})
    assert first["keys"]["standingRiskBand"] is None and first["count"] == 1
    assert (first["avg"], first["min"]["standingRiskScore"]) == ({"standingRiskScore": None}, None)
    assert sum(each["count"] for each in others) == len(scored) - 1


async def test_a_group_is_one_field_an_element_and_there_are_a_thousand_at_most(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[Any]] = [[{}], [{"tier": "ASC", "modelId": "ASC"}], [{"owner": {}}], [{"tier": "ASC"}, {"tier": "ASC"}]]
    for by in asked:
        refused = await service.refusal(GROUPED, groupBy=by)
        assert (refused["code"], refused["path"].split(".")[0]) == ("INVALID_INPUT", "groupBy"), by
    for model_id in "abc":
        await register(service, modelId=model_id)
    monkeypatch.setattr("resolvers.graph.aggregates.GROUPS", 2)
    refused = await service.refusal(GROUPED, groupBy=[{"modelId": "ASC"}])
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 2)
    assert len(await grouped(service, {"model": {"name": "ASC"}})) == 1


async def test_events_are_counted_by_those_who_may_read_the_trail(service: Service) -> None:
    await approved(service)
    await save_card(service)
    query = """{ auditEventAggregates(filter: {subject: {modelId: {eq: "support-assistant"}}}, groupBy: [{eventType: DESC}]) {
        keys { eventType } count max { seq } } }"""
    counted: dict[str, int] = defaultdict(int)
    for event in await service.trail():
        if (event["subject"] or {}).get("model_id") == BOT["modelId"]:
            counted[event["event_type"].upper()] += 1
    found = (await service.ask(query, AUDREY))["auditEventAggregates"]
    assert [(each["keys"]["eventType"], each["count"]) for each in found] == sorted(counted.items(), reverse=True)
    assert max(each["max"]["seq"] for each in found) == (await service.last())["seq"]
    assert (await service.refusal(query, CAROL))["code"] == "FORBIDDEN"


def of(selection: str, **arguments: str) -> str:
    said = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    return f"{{ modelVersionAggregates{f'({said})' if said else ''} {{ {selection} }} }}"


MIXED = [
    of("cardMetrics { avg { value } }"),
    of('cardMetrics(where: {dataset: {eq: "x"}}) { max { value } }'),
    of('cardMetrics(where: {metricName: {ne: "x"}}) { sum { value } }'),
    of('cardMetrics(where: {or: [{metricName: {eq: "x"}}, {metricName: {eq: "y"}}]}) { sum { value } }'),
    of('cardMetrics { disaggregated(where: {group: {eq: "men"}}) { min { value } } }'),
    of("cardMetrics { values { value } }", groupBy="[{tier: ASC}]"),
    of("cardMetrics { values { value } }", groupBy="[{card: {metrics: {dataset: ASC}}}]"),
    of("count", having="{cardMetrics: {avg: {value: {gt: 1}}}}"),
    of("count", orderBy="[{cardMetrics: {avg: {value: ASC}}}]"),
]


@pytest.mark.parametrize("query", MIXED)
async def test_numbers_of_several_kinds_are_never_mixed(service: Service, query: str) -> None:
    refused = (await service.post(query)).json()["errors"][0]
    assert refused["extensions"]["code"] == "INVALID_INPUT" and refused["extensions"]["path"].endswith("where")
    assert "`metricName`" in refused["message"] and 'where: {metricName: {eq: ".."}}' in refused["message"]


@pytest.mark.parametrize("query", [
    of("cardMetrics { count max { dateMeasured } }"),
    of('cardMetrics(where: {metricName: {in: ["x", "X"]}}) { avg { value } disaggregated { avg { value } } }'),
    of("cardMetrics { avg { value } }", groupBy="[{card: {metrics: {metricName: ASC}}}]"),
    of("cardMetrics { avg { value } }", groupBy='[{card: {metrics: {dataset: ASC, where: {metricName: {eq: "x"}}}}}]'),
    of("cardMetrics { disaggregated { avg { value } } }", groupBy="[{card: {metrics: {metricName: ASC}}}]"),
    of("count cardMetrics @skip(if: true) { avg { value } }"),
])  # fmt: skip
async def test_what_is_of_one_kind_needs_no_further_filter(service: Service, query: str) -> None:
    await service.ask(query)


async def test_two_metrics_are_asked_for_side_by_side_and_in_fragments(service: Service) -> None:
    await register(service)
    metrics = [
        CARD["metrics"][0] | {"metricName": name, "value": value, "dataset": dataset, "disaggregated": []}
        for name, value, dataset in (("accuracy", 0.5, "a"), ("accuracy", 0.75, "b"), ("parity", 0.25, "a"))
    ]
    await service.do("saveModelCard", **BOT, card={"metrics": metrics})
    query = """query($of: MetricFilter, $no: Boolean!) { modelVersionAggregates { ...A ... @include(if: $no) { no: count }
        one: cardMetrics(where: $of) { min { value } } } }
        fragment A on ModelVersionAggregate { ...B two: cardMetrics(where: {metricName: {eq: "parity"}}) { ...C } }
        fragment B on ModelVersionAggregate { one: cardMetrics(where: $of) { __typename count avg { value } } }
        fragment C on MetricAggregate { count mean: avg { value } }"""
    (found,) = (await service.ask(query, of={"metricName": {"eq": "accuracy"}}, no=False))["modelVersionAggregates"]
    assert found == {
        "one": {"__typename": "MetricAggregate", "count": 2, "avg": {"value": 0.625}, "min": {"value": 0.5}},
        "two": {"count": 1, "mean": {"value": 0.25}},
    }
    (found,) = (await service.ask(of("count cardMetrics(where: null) { count }")))["modelVersionAggregates"]
    assert found == {"count": 1, "cardMetrics": {"count": 3}}


AT = "registeredAt: {period: DAY"
WRONG = {
    f'[{{{AT}, zone: "Europe/Nowhere"}}}}]': "groupBy.0.registeredAt.zone",
    f'[{{{AT}, zone: "europe/berlin"}}}}]': "groupBy.0.registeredAt.zone",
    f'[{{{AT}, zone: ""}}}}]': "groupBy.0.registeredAt.zone",
    f'[{{{AT}, zone: "../../etc/passwd"}}}}]': "groupBy.0.registeredAt.zone",
    '[{card: {releaseDate: {period: DAY, zone: "UTC"}}}]': "groupBy.0.card.releaseDate.zone",
    "[{card: {metrics: {}}}]": "groupBy.0.card.metrics",
    "[{card: {metrics: {where: {}}}}]": "groupBy.0.card.metrics",
    "[{card: {metrics: {metricName: ASC, dataset: ASC}}}]": "groupBy.0.card.metrics",
    "[{card: {metrics: {metricName: ASC}}}, {evidence: {requirementId: ASC}}]": "groupBy.1",
    "[{deployedIn: ASC}, {tier: ASC}, {datasheets: {datasetId: ASC}}]": "groupBy.2",
    "[{card: {metrics: {metricName: ASC}}}, {card: {metrics: {metricName: DESC}}}]": "groupBy",
    "[{card: {metrics: {metricName: ASC, where: {metricName: {}}}}}]": "groupBy.0.card.metrics.where.metricName",
}


@pytest.mark.parametrize("by", WRONG)
async def test_a_grouping_that_cannot_be_answered_says_what_is_wrong(service: Service, by: str) -> None:
    refused = await service.refusal(of("count", groupBy=by))
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", WRONG[by])


@pytest.mark.parametrize(("arguments", "code"), [
    ({"first": "-1"}, "INVALID_INPUT"), ({"first": "1001"}, "LIMIT_EXCEEDED"),
    ({"having": "{count: {}}"}, "INVALID_INPUT"), ({"having": "{count: {gt: null}}"}, "INVALID_INPUT"),
    ({"having": "{or: []}"}, "INVALID_INPUT"), ({"orderBy": "[{}]"}, "INVALID_INPUT"),
    ({"orderBy": "[{count: ASC}, {count: DESC}]"}, "INVALID_INPUT"), ({"orderBy": "[{keys: {tier: ASC}}]"}, "INVALID_INPUT"),
    ({"orderBy": "[{avg: {}}]"}, "INVALID_INPUT"), ({"orderBy": "[" + "{count: ASC}" * 9 + "]"}, "LIMIT_EXCEEDED"),
    ({"having": "{and: [" + "{count: {gt: 1}}" * 150 + "]}",
      "orderBy": '[{cardMetrics: {count: ASC, where: {dataset: {eq: "x"}}}}]',
      "groupBy": "[{card: {metrics: {dataset: ASC, where: {or: [" + '{dataset: {eq: "x"}}' * 50 + "]}}}}]"}, "LIMIT_EXCEEDED"),
])  # fmt: skip
async def test_conditions_and_orders_of_groups_are_held_to_their_limits(
    service: Service, arguments: dict[str, str], code: str
) -> None:
    assert (await service.refusal(of("count", **arguments)))["code"] == code


async def test_an_aggregate_sums_up_ten_lists_at_most(service: Service) -> None:
    await register(service)
    lists = [f'm{at}: cardMetrics(where: {{metricName: {{eq: "{at}"}}}}) {{ avg {{ value }} }}' for at in range(11)]
    assert (await service.refusal(of(" ".join(lists))))["code"] == "LIMIT_EXCEEDED"
    assert len(await grouped(service)) == 1
    (found,) = (await service.ask(of(" ".join(lists[:10]))))["modelVersionAggregates"]
    assert len(found) == 10


async def test_null_arguments_of_an_aggregate_ask_for_nothing(service: Service) -> None:
    await register(service)
    nothing = dict.fromkeys(("filter", "groupBy", "having", "orderBy", "first"), "null")
    assert (await service.ask(of("count", **nothing)))["modelVersionAggregates"] == [{"count": 1}]
    assert (await service.ask(of("count", first="0")))["modelVersionAggregates"] == []


async def test_people_policies_and_environments_are_grouped_too(service: Service) -> None:
    query = """{
        stakeholderAggregates(groupBy: [{roles: ASC}]) { keys { roles } count }
        policyAggregates(groupBy: [{content: {applicableTiers: ASC}}]) { keys { contentApplicableTiers } count }
        environmentAggregates(groupBy: [{stage: ASC}]) { keys { stage } count }
        deploymentAggregates(groupBy: [{modelVersion: {tier: ASC}}]) { count }
        datasheetAggregates { count sum { contentInstanceCount } } modelAggregates(groupBy: [{tags: ASC}]) { count }
    }"""
    found = await service.ask(query)
    holders: dict[str, int] = defaultdict(int)
    async for each in service.database.collection("stakeholders").find():
        for role in each["roles"]:
            holders[role.upper()] += 1
    assert {each["keys"]["roles"]: each["count"] for each in found["stakeholderAggregates"]} == holders
    tiers: dict[str, int] = defaultdict(int)
    async for each in service.database.collection("policies").find():
        for tier in each["content"]["applicable_tiers"]:
            tiers[tier.upper()] += 1
    assert {each["keys"]["contentApplicableTiers"]: each["count"] for each in found["policyAggregates"]} == tiers
    assert [each["keys"]["stage"] for each in found["environmentAggregates"]] == ["PRODUCTION", "STAGING"]
    assert (await service.refusal("{ auditVerificationAggregates { count } }", CAROL))["code"] == "FORBIDDEN"
    assert await service.ask("{ auditVerificationAggregates { count sum { foundFaultCount } } }", AUDREY)
