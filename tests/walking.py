"""Somebody's random steps over one database: what people do to versions, each step looked at."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from documents.access import GovernanceRole, Permission
from documents.eligibility.turns import judge_in_turn
from documents.kinds import RECORDS
from documents.risk.scales import RiskTier
from documents.tokens import ApiToken, TokenKind
from tests.by_hand import ByHand, emptied, parsed, retold, spelled, without
from tests.counted import miscounted
from tests.examples import ACCESS_VERIFIED, BOT, CARD, DATASHEET, LEAKAGE, RATED, REGISTRATION, REVIEW, TICKETS
from tests.journey import FROM_OUTSIDE, RUN, WEIGHTS
from tests.nouns import UNTOLD
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, DAVID, NOW, RITA, Person, Service, person

ROLES = GovernanceRole
OLGA = person("olga", ROLES.MODEL_OWNER, ROLES.ETHICS_REVIEWER)
EVE = person("eve", ROLES.ETHICS_REVIEWER, ROLES.SECURITY_REVIEWER)
TIM = person("tim", ROLES.SECURITY_REVIEWER, tiers=(RiskTier.TIER_3_STANDARD,))
CLEO = person("cleo", ROLES.COMPLIANCE_OFFICER)
BEA = person("bea", ROLES.BUSINESS_OWNER)
SECOND: dict[str, Any] = {"modelId": "tagger", "version": "1.0.0"}
CHECKED = ("EVIDENCE", "DRIFT_REVIEWED")
POLICY: dict[str, Any] = {
    "name": "More", "description": "There is more to ask.", "applicableTiers": ["TIER_1_CRITICAL", "TIER_2_IMPORTANT"],
    "enforcement": "BLOCKING", "requiredRoles": ["COMPLIANCE_OFFICER"],
}  # fmt: skip
OWNER = Person("owner", "")  # stands for the version's own
OWNERS, REVIEWERS = [OWNER, OWNER, OWNER, ALICE, OLGA], [CAROL, DAVID, ALICE, OLGA, EVE, TIM, CLEO]
PROGRAM = person("pipeline")

USUAL: dict[str, list[Person]] = {
    "submitForApproval": OWNERS, "submitApproval": REVIEWERS, "withdrawApproval": REVIEWERS, "satisfyCondition": OWNERS,
    "confirmCondition": REVIEWERS, "saveModelCard": [*OWNERS, PROGRAM], "generateModelCard": [*OWNERS, PROGRAM],
    "saveDatasheet": [BOB], "linkDatasheet": [*OWNERS, BOB],
    "unlinkDatasheet": [*OWNERS, BOB], "createRiskAssessment": [*OWNERS, RITA], "mitigateRisk": [*OWNERS, RITA],
    "acceptRisk": [RITA, BEA], "approveRiskAssessment": [RITA], "attachEvidence": [*OWNERS, BOB, PROGRAM],
    "withdrawEvidence": [ALICE, BOB, OLGA], "grantWaiver": [RITA, CLEO], "revokeWaiver": [RITA, CLEO],
    "placeHold": [CAROL, EVE, CLEO], "liftHold": [CAROL, EVE, CLEO], "completeReview": [ALICE, RITA],
    "updateModelVersion": [*OWNERS, BEA, PROGRAM], "setRiskTier": [RITA], "retireModelVersion": OWNERS,
    "registerModelVersion": [ALICE, OLGA, ADA], "assignAccountability": [*OWNERS, CLEO, ADA],
    "createPolicy": [CLEO, RITA], "revisePolicy": [CLEO, RITA], "retirePolicy": [CLEO, RITA],
    "openIncident": [BEA, PROGRAM], "escalateIncident": [BEA, CAROL, PROGRAM], "resolveIncident": [OWNER, RITA, RITA],
    "updateModel": [ALICE, OLGA, ADA],
}  # fmt: skip
"""Who does what, as a rule; anybody tries anything now and then."""
EVERYBODY = [ADA, AUDREY, ALICE, OLGA, BOB, CAROL, DAVID, EVE, TIM, RITA, CLEO, BEA, PROGRAM]
OF_NO_VERSION = {
    "saveDatasheet", "createPolicy", "revisePolicy", "retirePolicy", "escalateIncident", "resolveIncident", "updateModel",
}  # fmt: skip
PEOPLE = {each.id: each for each in EVERYBODY}
TIME = "time passes"
STEPS = [
    *USUAL,
    *["submitApproval", "confirmCondition", "satisfyCondition"] * 3,
    "submitForApproval",
    "updateModelVersion",
    TIME,
    TIME,
]
REFUSED = {"FORBIDDEN", "NOT_FOUND", "CONFLICT", "INVALID_INPUT", "INVALID_STATE", "POLICY_BLOCKED"}

SHOWN = """{ modelVersions(first: 9, orderBy: [{modelId: ASC}, {version: ASC}]) { nodes {
    status approvals { decisionId status } openHighRisks { riskId }
    eligibility { eligible violations { requirementId } waived { finding { requirementId } } } } } }"""

Documents = dict[str, list[dict[str, Any]]]
"""What a database holds, by kind or collection."""


class Walk:
    """Somebody's steps over one database, each of them looked at."""

    def __init__(self, service: Service, draw: Any) -> None:
        self.service, self.draw = service, draw
        self.stored: Documents = {}

    def one(self, *of: Any) -> Any:
        return self.draw(st.sampled_from(of))

    async def go(self, steps: int) -> None:
        await self.look()
        for _ in range(steps):
            if (mutation := self.one(*STEPS)) == TIME:
                await self.wait(self.one(1, 30, 24 * 8))
            else:
                first, *others = self.stored["ModelVersion"]
                await self.attempt(mutation, self.one(first, first, first, *others))
            await self.look()

    async def wait(self, hours: float) -> None:
        """Time passes, and the server judges anew what changes with it."""
        self.service.later(hours=hours)
        with self.service.database.bound():
            await judge_in_turn(lambda: self.service.now, timedelta(0))

    async def attempt(self, mutation: str, version: dict[str, Any]) -> None:
        """Somebody tries a mutation on a version."""
        by = self.somebody(mutation, version)
        said = {each: version[name] for each, name in (("modelId", "model_id"), ("version", "version"))}
        await self.send(mutation, by, ({} if mutation in OF_NO_VERSION else said) | self.input_of(mutation, version, by))

    async def send(self, mutation: str, by: Person, said: dict[str, Any]) -> str | None:
        """The code of the refusal, if it is one: that leaves one event and changes nothing."""
        size = await self.service.size()
        answer = (await self.service.post(mutating(mutation), {"input": said}, by)).json()
        told = await self.service.trail(size)
        if "errors" not in answer:
            assert {each["outcome"] for each in told} == {"success"}
            return None
        code = str(answer["errors"][0]["extensions"]["code"])
        assert code in REFUSED, answer
        assert [each["outcome"] for each in told] in (["denied"], ["failure"]), (answer, told, by)
        assert await self.state() == self.stored, answer
        return code

    def somebody(self, mutation: str, version: dict[str, Any]) -> Person:
        """Mostly one of those who may, and of those who did before."""
        decisions = (version["round"] or {"decisions": []})["decisions"]
        before = {
            "liftHold": [each["placed_by"] for each in version["holds"]],
            "withdrawEvidence": [each["attached_by"] for each in version["evidence"]],
            "confirmCondition": [each["reviewer_id"] for each in decisions if each["conditions"]],
            "withdrawApproval": [each["reviewer_id"] for each in decisions[-3:]],
        }  # fmt: skip
        there = [PEOPLE[each] for each in before.get(mutation, ())]
        usual = [PEOPLE[version["owner_id"]] if each is OWNER else each for each in USUAL[mutation] + there * 5]
        chosen: Person = self.one(*usual * 5, *EVERYBODY)
        return chosen

    def input_of(self, mutation: str, version: dict[str, Any], by: Person) -> Any:
        one, decisions = self.one, (version["round"] or {}).get("decisions", [])
        match mutation:
            case "submitApproval":
                verdict = one("APPROVED", "APPROVED", "APPROVED", "CONDITIONAL", "CONDITIONAL", "REJECTED")
                conditions = [["Watch it.", "Ask again."]] if verdict == "CONDITIONAL" else [[], [], [], ["Watch it."]]
                said = {"verdict": verdict, "comments": "It was read."}
                return self.role(by) | said | {"conditions": one(*conditions), "expiresAt": self.soon(None, None)}
            case "withdrawApproval":
                return self.role(by) | {"reason": "Never mind."}
            case "satisfyCondition":
                shown = {"note": "Done."}, {"evidenceId": self.any_of(version["evidence"], "evidence_id")}
                return {"conditionId": self.condition(decisions)} | one(*shown)
            case "confirmCondition":
                return {"conditionId": self.condition(decisions)}
            case "saveModelCard":
                return {"card": one(CARD, CARD, {"license": "MIT"}, {"metrics": []}, {"risks": []}, {"primaryIntendedUses": []})}
            case "generateModelCard":
                return one(RUN, {"metadata": {"license": "MIT"}}, {"additionalInfo": {"seed": 8}})
            case "saveDatasheet":
                return TICKETS | {"datasheet": DATASHEET | {"purpose": one("To learn.", "To learn more.")}}
            case "linkDatasheet" | "unlinkDatasheet":
                return TICKETS
            case "createRiskAssessment":
                responses = one([*RATED, LEAKAGE], [LEAKAGE], [{"riskId": "SEC-001", "likelihood": 2}])
                return {"responses": responses, "carryOver": one(True, False)}
            case "mitigateRisk":
                said = one({"controls": ["A filter"]}, {"controls": []}, {"controlEffectiveness": one(0, 0.5, 1)})
                return {"riskId": one("MQ-001", "SEC-001", "SEC-002", "FAIR-001")} | said
            case "acceptRisk":
                risk_id = one("SEC-001", "SEC-002", "OPS-001")
                return {"riskId": risk_id, "rationale": "It is worth it.", "expiresAt": self.soon()}
            case "approveRiskAssessment":
                latest = version["latest_assessment"] or {"assessment_id": "none"}
                return {"assessmentId": latest["assessment_id"]}
            case "attachEvidence":
                begins = one(None, self.ahead(-30), self.ahead(30))
                return ACCESS_VERIFIED | {"effectiveFrom": begins, "validUntil": self.soon(None)}
            case "withdrawEvidence":
                return {"evidenceId": self.any_of(version["evidence"], "evidence_id"), "reason": "It was of another system."}
            case "grantWaiver":
                requirement = one("POL-001.evaluation", "POL-002.fairness-metrics", "POL-003.access-control", "POL-004.drift")
                return {"requirementId": requirement, "rationale": "It is urgent.", "expiresAt": self.soon()}
            case "revokeWaiver":
                return {"waiverId": self.any_of(version["waivers"], "waiver_id"), "reason": "It no longer is."}
            case "placeHold":
                return self.role(by) | {"reason": "Look at it first."}
            case "liftHold":
                return {"holdId": self.any_of(version["holds"], "hold_id"), "reason": "Looked at."}
            case "completeReview":
                return REVIEW
            case "updateModelVersion":
                on = {"relation": "CALLS", "on": {"governed": one(BOT, SECOND)}}
                changed = one(
                    {"purpose": one(REGISTRATION["purpose"], "Sorts mail", "Scores credit applications of customers")},
                    {"restrictions": one([], ["Not for health"], ["Not for children"]), "useCases": one([], ["Sort mail"])},
                    {"artifacts": one([], [WEIGHTS])},
                    {"dependsOn": one([], [FROM_OUTSIDE], [on], [FROM_OUTSIDE, on])},
                )
                return {"expectedRevision": version["revision"] - one(0, 0, 0, 1)} | changed
            case "setRiskTier":
                return {"tier": one(*(each.name for each in RiskTier)), "rationale": "It was agreed."}
            case "retireModelVersion":
                return {"reason": "Nobody needs it.", "expectedRevision": one(0, 0, 0, 0, version["revision"])}
            case "createPolicy":
                asks = [{"requirementId": f"POL-9.{each.lower()}", "title": "Shown", "check": each} for each in CHECKED]
                begins = {"effectiveFrom": self.soon(None), "bindsApprovedFrom": self.soon(None)}
                return POLICY | {"policyId": "POL-9", "requirements": one(*asks, asks)} | begins
            case "revisePolicy":
                roles = one([], ["COMPLIANCE_OFFICER"], ["ETHICS_REVIEWER", "COMPLIANCE_OFFICER"])
                revised = {"requiredRoles": roles, "enforcement": one("BLOCKING", "ADVISORY"), "effectiveFrom": self.soon(None)}
                revised |= {"bindsApprovedFrom": self.soon(None, None)}
                stages = one({}, {"stages": one(["TEST"], ["DEVELOPMENT", "TEST"], ["TEST", "STAGING"], ["PRODUCTION"])})
                return {"policyId": one("POL-002", "POL-004", "POL-9")} | revised | stages
            case "retirePolicy":
                return {"policyId": one("POL-002", "POL-9"), "effectiveFrom": self.soon(None)}
            case "openIncident":
                return {"severity": one("CRITICAL", "CRITICAL", "HIGH"), "title": "It misstated a price."}
            case "escalateIncident":
                raised = {"severity": one("CRITICAL", "CRITICAL", "HIGH"), "reason": "It misstated many."}
                return {"incidentId": self.any_of(self.stored["Incident"], "incident_id")} | raised
            case "updateModel":
                said = one({"tags": one([], ["mail"])}, {"ownerId": one(None, "alice", "olga", "carol")})
                return {"modelId": version["model_id"]} | said
            case "resolveIncident":
                return {"incidentId": self.any_of(self.stored["Incident"], "incident_id"), "text": "The price is right."}
            case "assignAccountability":
                return {"role": one("MODEL_OWNER", "ETHICS_REVIEWER"), "userId": one("alice", "olga", "carol", "nobody")}
            case "registerModelVersion":
                return {"purpose": "Sorts mail", "ownerId": one("alice", "olga"), "dataStewardId": BOB.id, "version": "2.0.0"}
        return {}

    def role(self, by: Person) -> dict[str, Any]:
        said = self.one(*[each.name for each in by.roles] * 3, None, "MODEL_OWNER", "COMPLIANCE_OFFICER")
        return {"role": said} if said else {}

    def ahead(self, hours: float) -> str:
        return (self.service.now + timedelta(hours=hours)).isoformat()

    def soon(self, *otherwise: None) -> str | None:
        said: str | None = self.one(*otherwise, self.ahead(0), self.ahead(1), self.ahead(48), self.ahead(24 * 20))
        return said

    def any_of(self, there: list[dict[str, Any]], key: str) -> str:
        return str(self.one(*[each[key] for each in there] or ["none"]))

    def condition(self, decisions: list[dict[str, Any]]) -> str:
        return self.any_of([each for decision in decisions[-3:] for each in decision["conditions"]], "condition_id")

    async def state(self) -> Documents:
        """Everything but the trail, and when tokens were last used: a refused mutation is a use."""
        state: Documents = await self.service.state()
        for token in state["ApiToken"]:
            del token["last_used_at"]
        state["ModelVersion"].sort(key=lambda each: (each["model_id"], each["version_key"]))
        return state

    async def look(self) -> None:
        """Each version reads as its documents say at this moment."""
        self.stored = await self.state()
        contents = parsed(self.stored["Content"])
        nodes = (await self.service.ask(SHOWN, AUDREY))["modelVersions"]["nodes"]
        for stored, shown in zip(self.stored["ModelVersion"], nodes, strict=True):
            by_hand = ByHand(stored, contents, self.stored["Policy"], self.stored["Incident"], self.service.now)
            assert as_shown(shown) == by_hand.shown
            assert by_hand.is_separated()
        assert await miscounted(self.service) == []


