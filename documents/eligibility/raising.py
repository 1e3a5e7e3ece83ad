"""Raises the rules number when a release with newer rules first starts, and lists the versions that this affects."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from documents.access import SYSTEM
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of, refuse_told
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
    """Raises the rules number of the bound database to this release's; False if it is as high or higher already.

    For versions that were submitted before the raise, findings of stricter checks are advisory until `grace` is over. Raises
    ToldAlready if somebody deleted the record of the rules in the database: a raise would begin the grace anew.
    """
    rules = await RulesInForce.kept()
    if rules.number >= RULES:
        return False
    if rules.was is None:
        await refuse_told(RulesInForce, rules.key)
    ids = EventIds()

    async def work(unit: Unit) -> bool:
        head = await AuditHead.touch()
        rules = await RulesInForce.kept()
        if not rules.rise(RULES, at, at + grace):
            return False  # another process raised it since the check above
        await rules.store()
        await head.append(await occurrences_of(unit, "raiseRules", SYSTEM, Request(ids[0])), at, ids)
        return True

    return await bound_database().transact(work, at)


@dataclass(frozen=True, slots=True)
class Affected:
    """A submitted version that does not meet a stricter check, and the moment from which this blocks it."""

    version: str
    requirement_id: str
    reason: str
    begins: datetime


async def affected(grace: timedelta, at: datetime) -> AsyncIterator[Affected]:
    """The versions that a raise of the rules number at `at` would block once `grace` is over.

    Changes no record. Reads every submitted version, in batches of 50.
    """
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
