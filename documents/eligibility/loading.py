"""Loads case files from the database; the number of commands does not grow with the number of versions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain

from documents.access import GovernanceRole
from documents.audit.event import AuditEventType, AuditOutcome
from documents.audit.proofs import proven_events
from documents.contents import Content, Revision
from documents.datasheets import DatasetRecord, Datasheet
from documents.eligibility.case import CaseFile, LinkedSheet
from documents.eligibility.checks import STRICTER
from documents.eligibility.lapses import lapses
from documents.eligibility.rules import RulesInForce
from documents.people import Stakeholder
from documents.policies import BoundPolicy, Policy, PolicyInForce, all_policies, binding, contents_of, from_then_on
from documents.reviews import ReviewCalendar
from documents.store.fields import fields_at
from documents.store.pauses import pausing
from documents.versions.accountability import current
from documents.versions.approvals import ApprovalRound, Decider
from documents.versions.dependencies import VersionName
from documents.versions.version import ModelVersion

Bindings = Mapping[datetime, tuple[BoundPolicy, ...]]
"""The policies that bind a round or a draft, by the moment from which they do, in the order of time."""


async def case_files(
    versions: Sequence[ModelVersion], at: datetime, for_standing: bool = False, under: Sequence[Policy] | None = None
) -> list[CaseFile]:
    """Loads a case file of each version at the moment `at`, in the order of `versions`.

    A case file for eligibility has the people who could decide. One for the standing has the accountable people instead, as
    their records are now. The policies are those that are stored, unless `under` has others.
    """
    if not versions:
        return []
    policies = await all_policies() if under is None else under
    drafts = {tier: from_then_on(policies, tier, at) for tier in {each.tier for each in versions if each.round is None}}
    rounds = [list[ApprovalRound | None](reversed(each.open_rounds)) or [None] for each in versions]
    bound = [
        [_bindings(policies, each) if each else drafts[version.tier] for each in opened]
        async for version, opened in pausing(zip(versions, rounds, strict=True))
    ]
    says = await contents_of(policies, chain.from_iterable(held for opened in bound for each in opened for held in each.values()))
    proven = await _registrations([each for each in versions if each.revision])
    calendar = await ReviewCalendar.kept()
    rules = await RulesInForce.kept() if STRICTER else RulesInForce()  # only stricter checks ask since when the rules hold
    links = [link for version in versions for link in version.datasheets]
    newest = await _newest_datasheets({each.dataset_id for each in links})
    says_of = await _datasheets({each.digest for each in links} | {each.digest for each in newest.values()})
    retired = await _retired({each.governed for version in versions for each in version.depends_on if each.governed})
    answering = await _answering(versions) if for_standing else {}
    roles = {role for content in says.values() for role in content.required_roles}
    decided = {
        Decider(user_id=each.reviewer_id, role=each.role)
        for version in versions
        for opened in version.open_rounds
        for each in opened.decisions
    }
    people = [] if for_standing else await _people(roles, {each.user_id for each in decided})
    lapsed = {} if for_standing else await lapses(decided, people)

    def held_to(policies: tuple[BoundPolicy, ...]) -> tuple[PolicyInForce, ...]:
        return tuple(PolicyInForce(**dict(each), says=says[each.digest]) for each in policies)

    def case(version: ModelVersion, opened: ApprovalRound | None, bound: Bindings) -> CaseFile:
        held = {moment: held_to(each) for moment, each in bound.items()}
        first = next(iter(held))  # what is judged as of a moment before its round is judged by what bound the round first
        earlier = {moment: each for moment, each in held.items() if moment <= max(at, first)}
        *_, policies = earlier.values()
        return CaseFile(
            version=version,
            round=opened,
            policies=policies,
            # The event of a version that is being registered commits with the version or not at all.
            registration_proven=not version.revision or version.key in proven,
            newer_datasheets=tuple(
                link.dataset_id
                for link in version.datasheets
                if link.dataset_id in newest and newest[link.dataset_id].revision > link.revision
            ),
            retired_dependencies=tuple(
                dict.fromkeys(each.governed for each in version.depends_on if each.governed and each.governed in retired)
            ),
            people=tuple(people),
            answering=answering,
            at=at,
            calendar=calendar,
            rules=rules,
            later_policies={moment: each for moment, each in held.items() if moment > max(at, first)},
            earlier_policies=earlier,
            lapsed=lapsed,
            sheets=tuple(
                LinkedSheet(link.dataset_id, says_of[link.digest], says_of[newest[link.dataset_id].digest])
                for link in version.datasheets
                # A text that somebody deleted from the database documents nothing.
                if {link.digest, newest[link.dataset_id].digest} <= says_of.keys()
            ),
        )

    def counting(version: ModelVersion, opened: Sequence[ApprovalRound | None], bound: Sequence[Bindings]) -> CaseFile:
        current, *previous = (case(version, each, held) for each, held in zip(opened, bound, strict=True))
        return CaseFile.of_round(current, previous[0] if previous else None)

    return [counting(*each) async for each in pausing(zip(versions, rounds, bound, strict=True))]


def _bindings(policies: Sequence[Policy], opened: ApprovalRound) -> Bindings:
    """What binds a round and bound it before, for former tiers too."""
    found: Bindings = {}
    for each in opened.bindings:
        before = {moment: held for moment, held in found.items() if moment < each.since}
        found = before | dict(binding(policies, each.policies, each.since, each.tier))
    return found


async def _registrations(versions: Sequence[ModelVersion]) -> set[str]:
    """The keys of the versions whose registration the trail proves (RFC 9162 section 2.1.3)."""
    if not versions:
        return set()
    about = {"resource.id": {"$in": [each.key for each in versions]}, "resource.type": ModelVersion.__name__}
    done = [AuditOutcome.SUCCESS, AuditOutcome.PARTIAL]  # PARTIAL: an import registered the version and left something out
    query = about | {"event_type": AuditEventType.MODEL_REGISTERED, "outcome": {"$in": done}}
    # The query reads stored fields, which somebody may have altered; the conditions are checked again on the proven bytes.
    proven = [each for each in await proven_events(query) if each["event_type"] == AuditEventType.MODEL_REGISTERED]
    return {each["resource"]["id"] for each in proven if each["outcome"] in done}


async def _newest_datasheets(dataset_ids: set[str]) -> dict[str, Revision]:
    """The newest revision of each datasheet."""
    if not dataset_ids:
        return {}
    found = await Datasheet.read({"dataset_id": {"$in": list(dataset_ids)}}, fields=fields_at("dataset_id", "revisions"))
    return {each.dataset_id: each.revisions[-1] for each in found}


async def _datasheets(digests: set[str]) -> dict[str, DatasetRecord]:
    """What revisions of datasheets say, by their digests."""
    found = await Content.read({"digest": {"$in": sorted(digests)}}) if digests else []
    return {each.digest: DatasetRecord.model_validate_json(each.canonical) async for each in pausing(found)}


async def _retired(names: set[VersionName]) -> set[VersionName]:
    """The retired ones among the named versions."""
    if not names:
        return set()
    # Two lists of values instead of a list of pairs, because an index serves them; other pairs are dropped below.
    models, versions = ({getattr(each, field) for each in names} for field in ("model_id", "version"))
    query = {"model_id": {"$in": [*models]}, "version": {"$in": [*versions]}, "retired": {"$ne": None}}
    found = await ModelVersion.read(query, fields=fields_at("model_id", "version"))
    return {VersionName(model_id=each.model_id, version=each.version) for each in found} & names


async def _people(roles: set[GovernanceRole], decided: set[str]) -> list[Stakeholder]:
    """The active people who hold one of the roles, and those who decided, active or not."""
    able = {"active": True, "roles": {"$in": sorted(roles)}}
    return await Stakeholder.every({"$or": [able, {"user_id": {"$in": sorted(decided)}}]})


async def _answering(versions: Iterable[ModelVersion]) -> Mapping[str, Stakeholder]:
    """The people who are accountable for at least one of the versions, by user id."""
    ids = {each.user_id for version in versions for each in current(version.accountability).values()}
    return {each.user_id: each for each in await Stakeholder.every({"user_id": {"$in": sorted(ids)}})}
