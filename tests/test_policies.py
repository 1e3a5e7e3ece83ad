"""Policies as people write them: from when on a revision applies, to what, and what stays bound to the one before."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.audit.event import AuditEventType
from documents.policies import (
    Enforcement,
    Policy,
    PolicyContent,
    PolicyRevision,
    PolicyStatus,
    Requirement,
    RequirementCheck,
    from_then_on,
    in_force,
)
from documents.versions.version import ModelVersion
from tests.examples import BOT, DRILL, DRILLS, REGISTRATION, attach, decide, document, on_record, read, register, submit
from tests.service import ALICE, ALL_TIERS, BOB, CAROL, DAVID, NOW, RITA, Person, Service, person
from tests.watching import watching, where

TIER_1, TIER_2, TIER_3, TIER_4 = ALL_TIERS
INSTANT = timedelta(milliseconds=1)
APRIL, MAY, JUNE = (datetime(2026, month, 1, tzinfo=UTC) for month in (4, 5, 6))
POLICY = """policy { revision status content { name enforcement applicableTiers effectiveFrom effectiveUntil }
    inForce { revision says { name } } revisions { revision author { userId } effectiveFrom effectiveUntil } }"""
COLIN = person("colin", GovernanceRole.COMPLIANCE_OFFICER)


def said(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def create(service: Service, by: Person = RITA, **other: Any) -> Any:
    return (await service.do("createPolicy", by, POLICY, **DRILLS | other))["policy"]


async def revise(service: Service, by: Person = RITA, **other: Any) -> Any:
    return (await service.do("revisePolicy", by, POLICY, policyId="POL-005", **other))["policy"]


async def retire(service: Service, by: Person = RITA, **other: Any) -> Any:
    return (await service.do("retirePolicy", by, POLICY, policyId="POL-005", **other))["policy"]


async def draft(service: Service, version: str = "1.1.0") -> None:
    another = {name: value for name, value in REGISTRATION.items() if name != "name"} | {"version": version}
    await service.do("registerModelVersion", **another)


async def asked_of(service: Service, version: str) -> tuple[dict[str, list[str]], list[str]]:
    """The policies behind each required role, and the requirements that are violated."""
    selected = "eligibility { requiredApprovals { role policies } violations { requirementId } }"
    found = (await read(service, selected, version=version))["eligibility"]
    return {each["role"]: each["policies"] for each in found["requiredApprovals"]}, [
        each["requirementId"] for each in found["violations"]
    ]


async def standing(service: Service, version: str) -> tuple[list[str], list[str]]:
    """The required roles and violations as they are stored."""
    stored = (await ModelVersion.require(BOT["modelId"], version)).standing
    assert stored
    return [each.name for each in stored.required_roles], list(stored.violations)


def content(begins: datetime, ends: datetime | None = None, tiers: tuple[Any, ...] = (TIER_2,)) -> PolicyContent:
    proof = Requirement(requirement_id="POL-005.drill", title="A drill was held", check=RequirementCheck.EVIDENCE)
    return PolicyContent(
        name="Drills", description="Somebody has practised.", applicable_tiers=tiers, requirements=(proof,),
        enforcement=Enforcement.BLOCKING, effective_from=begins, effective_until=ends,
    )  # fmt: skip


def revised(*contents: PolicyContent) -> Policy:
    """A policy with these revisions, as if written in this order."""
    revisions = [
        {
            "revision": place, "digest": f"{place:064x}", "author": "rita", "at": NOW, "applicable_tiers": each.applicable_tiers,
            "effective_from": each.effective_from, "effective_until": each.effective_until,
        }
        for place, each in enumerate(contents, 1)
    ]  # fmt: skip
    return Policy(policy_id="POL-005", content=contents[-1], revisions=tuple(map(PolicyRevision.model_validate, revisions)))


def at_work(policy: Policy, at: datetime) -> int | None:
    found = policy.in_force(at)
    return found.revision if found else None


@pytest.mark.parametrize(
    ("contents", "turns"),
    [
        ([content(APRIL)], [(APRIL, 1)]),
        ([content(APRIL, JUNE)], [(APRIL, 1), (JUNE, None)]),
        ([content(APRIL), content(MAY)], [(APRIL, 1), (MAY, 2)]),
        ([content(APRIL), content(MAY, JUNE)], [(APRIL, 1), (MAY, 2), (JUNE, None)]),
        ([content(APRIL, MAY), content(JUNE)], [(APRIL, 1), (MAY, None), (JUNE, 2)]),
        ([content(MAY), content(APRIL)], [(APRIL, 2)]),
        ([content(APRIL), content(APRIL)], [(APRIL, 2)]),
        ([content(APRIL), content(JUNE), content(MAY, MAY)], [(APRIL, 1), (MAY, None)]),
        ([content(APRIL), content(MAY), content(JUNE, JUNE)], [(APRIL, 1), (MAY, 2), (JUNE, None)]),
    ],
    ids=[
        "for good", "for a while", "then another", "then another for a while", "a gap", "replaced before it began",
        "two of one moment", "retired before the next", "retired after the next",
    ],
)  # fmt: skip
def test_one_revision_is_in_force_from_its_first_moment_to_before_the_next(
    contents: list[PolicyContent], turns: list[tuple[datetime, int | None]]
) -> None:
    policy, before = revised(*contents), None
    for moment, after in turns:
        assert (at_work(policy, moment - INSTANT), at_work(policy, moment)) == (before, after)
        before = after
    assert at_work(policy, datetime(2100, 1, 1, tzinfo=UTC)) == before
    moments = [moment for moment, _ in turns]
    assert [*from_then_on([policy], TIER_2, NOW)] == [NOW, *moments] and [*from_then_on([policy], TIER_1, NOW)] == [NOW]
    assert [*from_then_on([policy], TIER_2, moments[0])] == moments
    assert policy.status_at(APRIL - INSTANT) is PolicyStatus.UPCOMING


def test_a_tier_sees_the_revisions_that_are_for_it() -> None:
    policy = revised(content(APRIL, tiers=(TIER_1, TIER_2)), content(MAY, JUNE, tiers=(TIER_2, TIER_3)))
    applied = {
        tier: {at: [each.revision for each in bound] for at, bound in from_then_on([policy], tier, NOW).items()}
        for tier in ALL_TIERS
    }
    assert applied == {
        TIER_1: {NOW: [], APRIL: [1], MAY: []},
        TIER_2: {NOW: [], APRIL: [1], MAY: [2], JUNE: []},
        TIER_3: {NOW: [], MAY: [2], JUNE: []},
        TIER_4: {NOW: []},
    }


async def test_a_policy_applies_at_once_to_drafts_and_to_nothing_that_was_submitted(service: Service) -> None:
    await register(service)
    await submit(service)
    await draft(service)
    before, stored = await asked_of(service, "1.0.0"), await standing(service, "1.1.0")
    created = await create(service)
    now = "2026-03-01T12:00:00.123Z"
    assert created == {
        "revision": 1, "status": "IN_FORCE", "inForce": {"revision": 1, "says": {"name": "Drills"}},
        "content": {
            "name": "Drills", "enforcement": "BLOCKING", "applicableTiers": ["TIER_2_IMPORTANT"], "effectiveFrom": now,
            "effectiveUntil": None,
        },
        "revisions": [{"revision": 1, "author": {"userId": "rita"}, "effectiveFrom": now, "effectiveUntil": None}],
    }  # fmt: skip
    roles, violations = await asked_of(service, "1.1.0")
    assert roles == before[0] | {"ETHICS_REVIEWER": ["POL-002", "POL-005"], "COMPLIANCE_OFFICER": ["POL-005"]}
    assert violations == [*before[1], "POL-005.drill"]
    assert await standing(service, "1.1.0") == ([*stored[0], "COMPLIANCE_OFFICER"], [*stored[1], "POL-005.drill"])
    assert await asked_of(service, "1.0.0") == before
    assert (await standing(service, "1.0.0"))[1] == before[1]


async def test_a_policy_of_later_applies_from_its_first_moment_to_before_its_last(service: Service) -> None:
    await register(service)
    before = await asked_of(service, "1.0.0")
    assert (await create(service, effectiveFrom=said(APRIL), effectiveUntil=said(MAY)))["status"] == "UPCOMING"
    for service.now, applies in [(APRIL - INSTANT, False), (APRIL, True), (MAY - INSTANT, True), (MAY, False)]:
        roles, violations = await asked_of(service, "1.0.0")
        assert ("POL-005.drill" in violations, "COMPLIANCE_OFFICER" in roles) == (applies, applies)
    assert await asked_of(service, "1.0.0") == before
    service.now = APRIL
    await submit(service)
    service.now = MAY
    assert "POL-005.drill" in (await asked_of(service, "1.0.0"))[1]


async def test_a_draft_knows_when_a_policy_of_later_will_break_it_and_when_that_will_end(service: Service) -> None:
    await register(service)
    await document(service)

    async def complies() -> list[tuple[datetime, datetime | None]]:
        stored = (await ModelVersion.require(*BOT.values())).standing
        assert stored
        return [(each.begins, each.ends) for each in stored.compliance]

    now = service.now.replace(microsecond=123_000)
    assert await complies() == [(now, None)]
    await create(service, effectiveFrom=said(APRIL), effectiveUntil=said(MAY))
    assert await complies() == [(now, APRIL), (MAY, None)]
    service.now = APRIL - INSTANT
    await revise(service, description="Everybody has practised.")
    assert await complies() == [(now, APRIL), (MAY, None)]
    service.now = APRIL
    await revise(service, description="Everybody has practised a lot.")
    assert await complies() == [(MAY, None)]
    await retire(service)
    assert await complies() == [(APRIL, None)]


BOUND = "round { policies { policyId revision says { name } newerRevision { revision says { name } } } }"


async def bound(service: Service) -> tuple[int, str, Any]:
    found = (await read(service, BOUND))["round"]["policies"]
    (drills,) = [each for each in found if each["policyId"] == "POL-005"]
    others = [each for each in found if each["policyId"] != "POL-005"]
    assert len(others) == 4 and all(each["newerRevision"] is None for each in others)
    return drills["revision"], drills["says"]["name"], drills["newerRevision"]


async def test_what_was_submitted_keeps_its_revision_and_shows_where_a_newer_one_is_in_force(service: Service) -> None:
    await register(service)
    await create(service)
    await submit(service)
    asked = await asked_of(service, "1.0.0")
    assert await bound(service) == (1, "Drills", None)
    more = DRILL | {"requirementId": "POL-005.report", "title": "A report was written"}
    upcoming = await revise(service, name="Hard drills", requirements=[DRILL, more], effectiveFrom=said(APRIL))
    assert (upcoming["content"]["name"], upcoming["inForce"]["says"]["name"]) == ("Hard drills", "Drills")
    service.now = APRIL - INSTANT
    assert await bound(service) == (1, "Drills", None)
    service.now = APRIL
    assert await bound(service) == (1, "Drills", {"revision": 2, "says": {"name": "Hard drills"}})
    assert await asked_of(service, "1.0.0") == asked
    await decide(service, CAROL, "REJECTED")
    await submit(service)
    assert await bound(service) == (2, "Hard drills", None)
    assert (await asked_of(service, "1.0.0"))[1] == [*asked[1], "POL-005.report"]
    await retire(service)
    assert await bound(service) == (2, "Hard drills", None)
    assert "POL-005.report" in (await asked_of(service, "1.0.0"))[1]


async def test_a_revision_keeps_what_it_does_not_say(service: Service) -> None:
    await create(service, effectiveUntil=said(JUNE))
    service.later(hours=1)
    revision = await revise(service, enforcement="ADVISORY", name=None)
    assert revision["content"] == {
        "name": "Drills", "enforcement": "ADVISORY", "applicableTiers": ["TIER_2_IMPORTANT"],
        "effectiveFrom": "2026-03-01T13:00:00.123Z", "effectiveUntil": said(JUNE),
    }  # fmt: skip
    assert [each["effectiveFrom"] for each in revision["revisions"]] == ["2026-03-01T12:00:00.123Z", "2026-03-01T13:00:00.123Z"]
    forever = await revise(service, effectiveFrom=said(APRIL), effectiveUntil=None)
    assert (forever["content"]["effectiveUntil"], forever["inForce"]["revision"]) == (None, 2)
    corrected = await revise(service, name="Fire drills")
    assert (corrected["content"]["effectiveFrom"], corrected["inForce"]["revision"]) == (said(APRIL), 2)
    service.now = APRIL
    assert (await read_policy(service))["inForce"] == {"revision": 4, "says": {"name": "Fire drills"}}


async def read_policy(service: Service) -> Any:
    return (await service.ask(f'{{ it: policy(policyId: "POL-005") {{ {POLICY[9:-2]} }} }}'))["it"]


async def test_drafts_of_former_tiers_are_judged_anew_and_those_that_are_not_concerned_stay(service: Service) -> None:
    await register(service)
    await register(service, modelId="clerk", tier="TIER_1_CRITICAL")
    await register(service, modelId="idle", tier="TIER_1_CRITICAL")
    await attach(service, modelId="idle")

    async def stored() -> list[tuple[int, bool]]:
        found = [await ModelVersion.require(each, "1.0.0") for each in (BOT["modelId"], "clerk", "idle")]
        return [(each.revision, "POL-005.drill" in each.standing.violations) for each in found if each.standing]

    assert await stored() == [(1, False), (1, False), (2, False)]
    await create(service, requiredRoles=["ETHICS_REVIEWER"])
    assert await stored() == [(1, True), (1, False), (2, False)]  # the standing follows, and is no change of theirs
    await revise(service, applicableTiers=["TIER_1_CRITICAL"])
    assert await stored() == [(1, False), (1, True), (2, True)]
    await revise(service, description="Somebody has practised a lot.")
    assert await stored() == [(1, False), (1, True), (2, True)]
    await service.do("attachEvidence", BOB, **BOT | PROOF | {"modelId": "idle"})
    await retire(service)
    assert await stored() == [(1, False), (1, False), (3, False)]
    told = [each["action"] for each in await service.trail() if each["resource"]["type"] == "ModelVersion"]
    assert told == ["registerModel"] * 3 + ["attachEvidence"] * 2


PROOF = {"requirementId": "POL-005.drill", "title": "The drill of March", "uri": "https://example.org/drills/3"}


async def test_evidence_is_taken_for_what_binds_is_in_force_or_will_be(service: Service) -> None:
    await register(service)
    attaching = ("attachEvidence", BOB)
    assert (await service.refused(*attaching, **BOT | PROOF))["path"] == "input.requirementId"
    await create(service, effectiveFrom=said(APRIL))
    await service.do(*attaching, **BOT | PROOF)
    service.now = APRIL
    assert "POL-005.drill" not in (await asked_of(service, "1.0.0"))[1]
    await draft(service)
    await submit(service)
    report = DRILL | {"requirementId": "POL-005.report", "title": "A report was written"}
    await revise(service, requirements=[report])
    await service.do(*attaching, **BOT | PROOF)
    for proof in (PROOF, PROOF | {"requirementId": "POL-005.tea"}):
        refused = await service.refused(*attaching, **BOT | {"version": "1.1.0"} | proof)
        assert refused["path"] == "input.requirementId" and "POL-005.report" in refused["problem"]
    assert "POL-005.report" in (await asked_of(service, "1.1.0"))[1]
    await service.do(*attaching, **BOT | {"version": "1.1.0"} | PROOF | {"requirementId": "POL-005.report"})
    assert "POL-005.report" not in (await asked_of(service, "1.1.0"))[1]
    await retire(service)
    refused = await service.refused(*attaching, **BOT | {"version": "1.1.0"} | PROOF | {"requirementId": "POL-005.report"})
    assert refused["path"] == "input.requirementId"


async def test_an_advisory_policy_is_reported_and_stops_nothing(service: Service) -> None:
    await register(service)
    before = await asked_of(service, "1.0.0")
    await create(service, enforcement="ADVISORY")
    assert await asked_of(service, "1.0.0") == before
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    selected = "eligibility { status violations { policyId } advisories { requirementId } }"
    found = (await read(service, selected))["eligibility"]
    assert found["status"] == "APPROVED" and "POL-005" not in {each["policyId"] for each in found["violations"]}
    assert {"requirementId": "POL-005.drill"} in found["advisories"]


async def test_everybody_whom_a_new_policy_requires_must_approve(service: Service) -> None:
    await service.enrol(COLIN)
    await create(service, by=COLIN)
    await register(service)
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    assert (await read(service, "status"))["status"] == "PENDING_APPROVAL"
    await decide(service, COLIN)
    assert (await read(service, "status"))["status"] == "APPROVED"


async def test_a_policy_ends_by_being_retired_and_can_be_read_ever_after(service: Service) -> None:
    await register(service)
    await create(service)
    asked = await asked_of(service, "1.0.0")
    scheduled = await retire(service, effectiveFrom=said(MAY))
    assert (scheduled["status"], scheduled["inForce"]["revision"]) == ("IN_FORCE", 1)
    refused = await service.refused("retirePolicy", RITA, policyId="POL-005", effectiveFrom=said(JUNE))
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "RETIRED", ["UPCOMING", "IN_FORCE"])
    await retire(service, effectiveFrom=said(APRIL))
    service.now = APRIL - INSTANT
    assert await asked_of(service, "1.0.0") == asked
    service.now = APRIL
    assert "POL-005.drill" not in (await asked_of(service, "1.0.0"))[1]
    assert (await service.refused("retirePolicy", RITA, policyId="POL-005"))["code"] == "INVALID_STATE"
    kept = await read_policy(service)
    assert (kept["status"], kept["inForce"], kept["content"]["name"]) == ("RETIRED", None, "Drills")
    assert (kept["content"]["effectiveFrom"], kept["content"]["effectiveUntil"]) == (said(APRIL), said(APRIL))
    assert (await service.refused("revisePolicy", RITA, policyId="POL-005", name="Again"))["path"] == "input.effectiveUntil"
    assert (await revise(service, effectiveUntil=None))["status"] == "IN_FORCE"
    assert "POL-005.drill" in (await standing(service, "1.0.0"))[1]


async def test_a_policy_that_was_to_come_can_be_retired_before(service: Service) -> None:
    await create(service, effectiveFrom=said(APRIL))
    assert (await retire(service))["status"] == "RETIRED"
    service.now = APRIL
    assert (await read_policy(service))["status"] == "RETIRED"


CREATE, REVISE, RETIRE = "createPolicy", "revisePolicy", "retirePolicy"
PAST = said(NOW - 2 * INSTANT)
INVALID: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "no tier": (CREATE, {"applicableTiers": []}, "input.applicableTiers"),
    "a tier twice": (CREATE, {"applicableTiers": ["TIER_2_IMPORTANT"] * 2}, "input.applicableTiers"),
    "a role twice": (CREATE, {"requiredRoles": ["DEPLOYER", "DEPLOYER"]}, "input.requiredRoles"),
    "a requirement twice": (CREATE, {"requirements": [DRILL, DRILL]}, "input.requirements"),
    "a requirement of another policy": (
        CREATE, {"requirements": [DRILL, DRILL | {"requirementId": "POL-006.drill"}]}, "input.requirements.1.requirementId",
    ),
    "a requirement without a name": (
        CREATE, {"requirements": [DRILL | {"requirementId": "POL-005."}]}, "input.requirements.0.requirementId",
    ),
    "a requirement of a policy within the policy": (
        CREATE, {"requirements": [DRILL | {"requirementId": "POL-005.a.b"}]}, "input.requirements.0.requirementId",
    ),
    "a requirement that is the policy": (
        CREATE, {"requirements": [DRILL | {"requirementId": "POL-005"}]}, "input.requirements.0.requirementId",
    ),
    "a requirement without a title": (CREATE, {"requirements": [DRILL | {"title": " "}]}, "input.requirements.0.title"),
    "an unknown check": (CREATE, {"requirements": [DRILL | {"check": "TEA"}]}, "input.requirements.0.check"),
    "201 requirements": (
        CREATE, {"requirements": [DRILL | {"requirementId": f"POL-005.r{each}"} for each in range(201)]}, "input.requirements",
    ),
    "nothing that it asks": (CREATE, {"requirements": [], "requiredRoles": []}, "input.requirements"),
    "a beginning in the past": (CREATE, {"effectiveFrom": PAST}, "input.effectiveFrom"),
    "an end at its beginning": (
        CREATE, {"effectiveFrom": said(APRIL), "effectiveUntil": said(APRIL)}, "input.effectiveUntil",
    ),
    "an end before now": (CREATE, {"effectiveUntil": PAST}, "input.effectiveUntil"),
    "no name": (CREATE, {"name": ""}, "input.name"),
    "a revision of nothing": (REVISE, {}, "input"),
    "a revision that says the same": (REVISE, {"name": "Drills", "requirements": [DRILL]}, "input"),
    "a revision for no tier": (REVISE, {"applicableTiers": []}, "input.applicableTiers"),
    "a revision that asks nothing": (REVISE, {"requirements": [], "requiredRoles": []}, "input.requirements"),
    "a revision of another policy's requirements": (
        REVISE, {"requirements": [DRILL | {"requirementId": "POL-001.drill"}]}, "input.requirements.0.requirementId",
    ),
    "a revision of the past": (REVISE, {"effectiveFrom": PAST}, "input.effectiveFrom"),
    "a revision that ends as it begins": (
        REVISE, {"effectiveFrom": said(MAY), "effectiveUntil": said(MAY)}, "input.effectiveUntil",
    ),
    "a retirement in the past": (RETIRE, {"effectiveFrom": PAST}, "input.effectiveFrom"),
}  # fmt: skip


@pytest.fixture(scope="module")
async def drilled(server: str) -> AsyncIterator[Service]:
    """A draft under a policy of its own."""
    service = await Service.started(server)
    await register(service)
    await create(service)
    yield service
    await service.close()


@pytest.mark.parametrize(("mutation", "other", "path"), INVALID.values(), ids=INVALID)
async def test_bad_input_is_refused_with_its_path(
    drilled: Service, mutation: str, other: dict[str, Any], path: str | None
) -> None:
    before = await drilled.state()
    given = DRILLS | other if mutation == CREATE else {"policyId": "POL-005"} | other
    refused = await drilled.refused(mutation, RITA, **given)
    assert (refused["code"], refused.get("path")) == ("INVALID_INPUT", path)
    assert await drilled.state() == before


@pytest.mark.parametrize(
    ("mutation", "given", "code"),
    [
        (CREATE, DRILLS, "CONFLICT"),
        (CREATE, DRILLS | {"policyId": "POL-001", "requirements": []}, "CONFLICT"),
        (REVISE, {"policyId": "POL-009", "name": "Tea"}, "NOT_FOUND"),
        (RETIRE, {"policyId": "POL-009"}, "NOT_FOUND"),
        (REVISE, {"policyId": "POL-005", "name": "Tea", "expectedRevision": 2}, "CONFLICT"),
        (RETIRE, {"policyId": "POL-005", "expectedRevision": 0}, "CONFLICT"),
    ],
)
async def test_what_cannot_be_done_changes_nothing(drilled: Service, mutation: str, given: dict[str, Any], code: str) -> None:
    before = await drilled.state()
    assert (await drilled.refused(mutation, RITA, **given))["code"] == code
    assert await drilled.state() == before


@pytest.mark.parametrize("who", [ALICE, BOB, CAROL, DAVID])
async def test_policies_are_written_by_compliance_and_risk_alone(drilled: Service, who: Person) -> None:
    for mutation, given in [(CREATE, DRILLS | {"policyId": "POL-006"}), (REVISE, {"name": "Tea"}), (RETIRE, {})]:
        refused = await drilled.refused(mutation, who, **{"policyId": "POL-005"} | given)
        assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["COMPLIANCE_OFFICER", "RISK_MANAGER"])


async def test_a_policy_is_revised_at_the_revision_that_was_read(service: Service) -> None:
    assert (await create(service))["revision"] == 1
    assert (await revise(service, name="Hard drills", expectedRevision=1))["revision"] == 2
    assert (await service.refused(REVISE, RITA, policyId="POL-005", name="No drills", expectedRevision=1))["code"] == "CONFLICT"
    assert (await retire(service, expectedRevision=2))["revision"] == 3


async def test_the_trail_tells_of_policies_by_digest(service: Service) -> None:
    await create(service)
    await revise(service, description="Somebody has practised, and it hurt.")
    created, revised = [each for each in await service.trail() if each["resource"]["id"] == "POL-005"]
    assert (created["event_type"], created["action"], created["actor"]["id"]) == ("policy_changed", "createPolicy", "rita")
    assert "practised" not in created["canonical"].decode() + revised["canonical"].decode()
    first, second = (await service.ask('{ policy(policyId: "POL-005") { revisions { digest content { canonical } } } }'))[
        "policy"
    ]["revisions"]
    change = {"path": "content", "from": {"content": first["digest"]}, "to": {"content": second["digest"]}}
    assert change in revised["details"]["changes"]
    assert "hurt" in second["content"]["canonical"] and "hurt" not in first["content"]["canonical"]


async def test_a_policy_reaches_the_versions_that_are_bound_to_it(service: Service) -> None:
    for number in range(5):
        await register(service, modelId=f"bot-{number}")
        await submit(service, modelId=f"bot-{number}")
    await create(service)
    await register(service)
    await submit(service)
    await draft(service)
    query = """query($after: String, $filter: ModelVersionFilter) { policies(first: 10) { nodes { policyId
        versions(first: 4, after: $after, filter: $filter) {
            totalCount nodes { modelId round { number policies { policyId } } } pageInfo { hasNextPage endCursor } } } } }"""

    async def reached(**said: Any) -> dict[str, Any]:
        return {each["policyId"]: each["versions"] for each in (await service.ask(query, **said))["policies"]["nodes"]}

    first = await reached()
    assert {name: each["totalCount"] for name, each in first.items()} == {"POL-005": 1} | dict.fromkeys(
        ["POL-001", "POL-002", "POL-003", "POL-004"], 6
    )
    assert [each["modelId"] for each in first["POL-005"]["nodes"]] == [BOT["modelId"]]
    assert [each["modelId"] for each in first["POL-001"]["nodes"]] == [f"bot-{each}" for each in range(4)]
    assert len(first["POL-001"]["nodes"][0]["round"]["policies"]) == 4 and first["POL-001"]["pageInfo"]["hasNextPage"]
    rest = (await reached(after=first["POL-001"]["pageInfo"]["endCursor"]))["POL-002"]
    assert [each["modelId"] for each in rest["nodes"]] == ["bot-4", BOT["modelId"]] and not rest["pageInfo"]["hasNextPage"]
    some = await reached(filter={"modelId": {"eq": "bot-2"}})
    assert [each["totalCount"] for each in some.values()] == [1, 1, 1, 1, 0]


QUESTION = """{ policies(first: 100) { nodes {
    policyId status inForce { says { name } } revisions { author { name } content { canonical } }
    versions(first: 1) { totalCount nodes { version } } } }
  modelVersions(first: 100) { nodes {
    round { policies { policy { status } says { name } newerRevision { says { name } } } }
    requiredApprovals { role policies candidates { name } } eligibility { eligible violations { reason } } } } }"""


async def test_policies_and_versions_in_any_number_are_asked_about_in_as_many_commands(server: str, service: Service) -> None:
    await register(service)
    await submit(service)
    await create(service)
    await revise(service, name="Hard drills", effectiveFrom=said(APRIL))
    await register(service, modelId="bot-0")
    await submit(service, modelId="bot-0")
    await draft(service)
    async for watched in watching(server, service):
        few, commands = await watched.costs(QUESTION)
        assert [len(few[each]["nodes"]) for each in ("policies", "modelVersions")] == [5, 3]
        await multiply(service)
        many, more = await watched.costs(QUESTION)
        assert [len(many[each]["nodes"]) for each in ("policies", "modelVersions")] == [65, 66]
        # What two parts ask for at once is read once, and whether they do is a matter of moments.
        assert set(where(more)) == set(where(commands)) and max(len(commands), len(more)) <= 17
        assert all(len(each["versions"]["nodes"]) == 1 for each in many["policies"]["nodes"])


async def multiply(service: Service) -> None:
    """Sixty more policies, each with a revision to come, and as many more versions, each bound to one of them."""
    first = await ModelVersion.require("bot-0", "1.0.0")

    async def more() -> None:
        for number in range(6, 66):
            policy_id = f"POL-{number:03}"
            asked = (Requirement(requirement_id=f"{policy_id}.drill", title="A drill", check=RequirementCheck.EVIDENCE),)
            says = content(service.now, tiers=(TIER_3,)).model_copy(update={"requirements": asked})
            policy = Policy.written(policy_id, says, RITA.id, service.now)
            policy.revise({"name": "Harder drills", "effective_from": APRIL}, RITA.id, service.now)
            await policy.store()
        policies = await Policy.every({})
        for number, bound in enumerate(in_force(policies, TIER_3, service.now), 1):
            like = first.model_copy(update={"id": None, "version": f"1.0.{number}"}, deep=True)
            like.revision, like._was = 0, None
            like.names_event(AuditEventType.MODEL_REGISTERED)
            assert like.round
            like.round = like.round.model_copy(update={"policies": (bound,)})
            await like.store()

    await on_record(service, more)
