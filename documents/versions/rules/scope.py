"""Scope: what a version is for, what it is made of and how critical it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from documents.access import Actor, Permission, may_amend
from documents.canonical import digest
from documents.classification import KeywordJudgement, Word, classify
from documents.errors import InvalidInput
from documents.risk.scales import RiskTier
from documents.versions.accountability import relations
from documents.versions.dependencies import origins, refuse_doubled
from documents.versions.entries import longer
from documents.versions.version import ModelVersion


def amend(version: ModelVersion, said: Mapping[str, Any], fixed: bool, reason: str | None, by: Actor) -> None:
    """Changes scope, artefacts and dependencies as `said`; words that call for a more critical tier than before raise it.

    Only `set_tier`, by a risk manager, sets a lighter tier. The artefacts and origins of a version that was deployed, or that a
    change in progress brings, are `fixed`; what it calls and what it is evaluated by may be added, with a `reason`.
    """
    version.permits(by, Permission.UPDATE_MODEL_VERSION)
    may_amend(by, relations(version.accountability, by), said)
    refuse_doubled(said.get("depends_on", ()))
    if fixed:
        _refuse_swap(version, said, reason)
    for name, value in said.items():
        setattr(version, name, value)
    _classify(version)


def judge(version: ModelVersion, judgements: Sequence[KeywordJudgement], by: Actor) -> None:
    """Says of longer words in the texts whether they count as the keyword in them, and classifies the texts accordingly.

    One that counts raises the tier as a keyword does. A later judgement of a word takes the place of the former one, and lowers
    no tier.
    """
    version.permits(by, Permission.JUDGE_CLASSIFICATION)
    known, words = {each.word for each in classify(version.purpose, version.use_cases).possible_keywords}, list[Word]()
    for index, each in enumerate(judgements):
        if each.word not in known:
            problem = f"is no word of the purpose or a use case that contains {each.keyword} as a part: {each.found}"
            raise InvalidInput(f"judgements.{index}.found", problem)
        if each.word in words:
            raise InvalidInput(f"judgements.{index}.found", f"is there twice: {each.found}")
        words.append(each.word)
    version.keyword_judgements = tuple(each for each in version.keyword_judgements if each.word not in words)
    for each in judgements:
        version.keyword_judgements = longer("the keyword judgements of a version", version.keyword_judgements, each)
    _classify(version)


def _classify(version: ModelVersion) -> None:
    """Classifies the texts; words that call for a more critical tier than before raise the version's."""
    now = classify(version.purpose, version.use_cases, version.counting_words)
    before, version.classification = version.classification, now
    suggested = version.classification.tier
    if before.tier.is_lighter_than(suggested) and version.tier.is_lighter_than(suggested):
        version.tier, version.tier_rationale = suggested, None


def _refuse_swap(version: ModelVersion, said: Mapping[str, Any], reason: str | None) -> None:
    """Raises NotReady if `said` changes what was deployed, InvalidInput if it adds a dependency without a reason."""
    depends_on = said.get("depends_on", version.depends_on)
    kept = set(version.depends_on) <= set(depends_on) and origins(depends_on) == origins(version.depends_on)
    if digest(said.get("artifacts", version.artifacts)) != digest(version.artifacts) or not kept:
        fixed = "it was or is being deployed, so its artefacts and origins are fixed: registerModelVersion registers another"
        raise version.not_ready(Permission.UPDATE_MODEL_VERSION, fixed)
    if depends_on != version.depends_on:
        if reason is None:
            raise InvalidInput("reason", "must say why a version that was or is being deployed depends on more")
        version.adds_facts({"reason": reason}, partly=False)


def set_tier(version: ModelVersion, tier: RiskTier, rationale: str, by: Actor) -> None:
    """Sets the tier, more critical or lighter than the version's words suggest; the policies of the new tier apply."""
    version.permits(by, Permission.SET_RISK_TIER)
    version.tier, version.tier_rationale = tier, rationale
