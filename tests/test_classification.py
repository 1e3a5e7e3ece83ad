"""Which words make a tier, and which only look like it."""

import pytest

from documents.classification import KEYWORDS, classify
from documents.risk.scales import RiskTier


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
