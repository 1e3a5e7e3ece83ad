"""Which words make a tier, and which only look like it."""

from typing import Any

import pytest

from documents.classification import KEYWORDS, classify
from documents.risk.scales import RiskTier
from tests.examples import BOT, approvals, approved, decide, eligible, read, refusal, register, submit
from tests.service import ALICE, CAROL, RITA, Service


def tier(purpose: str) -> str:
    return classify(purpose, []).tier.name[:6]


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        ("Hiring_tool", "TIER_1"), ("Reads FINANCIALS", "TIER_1"), ("legal, mostly", "TIER_1"),
        ("Safety-critical control", "TIER_1"), ("safety_critical", "TIER_1"), ("safety critical", "TIER_1"),
        ("safety\u2011critical", "TIER_1"), ("\ufb01nancial aid", "TIER_1"), ("in\u017furance", "TIER_1"),
        ("A public-facing page", "TIER_2"), ("end-user-facing", "TIER_2"), ("user facing", "TIER_2"),
        ("the customer's wish", "TIER_2"),
        ("An experimental thing", "TIER_4"), ("Prototypes", "TIER_4"), ("Sorts leaves", "TIER_3"), ("", "TIER_3"),
        ("An illegal act", "TIER_3"), ("The republic", "TIER_3"), ("Creditworthiness", "TIER_3"),
        ("Watches reproduction", "TIER_3"),
    ],
)  # fmt: skip
def test_only_whole_words_and_their_plurals_make_a_tier(purpose: str, expected: str) -> None:
    assert tier(purpose) == expected


# The seed's own lists (section 1), each keyword by itself: the first list that has a word of the text decides.
RISKY = ("healthcare", "medical", "financial", "legal", "hiring", "credit", "insurance", "criminal", "safety-critical")
FACING = ("customer", "user-facing", "public", "external", "production")
TRIED = ("experimental", "prototype")
TIERS = {"TIER_1": RISKY, "TIER_2": FACING, "TIER_4": TRIED}


def test_the_keywords_are_those_of_the_seed_in_its_order() -> None:
    assert {tier.name[:6]: tuple(words) for tier, words in KEYWORDS.items()} == TIERS and list(KEYWORDS) == sorted(KEYWORDS)


@pytest.mark.parametrize(("expected", "keyword"), [(tier, word) for tier, words in TIERS.items() for word in words])
def test_each_keyword_makes_its_tier_as_a_whole_word_and_none_inside_another(expected: str, keyword: str) -> None:
    for written in (
        keyword,
        keyword.upper(),
        f"{keyword}s",
        f"({keyword})",
        f"for_{keyword}_use",
        f"non-{keyword}",
        f"{keyword}.",
    ):
        for found in (classify(f"Some {written} work", []), classify("Sorts leaves", ["By day", f"Some {written} work"])):
            assert found.tier.name[:6] == expected
            assert [each.keyword for each in found.matches] == [keyword] and not found.possible_keywords
    for written in (f"x{keyword}", f"{keyword}x", f"x{keyword}s", f"{keyword}ss", f"{keyword}1"):
        missed = classify(f"Some {written} work", [])
        assert (missed.tier, missed.matches) == (RiskTier.TIER_3_STANDARD, ())
        assert [(each.keyword, each.found, each.position) for each in missed.possible_keywords] == [(keyword, written, 5)]


@pytest.mark.parametrize("heavier", ["TIER_1", "TIER_2"])
def test_a_word_of_a_heavier_list_decides_wherever_it_stands(heavier: str) -> None:
    lighter = [word for tier, words in TIERS.items() if tier > heavier for word in words]
    for keyword in TIERS[heavier]:
        found = classify(" ".join(lighter), [*lighter, f"And {keyword}"])
        assert found.tier.name[:6] == heavier
        assert [(each.keyword, each.source) for each in found.matches] == [(keyword, f"use_cases.{len(lighter)}")]


def test_the_heaviest_group_decides_and_its_words_are_named_with_their_places() -> None:
    found = classify("A prototype for customers", ["Answer the public", "Check credit, then more Credit", "MEDICAL advice"])
    assert found.tier is RiskTier.TIER_1_CRITICAL
    assert [(each.keyword, each.found, each.source, each.position) for each in found.matches] == [
        ("credit", "credit", "use_cases.1", 6),
        ("medical", "MEDICAL", "use_cases.2", 0),
    ]


