"""The governance report: everything about one version, as data, as JSON and as a text to read."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type
from markdown_it import MarkdownIt

from documents.access import GovernanceRole
from documents.canonical import canonical
from documents.formats.graph import in_graph_terms
from documents.reports.loading import governance_report
from tests.examples import (
    BOT,
    RATED,
    REVIEW,
    TICKETS,
    attach,
    decide,
    document,
    eligible,
    register,
    save_card,
    save_datasheet,
    submit,
    submitted,
)
from tests.journey import BLAME, PRAISE, PROOF, WEIGHTS, through_everything
from tests.operations import DORA, TOM, deployed
from tests.schema import TYPES
from tests.service import ALICE, AUDREY, BOB, CAROL, DAVID, RITA, Service, person
from tests.watching import Watched, watching, where

REPORT = "query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) { %s } }"
PEOPLE = {"candidateIds": "candidates"}  # whom the graph shows where the JSON has their ids
PEOPLE_AS = {name: f"{name}: {field}" for name, field in PEOPLE.items()}


async def report(service: Service, selection: str = "json", **of: Any) -> Any:
    """The report's JSON, read, or what is selected of it."""
    found = (await service.ask(REPORT % selection, AUDREY, **BOT | of))["governanceReport"]
    return json.loads(found["json"]) if selection == "json" else found


def merged(values: Iterable[Any]) -> Any:
    """One value with all that any of `values` has."""
    given = [each for each in values if each is not None]
    match given[:1]:
        case [dict()]:
            return {name: merged(each.get(name) for each in given) for each in given for name in each}
        case [list()]:
            return [merged(each for one in given for each in one)]
    return given[0] if given else None


