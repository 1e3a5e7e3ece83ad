"""A whole journey: it leaves behind every kind of record, in every state worth having, as a server would have stored them."""

from datetime import timedelta
from itertools import chain, repeat
from typing import Any

from documents.access import GovernanceRole
from documents.audit.notes import SigningKey
from documents.audit.runs import VerificationRun
from documents.audit.trail import AuditHead
from gql.checkpoints import checkpoint
from gql.firststart import prepare
from gql.verifications import verification
from tests.journey import COLIN, every_mutation, in_days, mutations
from tests.operations import BEA, DORA, TOM
from tests.service import ADA, ALICE, BOB, DAVID, RITA, STAFF, Person, Service, person
from tests.stores import changes, versions
from tests.stores.documented import IN_BRIEF, UNNAMED
from tests.stores.versions import ANSWERED_BY, ARCHIVE, CORA, NINA, SCORER, of

LASTS = timedelta(days=96)  # what the journey takes, or more
REVIEW_DAYS = (60, 120, 365)
OTTO, OLGA = person("otto", GovernanceRole.TECH_LEAD), person("olga", GovernanceRole.MODEL_OWNER, GovernanceRole.DATA_STEWARD)
MALLORY = person("mallory")
IMPACT_ASSESSED: dict[str, Any] = {"requirementId": "POL-006.impact", "title": "The impact was assessed", "check": "EVIDENCE"}


