"""Standing is kept by the unit of work: after whatever was stored, it is what the rule makes of the version."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from documents.access import Actor, ActorType, GovernanceRole
from documents.eligibility import turns
from documents.eligibility.case import CaseFile
from documents.eligibility.checks import CHECKS, Check, Met, Unmet
from documents.eligibility.due import JudgementDue
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.eligibility.rules import RULES, RulesInForce
from documents.eligibility.standings import AT_ONCE
from documents.eligibility.turns import JudgementTurn, judge_batch, judge_in_turn, still_due
from documents.errors import StaleRevision
from documents.people import Stakeholder
from documents.policies import Requirement, RequirementCheck
from documents.store.units import OutsideUnitOfWork, Unit
from documents.turns import LEASE
from documents.versions.holds import Hold
from documents.versions.parts import Ending
from documents.versions.version import ModelVersion
from gql.embedded import Engine
from tests.examples import (
    ACCESS_VERIFIED,
    BOT,
    DRILLS,
    REGISTRATION,
    TICKETS,
    attach,
    eligible,
    on_record,
    read,
    register,
    save_datasheet,
    submit,
)
from tests.journey import every_mutation, sign_in
from tests.operated import Operated
from tests.service import ADA, ADMIN_TOKEN, ALICE, BOB, RITA, SECRET_KEY, STAFF, Service
from tests.standings import misjudged

CAROL_ACTS = Actor("carol", ActorType.USER, frozenset({GovernanceRole.ETHICS_REVIEWER}))

KEY = tuple(BOT.values())
MANY = AT_ONCE + 10


async def create(service: Service, **other: Any) -> None:
    """Writes a policy that asks every version of tier 2 for evidence of a drill."""
    await service.do("createPolicy", RITA, **DRILLS | other)


async def test_after_every_mutation_of_the_journey_every_standing_is_what_the_rule_makes_of_it(service: Service) -> None:
    await sign_in(service)
    async for mutation, _ in every_mutation(service):
        assert await misjudged() == [], mutation


def hold(version: ModelVersion, at: datetime) -> None:
    version.holds = (Hold.place(GovernanceRole.ETHICS_REVIEWER, "Somebody must look.", CAROL_ACTS, at),)


def reword(version: ModelVersion, at: datetime) -> None:
    version.purpose = "Something else altogether"


def forget_the_card(version: ModelVersion, at: datetime) -> None:
    version.card, version.card_revisions = None, ()


def retire(version: ModelVersion, at: datetime) -> None:
    version.retired = Ending(at=at, by="alice", reason="It was replaced.")


def suffer(version: ModelVersion, at: datetime) -> None:
    version.critical_incidents = ("INC-1",)


@pytest.mark.parametrize("change", [hold, reword, forget_the_card, retire, suffer])
async def test_a_plain_store_of_whatever_was_changed_stores_the_standing_that_follows(
    service: Service, change: Callable[[ModelVersion, datetime], None]
) -> None:
    await eligible(service)

    async def work() -> None:
        version = await ModelVersion.require(*KEY)
        change(version, service.now)
        await version.store()

    await on_record(service, work)
    assert await misjudged() == []
    found = await read(service, "standing { status holds staleRoles criticalIncidents violations } eligibility { eligible }")
    assert not found["eligibility"]["eligible"]
    filtered = f'{{ modelVersions(first: 5, filter: {{eligible: false, modelId: {{eq: "{KEY[0]}"}}}}) {{ totalCount }} }}'
    assert (await service.ask(filtered))["modelVersions"]["totalCount"] == 1


async def test_a_version_that_is_read_again_in_a_unit_of_work_is_the_one_that_was_stored(service: Service) -> None:
    await register(service)

    async def work() -> None:
        first = await ModelVersion.require(*KEY)
        first.purpose = "Sorts mail"
        await first.store()
        again = await ModelVersion.require(*KEY)
        assert again is first
        again.restrictions = ("Not for invoices",)
        await again.store()

    await on_record(service, work)
    kept = await ModelVersion.require(*KEY)
    assert (kept.purpose, kept.restrictions, kept.revision) == ("Sorts mail", ("Not for invoices",), 2)


async def test_two_copies_of_a_version_cannot_be_stored_in_one_unit_of_work(service: Service) -> None:
    await register(service)
    copies = [await ModelVersion.require(*KEY) for _ in range(2)]

    async def work(unit: Unit) -> None:
        for each in copies:
            each.purpose = "Sorts mail"
            await each.store()

    with pytest.raises(StaleRevision):
        await service.database.transact(work, service.now)


async def test_nothing_is_changed_once_the_trail_was_told(service: Service) -> None:
    await register(service)

    async def work(unit: Unit) -> None:
        person = await Stakeholder.require(ALICE.id)
        await unit.settled()
        person.department = "Elsewhere"
        await person.store()

    with pytest.raises(OutsideUnitOfWork):
        await service.database.transact(work, service.now)


async def test_a_newer_revision_of_a_datasheet_shows_in_the_standing_of_what_is_linked_to_the_older(service: Service) -> None:
    await register(service)
    await save_datasheet(service)
    await service.do("linkDatasheet", **BOT, **TICKETS)
    assert await standing(service, "outdatedDatasheets") == []
    await save_datasheet(service, purpose="To learn what they mean.")
    assert await standing(service, "outdatedDatasheets") == [TICKETS["datasetId"]]
    await service.do("linkDatasheet", **BOT, **TICKETS)
    assert await standing(service, "outdatedDatasheets") == []


async def test_a_person_who_may_no_longer_act_leaves_a_role_uncovered(service: Service) -> None:
    await register(service)
    assert await standing(service, "uncoveredRoles") == []
    await service.do("deactivateStakeholder", ADA, userId=BOB.id)
    assert await standing(service, "uncoveredRoles") == ["DATA_STEWARD"]
    await service.do("updateStakeholder", ADA, userId=BOB.id, active=True)
    assert await standing(service, "uncoveredRoles") == []
    await service.do("updateStakeholder", ADA, userId=BOB.id, roles=["DEPLOYER"])
    assert await standing(service, "uncoveredRoles") == ["DATA_STEWARD"]


async def test_a_dependency_that_was_retired_shows_in_what_depends_on_it(service: Service) -> None:
    await register(service)
    await register(service, modelId="base")
    base: dict[str, Any] = {"modelId": "base", "version": "1.0.0"}
    await service.do("updateModelVersion", **BOT, dependsOn=[{"relation": "FINE_TUNED_FROM", "on": {"governed": base}}])
    assert await standing(service, "retiredDependencies { modelId version }") == []
    await service.do("retireModelVersion", **base, reason="It was replaced.")
    assert await standing(service, "retiredDependencies { modelId version }") == [base]
    notices = (await read(service, "eligibility { notices }"))["eligibility"]["notices"]
    assert any("base/1.0.0" in each for each in notices)


async def test_what_follows_for_a_version_is_no_change_of_it(service: Service) -> None:
    await register(service)
    before = await ModelVersion.require(*KEY)
    await create(service)
    after = await ModelVersion.require(*KEY)
    assert "POL-005.drill" in (after.standing.violations if after.standing else ())
    assert after.revision == before.revision
    await attach(service, expectedRevision=before.revision)


async def many_drafts(service: Service, number: int = MANY) -> None:
    await register(service)
    first = await ModelVersion.require(*KEY)

    async def more() -> None:
        for each in range(1, number):
            like = first.model_copy(update={"id": None, "version": f"1.0.{each}", "standing": None}, deep=True)
            like.revision, like._was = 0, None
            like.names_event("model_registered")
            await like.store()

    await on_record(service, more)


LISTED = """{ modelVersions(first: 1) { totalCount toBeJudged } dashboard { inventory { toBeJudged {
    count modelVersions(first: 100) { totalCount nodes { version } } } } } }"""


async def to_be_judged(service: Service) -> int:
    """How many versions a list and the dashboard say are still to be judged; both say the same, and the dashboard lists them."""
    found = await service.ask(LISTED)
    figure = found["dashboard"]["inventory"]["toBeJudged"]
    assert figure["count"] == figure["modelVersions"]["totalCount"] == found["modelVersions"]["toBeJudged"]
    return int(figure["count"])


async def test_a_change_that_bears_on_many_marks_them_and_a_turn_judges_them_in_batches(service: Service) -> None:
    await many_drafts(service)
    assert await to_be_judged(service) == 0
    await create(service)
    assert await to_be_judged(service) == MANY
    assert await violating("POL-005.drill") == 0
    judged = []
    while done := await judge_batch(service.now):
        judged.append(done)
        assert await to_be_judged(service) == MANY - sum(judged)
    assert judged == [turns.AT_ONCE] * (MANY // turns.AT_ONCE) + ([MANY % turns.AT_ONCE] if MANY % turns.AT_ONCE else [])
    assert await violating("POL-005.drill") == MANY and await JudgementDue.tally({}) == 0
    assert await misjudged() == []


async def test_a_version_registered_while_others_wait_is_judged_by_what_is_in_force(service: Service) -> None:
    await many_drafts(service)
    await create(service)
    await judge_batch(service.now)
    another = {name: value for name, value in REGISTRATION.items() if name != "name"}
    await service.do("registerModelVersion", **another | {"version": "9.0.0"})
    kept = await ModelVersion.require(KEY[0], "9.0.0")
    assert kept.standing and "POL-005.drill" in kept.standing.violations
    while await judge_batch(service.now):
        pass


@pytest.mark.exhaustive
async def test_several_processes_in_turn_judge_each_mark_once(server: str, service: Service) -> None:
    await many_drafts(service)
    await create(service)
    await service.do("revisePolicy", RITA, policyId=DRILLS["policyId"], name="Harder drills")
    assert await JudgementDue.tally({}) == 2
    clock, every = lambda: service.now, timedelta(seconds=30)
    assert await judge_in_turn(clock, every) == 2 * MANY
    assert await judge_in_turn(clock, every) == 0
    service.later(seconds=31)
    assert await judge_in_turn(clock, every) == 0 and (await JudgementTurn.require("turn")).number == 1
    assert await misjudged() == []


async def aged(service: Service, rules: int) -> None:
    """Lets every stored standing look as if older rules had computed it, and wrongly."""
    wrong = {"$set": {"standing.rules": rules, "standing.violations": []}}
    await service.database.collection("model_versions").update_many({}, wrong)


async def test_what_was_judged_by_older_rules_is_judged_anew(service: Service) -> None:
    await many_drafts(service, 8)
    await aged(service, RULES - 1)
    assert await to_be_judged(service) == 8 and len(await misjudged()) == 8
    assert await judge_in_turn(lambda: service.now, timedelta(seconds=30)) == 8
    assert await to_be_judged(service) == 0 and await misjudged() == []


async def test_whoever_moves_the_turn_far_ahead_keeps_no_wrong_standing(service: Service) -> None:
    async def verified() -> tuple[int, bool]:
        found = (await service.ask("{ auditVerification { faultCount caveats } }", RITA))["auditVerification"]
        return found["faultCount"], "STANDINGS_WAIT" in found["caveats"]

    await register(service)
    assert await verified() == (0, False)
    await aged(service, RULES - 1)
    assert await verified() == (0, True)
    far = {"revision": 1, "name": "turn", "number": 1, "due_at": service.now + timedelta(days=365)}
    await service.database.collection("judgement_turns").insert_one(far)
    assert await judge_in_turn(lambda: service.now, timedelta(seconds=30)) == 1
    assert await misjudged() == [] and await verified() == (0, False)


async def test_a_turn_that_ends_in_the_middle_leaves_the_rest_to_the_next(service: Service) -> None:
    await many_drafts(service, MANY)
    await aged(service, RULES - 1)
    assert await judge_batch(service.now) == turns.AT_ONCE
    assert await to_be_judged(service) == MANY - turns.AT_ONCE
    assert await judge_in_turn(lambda: service.now, timedelta(seconds=30)) == MANY - turns.AT_ONCE
    assert await misjudged() == []


@pytest.mark.exhaustive
async def test_a_worker_that_is_killed_while_it_judges_is_followed_by_one_that_goes_on(tmp_path: Path) -> None:
    # On the embedded database, whose supervisor ends what a killed worker left open: elsewhere it lasts for a minute.
    with Operated(tmp_path, JUDGEMENT_SECONDS=1, ADMIN_TOKEN=ADMIN_TOKEN, SECRET_KEY=SECRET_KEY.text) as running:
        service = Service(str(Engine.running_in(tmp_path)), "magistrate")
        service.now = datetime.now(UTC)
        with service.database.bound():
            await service.enrol(*STAFF)
            await many_drafts(service, 4 * turns.AT_ONCE)
            await aged(service, RULES - 1)
            assert await until(lambda left: left < 4 * turns.AT_ONCE)
            for each in running.workers:
                os.kill(each, signal.SIGKILL)
            left = (await JudgementTurn.require("turn")).due_at - datetime.now(UTC)
            assert LEASE / 2 < left <= LEASE
            over = {"$set": {"due_at": datetime.now(UTC)}}  # as a minute later
            await service.database.collection("judgement_turns").update_one({}, over)
            assert await until(lambda left: left == 0)
            service.now = max(each.standing.as_of for each in await ModelVersion.every({}) if each.standing)
            assert await misjudged() == []
        await service.close()


async def until(holds: Callable[[int], bool]) -> bool:
    """Whether the number of versions that older rules judged becomes so within half a minute."""
    for _ in range(300):
        if holds(await ModelVersion.tally({"standing.rules": {"$lt": RULES}})):
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_standing_is_judged_anew_when_the_moment_comes_that_it_foretells(service: Service) -> None:
    await eligible(service)
    await service.do("attachEvidence", **BOT, **ACCESS_VERIFIED, validUntil=(service.now + timedelta(days=3)).isoformat())
    evidence = (await read(service, "evidence { evidenceId validUntil }"))["evidence"]
    lasting = next(each["evidenceId"] for each in evidence if each["validUntil"] is None)
    await service.do("withdrawEvidence", BOB, **BOT, evidenceId=lasting, reason="It was about another system.")
    changes_at = await standing(service, "changesAt")
    assert changes_at == (service.now + timedelta(days=3)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert await to_be_judged(service) == 0
    service.later(days=3)
    assert await to_be_judged(service) == 1 and await standing(service, "violations") == []
    assert await judge_in_turn(lambda: service.now, timedelta(seconds=30)) == 1
    assert await standing(service, "violations") == [ACCESS_VERIFIED["requirementId"]]
    assert await to_be_judged(service) == 0 and await misjudged() == []


async def test_a_policy_that_comes_into_force_is_judged_by_when_it_does(service: Service) -> None:
    await register(service)
    await create(service, effectiveFrom=(service.now + timedelta(days=1)).isoformat())
    assert "POL-005.drill" not in await standing(service, "violations")
    service.later(days=1)
    assert await judge_in_turn(lambda: service.now, timedelta(seconds=30)) == 1
    assert "POL-005.drill" in await standing(service, "violations")


async def test_nothing_is_due_forever(service: Service) -> None:
    await eligible(service)
    service.later(days=400)
    while await judge_batch(service.now):
        pass
    assert await to_be_judged(service) == 0
    assert await ModelVersion.tally(await still_due(service.now)) == 0


# A check that an upgrade makes stricter


def never(case: CaseFile, requirement: Requirement) -> Met | Unmet:
    return Unmet("the stricter check finds something", None)


LENIENT = CHECKS[RequirementCheck.INTENDED_USE].rule
STRICTER = {**CHECKS, RequirementCheck.INTENDED_USE: Check(never, stricter_since=RULES + 1, before=LENIENT)}
GRACE = timedelta(days=30)


async def judged_after_an_upgrade(service: Service, at: datetime) -> Judgement:
    """The version as a release judges it whose intended-use check is stricter, which first started when it was submitted."""
    version = await ModelVersion.require(*KEY)
    (case,) = await case_files([version], at)
    rules = RulesInForce()
    rules.rise(RULES + 1, service.now, service.now + GRACE)
    return Judgement(replace(case, rules=rules), STRICTER)


async def test_a_stricter_check_is_advisory_for_what_was_submitted_before_until_the_grace_is_over(service: Service) -> None:
    await eligible(service)
    service.later(seconds=1)
    during = await judged_after_an_upgrade(service, service.now)
    assert during.eligibility.eligible
    assert [each.reason for each in during.eligibility.advisories if each.requirement_id == "POL-001.intended-use"] == [
        "the stricter check finds something"
    ]
    (notice,) = (each for each in during.eligibility.notices if "POL-001.intended-use" in each)
    assert f"{service.now + GRACE:%Y-%m-%d}" in notice
    (ends,) = (each.ends for each in during.standing.compliance)
    assert ends and during.standing.changes_at == ends and abs(ends - (service.now + GRACE)) < timedelta(milliseconds=1)
    after = await judged_after_an_upgrade(service, service.now + GRACE)
    assert not after.eligibility.eligible and not after.announced
    assert [each.requirement_id for each in after.violations] == ["POL-001.intended-use"]


async def test_a_stricter_check_binds_drafts_and_what_is_submitted_after_the_upgrade_at_once(service: Service) -> None:
    await register(service)
    found = await judged_after_an_upgrade(service, service.now)
    assert "the stricter check finds something" in {each.reason for each in found.violations} and not found.announced
    await submit(service)
    found = await judged_after_an_upgrade(service, service.now)
    assert "the stricter check finds something" in {each.reason for each in found.violations} and not found.announced


def test_no_server_lowers_the_rules_number() -> None:
    at = datetime.fromisoformat("2026-03-01T00:00:00Z")
    rules = RulesInForce()
    assert rules.rise(5, at, at) and not rules.rise(4, at, at) and not rules.rise(5, at, at)
    assert rules.number == 5 and len(rules.raised) == 1


async def test_the_first_start_records_the_rules_and_a_raise_is_told(service: Service) -> None:
    kept = await RulesInForce.require("rules")
    assert kept.number == RULES
    told = [each for each in await service.trail() if each["resource"]["type"] == "RulesInForce"]
    assert [each["action"] for each in told] == ["firstStart"]


async def standing(service: Service, selected: str) -> Any:
    (found,) = (await read(service, f"standing {{ {selected} }}"))["standing"].values()
    return found


async def violating(requirement_id: str) -> int:
    return await ModelVersion.tally({"standing.violations": requirement_id})
