"""Scope: what a version is for, what it is made of and how critical it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from documents.access import Actor, Permission, Relation, amendable, may_amend
from documents.canonical import digest
from documents.classification import KeywordJudgement, Word, classify
from documents.errors import InvalidInput, NotReady
from documents.risk.scales import RiskTier
from documents.versions.accountability import relations
from documents.versions.dependencies import origins, refuse_doubled
from documents.versions.entries import longer
from documents.versions.version import ModelVersion


def amend(version: ModelVersion, said: Mapping[str, Any], fixed: bool, reason: str | None, by: Actor) -> None:
    """Changes scope, artefacts and dependencies as `said`; words that call for a more critical tier than before raise it.

    Only `set_tier`, by a risk manager, sets a lighter tier. Where the artefacts and origins are `fixed`, because the version was
    or is being deployed, what it calls and what it is evaluated by may be added, with a `reason`.
    """
    may_change(version, fixed, by)
    may_amend(by, relations(version.accountability, by), said)
    refuse_doubled(said.get("depends_on", ()))
    if fixed:
        _refuse_swap(version, said, reason)
    for name, value in said.items():
        setattr(version, name, value)
    _classify(version)


def may_change(version: ModelVersion, fixed: bool, by: Actor) -> None:
    """Raises what stands in the way of every change of the version by the caller.

    Where the artefacts and origins are `fixed`, that is NotReady for a caller who may change nothing else.
    """
    version.permits(by, Permission.UPDATE_MODEL_VERSION)
    owns = Relation.OWNER in relations(version.accountability, by)
    if fixed and not owns and amendable(by) <= {"artifacts"}:
        raise _swapped(version)


def may_judge(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of every judgement of words: NotReady if no word contains a keyword as a part."""
    version.permits(by, Permission.JUDGE_CLASSIFICATION)
    if not _judgeable(version):
        problem = "no word of its purpose or its use cases contains a keyword as a part"
        raise version.not_ready(Permission.JUDGE_CLASSIFICATION, problem)


def _judgeable(version: ModelVersion) -> frozenset[Word]:
    return frozenset(each.word for each in classify(version.purpose, version.use_cases).possible_keywords)


def judge(version: ModelVersion, judgements: Sequence[KeywordJudgement], by: Actor) -> None:
    """Says of longer words in the texts whether they count as the keyword in them, and classifies the texts accordingly.

    One that counts raises the tier as a keyword does. A later judgement of a word takes the place of the former one, and lowers
    no tier.
    """
    may_judge(version, by)
    known, words = _judgeable(version), list[Word]()
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
    """Raises NotReady if `said` changes what is deployed, InvalidInput if it adds a dependency without a reason."""
    depends_on = said.get("depends_on", version.depends_on)
    kept = set(version.depends_on) <= set(depends_on) and origins(depends_on) == origins(version.depends_on)
    if digest(said.get("artifacts", version.artifacts)) != digest(version.artifacts) or not kept:
        raise _swapped(version)
    if depends_on != version.depends_on:
        if reason is None:
            raise InvalidInput("reason", "must say why a version that was or is being deployed depends on more")
        version.adds_facts({"reason": reason}, partly=False)


def _swapped(version: ModelVersion) -> NotReady:
    problem = "it was or is being deployed: its artefacts and origins are fixed, and registerModelVersion registers another"
    return version.not_ready(Permission.UPDATE_MODEL_VERSION, problem)


def set_tier(version: ModelVersion, tier: RiskTier, rationale: str, by: Actor) -> None:
    """Sets the tier, more critical or lighter than the version's words suggest; the policies of the new tier apply."""
    version.permits(by, Permission.SET_RISK_TIER)
    version.tier, version.tier_rationale = tier, rationale