def test_a_text_without_keywords_names_none() -> None:
    assert (classify("Sorts leaves", []).matches, classify("Sorts leaves", []).possible_keywords) == ((), ())


def test_keywords_inside_longer_words_are_left_to_a_person() -> None:
    found = classify("Scores creditworthiness for the republic", ["SafetyCritical"])
    assert found.tier is RiskTier.TIER_3_STANDARD and not found.matches
    assert [(each.keyword, each.found, each.source) for each in found.possible_keywords] == [
        ("credit", "creditworthiness", "purpose"),
        ("public", "republic", "purpose"),
        ("safety-critical", "SafetyCritical", "use_cases.0"),
    ]


def test_a_place_is_counted_in_the_text_as_it_was_written() -> None:
    (match,) = classify("Stra\u00dfe, \ufb01nancial", []).matches
    assert (match.found, match.position) == ("\ufb01nancial", 8)


def test_the_seeds_example_is_tier_2_by_its_customers() -> None:
    found = classify("Automated customer support for common queries", ["Answer product FAQs", "Process refund requests"])
    assert found.tier is RiskTier.TIER_2_IMPORTANT and [each.found for each in found.matches] == ["customer"]


def test_a_longer_word_that_was_judged_to_count_decides_like_its_keyword_wherever_it_stands() -> None:
    found = classify("Scores CreditWorthiness", ["Explain creditworthiness to the republic"], {("credit", "creditworthiness")})
    assert found.tier is RiskTier.TIER_1_CRITICAL
    assert [(each.found, each.source) for each in found.matches] == [
        ("CreditWorthiness", "purpose"),
        ("creditworthiness", "use_cases.0"),
    ]
    assert [each.found for each in found.possible_keywords] == ["republic"]


SCORER: dict[str, Any] = {
    "purpose": "Scores creditworthiness",
    "useCases": ["Speak to the republic", "Say more of Creditworthiness"],
}
CREDIT: dict[str, Any] = {"keyword": "credit", "found": "creditworthiness"}
PUBLIC: dict[str, Any] = {"keyword": "public", "found": "republic"}
TIERED = "tier tierRationale classification { tier matches { found } possibleKeywords { found } }"


def said(word: dict[str, Any], counts: bool) -> dict[str, Any]:
    return word | {"counts": counts, "rationale": "It was looked at."}


async def judge(service: Service, *judgements: dict[str, Any]) -> None:
    await service.do("judgeClassification", RITA, **BOT, judgements=judgements)


async def test_words_that_nobody_judged_block_submission_and_name_the_remedy(service: Service) -> None:
    await register(service, **SCORER)
    refused = await refusal(service, "submitForApproval", ALICE)
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "DRAFT", ["DRAFT", "REJECTED", "APPROVED"])
    assert "creditworthiness" in refused["problem"] and "republic" in refused["problem"]
    remedy = refused["remedy"]
    assert remedy == {
        "mutation": "judgeClassification", "arguments": BOT | {"judgements": [CREDIT, PUBLIC]}, "permitted": ["RISK_MANAGER"],
        "fill": [f"judgements.{index}.{name}" for index in (0, 1) for name in ("counts", "rationale")],
    }  # fmt: skip
    asked = "eligibility { missingApprovals { remedy { mutation arguments fill permitted } } }"
    missing = (await read(service, asked))["eligibility"]["missingApprovals"]
    assert {str(each["remedy"]) for each in missing} == {str(remedy | dict(missing[0]["remedy"]))} and missing[0][
        "remedy"
    ] == remedy
    await judge(service, said(PUBLIC, False))
    refused = await refusal(service, "submitForApproval", ALICE)
    assert refused["remedy"]["arguments"]["judgements"] == [CREDIT]
    await judge(service, said(CREDIT, False))
    assert (await read(service, TIERED))["tier"] == "TIER_3_STANDARD"
    await submit(service)


