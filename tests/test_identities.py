"""How far it is known who decided: who enrolled whom, who confirmed it, and what decisions, events and reports say of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from documents.access import GovernanceRole
from documents.migrations import STEPS
from tests.examples import ACCESS_VERIFIED, BOT, decide, document, register, submit
from tests.operations import DORA, TOM, ask_for
from tests.service import ADA, ALICE, CAROL, DAVID, NOW, RITA, Person, Service, person
from tests.tokens import make, signs_in

COLIN = person("colin", GovernanceRole.COMPLIANCE_OFFICER, department="Legal")
ZOE: dict[str, Any] = {
    "userId": "zoe", "name": "Zoe", "email": "zoe@example.org", "department": "Legal", "roles": ["COMPLIANCE_OFFICER"],
    "authorizedTiers": ["TIER_2_IMPORTANT"],
}  # fmt: skip
BEN: dict[str, Any] = ZOE | {"userId": "ben", "email": "ben@example.org", "platformRole": "ADMIN", "roles": []}
MARK = "identity { confirmed enrolledBy issuers }"
IDENTITY = "identity { confirmed enrolledBy issuers confirmedBy basis reason enroller { userId } confirmer { userId } }"
BY_ADA = {"confirmed": False, "enrolledBy": "admin", "issuers": ["system"]}
LATER = (NOW + timedelta(days=30)).isoformat()
NOTE, LOST = "Seen at the office.", "The laptop was lost."


async def newcomer(service: Service, by: Person = ADA, **said: Any) -> Person:
    """Somebody whom an administrator registered and enrolled."""
    await service.do("registerStakeholder", by, **said)
    return (await make(service, (await make(service, by, holder={"userId": said["userId"]}))[0]))[0]


async def identity(service: Service, user_id: str) -> Any:
    asked = f"query($id: String!) {{ stakeholder(userId: $id) {{ {IDENTITY} }} }}"
    return (await service.ask(asked, ADA, id=user_id))["stakeholder"]["identity"]


# Enrolment


async def test_whoever_enrolls_by_a_token_is_unconfirmed_and_enrolled_by_whoever_made_the_token(service: Service) -> None:
    await service.do("registerStakeholder", ADA, **ZOE)
    assert (await identity(service, "zoe"))["enrolledBy"] is None
    invited, _ = await make(service, ADA, holder={"userId": "zoe"})
    assert (await identity(service, "zoe"))["enrolledBy"] is None
    await make(service, invited)
    found = await identity(service, "zoe")
    assert (found["confirmed"], found["enrolledBy"], found["issuers"]) == (False, "admin", ["system"])
    assert found["enroller"] == {"userId": "admin"} and found["basis"] is found["confirmer"] is None


async def test_the_first_administrator_is_unconfirmed_and_enrolled_by_the_first_start(service: Service) -> None:
    found = await identity(service, ADA.id)
    assert (found["confirmed"], found["enrolledBy"], found["issuers"], found["enroller"]) == (False, "system", [], None)


async def test_nobody_who_has_enrolled_gets_a_second_enrolment_token(service: Service) -> None:
    zoe = await newcomer(service, **ZOE)
    before = await service.state()
    refused = await service.refused("createApiToken", ADA, name="x", holder={"userId": "zoe"})
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "ENROLLED", ["UNENROLLED"])
    assert "resetEnrolment" in refused["problem"] and await service.state() == before
    await service.do("resetEnrolment", ADA, userId="zoe", reason=LOST)
    assert not await signs_in(service, zoe)
    again, _ = await make(service, (await make(service, ADA, holder={"userId": "zoe"}))[0])
    assert await signs_in(service, again)


async def test_another_enrolment_token_ends_the_one_that_stood_unused(service: Service) -> None:
    await service.do("registerStakeholder", ADA, **ZOE)
    first, second = [(await make(service, ADA, holder={"userId": "zoe"}))[0] for _ in range(2)]
    assert not await signs_in(service, first)
    await make(service, second)


@pytest.mark.tampers
async def test_an_enrolment_token_that_an_earlier_release_left_enrols_nobody_a_second_time(service: Service) -> None:
    await service.do("registerStakeholder", ADA, **ZOE)
    invited, _ = await make(service, ADA, holder={"userId": "zoe"})
    enrolled = {"identity.enrolled_at": NOW, "identity.enrolled_by": "admin"}
    await service.database.collection("stakeholders").update_one({"user_id": "zoe"}, {"$set": enrolled})
    await service.reseal("zoe")
    refused = await service.refused("createApiToken", invited, name="mine")
    assert (refused["code"], refused["from"]) == ("INVALID_STATE", "ENROLLED")


async def test_a_reset_ends_every_token_and_the_confirmation_and_the_trail_tells_why(service: Service) -> None:
    await service.enrol(COLIN)
    await service.confirm(COLIN)
    laptop, _ = await make(service, COLIN)
    seen = await service.size()
    payload = await service.do("resetEnrolment", ADA, f"stakeholder {{ {IDENTITY} }}", userId="colin", reason=LOST)
    found = payload["stakeholder"]["identity"]
    assert (found["confirmed"], found["enrolledBy"], found["confirmedBy"], found["reason"]) == (False, None, None, None)
    events = await service.trail(seen)
    assert [await signs_in(service, each) for each in (COLIN, laptop)] == [False, False]
    assert [(each["event_type"], each["resource"]["type"]) for each in events] == [
        ("access_revoked", "ApiToken"), ("access_revoked", "ApiToken"), ("enrolment_reset", "Stakeholder"),
    ]  # fmt: skip
    changes = {each["path"]: each["to"] for each in events[-1]["details"]["changes"]}
    assert (changes["identity.confirmed"], changes["identity.reset.reason"], changes["identity.reset.by"]) == (
        False, LOST, "admin",
    )  # fmt: skip


async def test_only_an_enrolment_that_there_is_can_be_reset_and_nobody_resets_their_own(service: Service) -> None:
    await service.do("registerStakeholder", ADA, **ZOE)
    for by, user_id, code in ((ADA, "zoe", "INVALID_STATE"), (ADA, "nobody", "NOT_FOUND"), (ADA, ADA.id, "FORBIDDEN")):
        assert (await service.refused("resetEnrolment", by, userId=user_id, reason=LOST))["code"] == code
    for reason in ("", "   ", "x" * 20_001):
        assert (await service.refused("resetEnrolment", ADA, userId="alice", reason=reason))["code"] == "INVALID_INPUT"
    stale = await service.refused("resetEnrolment", ADA, userId="alice", reason=LOST, expectedRevision=0)
    assert stale["code"] == "CONFLICT" and await signs_in(service, ALICE)


# Confirmation


async def test_somebody_confirmed_confirms_whom_they_did_not_enrol(service: Service) -> None:
    await service.enrol(COLIN)
    await service.confirm(COLIN)
    seen = await service.size()
    payload = await service.do("confirmIdentity", COLIN, f"stakeholder {{ {IDENTITY} }}", userId="carol", note=NOTE)
    found = payload["stakeholder"]["identity"]
    assert found == BY_ADA | {
        "confirmed": True, "confirmedBy": "colin", "basis": "PERSON", "reason": NOTE, "enroller": {"userId": "admin"},
        "confirmer": {"userId": "colin"},
    }  # fmt: skip
    (event,) = await service.trail(seen)
    assert (event["event_type"], event["actor"]["id"], event["resource"]["id"]) == ("identity_confirmed", "colin", "carol")
    refused = await service.refused("confirmIdentity", COLIN, userId="carol", note=NOTE)
    assert (refused["code"], refused["from"], refused["allowed"]) == ("INVALID_STATE", "CONFIRMED", ["UNCONFIRMED"])


async def test_neither_the_person_nor_the_enroller_nor_somebody_unconfirmed_confirms(service: Service) -> None:
    await service.enrol(COLIN)
    for by in (ADA, COLIN):
        assert (await service.refused("confirmIdentity", by, userId="carol", note=NOTE))["code"] == "FORBIDDEN"
    assert (await identity(service, "carol"))["confirmed"] is False
    await service.confirm(ADA, COLIN)
    assert (await service.refused("confirmIdentity", ADA, userId="carol", note=NOTE))["code"] == "FORBIDDEN"
    assert (await service.refused("confirmIdentity", COLIN, userId="colin", note=NOTE))["code"] == "FORBIDDEN"
    assert (await service.refused("confirmIdentity", COLIN, userId="nobody", note=NOTE))["code"] == "NOT_FOUND"


async def test_an_administrator_confirms_nobody_through_another_one_of_their_making(service: Service) -> None:
    await service.confirm(ADA)
    ben = await newcomer(service, **BEN)
    await newcomer(service, ben, **ZOE)
    assert (await identity(service, "zoe"))["issuers"] == ["admin"]
    assert (await service.refused("confirmIdentity", ADA, userId="zoe", note=NOTE))["code"] == "FORBIDDEN"


async def test_a_reset_in_the_same_request_hides_no_issuer(service: Service) -> None:
    ben, carl = await newcomer(service, **BEN), await newcomer(service, **BEN | {"userId": "carl", "email": "carl@example.org"})
    await service.do("registerStakeholder", ADA, **ZOE)
    both = """mutation { resetEnrolment(input: {userId: "%s", reason: "x"}) { receipt { seq } }
        createApiToken(input: {name: "x", holder: {userId: "zoe"}}) { token apiToken { issuers } } }"""
    made = (await service.ask(both % "carl", ben))["createApiToken"]
    assert made["apiToken"]["issuers"] == ["admin", "system"]
    assert not await signs_in(service, carl)


async def test_a_token_that_ended_since_the_sign_in_makes_no_other(service: Service) -> None:
    twice = """mutation { revokeApiToken(input: {tokenId: "alice"}) { receipt { seq } }
        createApiToken(input: {name: "x"}) { token } }"""
    answer = (await service.post(twice, by=ALICE)).json()
    assert answer["data"]["createApiToken"] is None
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_whoever_is_no_administrator_any_more_is_to_be_confirmed_again(service: Service) -> None:
    await service.confirm(ADA)
    ben = await newcomer(service, **BEN)
    await service.do("updateStakeholder", ben, userId=ADA.id, platformRole="MEMBER", roles=["COMPLIANCE_OFFICER"])
    found = await identity(service, ADA.id)
    assert (found["confirmed"], found["basis"], found["enrolledBy"]) == (False, None, "system")


async def test_whoever_has_not_enrolled_or_left_is_not_confirmed(service: Service) -> None:
    await service.enrol(COLIN)
    await service.confirm(COLIN)
    await service.do("registerStakeholder", ADA, **ZOE)
    await service.do("deactivateStakeholder", ADA, userId="carol")
    for user_id, status in (("zoe", "UNENROLLED"), ("carol", "INACTIVE")):
        refused = await service.refused("confirmIdentity", COLIN, userId=user_id, note=NOTE)
        assert (refused["code"], refused["from"]) == ("INVALID_STATE", status)


@pytest.mark.tampers
async def test_where_nobody_knows_who_enrolled_a_person_only_the_host_confirms(service: Service) -> None:
    await service.enrol(COLIN)
    await service.confirm(COLIN)
    people = service.database.collection("stakeholders")
    await people.update_one({"user_id": "carol"}, {"$set": {"identity.enrolled_by": None, "identity.issuers": []}})
    await service.reseal("carol")
    refused = await service.refused("confirmIdentity", COLIN, userId="carol", note=NOTE)
    assert (refused["code"], refused["from"]) == ("INVALID_STATE", "UNCONFIRMED") and "resetEnrolment" in refused["problem"]
    await service.confirm(CAROL)
    assert (await identity(service, "carol"))["basis"] == "HOST"


async def test_two_who_confirm_at_once_confirm_once(service: Service) -> None:
    await service.enrol(COLIN)
    await service.confirm(COLIN, RITA)
    await service.do("updateStakeholder", ADA, userId="rita", roles=["COMPLIANCE_OFFICER"])
    asked = 'mutation { confirmIdentity(input: {userId: "carol", note: "Seen."}) { receipt { seq } } }'
    answers = [each.json() for each in await asyncio.gather(*(service.post(asked, by=by) for by in (COLIN, RITA)))]
    codes = [error["extensions"]["code"] for each in answers for error in each.get("errors", ())]
    assert codes == ["INVALID_STATE"]


# Decisions


MARKED = f"""query($modelId: String!, $version: String!) {{ modelVersion(modelId: $modelId, version: $version) {{
    approvals {{ role {MARK} conditions {{ confirmed {{ {MARK} }} }} withdrawn {{ {MARK} }} }}
    waivers {{ {MARK} revoked {{ {MARK} }} }}
    holds {{ {MARK} lifted {{ {MARK} }} }}
    acceptances {{ {MARK} }} assessmentApprovals {{ {MARK} }}
}} }}"""


async def decided(service: Service) -> dict[str, Any]:
    """Everything that can be decided about a version, as it is marked."""
    await register(service)
    await document(service)
    await submit(service)
    selected = "approval { conditions { conditionId } }"
    said = {"verdict": "CONDITIONAL", "conditions": ["Look again."]}
    (one,) = (await service.do("submitApproval", CAROL, selected, **BOT, **said))["approval"]["conditions"]
    await service.do("satisfyCondition", ALICE, **BOT, **one, note="Done.")
    await service.do("confirmCondition", CAROL, **BOT, **one)
    await service.do("withdrawApproval", CAROL, **BOT, reason="No.")
    hold = (await service.do("placeHold", CAROL, "hold { holdId }", **BOT, reason="Stop."))["hold"]
    await service.do("liftHold", CAROL, **BOT, **hold, reason="Go.")
    excepted = {"requirementId": ACCESS_VERIFIED["requirementId"], "rationale": "Soon.", "expiresAt": LATER}
    waiver = (await service.do("grantWaiver", RITA, "waiver { waiverId }", **BOT, **excepted))["waiver"]
    await service.do("revokeWaiver", RITA, **BOT, **waiver, reason="No.")
    await service.do("acceptRisk", RITA, **BOT, riskId="MQ-002", rationale="It is borne.", expiresAt=LATER)
    latest = (await service.ask(ASSESSMENT, **BOT))["modelVersion"]["latestAssessment"]
    await service.do("approveRiskAssessment", RITA, **BOT, **latest)
    found: dict[str, Any] = (await service.ask(MARKED, **BOT))["modelVersion"]
    return found


ASSESSMENT = """query($modelId: String!, $version: String!) {
    modelVersion(modelId: $modelId, version: $version) { latestAssessment { assessmentId } }
}"""


def marks(value: Any) -> list[Any]:
    """Every mark in an answer, however deep."""
    match value:
        case dict():
            return [
                *([value["identity"]] if "identity" in value else []),
                *(one for each in value.values() for one in marks(each)),
            ]
        case list():
            return [one for each in value for one in marks(each)]
    return []


async def test_every_decision_of_unconfirmed_people_says_so_and_who_enrolled_them(service: Service) -> None:
    assert marks(await decided(service)) == [BY_ADA] * 9


async def test_every_decision_of_confirmed_people_says_so(service: Service) -> None:
    await service.confirm(CAROL, RITA)
    assert marks(await decided(service)) == [BY_ADA | {"confirmed": True}] * 9


async def test_a_decision_keeps_the_mark_of_the_moment_at_which_it_was_made(service: Service) -> None:
    await register(service)
    await submit(service)
    await decide(service, CAROL)
    await service.confirm(CAROL, DAVID)
    await decide(service, DAVID)
    await service.do("resetEnrolment", ADA, userId="david", reason=LOST)
    found = (await service.ask(MARKED, **BOT))["modelVersion"]["approvals"]
    assert [(each["role"], each["identity"]["confirmed"]) for each in found] == [
        ("ETHICS_REVIEWER", False), ("SECURITY_REVIEWER", True),
    ]  # fmt: skip


async def test_the_events_of_decisions_tell_the_chain_of_issuers(service: Service) -> None:
    ben = await newcomer(service, **BEN)
    zoe = await newcomer(service, ben, **ZOE)
    await register(service)
    await service.do("placeHold", zoe, **BOT, reason="Stop.")
    told = {each["path"]: each["to"] for each in (await service.last())["details"]["changes"] if "identity" in each["path"]}
    assert told == {
        "holds.0.identity.confirmed": False, "holds.0.identity.enrolled_by": "ben",
        "holds.0.identity.issuers.0": "admin", "holds.0.identity.issuers.1": "system",
    }  # fmt: skip


async def test_a_change_approval_is_marked(service: Service) -> None:
    await service.enrol(DORA, TOM)
    await service.confirm(TOM)
    await register(service)
    change = await ask_for(service, DORA)
    await service.do("submitChangeForReview", DORA, changeId=change)
    for by in (ALICE, TOM):
        await service.do("addChangeApproval", by, changeId=change, approved=True)
    asked = f"query($id: String!) {{ changeRequest(changeId: $id) {{ approvals {{ {MARK} }} }} }}"
    found = (await service.ask(asked, id=change))["changeRequest"]["approvals"]
    assert [each["identity"] for each in found] == [BY_ADA, BY_ADA | {"confirmed": True}]


@pytest.mark.tampers
async def test_a_decision_of_an_earlier_release_has_no_mark(service: Service) -> None:
    await register(service)
    await service.do("placeHold", CAROL, **BOT, reason="Stop.")
    versions = service.database.collection("model_versions")
    await versions.update_one({}, {"$unset": {"holds.0.identity": ""}})
    assert (await service.ask(MARKED, **BOT))["modelVersion"]["holds"] == [{"identity": None, "lifted": None}]


async def test_the_governance_report_says_in_words_who_is_unconfirmed_and_enrolled_by_whom(service: Service) -> None:
    await service.confirm(RITA)
    await decided(service)
    asked = """query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) {
        markdown governance { holds { identity { confirmed enrolledBy } } } people { userId } } }"""
    report = (await service.ask(asked, **BOT))["governanceReport"]
    assert report["governance"]["holds"][0]["identity"] == {"confirmed": False, "enrolledBy": "admin"}
    rows = [each for each in report["markdown"].splitlines() if "unconfirmed, enrolled by Administrator `admin`" in each]
    assert rows and all("carol" in each for each in rows)
    assert {"userId": "admin"} in report["people"]


# Data of release 0.2.0


@pytest.mark.exhaustive
@pytest.mark.tampers
@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([], (None, False, [])),
        ([("enrolment", "admin", True)], (None, False, [])),
        ([("personal", "system", False)], ("system", True, [])),
        ([("personal", "zoe", True)], (None, True, [])),
        ([("enrolment", "ben", False), ("enrolment", "admin", True), ("personal", "zoe", True)], ("admin", True, [])),
        ([("enrolment", "ben", True), ("personal", "zoe", True), ("enrolment", "admin", True)], ("ben", True, ["admin"])),
    ],
)
async def test_people_of_release_0_2_0_are_unconfirmed_and_enrolled_by_whom_their_tokens_name(
    service: Service, tokens: list[tuple[str, str, bool]], expected: tuple[str | None, bool, list[str]]
) -> None:
    await service.do("registerStakeholder", ADA, **ZOE)
    people, stored = service.database.collection("stakeholders"), service.database.collection("api_tokens")
    await people.update_one({"user_id": "zoe"}, {"$unset": {"identity": ""}})
    for number, (kind, by, used) in enumerate(tokens):
        await stored.insert_one({
            "token_id": f"old{number}", "name": "x", "kind": kind, "holder": "zoe", "mutations": [], "secret_hash": "x",
            "issued_by": by, "created_at": NOW.replace(minute=number), "expires_at": None, "revoked_at": None, "revision": 1,
            "last_used_at": NOW if used else None,
        })  # fmt: skip
    (step,) = [each for each in STEPS if each.name == "identities"]
    with service.database.bound():
        assert (await service.database.transact(lambda unit: step.batch(10, {}), NOW)).done == 1 and await step.remaining({}) == 0
    (found,) = await people.find({"user_id": "zoe"}).to_list(None)
    known = found["identity"]
    assert (known["enrolled_by"], known["enrolled_at"] is not None, known["issuers"]) == expected
    assert (await identity(service, "zoe"))["confirmed"] is False
    if known["enrolled_at"]:
        assert (await service.refused("createApiToken", ADA, name="x", holder={"userId": "zoe"}))["code"] == "INVALID_STATE"


# Names


@pytest.mark.parametrize("user_id", ["system", "System", "anonymous"])
async def test_nobody_is_called_what_events_call_magistrate_itself(service: Service, user_id: str) -> None:
    refused = await service.refused("registerStakeholder", ADA, **ZOE | {"userId": user_id})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.userId")
