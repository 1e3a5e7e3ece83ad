"""What one administrator can do alone: whoever they make, whatever those decide is marked as unconfirmed.

Each run goes other ways; with `--hypothesis-profile long` it goes a hundred times as far.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from documents.access import GovernanceRole, Permission
from tests.examples import ACCESS_VERIFIED, BOT, document, register, submit
from tests.operations import DORA, ask_for, step
from tests.service import ADA, ALICE, CAROL, NOW, RITA, STAFF, Person, Service, person
from tests.stored import Stored

COLIN = person("colin", GovernanceRole.COMPLIANCE_OFFICER)
OTHERS = (COLIN, CAROL, ALICE, RITA)
"""People whose identities are confirmed, as the administrator's is."""
MADE = ("mina", "milo", "mara")
KNOWN = (ADA.id, *(each.id for each in OTHERS), *MADE, *MADE)
NINE = [each.name for each in GovernanceRole]
LATER = (NOW + timedelta(days=30)).isoformat()
REASON = {"reason": "So it is."}
PEOPLE = ("registerStakeholder", "updateStakeholder", "resetEnrolment", "deactivateStakeholder", *["confirmIdentity"] * 6)
RECEIPT, TOKEN = "receipt { seq }", "token apiToken { holder }"
TOKENS = ("enrolment", "enrolment", "enrolment", "personal", "service")
DECISIONS = (
    "submitApproval", "withdrawApproval", "placeHold", "liftHold", "grantWaiver", "revokeWaiver", "acceptRisk",
    "approveRiskAssessment", "addChangeApproval",
)  # fmt: skip
REFUSED = {"FORBIDDEN", "NOT_FOUND", "CONFLICT", "INVALID_INPUT", "INVALID_STATE", "UNAUTHENTICATED", "LIMIT_EXCEEDED"}


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[tuple[Service, Stored, dict[str, str]]]:
    """A service whose people are confirmed, with a version and a change that nobody has decided on; and their ids."""
    service = await Service.started(server)
    with service.database.bound():
        await service.enrol(COLIN, DORA)
        await service.confirm(ADA, COLIN, DORA, *STAFF)
        await register(service)
        await document(service)
        await submit(service)
        change_id = await ask_for(service)
        await step(service, "submitChangeForReview", DORA, change_id)
        (version,) = (await service.state())["ModelVersion"]
        assessment_id = version["latest_assessment"]["assessment_id"]
        yield service, await service.stored(), {"changeId": change_id, "assessmentId": assessment_id}
    await service.close()


class Administrator:
    """Somebody who holds an administrator's token, and every token that can be made with the tokens that are held."""

    def __init__(self, service: Service, draw: Any, ids: dict[str, str]) -> None:
        self.service, self.draw, self.ids = service, draw, {"holdId": "x", "waiverId": "x"} | ids
        self.held = [ADA]

    def one(self, *of: Any) -> Any:
        return self.draw(st.sampled_from(of))

    async def go(self, steps: int) -> None:
        for _ in range(steps):
            by = self.draw(st.sampled_from(self.held))
            if self.one(True, False, False):
                await self.make_somebody(by)
            else:  # the mutations of one request have all signed in before the first of them
                await self.send(by, *(self.mutation() for _ in range(self.one(1, 1, 2))))

    async def make_somebody(self, by: Person) -> None:
        """What leads somewhere most often: registers somebody, enrols them, and keeps the token."""
        user_id = self.one(*MADE)
        await self.send(by, self.registering(user_id))
        if self.one(True, False):
            await self.send(by, ("resetEnrolment", {"userId": user_id} | REASON, RECEIPT))
        invited = len(self.held)
        await self.send(by, ("createApiToken", {"name": "x", "holder": {"userId": user_id}}, TOKEN))
        for each in self.held[invited:]:
            await self.send(each, ("createApiToken", {"name": "x"}, TOKEN))
            self.held.remove(each)

    async def send(self, by: Person, *mutations: tuple[str, dict[str, Any], str]) -> None:
        """Sends a request of these mutations, each refused or not, and keeps the tokens that it is answered with."""
        asked = {f"m{number}": each for number, each in enumerate(mutations)}
        said = ", ".join(f"${key}: {name[0].upper()}{name[1:]}Input!" for key, (name, _, _) in asked.items())
        does = " ".join(f"{key}: {name}(input: ${key}) {{ {select} }}" for key, (name, _, select) in asked.items())
        variables = {key: fields for key, (_, fields, _) in asked.items()}
        answer = (await self.service.post(f"mutation({said}) {{ {does} }}", variables, by)).json()
        assert {each["extensions"]["code"] for each in answer.get("errors", ())} <= REFUSED, answer["errors"]
        for payload in (answer.get("data") or {}).values():
            self.keep(payload or {})

    def keep(self, payload: dict[str, Any]) -> None:
        if token := payload.get("token"):
            self.held.append(Person(payload["apiToken"]["holder"], token))
        for kind, name in (("hold", "holdId"), ("waiver", "waiverId")):
            if kind in payload:
                self.ids[name] = payload[kind][name]

    def mutation(self) -> tuple[str, dict[str, Any], str]:
        """A mutation, its input and what is asked of its payload."""
        match self.one(*PEOPLE, *TOKENS, *DECISIONS):
            case "registerStakeholder":
                return self.registering(self.one(*MADE))
            case "updateStakeholder":
                powers = self.one(self.powers(), self.powers(), {"active": True})
                return "updateStakeholder", {"userId": self.one(*KNOWN), **powers}, RECEIPT
            case "resetEnrolment" | "deactivateStakeholder" as name:
                return name, {"userId": self.one(*KNOWN)} | (REASON if name == "resetEnrolment" else {}), RECEIPT
            case "confirmIdentity":
                user_id = self.one(*KNOWN)
                email = self.one(None, f"{user_id}@example.org")
                return "confirmIdentity", {"userId": user_id, "note": "It is.", "email": email}, RECEIPT
            case "enrolment" | "personal" | "service" as kind:
                program = {"name": "program", "mutations": [Permission.REGISTER_MODEL.name]}
                holders = {"enrolment": {"userId": self.one(*KNOWN)}, "service": {"service": program}}
                return "createApiToken", {"name": "x", "holder": holders.get(kind)}, TOKEN
            case name:
                shown = {"placeHold": "hold { holdId }", "grantWaiver": "waiver { waiverId }"}
                return name, self.decision(name), shown.get(name, RECEIPT)

    def registering(self, user_id: str) -> tuple[str, dict[str, Any], str]:
        said = {"userId": user_id, "name": user_id, "email": f"{user_id}@example.org", "department": "x"}
        return "registerStakeholder", said | self.powers(), RECEIPT

    def powers(self) -> dict[str, Any]:
        return {
            "platformRole": self.one("ADMIN", "MEMBER"), "roles": NINE, "authorizedTiers": ["TIER_2_IMPORTANT"],
        } if self.one(True, False) else {"platformRole": "ADMIN", "roles": []}  # fmt: skip

    def decision(self, name: str) -> dict[str, Any]:
        role = {"role": self.one("ETHICS_REVIEWER", "SECURITY_REVIEWER", "MODEL_OWNER", "COMPLIANCE_OFFICER")}
        match name:
            case "submitApproval":
                return BOT | role | {"verdict": self.one("APPROVED", "APPROVED", "REJECTED"), "comments": "So."}
            case "withdrawApproval" | "placeHold":
                return BOT | role | REASON
            case "liftHold":
                return BOT | REASON | {"holdId": self.ids["holdId"]}
            case "revokeWaiver":
                return BOT | REASON | {"waiverId": self.ids["waiverId"]}
            case "grantWaiver":
                return BOT | {"requirementId": ACCESS_VERIFIED["requirementId"], "rationale": "So.", "expiresAt": LATER}
            case "acceptRisk":
                return BOT | {"riskId": "MQ-002", "rationale": "So.", "expiresAt": LATER}
            case "approveRiskAssessment":
                return BOT | {"assessmentId": self.ids["assessmentId"]}
        return {"changeId": self.ids["changeId"], "approved": True, "role": self.one("MODEL_OWNER", "TECH_LEAD")}