async def test_a_word_that_counts_raises_the_tier_as_a_keyword_does(service: Service) -> None:
    await register(service, **SCORER)
    await judge(service, said(PUBLIC, True))
    assert (await read(service, TIERED))["tier"] == "TIER_2_IMPORTANT"
    await judge(service, said(CREDIT, True))
    assert await read(service, TIERED) == {
        "tier": "TIER_1_CRITICAL", "tierRationale": None,
        "classification": {
            "tier": "TIER_1_CRITICAL", "matches": [{"found": "creditworthiness"}, {"found": "Creditworthiness"}],
            "possibleKeywords": [],
        },
    }  # fmt: skip
    kept = "keywordJudgements { keyword found counts rationale judge { userId } judgedAt }"
    at = {"rationale": "It was looked at.", "judge": {"userId": "rita"}, "judgedAt": "2026-03-01T12:00:00.123Z"}
    assert (await read(service, kept))["keywordJudgements"] == [PUBLIC | at | {"counts": True}, CREDIT | at | {"counts": True}]
    await submit(service)
    await judge(service, said(CREDIT, False))  # another look lowers no tier: setRiskTier does
    found = await read(service, TIERED)
    assert (found["tier"], found["classification"]["tier"]) == ("TIER_1_CRITICAL", "TIER_2_IMPORTANT")
    assert len((await read(service, kept))["keywordJudgements"]) == 2


async def test_a_word_that_would_give_no_more_critical_tier_blocks_nothing(service: Service) -> None:
    await register(service, **SCORER | {"tier": "TIER_1_CRITICAL"})
    await submit(service)
    await register(service, modelId="trial", purpose="Prototyping for customers of the republic", useCases=[])
    await submit(service, modelId="trial")


async def test_new_words_need_judging_again_and_known_ones_do_not(service: Service) -> None:
    await register(service, **SCORER)
    await judge(service, said(PUBLIC, False), said(CREDIT, False))
    await service.do("updateModelVersion", **BOT, purpose="Scores creditworthiness, in public and in the republic")
    assert (await read(service, TIERED))["tier"] == "TIER_2_IMPORTANT"
    await service.do("updateModelVersion", **BOT, useCases=["Tell illegal loans from others"])
    refused = await refusal(service, "submitForApproval", ALICE)
    assert refused["remedy"]["arguments"]["judgements"] == [{"keyword": "legal", "found": "illegal"}]
    await service.do("setRiskTier", RITA, **BOT, tier="TIER_3_STANDARD", rationale="It only ranks.")
    assert (await refusal(service, "submitForApproval", ALICE))["code"] == "INVALID_STATE"
    await judge(service, said({"keyword": "legal", "found": "Illegal"}, False))
    await submit(service)


async def test_a_word_that_counts_makes_approvals_stale_by_the_tier(service: Service) -> None:
    await approved(service, useCases=["Speak to the republic"])
    await service.do("updateModelVersion", **BOT, useCases=["Explain creditworthiness"])
    await judge(service, said(CREDIT, True))
    assert (await approvals(service))["MODEL_OWNER"] == ("STALE", ["SCOPE", "TIER"])


@pytest.mark.parametrize(
    ("judgements", "path"),
    [
        ([], "judgements"),
        ([said({"keyword": "credit", "found": "republic"}, True)], "judgements.0.found"),
        ([said({"keyword": "credit", "found": "credit"}, True)], "judgements.0.found"),
        ([said(PUBLIC, True), said({"keyword": "public", "found": "Republic"}, False)], "judgements.1.found"),
        ([said(PUBLIC, True) | {"rationale": " "}], "judgements.0.rationale"),
        ([said(PUBLIC, True)] * 201, "judgements"),
    ],
)
async def test_what_is_judged_is_a_longer_word_of_the_texts_once(service: Service, judgements: list[Any], path: str) -> None:
    await register(service, **SCORER)
    refused = await refusal(service, "judgeClassification", RITA, judgements=judgements)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", f"input.{path}")


async def test_words_that_came_after_the_submission_are_judged_before_anybody_approves(service: Service) -> None:
    await eligible(service)
    await service.do("updateModelVersion", **BOT, useCases=["Explain creditworthiness"])
    refused = await refusal(service, "submitApproval", CAROL, verdict="APPROVED")
    assert (refused["code"], refused["remedy"]["mutation"]) == ("INVALID_STATE", "judgeClassification")
    asked = "eligibility { missingApprovals { remedy { mutation } } }"
    missing = (await read(service, asked))["eligibility"]["missingApprovals"]
    assert {each["remedy"]["mutation"] for each in missing} == {"judgeClassification"}
    await judge(service, said(CREDIT, counts=False))
    await decide(service, CAROL)
