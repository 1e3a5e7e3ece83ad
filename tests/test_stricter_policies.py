"""A policy reaches what was approved before: announced by notices, prepared by a next round, binding from a given moment."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.eligibility.turns import judge_in_turn
from tests.examples import ACCESS_VERIFIED, BOT, DRILLS, attach, decide, document, eligible, read, register, submit
from tests.service import ALICE, CAROL, DAVID, RITA, Person, Service, person
from tests.standings import misjudged, misread

COLIN, NORA = person("colin", GovernanceRole.COMPLIANCE_OFFICER), person("nora", GovernanceRole.ETHICS_REVIEWER)
DAY = timedelta(days=1)
WAITS: dict[str, Any] = {"role": "COMPLIANCE_OFFICER", "status": "PENDING"}
ROUND = "round { number submittedBy decisions { role reviewerId } } previousRound { number } closedRounds { number }"
SHOWN = """status eligibility { eligible notices violations { requirementId } missingApprovals { role status }
    nextRound { number submitter { userId } requiredApprovals { role status } missingApprovals { role status } }
    upcomingPolicies { policyId revision bindsFrom missingRoles remedy { mutation }
        violations { requirementId remedy { mutation } } } }"""


def said(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def announce(service: Service, after: timedelta = 30 * DAY, **other: Any) -> datetime:
    """Writes a policy that asks for a drill and an approval by compliance; answers the moment from which it binds."""
    begins = (service.now + after).replace(microsecond=0)
    asks = {"requiredRoles": ["COMPLIANCE_OFFICER"], "bindsApprovedFrom": said(begins)}
    await service.do("createPolicy", RITA, **DRILLS | asks | other)
    return begins


async def ask_more_of_security(service: Service, after: timedelta | None = 30 * DAY) -> datetime:
    """Revises the security policy, which then asks for a penetration test; answers the moment from which that binds.

    It binds new submissions only if `after` is None.
    """
    asked = await service.ask('{ policy(policyId: "POL-003") { content { requirements { requirementId title check } } } }')
    more = {"requirementId": "POL-003.pentest", "title": "Somebody attacked it", "check": "EVIDENCE"}
    begins = (service.now + (after or DAY)).replace(microsecond=0)
    await service.do(
        "revisePolicy", RITA, policyId="POL-003", requirements=[*asked["policy"]["content"]["requirements"], more],
        **{"bindsApprovedFrom": said(begins)} if after else {},
    )  # fmt: skip
    return begins


async def shown(service: Service) -> Any:
    """What the version says of itself, while every stored standing agrees with the rule."""
    await judge_in_turn(lambda: service.now, timedelta(0))
    assert await misjudged() == [] and await misread(service.now) == []
    found = await read(service, SHOWN)
    return found["eligibility"] | {"status": found["status"]}


async def stored(service: Service) -> dict[str, Any]:
    """All records but the tokens, whose first use in an hour is noted."""
    return {name: kept for name, kept in (await service.state()).items() if name != "ApiToken"}


async def rounds(service: Service) -> Any:
    found = await read(service, ROUND)
    previous = found["previousRound"] and found["previousRound"]["number"]
    kept = [each["role"] for each in found["round"]["decisions"]]
    return found["round"]["number"], previous, [each["number"] for each in found["closedRounds"]], kept


@pytest.fixture
async def runs(service: Service) -> Service:
    """A service with an eligible version, and a compliance officer."""
    await eligible(service)
    await service.enrol(COLIN, NORA)
    return service


async def test_a_policy_without_a_moment_binds_new_submissions_only(runs: Service) -> None:
    await runs.do("createPolicy", RITA, **DRILLS)
    before = await shown(runs)
    assert before["eligible"] and before["upcomingPolicies"] == [] and before["notices"] == []
    runs.later(days=400)
    assert (await shown(runs))["violations"] == []


async def test_before_it_binds_a_notice_says_when_and_what_would_mend_it(runs: Service) -> None:
    begins = await announce(runs)
    found = await shown(runs)
    assert found["eligible"] and found["violations"] == [] and found["missingApprovals"] == []
    assert found["upcomingPolicies"] == [
        {
            "policyId": "POL-005", "revision": 1, "bindsFrom": said(begins), "missingRoles": ["COMPLIANCE_OFFICER"],
            "remedy": {"mutation": "submitForApproval"},
            "violations": [{"requirementId": "POL-005.drill", "remedy": {"mutation": "attachEvidence"}}],
        }
    ]  # fmt: skip
    (notice,) = found["notices"]
    for told in ("POL-005", f"{begins:%Y-%m-%d}", "POL-005.drill", "attachEvidence", "COMPLIANCE_OFFICER", "submitForApproval"):
        assert told in notice


async def test_from_its_moment_on_it_binds_what_was_approved(runs: Service) -> None:
    begins = await announce(runs)
    runs.now = begins - timedelta(milliseconds=1)
    assert (await shown(runs))["eligible"]
    runs.now = begins
    found = await shown(runs)
    assert (found["eligible"], found["status"]) == (False, "PENDING_APPROVAL")
    assert [each["requirementId"] for each in found["violations"]] == ["POL-005.drill"]
    assert found["missingApprovals"] == [WAITS] and found["upcomingPolicies"] == [] and found["notices"] == []
    await attach(runs, requirementId="POL-005.drill")
    await decide(runs, COLIN)
    found = await shown(runs)
    assert (found["eligible"], found["status"]) == (True, "APPROVED")
    assert await rounds(runs) == (1, None, [], ["ETHICS_REVIEWER", "SECURITY_REVIEWER", "MODEL_OWNER", "COMPLIANCE_OFFICER"])


async def test_lists_know_the_moment_before_a_server_judges_anew_and_after(runs: Service) -> None:
    async def counted() -> tuple[int, int]:
        query = "query($filter: ModelVersionFilter) { modelVersions(first: 1, filter: $filter) { totalCount } }"
        wanted: list[dict[str, Any]] = [{"eligible": True}, {"status": {"eq": "PENDING_APPROVAL"}}]
        eligible, pending = [(await runs.ask(query, filter=each))["modelVersions"]["totalCount"] for each in wanted]
        return eligible, pending

    begins = await announce(runs)
    assert await counted() == (1, 0)
    runs.now = begins
    assert await counted() == (0, 1)
    assert await judge_in_turn(lambda: runs.now, timedelta(seconds=1)) == 1
    assert await counted() == (0, 1)
    found = await runs.ask("{ modelVersions(first: 1, filter: {missingApproval: {eq: COMPLIANCE_OFFICER}}) { totalCount } }")
    assert found["modelVersions"]["totalCount"] == 1


async def test_the_next_round_keeps_what_still_answers_and_the_old_one_counts_until_it_is_complete(runs: Service) -> None:
    await announce(runs)
    await attach(runs, requirementId="POL-005.drill")
    await submit(runs)
    assert await rounds(runs) == (2, 1, [], ["ETHICS_REVIEWER", "SECURITY_REVIEWER", "MODEL_OWNER"])
    found = await shown(runs)
    assert (found["eligible"], found["status"], found["missingApprovals"]) == (True, "APPROVED", [])
    assert (found["nextRound"]["number"], found["nextRound"]["submitter"]["userId"]) == (2, "alice")
    assert found["nextRound"]["missingApprovals"] == [WAITS] and len(found["nextRound"]["requiredApprovals"]) == 4
    assert [each["remedy"] for each in found["upcomingPolicies"]] == [{"mutation": "submitApproval"}]
    await decide(runs, COLIN)
    assert await rounds(runs) == (2, None, [1], ["ETHICS_REVIEWER", "SECURITY_REVIEWER", "MODEL_OWNER", "COMPLIANCE_OFFICER"])
    found = await shown(runs)
    assert found["eligible"] and found["nextRound"] is None and found["upcomingPolicies"] == []
    runs.later(days=31)
    assert (await shown(runs))["eligible"]


async def test_the_next_round_waits_as_a_task_for_whoever_can_decide_in_it(runs: Service) -> None:
    async def tasks(who: Person) -> list[str]:
        found = await runs.ask("{ viewer { stakeholder { tasks(first: 9) { items { kind role } } } } }", who)
        return [f"{each['kind']} {each['role']}" for each in found["viewer"]["stakeholder"]["tasks"]["items"]]

    await announce(runs)
    assert await tasks(COLIN) == []
    await submit(runs)
    assert await tasks(COLIN) == ["APPROVE COMPLIANCE_OFFICER"] and await tasks(CAROL) == []
    await decide(runs, COLIN)
    assert await tasks(COLIN) == []


async def test_the_moment_ends_the_old_round_though_the_next_is_open(runs: Service) -> None:
    begins = await announce(runs)
    await submit(runs)
    runs.now = begins
    found = await shown(runs)
    assert (found["eligible"], found["status"], found["nextRound"]) == (False, "PENDING_APPROVAL", None)
    assert found["missingApprovals"] == [WAITS]
    await attach(runs, requirementId="POL-005.drill")
    assert await rounds(runs) == (2, None, [1], ["ETHICS_REVIEWER", "SECURITY_REVIEWER", "MODEL_OWNER"])
    await decide(runs, COLIN)
    assert (await shown(runs))["eligible"]


async def test_a_role_of_which_more_is_asked_decides_again(runs: Service) -> None:
    begins = await ask_more_of_security(runs)
    (upcoming,) = (await shown(runs))["upcomingPolicies"]
    assert (upcoming["revision"], upcoming["missingRoles"]) == (2, ["SECURITY_REVIEWER"])
    await submit(runs)
    assert await rounds(runs) == (2, 1, [], ["ETHICS_REVIEWER", "MODEL_OWNER"])
    runs.now = begins
    approvals = (await read(runs, "approvals { role status staleParts }"))["approvals"]
    assert [each["role"] for each in approvals] == ["ETHICS_REVIEWER", "MODEL_OWNER"]
    await attach(runs, requirementId="POL-003.pentest")
    await decide(runs, DAVID)
    assert (await shown(runs))["eligible"]


async def test_without_a_next_round_the_decision_of_a_role_of_which_more_is_asked_goes_stale(runs: Service) -> None:
    begins = await ask_more_of_security(runs)
    await attach(runs, requirementId="POL-003.pentest")
    assert (await shown(runs))["eligible"]
    runs.now = begins
    found = await shown(runs)
    assert found["missingApprovals"] == [{"role": "SECURITY_REVIEWER", "status": "STALE"}] and found["violations"] == []
    approvals = (await read(runs, "approvals { role status staleParts }"))["approvals"]
    assert {each["role"]: (each["status"], each["staleParts"]) for each in approvals} == {
        "ETHICS_REVIEWER": ("APPROVED", []), "SECURITY_REVIEWER": ("STALE", ["POLICIES"]), "MODEL_OWNER": ("APPROVED", []),
    }  # fmt: skip
    await decide(runs, DAVID)
    assert (await shown(runs))["eligible"]


async def test_a_revision_that_asks_nothing_more_of_anybody_leaves_every_decision(runs: Service) -> None:
    begins = (runs.now + DAY).replace(microsecond=0)
    await runs.do("revisePolicy", RITA, policyId="POL-003", description="As before.", bindsApprovedFrom=said(begins))
    assert (await shown(runs))["upcomingPolicies"] == []
    runs.now = begins
    assert (await shown(runs))["eligible"]


async def test_a_policy_that_no_longer_names_the_tier_lets_go_of_what_was_approved(runs: Service) -> None:
    begins = await announce(runs)
    runs.now = begins + DAY
    assert not (await shown(runs))["eligible"]
    let_go = (runs.now + DAY).replace(microsecond=0)
    await runs.do("revisePolicy", RITA, policyId="POL-005", applicableTiers=["TIER_1_CRITICAL"], bindsApprovedFrom=said(let_go))
    assert not (await shown(runs))["eligible"]
    runs.now = let_go
    assert (await shown(runs))["eligible"]


@pytest.mark.parametrize("how", ["retired", "revised", "taken back"])
async def test_an_announcement_that_is_taken_back_before_its_moment_binds_nothing(runs: Service, how: str) -> None:
    begins = await announce(runs)
    if how == "retired":
        await runs.do("retirePolicy", RITA, policyId="POL-005")
    elif how == "taken back":
        await runs.do("revisePolicy", RITA, policyId="POL-005", bindsApprovedFrom=None)
    else:
        await runs.do("revisePolicy", RITA, policyId="POL-005", name="Drills for the next")
    assert (await shown(runs))["upcomingPolicies"] == []
    runs.now = begins
    assert (await shown(runs))["eligible"]


async def test_what_it_bound_stays_bound_when_it_is_retired(runs: Service) -> None:
    runs.now = await announce(runs) + timedelta(milliseconds=1)
    await runs.do("retirePolicy", RITA, policyId="POL-005")
    assert [each["requirementId"] for each in (await shown(runs))["violations"]] == ["POL-005.drill"]


async def test_a_rejection_in_the_next_round_rejects_the_version_at_once(runs: Service) -> None:
    await announce(runs)
    await submit(runs)
    await decide(runs, COLIN, "REJECTED")
    assert ((await shown(runs))["status"], await rounds(runs)) == (
        "REJECTED", (2, None, [1], ["ETHICS_REVIEWER", "SECURITY_REVIEWER", "MODEL_OWNER", "COMPLIANCE_OFFICER"]),
    )  # fmt: skip
    await submit(runs)
    assert (await rounds(runs))[:3] == (3, None, [1, 2])


async def test_a_kept_decision_that_is_withdrawn_counts_in_neither_round(runs: Service) -> None:
    await announce(runs)
    await submit(runs)
    await runs.do("withdrawApproval", CAROL, **BOT, reason="A complaint came in.")
    found = await shown(runs)
    assert (found["eligible"], found["status"], found["nextRound"]) == (False, "PENDING_APPROVAL", None)
    assert {each["role"] for each in found["missingApprovals"]} == {"ETHICS_REVIEWER", "COMPLIANCE_OFFICER"}
    assert (await rounds(runs))[:3] == (2, None, [1])


async def test_a_change_of_the_card_makes_both_rounds_stale(runs: Service) -> None:
    await announce(runs)
    await submit(runs)
    await attach(runs)
    assert (await shown(runs))["eligible"]
    await document(runs)
    found = await shown(runs)
    assert (found["eligible"], found["nextRound"], (await rounds(runs))[:3]) == (False, None, (2, None, [1]))


async def test_a_second_next_round_is_refused_by_the_number_of_the_open_one(runs: Service) -> None:
    await announce(runs)
    await submit(runs)
    refused = await runs.refused("submitForApproval", **BOT)
    assert refused["code"] == "INVALID_STATE" and "round 2 is open" in refused["problem"]
    await decide(runs, COLIN)
    await submit(runs)
    assert (await rounds(runs))[:3] == (3, None, [1, 2])


async def test_a_condition_of_the_old_round_can_be_met_while_the_next_is_open(service: Service) -> None:
    await service.enrol(COLIN, NORA)
    await register(service)
    await document(service)
    await submit(service)
    await decide(service, CAROL)
    await decide(service, ALICE)
    await decide(service, DAVID, conditions=["Attack it every month."])
    await announce(service)
    await submit(service)
    condition = (await read(service, "approvals { conditions { conditionId } }"))["approvals"][2]["conditions"][0]["conditionId"]
    await service.do("satisfyCondition", ALICE, **BOT, conditionId=condition, note="Done in March.")
    await service.do("confirmCondition", DAVID, **BOT, conditionId=condition)
    previous = (await read(service, "previousRound { decisions { conditions { status } } }"))["previousRound"]
    assert [each["status"] for decision in previous["decisions"] for each in decision["conditions"]] == ["CONFIRMED"]


async def test_whoever_submits_the_next_round_loses_a_decision_that_was_not_the_owners(service: Service) -> None:
    both = person("both", GovernanceRole.MODEL_OWNER, GovernanceRole.ETHICS_REVIEWER)
    await service.enrol(COLIN, both)
    await register(service)
    await document(service)
    await submit(service)
    await decide(service, both, role="ETHICS_REVIEWER")
    await decide(service, DAVID)
    await decide(service, ALICE)
    await announce(service)
    await service.do("assignAccountability", ALICE, **BOT, role="MODEL_OWNER", userId=both.id)
    await submit(service, both)
    assert (await rounds(service))[3] == ["SECURITY_REVIEWER", "MODEL_OWNER"]


async def test_a_requirement_that_is_announced_can_be_waived_before_it_binds(runs: Service) -> None:
    begins = await announce(runs, requiredRoles=[])
    await runs.do(
        "grantWaiver", COLIN, **BOT, requirementId="POL-005.drill", rationale="The drill is planned.",
        expiresAt=said(begins + 30 * DAY),
    )  # fmt: skip
    assert (await shown(runs))["upcomingPolicies"] == []
    runs.now = begins
    assert (await shown(runs))["eligible"]


async def test_a_dry_run_answers_what_would_stop_and_changes_nothing(runs: Service) -> None:
    await register(runs, modelId="idle", name="Idle")
    before, begins = await stored(runs), (runs.now + DAY).replace(microsecond=0)
    effect = """policy { policyId } effect { bindsFrom judged stops
        stopped { modelVersion { modelId } violations { requirementId } missingRoles } }"""
    events = await runs.size()
    tried = await runs.do("createPolicy", RITA, effect, **DRILLS, bindsApprovedFrom=said(begins), dryRun=True)
    assert tried == {
        "policy": None, "receipt": None,
        "effect": {
            "bindsFrom": said(begins), "judged": 1, "stops": 1,
            "stopped": [
                {
                    "modelVersion": {"modelId": BOT["modelId"]}, "violations": [{"requirementId": "POL-005.drill"}],
                    "missingRoles": ["ETHICS_REVIEWER", "COMPLIANCE_OFFICER"],
                }
            ],
        },
    }  # fmt: skip
    assert (await stored(runs), await runs.size()) == (before, events)
    new_only = await runs.do("createPolicy", RITA, effect, **DRILLS, dryRun=True)
    assert new_only["effect"] == {"bindsFrom": None, "judged": 0, "stops": 0, "stopped": []}
    await announce(runs)
    before, events = await stored(runs), await runs.size()
    ended = await runs.do(
        "revisePolicy", RITA, "effect { endsAnnouncement }", policyId="POL-005", description="A typo is gone.", dryRun=True
    )
    assert ended["effect"] == {"endsAnnouncement": said((runs.now + 30 * DAY).replace(microsecond=0))}
    revised = await runs.do(
        "revisePolicy", RITA, effect, policyId="POL-003", requiredRoles=["COMPLIANCE_OFFICER"], bindsApprovedFrom=said(begins),
        dryRun=True,
    )  # fmt: skip
    assert [each["missingRoles"] for each in revised["effect"]["stopped"]] == [["COMPLIANCE_OFFICER"]]
    assert (await stored(runs), await runs.size()) == (before, events)


async def test_a_dry_run_is_refused_as_the_mutation_would_be(runs: Service) -> None:
    begins = said(runs.now + DAY)
    tried: list[tuple[Person, dict[str, Any], str]] = [
        (ALICE, {}, "FORBIDDEN"), (RITA, {"policyId": "POL-001", "requirements": []}, "CONFLICT"),
        (RITA, {"bindsApprovedFrom": said(runs.now - DAY)}, "INVALID_INPUT"), (RITA, {"applicableTiers": []}, "INVALID_INPUT"),
    ]  # fmt: skip
    for by, given, code in tried:
        before = await stored(runs)
        refused = await runs.refused("createPolicy", by, **DRILLS | {"bindsApprovedFrom": begins, "dryRun": True} | given)
        assert (refused["code"], await stored(runs)) == (code, before)


@pytest.mark.parametrize(
    "given",
    [
        {"bindsApprovedFrom": "2026-02-01T00:00:00Z"},
        {"bindsApprovedFrom": "2026-04-01T00:00:00Z", "effectiveFrom": "2026-05-01T00:00:00Z"},
        {"bindsApprovedFrom": "2026-06-01T00:00:00Z", "effectiveUntil": "2026-06-01T00:00:00Z"},
    ],
    ids=["past", "before it is in force", "after it ended"],
)
async def test_a_moment_at_which_it_is_not_in_force_is_refused(service: Service, given: dict[str, Any]) -> None:
    refused = await service.refused("createPolicy", RITA, **DRILLS | given)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.bindsApprovedFrom")


async def test_an_idempotent_creation_answers_with_its_policy_again(service: Service) -> None:
    query = "mutation($input: CreatePolicyInput!) { createPolicy(input: $input) { policy { policyId } receipt { seq } } }"
    headers = {"authorization": f"Bearer {RITA.token}", "idempotency-key": "once"}
    sent = {"query": query, "variables": {"input": DRILLS}}
    first, again = [(await service.http.post("/graphql", json=sent, headers=headers)).json() for _ in range(2)]
    assert first == again and first["data"]["createPolicy"]["policy"] == {"policyId": "POL-005"}


async def test_an_approved_version_of_which_nothing_new_is_asked_can_be_submitted_again(runs: Service) -> None:
    await submit(runs)
    assert await rounds(runs) == (2, None, [1], ["ETHICS_REVIEWER", "SECURITY_REVIEWER", "MODEL_OWNER"])
    assert (await shown(runs))["eligible"]
    assert ACCESS_VERIFIED["requirementId"] not in [each["requirementId"] for each in (await shown(runs))["violations"]]


DEMANDING: dict[str, Any] = {"requiredRoles": ["ETHICS_REVIEWER"], "requirements": [], "demandsConfirmed": True}


async def demand(service: Service, **other: Any) -> None:
    """Writes a policy that demands confirmed identities and binds what was approved at once."""
    asks = DRILLS | DEMANDING | {"bindsApprovedFrom": said(service.now)} | other
    await service.do("createPolicy", RITA, **asks)


async def test_an_approval_by_an_unconfirmed_identity_does_not_count_where_a_policy_demands_a_confirmed_one(
    service: Service,
) -> None:
    await service.do("createPolicy", RITA, **DRILLS | DEMANDING)
    await register(service)
    await document(service)
    await submit(service)
    for each in (DAVID, ALICE):
        await decide(service, each)
    wanted = "eligibility { missingApprovals { role candidates { userId } remedy { mutation permitted } } }"
    (missing,) = (await read(service, wanted))["eligibility"]["missingApprovals"]
    assert (missing["role"], missing["candidates"], missing["remedy"]["mutation"]) == ("ETHICS_REVIEWER", [], "confirmIdentity")
    refused = await service.refused("submitApproval", CAROL, **BOT, verdict="APPROVED")
    assert refused["code"] == "FORBIDDEN" and "confirmIdentity" in str(refused)
    await service.confirm(CAROL)
    (missing,) = (await read(service, wanted))["eligibility"]["missingApprovals"]
    assert missing["remedy"] == {"mutation": "submitApproval", "permitted": ["ETHICS_REVIEWER (with a confirmed identity)"]}
    await decide(service, CAROL)
    assert (await shown(service))["eligible"]


async def test_an_approval_of_before_the_confirmation_reads_unconfirmed_and_is_given_again(runs: Service) -> None:
    begins = said(runs.now + DAY)
    await runs.do("revisePolicy", RITA, policyId="POL-002", demandsConfirmed=True, bindsApprovedFrom=begins)
    assert [each["missingRoles"] for each in (await shown(runs))["upcomingPolicies"]] == [["ETHICS_REVIEWER"]]
    runs.later(days=2)
    found = await shown(runs)
    assert found["missingApprovals"] == [{"role": "ETHICS_REVIEWER", "status": "UNCONFIRMED"}]
    approvals = (await read(runs, "approvals { role status }"))["approvals"]
    assert {each["role"]: each["status"] for each in approvals}["ETHICS_REVIEWER"] == "UNCONFIRMED"
    await runs.confirm(CAROL)
    await decide(runs, CAROL)
    assert (await shown(runs))["eligible"]


async def test_somebody_unconfirmed_can_still_reject_where_a_policy_demands_a_confirmed_identity(service: Service) -> None:
    await service.do("createPolicy", RITA, **DRILLS | DEMANDING)
    await register(service)
    await submit(service)
    await decide(service, CAROL, "REJECTED")
    assert (await shown(service))["status"] == "REJECTED"


async def test_a_waiver_of_somebody_unconfirmed_excepts_from_nothing_that_a_demanding_policy_asks(runs: Service) -> None:
    waived = {"requirementId": "POL-005.drill", "rationale": "It is planned.", "expiresAt": said(runs.now + 90 * DAY)}
    await announce(runs, requiredRoles=[])
    await runs.do("grantWaiver", COLIN, **BOT, **waived)
    assert (await shown(runs))["upcomingPolicies"] == []
    runs.later(minutes=1)
    await runs.do("revisePolicy", RITA, policyId="POL-005", demandsConfirmed=True, bindsApprovedFrom=said(runs.now))
    assert [each["requirementId"] for each in (await shown(runs))["violations"]] == ["POL-005.drill"]
    refused = await runs.refused("grantWaiver", COLIN, **BOT, **waived)
    assert refused["code"] == "FORBIDDEN" and "confirmIdentity" in str(refused)
    await runs.confirm(COLIN)
    await runs.do("grantWaiver", COLIN, **BOT, **waived)
    assert (await shown(runs))["eligible"]


async def test_a_task_to_decide_is_for_the_confirmed_where_a_policy_demands_it(runs: Service) -> None:
    async def tasks() -> list[str]:
        found = await runs.ask("{ viewer { stakeholder { tasks(first: 9) { items { kind role } } } } }", CAROL)
        return [f"{each['kind']} {each['role']}" for each in found["viewer"]["stakeholder"]["tasks"]["items"]]

    runs.later(minutes=1)
    await demand(runs)
    await shown(runs)
    assert await tasks() == []
    await runs.confirm(CAROL)
    assert await tasks() == ["REAPPROVE ETHICS_REVIEWER"]


async def test_a_policy_that_binds_at_once_binds_what_was_submitted_at_that_moment(runs: Service) -> None:
    await runs.do("createPolicy", RITA, **DRILLS | {"requiredRoles": ["COMPLIANCE_OFFICER"]}, bindsApprovedFrom=said(runs.now))
    for days in (0, 1):
        runs.later(days=days)
        found = await shown(runs)
        assert (found["eligible"], found["missingApprovals"]) == (False, [WAITS])


async def test_an_approval_of_the_next_round_that_lapses_is_asked_for_again(runs: Service) -> None:
    async def tasks() -> list[str]:
        found = await runs.ask("{ viewer { stakeholder { tasks(first: 9) { items { kind role } } } } }", COLIN)
        return [f"{each['kind']} {each['role']}" for each in found["viewer"]["stakeholder"]["tasks"]["items"]]

    await announce(runs, requiredRoles=["COMPLIANCE_OFFICER", "TECH_LEAD"])
    await submit(runs)
    await decide(runs, COLIN, expiresAt=said(runs.now + DAY))
    assert (await shown(runs))["eligible"] and await tasks() == []
    runs.later(days=1)
    missing = (await shown(runs))["nextRound"]["missingApprovals"]
    assert {each["role"]: each["status"] for each in missing} == {"COMPLIANCE_OFFICER": "EXPIRED", "TECH_LEAD": "PENDING"}
    assert await tasks() == ["REAPPROVE COMPLIANCE_OFFICER"]


async def test_a_round_that_time_alone_completes_takes_the_place_of_the_one_before(runs: Service) -> None:
    begins = await announce(runs)
    await submit(runs)
    let_go = begins - DAY
    await runs.do("revisePolicy", RITA, policyId="POL-005", applicableTiers=["TIER_1_CRITICAL"], bindsApprovedFrom=said(let_go))
    runs.now = let_go
    found = await shown(runs)
    assert (found["eligible"], found["nextRound"]) == (True, None)
    await submit(runs)
    assert (await rounds(runs))[:3] == (3, None, [1, 2])


async def test_a_decision_is_not_kept_if_whoever_confirmed_its_condition_submits(service: Service) -> None:
    both = person("both", GovernanceRole.MODEL_OWNER, GovernanceRole.SECURITY_REVIEWER)
    await service.enrol(both)
    await register(service)
    await document(service)
    await submit(service)
    await decide(service, CAROL)
    await decide(service, ALICE)
    await decide(service, DAVID, "CONDITIONAL", conditions=["A test by others"])
    decided = (await read(service, "approvals { conditions { conditionId } }"))["approvals"]
    condition = decided[2]["conditions"][0]["conditionId"]
    await service.do("satisfyCondition", ALICE, **BOT, conditionId=condition, note="Done in March.")
    await service.do("confirmCondition", both, **BOT, conditionId=condition)
    await service.do("assignAccountability", ALICE, **BOT, role="MODEL_OWNER", userId=both.id)
    await submit(service, both)
    assert (await rounds(service))[3] == ["ETHICS_REVIEWER", "MODEL_OWNER"]


@pytest.mark.exhaustive
async def test_a_new_role_decides_before_more_than_fifty_versions_are_judged_anew(runs: Service) -> None:
    for number in range(50):
        await register(runs, modelId=f"other-{number}", name="Other")
        await submit(runs, modelId=f"other-{number}")
    runs.now = await announce(runs)
    await decide(runs, COLIN)
    assert (await shown(runs))["status"] == "APPROVED"


@pytest.mark.parametrize("moment", ["named", "left out"])
async def test_a_tier_that_is_what_it_was_brings_back_no_decision_of_a_role_of_which_more_is_asked(
    runs: Service, moment: str
) -> None:
    async def tiered(tier: str) -> None:
        runs.later(minutes=1)
        await runs.do("setRiskTier", RITA, **BOT, tier=tier, rationale="It was looked at.")

    begins = await ask_more_of_security(runs, 30 * DAY if moment == "named" else None)
    await attach(runs, requirementId="POL-003.pentest")
    runs.now = begins
    await tiered("TIER_1_CRITICAL")
    await tiered("TIER_2_IMPORTANT")
    found = await shown(runs)
    assert (found["eligible"], found["missingApprovals"]) == (False, [{"role": "SECURITY_REVIEWER", "status": "STALE"}])
    stale = {each["role"]: each["staleParts"] for each in (await read(runs, "approvals { role staleParts }"))["approvals"]}
    assert stale == {"ETHICS_REVIEWER": [], "SECURITY_REVIEWER": ["POLICIES"], "MODEL_OWNER": []}
    await decide(runs, DAVID)
    assert (await shown(runs))["eligible"]


async def test_approvals_and_tasks_know_the_moment_before_a_server_judges_anew(runs: Service) -> None:
    runs.now = await ask_more_of_security(runs)
    found = await read(runs, "approvals { role status } requiredApprovals { role status }")
    stale = {"MODEL_OWNER": "APPROVED", "ETHICS_REVIEWER": "APPROVED", "SECURITY_REVIEWER": "STALE"}
    for told in found.values():
        assert {each["role"]: each["status"] for each in told} == stale
    waits = await runs.ask("{ viewer { stakeholder { tasks(first: 9) { items { kind role } } } } }", DAVID)
    assert waits["viewer"]["stakeholder"]["tasks"]["items"] == [{"kind": "REAPPROVE", "role": "SECURITY_REVIEWER"}]


async def test_a_policy_lists_the_versions_that_it_binds_from_its_moment_on(runs: Service) -> None:
    async def listed() -> int:
        found = await runs.ask('{ policy(policyId: "POL-005") { versions(first: 1) { totalCount } } }')
        return int(found["policy"]["versions"]["totalCount"])

    runs.now = await announce(runs) - timedelta(milliseconds=1)
    assert (await shown(runs))["eligible"] and await listed() == 0
    runs.later(milliseconds=1)
    assert not (await shown(runs))["eligible"] and await listed() == 1


async def test_a_stale_approval_that_expires_is_no_longer_listed_as_stale(runs: Service) -> None:
    await decide(runs, DAVID, expiresAt=said(runs.now + DAY))
    await document(runs)
    stale = ["MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"]
    for expected in (stale, stale[:2]):
        assert (await shown(runs))["eligible"] is False
        assert (await read(runs, "standing { staleRoles }"))["standing"]["staleRoles"] == expected
        runs.later(days=1)


async def test_a_report_tells_the_decisions_of_both_open_rounds_under_their_own_numbers(runs: Service) -> None:
    query = """query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) {
        markdown governance { submission { number } approvals { role }
            previousRound { number counts decisions { role } } earlierRounds { number } } } }"""
    first, second = ["ETHICS_REVIEWER", "SECURITY_REVIEWER", "MODEL_OWNER"], "COMPLIANCE_OFFICER"
    begins = await announce(runs, requiredRoles=["COMPLIANCE_OFFICER", "TECH_LEAD"])
    await submit(runs)
    await decide(runs, COLIN)
    for counts, state in ((True, "counts until the next round is complete"), (False, "counts no more")):
        report = (await runs.ask(query, **BOT))["governanceReport"]
        assert report["governance"] == {
            "submission": {"number": 2}, "approvals": [{"role": each} for each in (*first, second)], "earlierRounds": [],
            "previousRound": {"number": 1, "counts": counts, "decisions": [{"role": each} for each in first]},
        }  # fmt: skip
        assert state in report["markdown"] and report["markdown"].index("Round 2") < report["markdown"].index("Round 1")
        runs.now = begins
