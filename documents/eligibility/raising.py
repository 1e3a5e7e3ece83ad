"""The raise of the rules number when a release with stricter rules first starts, and whom that concerns."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from documents.access import SYSTEM
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.eligibility.checks import CHECKS
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.eligibility.rules import RULES, RulesInForce
from documents.store.session import bound_database
from documents.store.units import Unit
from documents.versions.lifecycle import VersionStatus
from documents.versions.version import ModelVersion

AT_ONCE = 50


async def raise_rules(grace: timedelta, at: datetime) -> bool:
    """Raises the rules number of the bound database to that of this release; False where it is as high or higher.

    What stricter checks find is advisory for versions that were submitted before, until `grace` is over.
    """
    if (await RulesInForce.kept()).number >= RULES:
        return False
    ids = EventIds()

    async def work(unit: Unit) -> bool:
        head = await AuditHead.touch()
        rules = await RulesInForce.kept()
        if not rules.rise(RULES, at, at + grace):
            return False  # another process was first
        await rules.store()
        await head.append(await occurrences_of(unit, "raiseRules", SYSTEM, Request(ids[0])), at, ids)
        return True

    return await bound_database().transact(work, at)


@dataclass(frozen=True, slots=True)
class Affected:
    """A submitted version that a stricter check will find wanting, and from when on that blocks it."""

    version: str
    requirement_id: str
    reason: str
    begins: datetime


async def affected(grace: timedelta, at: datetime) -> AsyncIterator[Affected]:
    """Whom a raise of the rules at `at` would concern once `grace` is over; reads every submitted version, batch by batch."""
    if not any(each.before for each in CHECKS.values()):
        return
    rules, last = await RulesInForce.kept(), None
    rules.rise(RULES, at, at + grace)
    submitted = {"round": {"$ne": None}, "standing.status": {"$ne": VersionStatus.RETIRED}}
    while versions := await ModelVersion.every(submitted | ({"_id": {"$gt": last}} if last else {}), [("_id", 1)], AT_ONCE):
        last = versions[-1].id
        for case in await case_files(versions, at, for_standing=True):
            for begins, finding in Judgement(replace(case, rules=rules)).announced:
                yield Affected(case.version.key, finding.requirement_id, finding.reason, begins)
