"""Judges stored standings again, to find those that the rules did not make. Nothing is stored."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError

from documents.audit.books import Standings
from documents.audit.trail import AuditHead
from documents.eligibility.case import CaseFile
from documents.eligibility.due import marks
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.eligibility.rules import RULES
from documents.errors import Refusal, TrailNotSound
from documents.policies import all_policies
from documents.store.pauses import pausing
from documents.store.units import Raw
from documents.versions.version import ModelVersion

UNREADABLE = (ValidationError, ValueError, TypeError, LookupError, AttributeError, OverflowError, Refusal)
SAYS = "It is not what the rules make of the other fields and records."


async def rejudged(stored: Sequence[Raw]) -> Standings:
    """The standings of stored versions that are not what the rules make of them, and those that wait to be judged anew.

    A standing waits if older rules made it, or a mark names the version. Versions that cannot be read are left out, because they
    differ from the trail in another way.
    """
    read = [each for each in map(_read, stored) if each is not None]
    bare = {str(each.id): "It has no standing." for each in read if each.standing is None}
    waiting = await _waiting(read)
    judged = [each for each in read if each.standing and str(each.id) not in waiting]
    try:
        return Standings(bare | await _misjudged(judged), waiting)
    except UNREADABLE:  # one of them needs a record that somebody altered, and that is found by itself
        found: dict[str, str] = {}
        for each in judged:
            with suppress(*UNREADABLE):
                found |= await _misjudged([each])
        return Standings(bare | found, waiting)


async def _misjudged(versions: Sequence[ModelVersion]) -> dict[str, str]:
    if not versions:
        return {}
    at = await _moment(versions)
    # By far most standings still say what the rules make of them now. The others are judged as of their own moment, because
    # something that they foretold may have come since.
    cases = await case_files(versions, at, for_standing=True)
    doubted = [case.version async for case in pausing(cases) if not _still(case, at)]
    return {str(each.id): SAYS for each in doubted if not await _as_it_was(each)}


def _read(stored: Raw) -> ModelVersion | None:
    try:
        return ModelVersion.hydrated(stored)
    except UNREADABLE:
        return None


async def _waiting(versions: Sequence[ModelVersion]) -> set[str]:
    """The database ids of those with a standing by older rules, and of those with a standing that a mark names."""
    standing = {each.id: each.standing.rules for each in versions if each.standing}
    named = {"_id": {"$in": [*standing]}}
    marked = [await ModelVersion.raws({"$and": [mark.left, named]}, fields=["_id"]) for mark in await marks()]
    outdated = {str(each) for each, rules in standing.items() if rules < RULES}
    return outdated | {str(each["_id"]) for found in marked for each in found}


async def _moment(versions: Sequence[ModelVersion]) -> datetime:
    """The moment of the latest event, or of the latest standing if that is later or the head of the trail was altered."""
    moments = [each.standing.as_of for each in versions if each.standing]
    with suppress(TrailNotSound):
        head = await AuditHead.require("head")
        moments += [head.last_at] if head.last_at else []
    return max(moments)


def _readings(case: CaseFile) -> list[CaseFile]:
    """The case, and where the trail does not prove the registration, the case as if it did.

    A head or an event that was altered proves nothing, and is a fault of the trail: it makes no standing a wrong one.
    """
    return [case] if case.registration_proven else [case, replace(case, registration_proven=True)]


def _still(case: CaseFile, at: datetime) -> bool:
    standing = case.version.standing
    if standing is None or standing.as_of > at:
        return False
    return any(standing.still(Judgement(each).standing) for each in _readings(case))


async def _as_it_was(version: ModelVersion) -> bool:
    """Whether the standing is what the rules make of it as of its own moment."""
    standing = version.standing
    if standing is None:
        return False
    (case,) = await case_files([version], standing.as_of, for_standing=True)
    # A standing that a later revision of a policy left as it was says nothing of the moment from which that held.
    revisions = [each for policy in await all_policies() for each in policy.revisions]
    unknown = {each.effective_from for each in revisions if each.at > standing.as_of}
    known = {moment: held for moment, held in case.later_policies.items() if moment not in unknown}
    return any(Judgement(each).standing == standing for each in _readings(replace(case, later_policies=known)))