def selection(kind: Any, said: Any) -> str | None:
    """What asks the graph for all that `said` tells."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLObjectType):
        return ""
    match said:
        case list():
            return selection(kind, said[0])
        case str():
            return "{ userId }"
        case dict():
            asked = {name: selection(named.fields[PEOPLE.get(name, name)].type, each) for name, each in said.items()}
            parts = (f"{PEOPLE_AS.get(name, name)} {inside}" for name, inside in asked.items() if inside is not None)
            return f"{{ {' '.join(parts)} }}"
    return None


def people_by_id(answer: Any) -> Any:
    match answer:
        case {"userId": user_id, **others} if not others:
            return user_id
        case dict():
            return {name: people_by_id(each) for name, each in answer.items()}
        case list():
            return [people_by_id(each) for each in answer]
    return answer


def asked_for(said: Any, answer: Any) -> Any:
    """`said` without what was not asked for, which must be empty."""
    match said, answer:
        case dict(), dict():
            assert not any(each for name, each in said.items() if name not in answer)
            return {name: asked_for(each, answer[name]) for name, each in said.items() if name in answer}
        case list(), list():
            return [asked_for(*each) for each in zip(said, answer, strict=True)]
    return said


@pytest.mark.parametrize("retired", [False, True])
async def test_the_json_tells_what_the_graph_tells(service: Service, retired: bool) -> None:
    if retired:
        await through_everything(service)
    else:
        await submitted(service)
        await decide(service, CAROL, verdict="CONDITIONAL", conditions=["Ask again in May"])
        await service.do("placeHold", CAROL, **BOT, reason="It answers in riddles")
    told = await report(service)
    fields = TYPES["GovernanceReport"].fields
    for name, said in told.items():
        inside = selection(fields[name].type, merged([said]))
        answer = people_by_id(await report(service, f"{name} {inside}"))[name]
        assert asked_for(said, answer) == answer, name
    assert told.keys() == fields.keys() - {"json", "markdown"}


async def test_the_json_is_the_report_in_canonical_form(service: Service) -> None:
    await through_everything(service)
    made = await governance_report(BOT["modelId"], BOT["version"], service.now)
    text = (await report(service, "text: json"))["text"]
    assert text.encode() == canonical(in_graph_terms(made)) == canonical(json.loads(text))
    assert all(each in text for each in (BLAME, PRAISE, PROOF["note"]))


async def test_it_tells_everything_that_was_ever_done_to_a_version(service: Service) -> None:
    await through_everything(service)
    told = await report(service)
    about, governance = told["modelInfo"], told["governance"]
    assert (about["tier"], about["status"]) == ("TIER_1_CRITICAL", "RETIRED") and about["tierRationale"]
    assert about["retired"]["by"] == "alice" and about["classification"]["matches"][0]["keyword"] == "customer"
    assert [(each["found"], each["judgedBy"]) for each in about["keywordJudgements"]] == [("creditworthiness", "rita")]
    assert [each["sha256"] for each in told["purposeAndScope"]["artifacts"]] == [WEIGHTS["sha256"]]
    assert [each["external"]["name"] for each in told["purposeAndScope"]["dependsOn"]] == ["base"]
    first, second = governance["earlierRounds"]
    withdrawn, conditional, *_ = first["decisions"]
    *kept, rejected = second["decisions"]
    assert [each["role"] for each in kept] == ["SECURITY_REVIEWER", "MODEL_OWNER", "COMPLIANCE_OFFICER"]
    assert withdrawn["withdrawn"]["by"] == "carol" and rejected["verdict"] == "REJECTED"
    assert conditional["conditions"][0]["satisfied"]["note"] and conditional["conditions"][0]["confirmed"]["by"] == "carol"
    assert conditional["changedSince"] == ["SCOPE", "TIER", "ARTIFACTS", "DEPENDENCIES"]
    assert governance["submission"]["number"] == 3 and governance["approvals"] == []
    assert [bool(each["withdrawn"]) for each in governance["evidence"]] == [False, True]
    assert governance["waivers"][0]["revoked"]["by"] == "rita" and governance["holds"][0]["lifted"]["by"] == "carol"
    assert [each["revision"] for each in told["risk"]["assessments"]] == [1, 2, 3]
    assert [each["assessmentId"] for each in told["risk"]["approvals"]] == [told["risk"]["latest"]["assessmentId"]]
    replaced, accepted = told["risk"]["acceptances"]
    assert replaced["ended"]["by"] == accepted["acceptedBy"] == "rita" and accepted["rationale"]
    assert told["risk"]["assessments"][-1]["assessmentId"] == told["risk"]["latest"]["assessmentId"]
    assert [each["by"] for each in told["reviewSchedule"]["reviews"]] == ["rita"]
    answering = {(each["role"], each["userId"]) for each in told["ownership"]["accountability"]}
    assert {("MODEL_OWNER", "alice"), ("DATA_STEWARD", "bob")} <= answering
    assert {"alice", "bob", "carol", "david", "rita"} <= {each["userId"] for each in told["people"]}
    trail, anchor = await service.trail(), told["auditTrail"]
    about_it = [each for each in trail if each["subject"] == {"model_id": BOT["modelId"], "version": BOT["version"]}]
    assert (anchor["size"], anchor["lastEvent"]["eventHash"]) == (len(trail), about_it[-1]["event_hash"])
    (proven,) = [each for each in governance["requirements"] if each["check"] == "REGISTRATION_AUDITED"]
    assert anchor["registrationProven"] and proven["outcome"] == "MET"


async def test_each_requirement_is_met_waived_or_not_met_and_says_why(service: Service) -> None:
    await register(service)
    await save_card(service)
    await save_datasheet(service)
    await service.do("linkDatasheet", **BOT | TICKETS)
    await save_datasheet(service, purpose="To learn what they mean.")
    await attach(service)
    waived = {"requirementId": "POL-003.data-leakage", "rationale": "It sees nothing", "expiresAt": "2026-06-01T00:00:00Z"}
    payload = await service.do("grantWaiver", RITA, "waiver { waiverId }", **BOT, **waived)
    told = await report(service)
    results = {each["requirementId"]: each for each in told["governance"]["requirements"]}
    assert len(results) == 16 and {each["outcome"] for each in results.values()} == {"MET", "WAIVED", "UNMET"}
    assert results["POL-003.access-control"]["outcome"] == "MET"
    excepted = results["POL-003.data-leakage"]
    assert (excepted["outcome"], excepted["waiverId"]) == ("WAIVED", payload["waiver"]["waiverId"])
    unmet = results["POL-002.bias-assessment"]
    assert unmet["reason"] == "FAIR-001 is not assessed" and unmet["remedy"]["mutation"] == "createRiskAssessment"
    assert {each["requirementId"] for each in told["deploymentEligibility"]["violations"]} == {
        name for name, each in results.items() if each["outcome"] == "UNMET" and not name.startswith("POL-004")
    }
    (sheet,) = told["documentation"]["datasheets"]
    assert (sheet["revision"], sheet["superseded"], sheet["name"]) == (1, True, "Closed support tickets")
    assert told["documentation"]["card"]["completeness"] == 1 and sheet["emptySections"]
    service.later(days=181)
    assert (await report(service, "reviewSchedule { overdue lastReview }"))["reviewSchedule"] == {
        "overdue": True, "lastReview": None,
    }  # fmt: skip


@pytest.fixture
async def watched(server: str, service: Service) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


async def test_a_long_history_costs_as_many_commands_as_a_short_one(service: Service, watched: Watched) -> None:
    await register(service)
    await document(service)
    await submit(service)

    async def rejected(reviewer: Any) -> None:
        await decide(service, reviewer, verdict="REJECTED")
        await submit(service)

    await rejected(CAROL)
    _, short = await watched.costs(REPORT % "json", **BOT)
    for each in (CAROL, DAVID, CAROL, DAVID):
        await rejected(each)
        await attach(service)
    told, long = await watched.costs(REPORT % "json", **BOT)
    rounds = json.loads(told["governanceReport"]["json"])["governance"]["earlierRounds"]
    assert [each["number"] for each in rounds] == [1, 2, 3, 4, 5]
    assert where(long) == where(short) and len(long) <= 19


async def test_who_is_no_version_has_no_report(service: Service) -> None:
    assert await service.ask(REPORT % "json", ALICE, **BOT) == {"governanceReport": None}
    assert (await service.refusal(REPORT % "json", None, **BOT))["code"] == "UNAUTHENTICATED"


POISON = "<img src=x onerror=alert(1)> [a](http://evil.example) ![b](x) `code` **bold** | cell |\n# heading\n| --- |\n- item &lt;"
LINE = " ".join(POISON.split())
READERS = (MarkdownIt("gfm-like"), MarkdownIt("commonmark").enable("table"))
OURS = {"text", "strong_open", "strong_close", "code_inline", "softbreak", "hardbreak"}


async def page(service: Service) -> str:
    return str((await report(service, "markdown"))["markdown"])


async def poisoned(service: Service) -> None:
    """A version of which everything that can be free text is meant to break out of it."""
    mallory = person("mallory", GovernanceRole.ETHICS_REVIEWER, department=LINE)
    await service.enrol(mallory)
    uri = "https://example.org/`x`|[a](b)<c>"
    await register(
        service, name=LINE, description=POISON, purpose=POISON, useCases=[POISON], restrictions=[POISON],
        artifacts=[{"kind": "WEIGHTS", "uri": uri}],
        dependsOn=[{"relation": "CALLS", "on": {"external": {"name": LINE, "version": LINE, "supplier": LINE, "uri": uri}}}],
    )  # fmt: skip
    await service.do("setRiskTier", RITA, **BOT, tier="TIER_1_CRITICAL", rationale=POISON)
    await save_datasheet(service, datasetName=LINE)
    await service.do("linkDatasheet", **BOT | TICKETS)
    await service.do("createRiskAssessment", **BOT, responses=[RATED[0] | {"controls": [LINE]}])
    proof = await attach(service, title=LINE, uri=uri, note=POISON)
    await service.do("withdrawEvidence", BOB, **BOT, evidenceId=proof, reason=POISON)
    await service.do("completeReview", RITA, **BOT, **dict.fromkeys(REVIEW, POISON))
    until = {"requirementId": "POL-003.access-control", "expiresAt": "2026-04-01T00:00:00Z"}
    await service.do("grantWaiver", RITA, **BOT, **until, rationale=POISON)
    hold = (await service.do("placeHold", mallory, "hold { holdId }", **BOT, reason=POISON))["hold"]
    await service.do("liftHold", mallory, **BOT, **hold, reason=POISON)
    await service.do("placeHold", mallory, **BOT, reason=POISON)
    await service.do("openIncident", **BOT, severity="LOW", title=LINE, description=POISON)
    await submit(service)
    made = "approval { conditions { conditionId } }"
    said = {"verdict": "CONDITIONAL", "comments": POISON, "conditions": [POISON]}
    (condition,) = (await service.do("submitApproval", mallory, made, **BOT, **said))["approval"]["conditions"]
    await service.do("satisfyCondition", **BOT, **condition, note=POISON)
    await service.do("confirmCondition", mallory, **BOT, **condition, comments=POISON)
    await service.do("withdrawApproval", mallory, **BOT, reason=POISON)
    await decide(service, mallory, verdict="REJECTED", comments=POISON)
    await submit(service)
    await service.do("retireModelVersion", **BOT, reason=POISON)


async def test_no_value_breaks_out_of_the_page(service: Service) -> None:
    await poisoned(service)
    written = await page(service)
    for reader in READERS:
        tokens = reader.parse(written)
        inside = [each for token in tokens for each in token.children or ()]
        assert {each.type for each in inside} <= OURS
        assert not {each.type for each in tokens} & {"html_block", "fence", "code_block", "blockquote_open", "hr"}
        widths = [each.type for each in tokens if each.type in {"th_open", "td_open", "tr_open"}]
        assert sum(each == "tr_open" for each in widths) > 60
        assert not any("evil" in each.content for each in inside if each.type == "code_inline")
        said = [" ".join("".join(each.content or " " for each in token.children or ()).split()) for token in tokens]
        assert sum(each.count(LINE) for each in said) == written.count("onerror") >= 30
    titles = [each.content for each in READERS[1].parse(written) if each.type == "inline" and each.level == 1]
    assert "heading" not in titles


async def test_the_page_tells_an_auditor_what_stands_in_the_way_and_who_decided(service: Service) -> None:
    await submitted(service)
    await decide(service, CAROL, comments="Tried in English only.")
    service.later(days=2)
    await save_card(service)
    both = await report(service, "markdown json")
    lines, told = both["markdown"].splitlines(), json.loads(both["json"])
    assert lines[0] == r"# Governance report: Support assistant 1.0.0"
    assert "| May be deployed | **no** |" in lines and "| Version | `1.0.0` |" in lines
    assert "| Approval by ethics reviewer | Stale | `submitApproval` by ETHICS\\_REVIEWER candidates: Carol `carol` |" in lines
    unmet = "| `POL-002.bias-assessment` | Bias has been assessed | **Unmet** | FAIR-001 is not assessed | `createRiskAssessment`"
    assert any(each.startswith(unmet) for each in lines)
    who = "Carol `carol` (AI Ethics), unconfirmed, enrolled by Administrator `admin`"
    decided = f"| Ethics reviewer | {who} | 2026-03-01 12:00 UTC | Approved | Stale | Card |"
    assert f"{decided} Tried in English only. |" in lines
    digests = lines[lines.index("## Digests") :]
    assert f"| Dossier today: card | `{told['governance']['dossier']['card']}` |" in digests
    assert f"| Root, RFC 9162 | `{told['auditTrail']['root']}` |" in digests


async def test_a_version_of_which_nothing_is_known_has_a_short_page(service: Service) -> None:
    await register(service, useCases=[])
    titles = [each for each in (await page(service)).splitlines() if each.startswith("#")]
    assert titles[1:] == [
        "## What stands in the way", "## Who answers for it", "## Purpose and scope", "## Policies and requirements",
        "## Approvals", "## Digests", "## Audit trail",
    ]  # fmt: skip


async def test_it_tells_where_the_version_runs_and_what_went_wrong(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await eligible(service)
    await deployed(service)
    await service.do("openIncident", **BOT, severity="CRITICAL", title="It insults people", description="Since noon.")
    both = await report(service, "markdown json")
    told, lines = json.loads(both["json"]), both["markdown"].splitlines()
    (ran,), (incident,) = told["operation"]["deployments"], told["operation"]["incidents"]
    assert (ran["environment"], ran["deployedBy"], ran["endedAt"]) == ("production", "dora", None)
    assert (incident["severity"], incident["openedBy"], incident["resolution"]) == ("CRITICAL", "alice", None)
    began = f"| `production` | 2026-03-01 12:00 UTC by Dora `dora` | **today** | `{ran['changeId']}` |"
    assert began in lines and any(each.startswith(f"| Incident `{incident['incidentId']}` | Critical |") for each in lines)