def marks(stored: dict[str, Any]) -> Iterator[Any]:
    """The mark of everything that was decided, as it is stored."""
    for version in stored["ModelVersion"]:
        decided = version["round"]["decisions"]
        ended = [decision["withdrawn"] for decision in decided]
        ended += [each[how] for name, how in (("holds", "lifted"), ("waivers", "revoked")) for each in version[name]]
        for each in (
            *decided, *version["holds"], *version["waivers"], *version["acceptances"], *version["assessment_approvals"], *ended,
        ):  # fmt: skip
            if each:
                yield each["identity"]
    for change in stored["ChangeRequest"]:
        yield from (each["identity"] for each in change["approvals"])


walks = settings(
    max_examples=settings().max_examples // 10,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # a walk of tokens made on the way has no shorter form that is worth the minutes
)


@pytest.mark.exhaustive
@walks
@given(data=st.data())
async def test_nothing_that_one_administrator_alone_brings_about_is_decided_without_a_mark(
    begun: tuple[Service, Stored, dict[str, str]], data: st.DataObject
) -> None:
    service, stored, ids = begun
    await service.restore(stored)
    await Administrator(service, data.draw, ids).go(steps=25)
    found = list(marks(await service.state()))
    assert all(each is not None and not each["confirmed"] for each in found), found


async def test_an_administrator_who_makes_a_reviewer_decides_with_a_mark(
    begun: tuple[Service, Stored, dict[str, str]],
) -> None:
    """So that the walks above are about something: each of these succeeds."""
    service, stored, ids = begun
    await service.restore(stored)
    mina: dict[str, Any] = {"userId": "mina", "name": "Mina", "email": "mina@example.org", "department": "x", "roles": NINE}
    await service.do("registerStakeholder", ADA, **mina, authorizedTiers=["TIER_2_IMPORTANT"])
    select = "token apiToken { holder }"
    invited = await service.do("createApiToken", ADA, select, name="x", holder={"userId": "mina"})
    own = await service.do("createApiToken", Person("mina", invited["token"]), select, name="x")
    who, everything = Person("mina", own["token"]), Administrator(service, None, ids)
    everything.one = lambda *of: of[0]  # type: ignore[method-assign]
    for name in ("submitApproval", "placeHold", "grantWaiver", "acceptRisk", "approveRiskAssessment", "addChangeApproval"):
        await service.do(name, who, **everything.decision(name))
    found = list(marks(await service.state()))
    assert [(each["confirmed"], each["enrolled_by"]) for each in found] == [(False, "admin")] * 6