class Enrolled(Service):
    """A service whose people are registered over HTTP, and sign in with tokens that nobody else ever saw."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tokens: dict[str, str] = {}

    async def enrol(self, *people: Person) -> None:
        for each in people:
            told: dict[str, Any] = {
                "userId": each.id, "name": each.id.title(), "email": f"{each.id}@example.org", "department": each.department,
                "platformRole": each.platform.name, "roles": [role.name for role in each.roles],
                "authorizedTiers": [tier.name for tier in each.tiers],
            }  # fmt: skip
            await self.do("registerStakeholder", ADA, **told)
            handed = await self.do("createApiToken", ADA, "token", name="first sign-in", holder={"userId": each.id})
            own = await self.do("createApiToken", Person(each.id, handed["token"]), "token", name="laptop")
            self.tokens[each.id] = own["token"]

    async def post(self, query: str, variables: Any = None, by: Person | None = ALICE) -> Any:
        known = by and Person(by.id, self.tokens.get(by.id, by.token))
        return await super().post(query, variables, known)


class Journey:
    """The journey over one database, from its first start on."""

    def __init__(self, service: Enrolled) -> None:
        self.service = service
        self.keys: list[SigningKey] = []

    async def go(self) -> str:
        """Goes all the way; answers with the checkpoint that was signed at its end."""
        service = self.service
        await self.start()
        await service.enrol(*STAFF, DORA, TOM, BEA, CORA, COLIN, NINA, OTTO, OLGA)
        await service.confirm(COLIN)
        await versions.first(service)
        await self.start(review_days=REVIEW_DAYS)
        assert {mutation async for mutation, _ in every_mutation(service)} == await mutations(service)
        await self.verified()
        await self.rotate()
        service.later(days=3)
        await self.turn()
        await self.policies()
        program = await changes.let_in(service)
        for each in (versions.helpers, versions.lapsing, versions.retired, versions.scorers, versions.archives):
            await each(service)
        service.later(days=2)
        await self.turn()
        await changes.deployments(service)
        await changes.changes(service, program)
        await changes.incidents(service, program)
        await self.signed()
        service.later(days=40)
        for each in (versions.lapsed, versions.stale):
            await each(service)
        await self.people()
        await self.refusals()
        await self.find_something_wrong()
        await self.rotate()
        service.later(days=50)
        await self.under_keys()
        await self.turn()
        service.later(minutes=15)
        await service.do("withdrawApproval", DAVID, **of("2", ARCHIVE), reason="Nobody will use it.")
        await self.turn()
        service.later(minutes=15)
        signed = await self.turn()
        service.later(minutes=15)  # whoever opens the store may verify at once: the next turn is due
        return signed

    async def start(self, **settings: Any) -> None:
        """Starts as `magistrate serve` does."""
        chosen = self.service.settings.model_copy(update=settings)
        await prepare(chosen, self.service.database, clock=lambda: self.service.now)

    async def rotate(self) -> None:
        """From now on another key signs the trail; none is kept."""
        with self.service.database.bound():
            self.keys.append(SigningKey.made((await AuditHead.require("head")).origin))

    async def turn(self) -> str:
        """Does what the timers of a server do: signs the trail, and verifies it."""
        signed = await self.signed()
        await self.verified()
        return signed

    async def signed(self) -> str:
        with self.service.database.bound():
            signed = await checkpoint(self.keys[-1], self.service.now)
        assert signed
        return signed.text

    async def verified(self) -> VerificationRun:
        """A run that takes a minute, so that the next within the hour goes on where it ended."""
        began = self.service.now
        times = chain([began], repeat(began + timedelta(minutes=1)))
        with self.service.database.bound():
            run = await verification(self.keys[-1].verifier if self.keys else None, lambda: next(times), 300)
        assert run
        return run

    async def find_something_wrong(self) -> None:
        """An event is not there while the trail is verified, and is put back."""
        events = self.service.database.collections["audit_events"]
        taken = await events.find_one({"seq": 7})
        await events.delete_one({"seq": 7})
        assert not (await self.verified()).found.valid
        await events.insert_one(taken)
        self.service.later(hours=1)
        assert (await self.verified()).found.valid

    async def policies(self) -> None:
        """In force and to be replaced, to come, over by the end of the journey, and revised at once."""
        service, now = self.service, self.service.now
        asks: dict[str, Any] = {
            "description": "It was thought through.",
            "requirements": [IMPACT_ASSESSED],
            "enforcement": "BLOCKING",
        }
        first = asks | {"name": "Impact", "applicableTiers": ["TIER_1_CRITICAL"], "requiredRoles": ["COMPLIANCE_OFFICER"]}
        await service.do("createPolicy", CORA, policyId="POL-006", **first)
        later: dict[str, Any] = {"requirements": [IMPACT_ASSESSED, IMPACT_ASSESSED | {"requirementId": "POL-006.drill"}]}
        await service.do("revisePolicy", RITA, policyId="POL-006", **later, effectiveFrom=in_days(now, 400))
        for policy_id, begins, ends, enforcement in (("POL-007", 400, 800, "BLOCKING"), ("POL-008", 0, 10, "ADVISORY")):
            named = {"requirementId": f"{policy_id}.impact", "title": "The impact was assessed", "check": "EVIDENCE"}
            when = {"effectiveFrom": in_days(now, begins), "effectiveUntil": in_days(now, ends)}
            tiers = ["TIER_2_IMPORTANT", "TIER_4_EXPERIMENTAL"]
            said = asks | {"name": "Impact", "applicableTiers": tiers, "requirements": [named], "enforcement": enforcement}
            await service.do("createPolicy", CORA, policyId=policy_id, **said | when)
        await service.do("revisePolicy", CORA, policyId="POL-004", description="Whoever runs a model looks at it again.")

    async def people(self) -> None:
        """One left and handed all over, one left and came back with another role and never signed in again."""
        service = self.service
        assigned = of("2", ARCHIVE) | {"role": OTTO.roles[0].name, "userId": OTTO.id}
        await service.do("assignAccountability", ADA, **assigned)
        await service.do("deactivateStakeholder", ADA, userId=NINA.id, handOverTo=OLGA.id)
        await service.do("erasePersonalData", ADA, userId=NINA.id, reason="It was asked for.")
        await service.do("deactivateStakeholder", ADA, userId=OTTO.id)
        await service.do("updateStakeholder", ADA, userId=OTTO.id, active=True, roles=["BUSINESS_OWNER"], department="Sales")
        await service.do("resetEnrolment", ADA, userId=OTTO.id, reason="He comes back.")
        await service.do("createApiToken", ADA, name="again", holder={"userId": OTTO.id})
        await service.do("confirmIdentity", COLIN, userId=RITA.id, note="Seen at the office.")
        await service.do("revisePolicy", RITA, policyId="POL-001", description="What is known of a model is written down.")

    async def refusals(self) -> None:
        """What is refused for lack of permission, for what the version is now, and for a token that nobody made."""
        service = self.service
        await service.refused("submitForApproval", BOB, **of("1.0.0"))
        await service.refused("submitForApproval", ALICE, **of("1.0.0"))
        await service.refused("saveModelCard", ALICE, **of("9.9.9"), card={})
        await service.refusal("{ auditVerification { valid } }", ALICE)
        for by in (MALLORY, MALLORY, None):
            await service.refusal("{ viewer { id } }", by)
        service.later(minutes=2)
        await service.ask("{ viewer { id } }")

    async def under_keys(self) -> None:
        """Mutations under idempotency keys, each sent again: in the last week, for the database forgets older keys by itself."""
        service, cards = self.service, [{"text": IN_BRIEF, "modelId": "leaf-reader", "version": "4"}, {"text": UNNAMED}]
        under: list[tuple[str, Person, dict[str, Any]]] = [
            ("importModels", ALICE, {"source": {"huggingFace": cards}, **ANSWERED_BY}),
            ("createApiToken", ADA, {"name": "new", "holder": {"userId": OTTO.id}}),
            ("openIncident", ALICE, {**of("1.2.0"), "severity": "MEDIUM", "title": "It is slow"}),
            ("placeHold", CORA, {**of("1.1", SCORER), "reason": "The law changes."}),
        ]
        for number, (mutation, by, fields) in enumerate(under):
            service.http.headers["Idempotency-Key"] = f"key-{number}"
            first, again = [await service.do(mutation, by, **fields) for _ in range(2)]
            assert first["receipt"] == again["receipt"]
        del service.http.headers["Idempotency-Key"]
