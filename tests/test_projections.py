"""What is selected is asked of the database, and nothing else: at the root, over edges, inside nested records."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from graphql import get_named_type, is_composite_type, is_required_argument
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from resolvers.search import KINDS
from tests.examples import BOT, TICKETS, decide
from tests.journey import every_mutation
from tests.schema import SCHEMA, Leaf, leaves
from tests.service import AUDREY, CAROL, Service
from tests.watching import Watched, watching, where

VERSION = 'modelVersion(modelId: "support-assistant", version: "1.0.0")'


@pytest.fixture(scope="module")
async def filled(server: str) -> AsyncIterator[Watched]:
    """A version to which everything has happened, and one to which nothing has."""
    service = await Service.started(server)
    async for watched in watching(server, service):
        async for mutation, _ in every_mutation(service):
            if mutation == "judgeClassification":
                await decide(service, CAROL)
                await service.do("linkDatasheet", **BOT, **TICKETS)
        yield watched
    await service.close()


async def asked(watched: Watched, query: str, **variables: Any) -> dict[str, set[str] | None]:
    """The paths that a question makes each collection send, beside what is counted; None for all."""
    _, commands = await watched.costs(query, AUDREY, **variables)
    found = {}
    for each in commands:
        stages = each.get("pipeline", ())
        if not any("$group" in stage for stage in stages):
            (wanted,) = [stage["$project"] for stage in stages if "$project" in stage] or [each.get("projection")]
            assert wanted is None or set(wanted.values()) == {1}
            found[next(iter(each.values()))] = None if wanted is None else set(wanted)
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("selected", "paths"),
    [
        ("__typename", ""),
        ("purpose", "purpose"),
        ("version modelId: version id", "version"),
        ("...on ModelVersion { tier } ...on Node { id } status", "tier standing.status standing.approved_until"),
        ("card { overview: modelType metrics { disaggregated { group } } }", "card.model_type card.metrics.disaggregated.group"),
        ("card { __typename } evidence { __typename }", "card._ evidence._"),
        ("card { __typename license }", "card.license"),
        ("card { modelType completeness license }", "card"),
        (
            "standing { status } approvals { role }",
            "round standing.dossier standing.status standing.terms standing.later_terms evidence",
        ),
        ("card { additionalInfo } evidence { title } evidence { author { name } }",
         "card.additional_info evidence.title evidence.attached_by"),
        ("latestAssessment { factors { residualScore } tier }", "latest_assessment.factors latest_assessment.tier"),
        ("assessments { tier factors { ownedBy { name } } }",
         "earlier_assessments.tier earlier_assessments.factors.owner latest_assessment.tier latest_assessment.factors.owner"),
        ("owner { name } model { name }", "owner_id model_id"),
        ("auditEvents(last: 1) { nodes { seq } }", "model_id version accountability"),
        ("purpose eligibility { eligible }", None),
    ],
)  # fmt: skip
async def test_only_what_is_selected_is_read(filled: Watched, selected: str, paths: str | None) -> None:
    found = await asked(filled, f"{{ {VERSION} {{ {selected} }} }}")
    assert found["model_versions"] == (None if paths is None else {"_id", *paths.split()})


@pytest.mark.parametrize(
    ("query", "collections"),
    [
        (VERSION + "{ owner { name } dataSteward { department } evidence { author { roles } } }",
         {"model_versions": "owner_id data_steward_id evidence.attached_by", "stakeholders": "user_id name department roles"}),
        (VERSION + "{ model { name latestVersion { tier card { license } } } }",
         {"models": "model_id name", "model_versions": "model_id version_key tier card.license"}),
        (VERSION + "{ auditEvents(first: 2, orderBy: [{actor: {id: ASC}}]) { nodes { schemaVersion } } }",
         {"audit_events": "subject.model_id subject.version actor.id seq schema"}),
        (VERSION + "{ auditEvents(first: 2) { edges { node { action } } pageInfo { endCursor } } }",
         {"audit_events": "subject.model_id subject.version seq action"}),
        ("model(modelId: \"support-assistant\") { versions(first: 5) { nodes { version model { tags } } totalCount } }",
         {"models": "model_id tags", "model_versions": "model_id version_key version"}),
        ("modelVersions(first: 1, orderBy: [{standing: {riskScore: ASC}}]) { nodes { standing { riskBand } } }",
         {"model_versions": "standing.risk_score registered_at standing.risk_band"}),
        ("modelVersions(first: 1) { totalCount }", {"model_versions": "registered_at"}),
        ("viewer { tokens { name } }", {"api_tokens": "holder name"}),
        ("policies(first: 1) { nodes { content { requirements { title } } } }",
         {"policies": "policy_id content.requirements.title"}),
        ("search(query: \"support\", first: 9) { nodes { id ...on Model { name } ...on ModelVersion { card { license } } } }",
         {"models": "name", "model_versions": "card.license", "datasheets": "", "policies": "", "stakeholders": ""}),
    ],
)  # fmt: skip
async def test_edges_pages_and_search_read_only_what_is_selected(
    filled: Watched, query: str, collections: dict[str, str]
) -> None:
    found = await asked(filled, f"{{ {query} }}")
    assert {name: found[name] for name in collections} == {name: {"_id", *paths.split()} for name, paths in collections.items()}


async def test_what_an_id_leads_to_is_read_by_the_fragments_on_its_kind(filled: Watched) -> None:
    given_ids = await filled.service.ask(f"{{ {VERSION} {{ id model {{ id }} owner {{ id }} }} }}", AUDREY)
    version = given_ids["modelVersion"]
    query = """query($ids: [ID!]!) { nodes(ids: $ids) { id ...on ModelVersion { evidence { title } } ...Named } }
        fragment Named on Model { name }"""
    found = await asked(filled, query, ids=[version["id"], version["model"]["id"], version["owner"]["id"]])
    assert found == {"model_versions": {"_id", "evidence.title"}, "models": {"_id", "name"}, "stakeholders": {"_id"}}


async def test_what_a_resolver_loads_for_itself_it_shares_with_the_edges(filled: Watched) -> None:
    query = f"{{ {VERSION} {{ closedRounds {{ round {{ number }} content {{ kind }} }} }} }}"
    answer, commands = await filled.costs(query, AUDREY)
    kept = {"content": {"kind": "APPROVAL_ROUND"}}
    assert answer["modelVersion"]["closedRounds"] == [{"round": {"number": number}} | kept for number in (1, 2)]
    assert where(commands) == ["model_versions", "contents"]


async def test_a_fragment_is_read_wherever_it_is_spread(filled: Watched) -> None:
    query = f"""{{ a: {VERSION} {{ ...V latestAssessment {{ ...R }} model {{ owner {{ ...P ...P roles }} }} }} }}
        fragment V on ModelVersion {{ earlier: assessments {{ tier }} owner {{ ...P }} ...W }}
        fragment W on ModelVersion {{ card {{ ...C }} }} fragment C on ModelCard {{ license ...D }}
        fragment D on ModelCard {{ metrics {{ value }} }} fragment P on Stakeholder {{ name }}
        fragment R on RiskAssessment {{ band }}"""
    assert await asked(filled, query) == {
        "model_versions": {
            "_id", "card.license", "card.metrics.value", "earlier_assessments.tier", "latest_assessment", "owner_id", "model_id"
        },
        "models": {"_id", "model_id", "owner_id"},
        "stakeholders": {"_id", "user_id", "name", "roles"},
    }  # fmt: skip


async def test_an_assessment_is_found_by_its_id_without_its_version(filled: Watched) -> None:
    (*_, latest) = (await filled.service.ask(f"{{ {VERSION} {{ assessments {{ assessmentId }} }} }}"))["modelVersion"][
        "assessments"
    ]
    query = "query($assessmentId: String!) { riskAssessment(assessmentId: $assessmentId) { factors { riskId } tier } }"
    assert await asked(filled, query, **latest) == {
        "model_versions": {"_id"}
        | {f"{place}.{path}" for place in ("earlier_assessments", "latest_assessment")
           for path in ("assessment_id", "factors.risk_id", "tier")}
    }  # fmt: skip


def some(kind: str, most: int = 8) -> st.SearchStrategy[list[Leaf]]:
    return st.lists(st.sampled_from([*leaves(kind)]), min_size=1, max_size=most, unique=True)


def written(chosen: list[Leaf], **aliases: str) -> str:
    """A selection of those values, fields of the outermost object under their aliases."""
    names = [f"{aliases[field]}: " if (field := path.split(".")[0]) in aliases else "" for path, _ in chosen]
    leaves = [" { ".join(path.split(".")) + " }" * path.count(".") for path, _ in chosen]
    return " ".join(map("".join, zip(names, leaves, strict=True)))


def stored(*chosen: list[Leaf]) -> set[str]:
    return {path for each in chosen for _, path in each}


few = settings(
    max_examples=settings().max_examples // 4, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],  # to make a failure smaller takes minutes
)  # fmt: skip


@few
@given(version=some("ModelVersion"), model=some("Model"), owner=some("Stakeholder"), steward=some("Stakeholder"))
async def test_any_selection_of_stored_values_is_read_exactly(
    filled: Watched, version: list[Leaf], model: list[Leaf], owner: list[Leaf], steward: list[Leaf]
) -> None:
    query = f"""{{ modelVersions(first: 1) {{ nodes {{
        {written(version)} model {{ {written(model)} }} owner {{ {written(owner)} }} dataSteward {{ {written(steward)} }}
    }} }} }}"""
    assert await asked(filled, query) == {
        "model_versions": {"_id", "registered_at", "model_id", "owner_id", "data_steward_id"} | stored(version),
        "models": {"_id", "model_id"} | stored(model),
        "stakeholders": {"_id", "user_id"} | stored(owner, steward),
    }


@few
@given(chosen=st.fixed_dictionaries({kind.__name__: some(kind.__name__, most=3) for kind in KINDS.values()}))
async def test_search_reads_of_each_kind_exactly_what_its_fragment_selects(
    filled: Watched, chosen: dict[str, list[Leaf]]
) -> None:
    # A field that is nullable in one kind and not in another may not be asked of both under its name (GraphQL, section 5.3.2).
    asked_of = Counter(field for each in chosen.values() for field in {path.split(".")[0] for path, _ in each})
    aliases = {kind: {field: f"{field}Of{kind}" for field, kinds in asked_of.items() if kinds > 1} for kind in chosen}
    fragments = "".join(f"fragment Of{kind} on {kind} {{ {written(each, **aliases[kind])} }} " for kind, each in chosen.items())
    spreads = " ".join(f"...Of{kind}" for kind in chosen)
    found = await asked(filled, f'{{ search(query: "nothing here", first: 5) {{ nodes {{ {spreads} }} }} }} {fragments}')
    assert found == {kind.collection: {"_id"} | stored(chosen[kind.__name__]) for kind in KINDS.values()}


OTHERS = {"version": '"1.0.0"', "digest": f'"{"0" * 64}"'}  # what something is compared with
WHOLE = {"eligibility", "requiredApprovals"}  # a rule over all of the version: with it everything would be read


@st.composite
def selections(draw: st.DrawFn, name: str = "ModelVersion", depth: int = 5) -> str:
    """Anything that can be asked of a type, through fragments too."""
    fields = {
        each: get_named_type(field.type)
        for each, field in SCHEMA.type_map[name].fields.items()
        if each not in WHOLE
        and not any(map(is_required_argument, field.args.values()))
        and (depth > 1 or not is_composite_type(get_named_type(field.type)))
    }
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=5, unique=True)) if fields else ["__typename"]
    asked = []
    for each in chosen:
        arguments = SCHEMA.type_map[name].fields[each].args
        sizes = sorted({"first", "last"} & arguments.keys())
        others = [f"{other}: {said}" for other, said in OTHERS.items() if other in arguments]
        page = f"({draw(st.sampled_from(sizes))}: 2)" if sizes else f"({' '.join(others)})" if others else ""
        inner = fields.get(each)
        beneath = draw(selections(inner.name, depth - 1)) if is_composite_type(inner) else ""
        asked.append(each + page + beneath)
    half = draw(st.integers(0, len(asked)))
    return f" {{ {' '.join(asked[:half])} ...on {name} {{ __typename {' '.join(asked[half:])} }} }}"


@settings(few, max_examples=settings().max_examples * 2 // 5)
@given(selected=selections())
async def test_whatever_is_selected_is_answered_as_if_everything_were_read(filled: Watched, selected: str) -> None:
    projected = f"query Projected {{ modelVersions(first: 5) {{ nodes {selected} }} }}"
    answered, few = await filled.costs(projected, AUDREY)
    with everything_is_read():
        all_, many = await filled.costs(projected.replace("Projected", "Whole"), AUDREY)
    assert answered == all_
    assert {*where(few)} == {*where(many)}  # how many each: by what loaders happen to batch, and tried by name above


@contextmanager
def everything_is_read() -> Iterator[None]:
    """Reads what no text has asked yet as if a rule needed all of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resolvers.graph.selection._all", lambda *asks: {kind: None for each in asks for kind in each})
        yield
