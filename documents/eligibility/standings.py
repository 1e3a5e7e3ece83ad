"""Keeps standings in the unit of work: every version that it stores, or that a changed record bears on, is judged."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from documents.audit.event import AuditEventType
from documents.eligibility.due import JudgementDue, marks
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.policies import all_policies, in_force
from documents.store.pauses import pausing
from documents.store.units import Raw, RecordChange, Unit
from documents.versions.rules import decisions
from documents.versions.version import ModelVersion

AT_ONCE = 50  # versions that a transaction judges for one change of another record


async def settle(unit: Unit) -> None:
    """Judges and writes every version that the unit of work stores or that one of its changes bears on.

    If one change bears on more than fifty versions, they are marked instead, and the server judges them later in batches
    (`turns.py`). So no transaction holds the head of the trail for long.
    """
    # A version that is written here is a change too, and can bear on further versions: hence the loop.
    while True:
        await _write([each for each in unit.waiting.values() if isinstance(each, ModelVersion)], unit)
        fresh = unit.unfollowed()
        if not fresh:
            return
        for change in fresh:
            for query in _borne_on(change, unit.changes):
                await _judge_borne_on(query, change, unit)


async def _write(versions: Sequence[ModelVersion], unit: Unit) -> None:
    """Judges the versions that wait in the unit of work, and writes those that differ from what is stored."""
    if not versions:
        return
    policies = await all_policies()
    changed = {each.key: each.unwritten() for each in versions}  # before `follow`, which changes versions itself
    for version in versions:
        await decisions.follow(version, in_force(policies, version.tier, unit.at), unit.at)
    judgements = [Judgement(case) for case in await case_files(versions, unit.at, for_standing=True)]
    async for version, judgement in pausing(zip(versions, judgements, strict=True)):
        del unit.waiting[version.id]
        if version.previous_round and judgement.case.next is None:
            await decisions.close_previous(version, unit.at)
            changed[version.key]["previous_round"] = None
        standing = judgement.standing
        if changed[version.key] or version.standing is None or not version.standing.still(standing):
            if version.was_submitted:
                version.note(AuditEventType.COMPLIANCE_CHECK, {"requirements": judgement.checked})
            version.judged(standing)
            await version.write(unit)


async def bring_up(version: ModelVersion, at: datetime) -> None:
    """Brings the standing of a loaded version up to `at`, where it may have changed since it was stored.

    Time alone changes it, and a change of another record that is marked: the server judges such versions in turns. The turns
    close no round, so a version with a previous round is judged too.
    """
    for case in await case_files(await _outdated([version], at), at, for_standing=True):
        if case.next is None:
            await decisions.close_previous(version, at)
        version.judged(Judgement(case).standing)


async def brought_up(versions: Sequence[ModelVersion], at: datetime) -> list[ModelVersion]:
    """The versions as `bring_up` would have them, in copies where they differ; nothing is stored or kept.

    The number of database commands does not grow with the number of versions.
    """
    found = {each.id: each for each in versions}
    copies = [each.model_copy() for each in await _outdated(versions, at)]
    async for version, case in pausing(zip(copies, await case_files(copies, at, for_standing=True), strict=True)):
        if case.next is None:
            decisions.leave_previous(version, at)
        version.judged(Judgement(case).standing)
        found[version.id] = version
    return [found[each.id] for each in versions]


async def _outdated(versions: Sequence[ModelVersion], at: datetime) -> list[ModelVersion]:
    """Those whose standing may have changed since it was stored."""

    def may_have(version: ModelVersion) -> bool:
        changes_at = version.standing.changes_at if version.standing else None
        return version.previous_round is not None or (changes_at is not None and changes_at <= at)

    judged = [each for each in versions if each.standing]
    found = [each for each in judged if may_have(each)]
    return judged if len(found) < len(judged) and await marks() else found


def _borne_on(change: RecordChange, changes: Sequence[RecordChange]) -> Iterable[Raw]:
    """The queries for the versions that a change bears on; a query for one version that is judged already is left out."""
    for bearing in change.record.bears_on:
        query = bearing.query(change)
        if query is None:
            continue
        key = tuple(query.get(name) for name in ModelVersion.keys) if query.keys() == {*ModelVersion.keys} else None
        judged = {tuple(getattr(each.record, name) for name in ModelVersion.keys) for each in _of_versions(changes)}
        if key not in judged:
            yield query


async def _judge_borne_on(query: Raw, change: RecordChange, unit: Unit) -> None:
    """Judges the versions that meet the query and writes those whose standing differs; marks them if they are too many."""
    judged = {each.record.id for each in _of_versions(unit.changes)}
    versions = await ModelVersion.every(query, limit=AT_ONCE + 1)
    if len(versions) > AT_ONCE:
        await JudgementDue.of(query, f"{type(change.record).__name__} {change.record.key}", unit.at).insert_unrecorded()
        return
    for case in await case_files([each for each in versions if each.id not in judged], unit.at, for_standing=True):
        version, standing = case.version, Judgement(case).standing
        if version.standing is None or not version.standing.still(standing):
            version.judged(standing)
            await version.write(unit)


def _of_versions(changes: Iterable[RecordChange]) -> Iterable[RecordChange]:
    return (each for each in changes if isinstance(each.record, ModelVersion))
