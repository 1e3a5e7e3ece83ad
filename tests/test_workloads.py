"""Pipelines act as a service by what their issuer signs of the run: no secret lies in them."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.access import GovernanceRole
from documents.issuers import Issuer, Issuers
from documents.reach import Reach, matches
from documents.workloads import refused, rule_for, run_of
from tests.examples import BOT, REGISTRATION
from tests.operations import ask_for
from tests.pipelines import CLAIMS, GITHUB, RULE, RUN, VIEWER, configure, run
from tests.pipelines import begun as begun  # noqa: PLC0414
from tests.pipelines import pipelines as pipelines  # noqa: PLC0414
from tests.providers import Provider
from tests.service import ADA, AUDREY, Person, Service, person


def issuer(**rule: Any) -> Issuer:
    return Issuers.model_validate({"issuer": [GITHUB | {"rule": [RULE | rule]}]}).issuer[0]


@pytest.mark.parametrize(
    ("claims", "fits"),
    [
        ({}, True),
        ({"repository": "acme/other"}, True),
        ({"repository": "acme-evil/app"}, False),
        ({"repository": "evil/acme/app"}, False),
        ({"repository": "ACME/app"}, False),
        ({"ref": "refs/heads/main2"}, False),
        ({"ref": "refs/pull/7/merge"}, False),
        ({"ref": None}, False),
        ({"environment": None}, False),
        ({"environment": ["production"]}, False),
        ({"environment": {"production": True}}, False),
    ],
)
def test_all_claims_of_a_rule_must_match(claims: dict[str, Any], fits: bool) -> None:
    said = {name: each for name, each in (CLAIMS | claims).items() if each is not None}
    assert bool(rule_for(issuer(), said)) is fits


@pytest.mark.parametrize(
    ("rule", "claims", "fits"),
    [
        ({"project_path": "acme/app", "ref_protected": "true"}, {"project_path": "acme/app", "ref_protected": "true"}, True),
        ({"ref_protected": "true"}, {"ref_protected": True}, True),
        ({"ref_protected": "true"}, {"ref_protected": "false"}, False),
        ({"ref_protected": "true"}, {"ref_protected": False}, False),
        (
            {"kubernetes.io/namespace": "ml", "kubernetes.io/serviceaccount/name": "deployer"},
            {"kubernetes.io": {"namespace": "ml", "serviceaccount": {"name": "deployer"}}},
            True,
        ),
        ({"kubernetes.io/namespace": "ml"}, {"kubernetes.io": {"namespace": "ml2"}}, False),
        ({"kubernetes.io/namespace": "ml"}, {"kubernetes.io": "ml"}, False),
        ({"sub": "system:serviceaccount:ml:*"}, {"sub": "system:serviceaccount:ml:deployer"}, True),
    ],
)
def test_rules_for_gitlab_and_kubernetes(rule: dict[str, str], claims: dict[str, Any], fits: bool) -> None:
    assert bool(rule_for(issuer(claims=rule), claims)) is fits


def test_a_star_stands_for_any_text_and_nothing_else_does() -> None:
    assert matches(["a*c"], "ac") and matches(["a*c"], "a/b\nc") and matches(["*"], "")
    assert not any(matches([each], "abc") for each in ("a?c", "a.c", "[a]bc", "ab", "bc", "ABC", ""))
    assert matches(["a.c"], "a.c") and matches(["x", "abc"], "abc") and not matches([], "abc")
    within = Reach(["support-*"], ["staging"])
    assert within.beyond("support-bot", "staging") is None and within.beyond(None, None) is None
    assert (within.beyond("bot", None), within.beyond(None, "production")) == ("the model bot", "the environment production")


@given(st.text("a*b", max_size=12), st.text("ab*\n", max_size=12))
def test_a_glob_matches_what_a_regular_expression_does(glob: str, text: str) -> None:
    pattern = ".*".join(map(re.escape, glob.split("*")))
    assert matches([glob], text) is bool(re.fullmatch(pattern, text, re.DOTALL))


async def test_a_token_with_a_glob_of_many_stars_holds_up_nobody(service: Service) -> None:
    """An administrator writes the glob, and whoever registers models writes the id: tried in every way, it would take years."""
    within = {"name": "ci", "mutations": ["REGISTER_MODEL"], "models": ["*a" * 60 + "*b"]}
    made = await service.do("createApiToken", ADA, "token", name="ci", holder={"service": within | {"ownerId": "alice"}})
    asked = REGISTRATION | {"modelId": "a" * 200, "ownerId": "alice"}
    refusal = await service.refused("registerModel", Person("ci", made["token"]), **asked)
    assert refusal["code"] == "FORBIDDEN"


def test_a_run_is_told_by_what_the_token_says_of_it() -> None:
    assert run_of(issuer(), CLAIMS) == RUN
    gitlab = {"project_path": "acme/app", "pipeline_id": 5, "ci_config_ref_uri": "gitlab.example/acme/app//ci.yml@main"}
    assert run_of(issuer(), gitlab) == "github: acme/app run 5 by gitlab.example/acme/app//ci.yml@main"
    assert run_of(issuer(), {"sub": "somebody\n"}) == "github: somebody?"
    assert len(run_of(issuer(), dict.fromkeys(CLAIMS, "x" * 9000))) < 500
    assert refused(issuer(), CLAIMS | {"ref": "refs/heads/x"}) == (
        "no rule of github lets this program in: repository acme/app, ref refs/heads/x, environment production"
    )


async def test_a_run_does_what_its_rule_lists_and_every_event_names_it(pipelines: tuple[Service, Provider]) -> None:
    service, by = pipelines[0], run(*pipelines)
    listed = {"REGISTER_MODEL", "ATTACH_EVIDENCE", "OPEN_INCIDENT", "CREATE_CHANGE_REQUEST"}
    viewer = (await service.ask(VIEWER, by))["viewer"]
    assert viewer["id"] == "release-pipeline" and {*viewer["mutations"]} == listed
    seen = await service.size()
    await service.do("openIncident", by, **BOT, severity="LOW", title="A run failed.")
    for event in await service.trail(seen):
        assert event["actor"] == {"id": "release-pipeline", "type": "automated"}
        assert (event["request"]["token"], event["request"]["token_issuer"]) == (None, RUN)
    refusal = await service.refused("saveModelCard", by, **BOT, card={})
    assert refusal["code"] == "FORBIDDEN"
    event = await service.last()
    assert (event["outcome"], event["request"]["token_issuer"]) == ("denied", RUN)


async def test_a_run_changes_nothing_about_another_model_or_environment(pipelines: tuple[Service, Provider]) -> None:
    service, by = pipelines[0], run(*pipelines)
    before = await service.state()
    refusal = await service.refused("registerModel", by, **REGISTRATION | {"modelId": "fraud-check", "ownerId": "alice"})
    assert refusal["code"] == "FORBIDDEN" and await service.state() == before
    assert (await service.last())["outcome"] == "denied"
    with pytest.raises(AssertionError, match="environment production"):
        await ask_for(service, by=by, environment="production")
    await ask_for(service, by=by, environment="staging")


CHANGING = [
    "createChangeRequest",
    "updateChangeRequest",
    "cancelChange",
    "openIncident",
    "attachEvidence",
    "registerModelVersion",
]


def two_runs(service: Service, provider: Provider, **elsewhere: list[str]) -> tuple[Person, Person]:
    """A run for production, and one that reaches `elsewhere` alone; both act as one service."""
    production = RULE | {"mutations": CHANGING, "environments": ["production"]}
    other = RULE | {"mutations": CHANGING, "claims": RULE["claims"] | {"environment": "staging"}} | elsewhere
    configure(service, provider, production, other)
    return run(service, provider), run(service, provider, environment="staging")


async def test_a_run_moves_no_change_out_of_an_environment_that_it_does_not_reach(pipelines: tuple[Service, Provider]) -> None:
    service = pipelines[0]
    production, staging = two_runs(*pipelines, environments=["staging"])
    change_id = await ask_for(service, by=production, environment="production")
    before = await service.state()
    for mutation, fields in (("updateChangeRequest", {"environment": "staging"}), ("cancelChange", {"reason": "x"})):
        refusal = await service.refused(mutation, staging, changeId=change_id, **fields)
        assert refusal["code"] == "FORBIDDEN" and "the environment production" in str(refusal)
    assert await service.state() == before


async def test_what_a_run_does_not_reach_is_no_action_of_it(pipelines: tuple[Service, Provider]) -> None:
    service = pipelines[0]
    production, staging = two_runs(*pipelines, environments=["staging"])
    change_id = await ask_for(service, by=production, environment="production")
    query = "query($id: String!) { changeRequest(changeId: $id) { actions { mutation allowed refusal { message } } } }"
    own = await actions_of(service, query, production, id=change_id)
    assert {"updateChangeRequest", "cancelChange"} <= {each for each, found in own.items() if found["allowed"]}
    others = await actions_of(service, query, staging, id=change_id)
    assert not any(each["allowed"] for each in others.values())
    for mutation in ("updateChangeRequest", "cancelChange"):
        assert "may change nothing about the environment production" in others[mutation]["refusal"]["message"]


async def test_no_action_is_about_a_model_that_a_run_does_not_reach(pipelines: tuple[Service, Provider]) -> None:
    service = pipelines[0]
    own, other = two_runs(*pipelines, models=["acme-*"])
    await service.do("openIncident", own, **BOT, severity="LOW", title="A run failed.")
    query = """query($m: String!, $v: String!) { modelVersion(modelId: $m, version: $v) {
        model { actions { mutation allowed } } actions { mutation allowed } } }"""
    named = {"m": BOT["modelId"], "v": BOT["version"]}
    for by, allowed in ((own, {"openIncident", "attachEvidence", "registerModelVersion"}), (other, set())):
        found = (await service.ask(query, by, **named))["modelVersion"]
        said = [*found["actions"], *found["model"]["actions"]]
        assert {each["mutation"] for each in said if each["allowed"]} - {"createChangeRequest"} == allowed
    refusal = await service.refused("openIncident", other, **BOT, severity="LOW", title="A run failed.")
    assert refusal["code"] == "FORBIDDEN"


async def actions_of(service: Service, query: str, by: Person, **named: str) -> dict[str, Any]:
    return {each["mutation"]: each for each in (await service.ask(query, by, **named))["changeRequest"]["actions"]}


@pytest.mark.parametrize(
    "claims",
    [
        {"repository": "mallory/app"}, {"ref": "refs/heads/feature"}, {"ref": "refs/pull/3/merge"}, {"environment": None},
        {"aud": "https://elsewhere.example"},
    ],
)  # fmt: skip
async def test_a_run_of_a_fork_or_an_unprotected_branch_is_refused(
    pipelines: tuple[Service, Provider], claims: dict[str, Any]
) -> None:
    service, before = pipelines[0], await pipelines[0].state()
    seen = await service.size()
    assert (await service.refusal(VIEWER, run(*pipelines, **claims)))["code"] == "UNAUTHENTICATED"
    assert await service.state() == before
    service.later(minutes=2)
    await service.ask(VIEWER, AUDREY)
    told = [(each["action"], each["outcome"]) for each in await service.trail(seen)]
    assert told == [("signIn", "denied")]


@pytest.mark.parametrize("user_id", ["release-pipeline", "Release-Pipeline", "RELEASE-PIPELINE"])
async def test_a_service_has_no_name_of_a_person(pipelines: tuple[Service, Provider], user_id: str) -> None:
    """Whom somebody registered while the file did not name the service."""
    service = pipelines[0]
    await service.enrol(replace(person("deployer", GovernanceRole.DEPLOYER), id=user_id))
    answer = (await service.post(VIEWER, by=run(*pipelines))).json()
    assert "has the user id of a person" in answer["errors"][0]["message"]


async def test_a_service_whose_name_only_begins_or_matches_like_one_of_a_person_comes_in(
    pipelines: tuple[Service, Provider],
) -> None:
    service = pipelines[0]
    for token, user_id in (("one", "release-pipeline2"), ("two", "a.release-pipeline"), ("three", "release.pipeline")):
        await service.enrol(replace(person(token, GovernanceRole.DEPLOYER), id=user_id))
    assert await service.ask(VIEWER, run(*pipelines))