async def trail_tells_everything(service: Service) -> None:
    """The trail tells, from nothing, every record as it is, but for what is private or follows from the rest."""
    state = await service.state()
    told = retold(await service.trail(), parsed(state["Content"]))
    for kind in set(RECORDS) - UNTOLD:
        untold = kind.private | kind.disclosure().left_out
        stored = {"/".join(str(each[name]) for name in kind.keys): each for each in state[kind.__name__]}
        as_told = {key: record for (name, key), record in told.items() if name == kind.__name__}
        assert as_told == {key: emptied(spelled(without(each, untold))) for key, each in stored.items()}


def as_shown(node: dict[str, Any]) -> dict[str, Any]:
    found = node["eligibility"]
    return {
        "status": node["status"],
        "approvals": {each["decisionId"]: each["status"] for each in node["approvals"]},
        "open": {each["riskId"] for each in node["openHighRisks"]},
        "eligible": found["eligible"],
        "violations": {each["requirementId"] for each in found["violations"]},
        "waived": {each["finding"]["requirementId"] for each in found["waived"]},
    }


def mutating(mutation: str) -> str:
    return f"mutation($input: {mutation[0].upper()}{mutation[1:]}Input!) {{ {mutation}(input: $input) {{ receipt {{ seq }} }} }}"


async def let_the_program_in() -> None:
    token, _ = ApiToken.of(PROGRAM.token, TokenKind.SERVICE, PROGRAM.id, "test", None, ADA.id, NOW)
    token.mutations = (
        Permission.SAVE_MODEL_CARD,
        Permission.GENERATE_MODEL_CARD,
        Permission.UPDATE_MODEL_VERSION,
        Permission.ATTACH_EVIDENCE,
        Permission.OPEN_INCIDENT,
        Permission.ESCALATE_INCIDENT,
    )
    await token.store()
