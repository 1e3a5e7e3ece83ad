"""Case files from the database, and what keeps a version's standing true."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain

from documents.access import Actor
from documents.audit.event import AuditEventType, AuditOutcome
from documents.audit.proofs import proven_events
from documents.datasheets import Datasheet
from documents.eligibility.case import CaseFile
from documents.eligibility.judgement import Judgement
from documents.errors import InvalidInput
from documents.people import Stakeholder
from documents.policies import BoundPolicy, Policy, PolicyInForce, contents_of, from_then_on, in_force
from documents.reviews import ReviewCalendar
from documents.risk.scales import RiskTier
from documents.store.fields import fields_at
from documents.versions.evidence import Evidence
from documents.versions.lifecycle import LIVE, VersionStatus
from documents.versions.version import ModelVersion
from documents.versions.waivers import Waiver


async def case_files(
    versions: Sequence[ModelVersion], at: datetime, with_people: bool = True, policies: list[Policy] | None = None
) -> list[CaseFile]:
    """A case file for each version: as many database commands for a hundred as for one. `policies` is all of them, if known."""
    policies = await Policy.every({}) if policies is None else policies
    drafts = {tier: from_then_on(policies, tier, at) for tier in {each.tier for each in versions if each.round is None}}
    bound = [{at: each.round.policies} if each.round else drafts[each.tier] for each in versions]
    says = await contents_of(policies, chain.from_iterable(chain(*each.values()) for each in bound))
    proven = await _registrations([each for each in versions if each.revision])
    calendar = await ReviewCalendar.kept()
    newest = await _newest_datasheets({link.dataset_id for version in versions for link in version.datasheets})
    roles = {role for content in says.values() for role in content.required_roles}
    people = await Stakeholder.every({"active": True, "roles": {"$in": sorted(roles)}}) if with_people else []

    def held_to(policies: tuple[BoundPolicy, ...]) -> tuple[PolicyInForce, ...]:
        return tuple(PolicyInForce(**dict(each), says=says[each.digest]) for each in policies)

    def case(version: ModelVersion, bound: Mapping[datetime, tuple[BoundPolicy, ...]]) -> CaseFile:
        newer = tuple(link.dataset_id for link in version.datasheets if newest.get(link.dataset_id, 0) > link.revision)
        # A version that is being registered: its event commits with it or not at all.
        registered = not version.revision or version.key in proven
        later = {moment: held_to(each) for moment, each in bound.items() if moment > at}
        return CaseFile(version, held_to(bound[at]), registered, newer, tuple(people), at, calendar, later)

    return [case(version, each) for version, each in zip(versions, bound, strict=True)]


async def _registrations(versions: Sequence[ModelVersion]) -> set[str]:
    """Keys of the versions whose registration the trail proves."""
    if not versions:
        return set()
    about = {"resource.id": {"$in": [each.key for each in versions]}, "resource.type": ModelVersion.__name__}
    done = [AuditOutcome.SUCCESS, AuditOutcome.PARTIAL]  # an import that left something out has registered all the same
    query = about | {"event_type": AuditEventType.MODEL_REGISTERED, "outcome": {"$in": done}}
    proven = [each for each in await proven_events(query) if each["event_type"] == AuditEventType.MODEL_REGISTERED]
    return {each["resource"]["id"] for each in proven if each["outcome"] in done}


async def _newest_datasheets(dataset_ids: set[str]) -> dict[str, int]:
    if not dataset_ids:
        return {}
    found = await Datasheet.read({"dataset_id": {"$in": list(dataset_ids)}}, fields=fields_at("dataset_id", "revisions.revision"))
    return {each.dataset_id: len(each.revisions) for each in found}


async def submit(version: ModelVersion, by: Actor, at: datetime) -> None:
    """Opens a round under the policies in force now; what their requirements said goes on record."""
    policies = await Policy.every({})
    await version.submit(in_force(policies, version.tier, at), by, at)
    judgement = await keep_standing(version, at, policies)
    version.note(AuditEventType.COMPLIANCE_CHECK, {"requirements": judgement.checked})


async def waive(
    version: ModelVersion, requirement_id: str, rationale: str, expires_at: datetime, by: Actor, at: datetime
) -> Waiver:
    """Excepts a version from a blocking requirement that it is held to; InvalidInput if it is held to none of that id."""
    waiver = version.grant_waiver(requirement_id, rationale, expires_at, by, at)
    policies = await Policy.every({})
    (case,) = await case_files([version], at, with_people=False, policies=policies)
    blocking = {asked.requirement_id for each in case.policies if each.blocking for asked in each.says.requirements}
    if requirement_id not in blocking:
        known = f"one of: {', '.join(sorted(blocking))}" if blocking else "a blocking one, and the version is held to none"
        raise InvalidInput("input.requirementId", f"must be {known}")
    await keep_standing(version, at, policies)
    return waiver


async def attach(version: ModelVersion, evidence: Evidence, by: Actor, at: datetime) -> None:
    """Attaches evidence for a requirement that binds the version, is in force or will be; InvalidInput if it is none."""
    version.attach(evidence, by)
    policies = await Policy.every({})
    to_come = (bound for tier in RiskTier for bound in from_then_on(policies, tier, at).values())
    says = await contents_of(policies, chain(version.round.policies if version.round else (), *to_come))
    known = {asked.requirement_id for each in says.values() for asked in each.requirements}
    if evidence.requirement_id not in known:
        raise InvalidInput("input.requirementId", f"must be one of: {', '.join(sorted(known))}")
    await keep_standing(version, at, policies)


async def enact(policy: Policy, at: datetime) -> None:
    """Stores a policy that was changed, and each draft of its tiers, former ones too, that is judged otherwise for it."""
    await policy.store()
    tiers = {tier for each in policy.revisions for tier in each.applicable_tiers}
    drafts = await ModelVersion.every({"standing.status": VersionStatus.DRAFT, "tier": {"$in": sorted(tiers)}})
    for case in await case_files(drafts, at, with_people=False):
        version, standing = case.version, Judgement(case).standing
        if version.standing is None or not version.standing.still(standing):
            version.standing = standing
            await version.store()


async def keep_standing(version: ModelVersion, at: datetime, policies: list[Policy] | None = None) -> Judgement:
    """Stores a version that was changed, with the standing that follows from the change."""
    (judgement,) = await keep_standings([version], at, policies)
    return judgement


async def keep_standings(versions: Sequence[ModelVersion], at: datetime, policies: list[Policy] | None = None) -> list[Judgement]:
    """Stores versions that were changed, each with the standing that follows from its change."""
    policies = await Policy.every({}) if policies is None else policies
    for version in versions:
        version.follow(in_force(policies, version.tier, at))
    judgements = [Judgement(case) for case in await case_files(versions, at, with_people=False, policies=policies)]
    for version, judgement in zip(versions, judgements, strict=True):
        version.standing = judgement.standing
        await version.store()
    return judgements


async def keep_calendar(calendar: ReviewCalendar, at: datetime) -> None:
    """Stores a calendar that was changed, and every version with what follows for its next review."""
    await calendar.store()
    await keep_standings(await ModelVersion.every({"standing.status": {"$in": LIVE}}), at)
