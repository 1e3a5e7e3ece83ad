"""Classification: suggests a risk tier by keywords in a version's purpose and use cases. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from documents.risk.scales import RiskTier
from documents.values import Count, Key, Moment, Statement, Value

KEYWORDS: Mapping[RiskTier, Sequence[str]] = {
    RiskTier.TIER_1_CRITICAL: (
        "healthcare", "medical", "financial", "legal", "hiring", "credit", "insurance", "criminal", "safety-critical",
    ),
    RiskTier.TIER_2_IMPORTANT: ("customer", "user-facing", "public", "external", "production"),
    RiskTier.TIER_4_EXPERIMENTAL: ("experimental", "prototype"),
}  # fmt: skip
"""The first tier with a keyword in the text decides; a text without any is TIER_3_STANDARD."""


class KeywordMatch(Value):
    """A match is a keyword that a word in a text has."""

    keyword: str = Field(description="The keyword as it is on the list.")
    found: str = Field(description="The word as it was written.")
    source: str = Field(description="The text that has it: `purpose` or `use_cases.0`.")
    position: Count = Field(description="The place where it begins, in code points from 0.")

    @property
    def word(self) -> "Word":
        return self.keyword, self.found.casefold()

    @property
    def tier(self) -> RiskTier:
        """The tier that the keyword calls for."""
        return next(tier for tier, keywords in KEYWORDS.items() if self.keyword in keywords)


class KeywordJudgement(Value):
    """A keyword judgement says whether a longer word counts as the keyword in it."""

    keyword: str = Field(description="The keyword as it is on the list.")
    found: str = Field(description="The longer word that contains it, in whatever case.")
    counts: bool = Field(description="Whether the word counts as the keyword, and so decides about the tier.")
    rationale: Statement = Field(description="The rationale says why it counts, or why not.")
    judged_by: Key = Field(description="The user id of the risk manager who judged.")
    judged_at: Moment = Field(description="The time it was judged.")

    @property
    def word(self) -> "Word":
        return self.keyword, self.found.casefold()


Word = tuple[str, str]
"""A keyword and the longer word that contains it, in small letters: what a judgement is about, wherever the word stands."""


class Classification(Value):
    """A classification is a tier that words call for."""

    grouped: ClassVar = frozenset({"tier"})

    unasked: ClassVar = frozenset({"matches", "possible_keywords"})

    tier: RiskTier = Field(description="The tier that the words call for.")
    matches: tuple[KeywordMatch, ...] = Field(description="The words that decided; none for TIER_3_STANDARD.")
    possible_keywords: tuple[KeywordMatch, ...] = Field(
        description="The words that contain a keyword, such as `creditworthiness`, decide nothing before a person judges them."
    )


def classify(purpose: str, use_cases: Sequence[str], counting: Collection[Word] = ()) -> Classification:
    """The tier that the texts call for, the keywords that decided, and longer words that a person should judge.

    The longer words in `counting` were judged to count as the keyword in them.
    """
    texts = {"purpose": purpose} | {f"use_cases.{place}": text for place, text in enumerate(use_cases)}
    every = [each for source, text in texts.items() for each in _found(source, text)]
    found = [(match, whole or match.word in counting) for match, whole in every]
    words = {match.keyword for match, whole in found if whole}  # a keyword inside a longer word decides nothing
    tier = next((tier for tier, keywords in KEYWORDS.items() if words & set(keywords)), RiskTier.TIER_3_STANDARD)
    return Classification(
        tier=tier,
        matches=tuple(match for match, whole in found if whole and match.keyword in KEYWORDS.get(tier, ())),
        possible_keywords=tuple(match for match, whole in found if not whole),
    )


def _pattern(keyword: str) -> re.Pattern[str]:
    """The pattern of the words that contain `keyword`; its groups are the letters before and after it in the word.

    A word is letters and digits. Hyphens, underscores, blanks or nothing may stand between the parts of `safety-critical`.
    """
    # The lookbehind anchors the pattern to where words begin; else a long word would be read again from each of its letters.
    spelt = keyword.replace("-", r"(?P<gap>[-_\s\u2010-\u2015]*)")
    return re.compile(rf"(?<![^\W_])(?P<before>[^\W_]*?){spelt}(?P<after>[^\W_]*)")


_PATTERNS = {keyword: _pattern(keyword) for keywords in KEYWORDS.values() for keyword in keywords}


def _found(source: str, text: str) -> Iterator[tuple[KeywordMatch, bool]]:
    """The words that contain a keyword, at their first place, and whether each is the keyword itself or its plural."""
    folded = text.casefold()
    # Folding can lengthen a text (the ligature U+FB01 becomes `fi`) but never shortens it.
    origin = range(len(text)) if len(folded) == len(text) else [place for place, each in enumerate(text) for _ in each.casefold()]
    for keyword, pattern in _PATTERNS.items():
        seen = set()
        for word in pattern.finditer(folded):
            if word[0] not in seen:
                seen.add(word[0])
                start, end = origin[word.start()], origin[word.end() - 1] + 1
                match = KeywordMatch(keyword=keyword, found=text[start:end], source=source, position=start)
                yield match, _is_whole(word)


def _is_whole(word: re.Match[str]) -> bool:
    """Whether the word is the keyword or its plural; `safetycritical` in one word is left to a person."""
    parts = word.groupdict()
    return not parts["before"] and parts["after"] in {"", "s"} and parts.get("gap") != ""
