"""The risk report: what the latest assessment found and what was decided about it, as data, as JSON and as a text to read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from markdown_it import MarkdownIt

from documents.canonical import canonical
from tests.examples import BOT, RATED, assess, register, submitted
from tests.service import ALICE, AUDREY, RITA, Service

REPORT = "query($modelId: String!, $version: String!) { riskReport(modelId: $modelId, version: $version) { %s } }"
ENDS = datetime(2026, 3, 8, 12, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)
HOSTILE = "| a | *b*\n# c <script>alert(1)</script> [d](http://e.example) `f`"
GRAVE: dict[str, Any] = {"riskId": "SEC-002", "likelihood": 4, "impact": 4}  # 16 without any control
OWN: dict[str, Any] = {
    "riskId": "FIN-REFUNDS", "category": "FINANCIAL", "description": HOSTILE, "likelihood": 5, "impact": 2, "controls": ["A|B"],
}  # fmt: skip
SHARED = ["MQ-002", "PRIV-001", "OPS-001", "REG-001"]  # which nobody rated: 9 each


async def report(service: Service, selection: str = "json", **of: Any) -> Any:
    """The report's JSON, read, or what is selected of it."""
    found = (await service.ask(REPORT % selection, AUDREY, **BOT | of))["riskReport"]
    return json.loads(found["json"]) if found and selection == "json" else found


async def assessed(service: Service) -> str:
    """A second assessment, with an accepted risk; its id."""
    await register(service)
    await assess(service, *RATED)
    service.later(hours=1)
    made = await assess(service, *RATED, GRAVE, ownRisks=[OWN])
    said = {"riskId": "SEC-002", "rationale": HOSTILE, "expiresAt": ENDS.isoformat()}
    await service.do("acceptRisk", RITA, **BOT, **said)
    return str(made["riskAssessment"]["assessmentId"])


async def test_the_report_has_the_seeds_content(service: Service) -> None:
    assessment_id = await assessed(service)
    await service.do("approveRiskAssessment", RITA, **BOT, assessmentId=assessment_id)
    told = await report(service)
    assert (told["assessmentId"], told["assessor"], told["tier"]) == (assessment_id, ALICE.id, "TIER_2_IMPORTANT")
    # residual x impact: 4.8 x 4 + 9 x 3 + 3.6 x 4 + 16 x 4 + 4 x 4 + 3 x (9 x 3) + 10 x 2 = 241.6, by 4 + 3 + 4 + 4 + 4 + 9 + 2
    assert told["summary"] == {
        "overallScore": 8.053333333, "band": "MEDIUM", "previousScore": 6.837037037, "trend": "UP", "totalRisks": 9,
        "highRisks": 2, "mediumRisks": 4, "lowRisks": 3, "openHighRisks": [],
    }  # fmt: skip
    assert [(each["riskId"], each["residualScore"]) for each in told["factors"]] == [
        ("SEC-002", 16), ("FIN-REFUNDS", 10), *((each, 9) for each in SHARED), ("MQ-001", 4.8), ("FAIR-001", 4), ("SEC-001", 3.6),
    ]  # fmt: skip
    assert {each["band"]: (each["count"], each["riskIds"]) for each in told["byBand"]} == {
        "CRITICAL": (1, ["SEC-002"]), "HIGH": (1, ["FIN-REFUNDS"]), "MEDIUM": (4, SHARED),
        "LOW": (3, ["MQ-001", "FAIR-001", "SEC-001"]),
    }  # fmt: skip
    assert [each["count"] for each in told["byCategory"]] == [2, 0, 2, 1, 1, 1, 1, 0, 1]
    cells = {(each["likelihood"], each["impact"]): each["riskIds"] for each in told["matrix"]}
    assert list(cells) == [(likelihood, impact) for likelihood in range(1, 6) for impact in range(1, 6)]
    assert {at: ids for at, ids in cells.items() if ids} == {
        (2, 4): ["FAIR-001"], (3, 3): SHARED, (3, 4): ["MQ-001", "SEC-001"], (4, 4): ["SEC-002"], (5, 2): ["FIN-REFUNDS"],
    }  # fmt: skip
    assert all(each["count"] == len(each["riskIds"]) for each in told["matrix"])
    assert [each.split()[:2] for each in told["recommendations"]] == [["High", "priority:"]] * 2 + [["Medium", "priority:"]] * 5
    assert [(each["acceptance"]["riskId"], each["stands"]) for each in told["acceptances"]] == [("SEC-002", True)]
    assert (told["approval"]["approvedBy"], told["approval"]["digest"]) == (RITA.id, told["digest"])
    assert [each["userId"] for each in told["people"]] == ["admin", "alice", "carol", "david", "rita"]


async def test_it_says_of_its_own_moment_what_stands(service: Service) -> None:
    await assessed(service)
    asked = "acceptances { stands acceptance { stands acceptor { name } } } summary { openHighRisks }"
    for now, stands in ((ENDS - MOMENT, True), (ENDS, False)):
        service.now = now
        said = {"stands": stands, "acceptance": {"stands": stands, "acceptor": {"name": "Rita"}}}
        assert await report(service, asked) == {
            "acceptances": [said], "summary": {"openHighRisks": [] if stands else ["SEC-002"]},
        }  # fmt: skip


async def test_there_is_none_without_a_version_and_an_assessment(service: Service) -> None:
    assert await report(service) is None
    await submitted(service)
    assert await report(service) is None


async def test_the_json_is_canonical_and_tells_what_the_graph_tells(service: Service) -> None:
    await assessed(service)
    text = (await report(service, "markdown json"))["json"]
    assert canonical(json.loads(text)) == text.encode()
    factor = "riskId category description likelihood impact controls controlEffectiveness owner identifiedDate reviewDate"
    computed = "inherentScore residualScore likelihoodLevel impactLevel band assessed answers { question text }"
    asked = f"""generatedAt modelId version assessmentId digest assessor assessedAt tier recommendations
        summary {{ overallScore band previousScore trend totalRisks highRisks mediumRisks lowRisks openHighRisks }}
        byBand {{ band count riskIds }} byCategory {{ category count riskIds }} factors {{ {factor} {computed} }}
        matrix {{ likelihood likelihoodLevel impact impactLevel count riskIds }}
        approval {{ approvedBy }} people {{ userId name department roles active }}
        acceptances {{ stands acceptance {{ acceptanceId riskId assessmentId residualScore rationale acceptedBy acceptedAt
            expiresAt ended {{ by }} identity {{ confirmed enrolledBy emailSetBy issuers }} }} }}"""
    assert await report(service, asked) == json.loads(text)


async def test_the_text_tells_it_all_and_a_value_is_nothing_but_text(service: Service) -> None:
    await assessed(service)
    markdown = (await report(service, "markdown"))["markdown"]
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    titles = [tokens[at + 1].content for at, each in enumerate(tokens) if each.type == "heading_open"]
    assert titles[1:] == ["What to do next", "Risks", "Risk matrix", "Bands and categories", "Accepted risks"]
    inlines = [each for each in tokens if each.type == "inline"]
    kinds = {child.type for each in inlines for child in each.children or ()}
    assert kinds == {"text", "code_inline"}
    assert not {"html_block", "html_inline", "fence", "code_block"} & {each.type for each in tokens}
    texts = ["".join(child.content for child in each.children or ()) for each in inlines]
    said = " ".join(HOSTILE.split())
    assert texts.count(said) == 2 and f"High priority: lower FIN-REFUNDS, its controls take away only 0%: {said}" in texts
    assert "A|B" in texts and "8.1 of 25, Medium" in texts and "Up (6.8 before)" in texts
    assert [each for each in texts if "of 25" in each or each == "by nobody"] == ["8.1 of 25, Medium", "by nobody"]
    for each in (await report(service))["matrix"]:
        assert not each["riskIds"] or ", ".join(each["riskIds"]) in texts
