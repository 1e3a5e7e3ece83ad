"""What `actions` says, and what comes of trying: each mutation is sent with a valid input, and undone."""

from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from math import inf
from typing import Any
from zlib import crc32

from documents.access import GovernanceRole, Permission
from documents.actions.others import OF_CALLER
from documents.errors import Refusal
from documents.tokens import ApiToken, TokenKind
from gql.middleware import Recorded
from tests.examples import CARD, DATASHEET, RATED, REVIEW
from tests.journey import COLIN, LICENSED, PROOF, RUN, WEIGHTS
from tests.operations import BEA, DORA, IMPACT, PLAN, TOM
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, DAVID, NOW, RITA, Person, Service, person
from tests.walking import mutating

Raw = dict[str, Any]
OLGA = person("olga", GovernanceRole.MODEL_OWNER, GovernanceRole.ETHICS_REVIEWER, GovernanceRole.COMPLIANCE_OFFICER)
PIPELINE = person("rollout")
ASKING = (ALICE, CAROL, RITA, DORA, OLGA, PIPELINE, DAVID, TOM, COLIN, BOB, BEA, ADA, AUDREY)
SAID = "code message needs from allowed path"
ACTIONS = f"actions {{ mutation allowed refusal {{ {SAID} }} choices {{ argument value allowed refusal {{ {SAID} }} }} }}"
PAGES = {
    "models": "modelId", "modelVersions": "modelId version", "changeRequests": "changeId", "incidents": "incidentId",
    "policies": "policyId",
}  # fmt: skip
"""The lists of records that have actions, with what names a record."""

KINDS = ("viewer", *PAGES)
LISTED = (
    Permission.SAVE_MODEL_CARD, Permission.UPDATE_MODEL_VERSION, Permission.ATTACH_EVIDENCE, Permission.WITHDRAW_EVIDENCE,
    Permission.CREATE_CHANGE_REQUEST, Permission.START_DEPLOYMENT, Permission.COMPLETE_DEPLOYMENT, Permission.ROLLBACK_CHANGE,
    Permission.OPEN_INCIDENT, Permission.REGISTER_MODEL,
)  # fmt: skip


NAMES = {"linkDatasheet": "Datasheet", "openIncident": "ModelVersion"}
"""The kind of another record that the input of a mutation has to name."""


ANEW = frozenset(each.value for each in OF_CALLER)


class Undone(Refusal):
    """The mutation was accepted, and is rolled back."""

    code, says, facts = "UNDONE", "accepted, and undone", {}


async def let_the_pipeline_in() -> None:
    token, _ = ApiToken.of(PIPELINE.token, TokenKind.SERVICE, PIPELINE.id, "test", None, ADA.id, NOW)
    token.mutations = LISTED
    await token.store()


@contextmanager
def undoing(service: Service) -> Iterator[None]:
    """Mutations do all that they do, and then roll back; what comes of them is not recorded."""
    transact = service.database.transact

    async def tried(work: Callable[[Any], Any], at: Any, within: float = inf, soon: float = inf) -> Any:
        async def undone(unit: Any) -> Any:
            await work(unit)
            raise Undone

        return await transact(undone, at, within, soon) if work.__qualname__.startswith(Recorded.__qualname__) else True

    service.database.transact = tried  # type: ignore[method-assign]
    try:
        yield
    finally:
        del service.database.transact


async def offered(service: Service, by: Person, kinds: Collection[str] = KINDS) -> dict[str, list[Raw]]:
    """What `actions` says to somebody of every record of these kinds."""
    pages = " ".join(f"{each}(first: 9) {{ nodes {{ {PAGES[each]} {ACTIONS} }} }}" for each in kinds if each in PAGES)
    answer = await service.ask(f"{{ viewer {{ {ACTIONS} }} {pages} }}", by)
    found = {"viewer": [answer.pop("viewer")]} | {kind: page["nodes"] for kind, page in answer.items()}
    return {kind: found[kind] for kind in kinds}


async def outcome(service: Service, mutation: str, by: Person, said: Raw) -> Raw | None:
    """The refusal of a mutation, as `actions` words it; None if it is accepted."""
    (error,) = (await service.post(mutating(mutation), {"input": said}, by)).json()["errors"]
    found = error["extensions"]
    if found["code"] == Undone.code:
        return None
    states = found["code"] == "INVALID_STATE"
    return {
        "code": found["code"], "message": error["message"], "needs": found.get("needs", []), "from": found.get("from"),
        "allowed": found.get("allowed", []) if states else [], "path": found.get("path"),
    }  # fmt: skip


def drawn(*of: Any) -> int:
    """A number that is always the same for the same things."""
    return crc32(repr(of).encode())


class Trying:
    """The state of a database, which says what a valid input is."""

    def __init__(self, service: Service, stored: dict[str, list[Raw]]) -> None:
        self.service, self.stored = service, stored

    def ahead(self, hours: float) -> str:
        return (self.service.now + timedelta(hours=hours)).isoformat()

    def known(self, kind: str, **keys: Any) -> Raw:
        return next(each for each in self.stored[kind] if all(each[name] == value for name, value in keys.items()))

    def cases(self, kind: str, node: Raw, by: Person) -> Iterator[tuple[str, Raw, Raw | None]]:
        """Each mutation of a record with a valid input and the refusal to expect; None where it is to be accepted."""
        for action in node["actions"]:
            chosen: dict[str, Raw] = {}
            for each in action["choices"]:
                if each["argument"] not in chosen or (each["allowed"] and not chosen[each["argument"]]["allowed"]):
                    chosen[each["argument"]] = each
            said = {name: each["value"] for name, each in chosen.items()}
            yield action["mutation"], self.input_of(kind, action["mutation"], node, by, said), action["refusal"]
            for each in action["choices"]:
                if each is not chosen[each["argument"]]:
                    other = self.input_of(kind, action["mutation"], node, by, said | {each["argument"]: each["value"]})
                    yield action["mutation"], other, each["refusal"] or action["refusal"]

    def input_of(self, kind: str, mutation: str, node: Raw, by: Person, said: Raw) -> Raw:
        match kind:
            case "viewer":
                return self.anew(mutation, said)
            case "modelVersions":
                named = {each: node[each] for each in ("modelId", "version")}
                version = self.known("ModelVersion", model_id=node["modelId"], version=node["version"])
                demanded = {"conditions": ["Watch it."]} if said.get("verdict") == "CONDITIONAL" else {}
                return self.of_version(mutation, version, by, named) | said | demanded
            case "changeRequests":
                change = self.known("ChangeRequest", change_id=node["changeId"])
                return {"changeId": node["changeId"]} | self.of_change(mutation, change) | said
            case "incidents":
                told = {"text": "Over."} if mutation == "resolveIncident" else {"severity": "CRITICAL", "reason": "It is."}
                return {"incidentId": node["incidentId"]} | told | said
            case "policies":
                return {"policyId": node["policyId"]} | self.of_policy(mutation)
        added = {"description": "Said anew."} if mutation == "updateModel" else self.another_version()
        return {"modelId": node["modelId"]} | added

    def of_policy(self, mutation: str) -> Raw:
        return {"name": "Another", "effectiveUntil": None} if mutation == "revisePolicy" else {}

    def another_version(self) -> Raw:
        return {"version": "9.0.0", "purpose": "Sorts mail", "ownerId": ALICE.id, "dataStewardId": BOB.id}

    def anew(self, mutation: str, said: Raw) -> Raw:
        first = (self.stored["ModelVersion"] or [{"model_id": "none", "version": "none"}])[0]
        version = {"modelId": first["model_id"], "version": first["version"]}
        answers = {"ownerId": ALICE.id, "dataStewardId": BOB.id}
        known: dict[str, Raw] = {
            "registerModel": self.another_version() | {"modelId": "another", "name": "Another"},
            "importModels": {"source": {"huggingFace": [{
                "text": LICENSED, "modelId": "another", "name": "Another", "version": "1", "purpose": "Sorts mail",
            }]}} | answers,
            "saveDatasheet": {"datasetId": "another", "datasheet": DATASHEET},
            "importDatasheet": {"datasetId": "another", "text": LICENSED},
            "createRiskTemplate": {"riskId": "FIN-9", "category": "FINANCIAL", "description": "x", "questions": ["Why?"]},
            "createPolicy": {
                "policyId": "POL-90", "name": "More", "description": "More.", "applicableTiers": ["TIER_2_IMPORTANT"],
                "enforcement": "BLOCKING", "requiredRoles": ["COMPLIANCE_OFFICER"],
            },
            "declareEnvironment": {"name": "another", "stage": "TEST"},
            "openIncident": version | {"severity": "LOW", "title": "Odd"},
            "registerStakeholder": {
                "userId": "new", "name": "New", "email": "new@example.org", "department": "Legal", "roles": ["DEPLOYER"],
            },
            "createApiToken": {"name": "another"},
        }  # fmt: skip
        return known[mutation] | said

    def of_version(self, mutation: str, version: Raw, by: Person, named: Raw) -> Raw:
        latest = version["latest_assessment"] or {"assessment_id": "none", "factors": [{"risk_id": "MQ-001"}]}
        words = version["classification"]["possible_keywords"] or [{"keyword": "credit", "found": "creditworthiness"}]
        linked = version["datasheets"] or [{"dataset_id": "none"}]
        sheets = self.stored["Datasheet"] or [{"dataset_id": "none"}]
        artifacts = {"artifacts": [WEIGHTS | {"sha256": "0e" * 32}]}
        known: dict[str, Raw] = {
            "updateModelVersion": artifacts if by is PIPELINE else {"restrictions": ["Not on Sundays"]},
            "setRiskTier": {"tier": version["tier"].upper(), "rationale": "It was agreed once more."},
            "judgeClassification": {"judgements": [
                {each: words[0][each] for each in ("keyword", "found")} | {"counts": False, "rationale": "Read again."}
            ]},
            "saveModelCard": {"card": CARD | {"license": "Another"}},
            "generateModelCard": RUN | {"additionalInfo": {"seed": 99}},
            "importModelCard": {
                "format": "HUGGING_FACE", "text": "---\nlicense: apache-2.0\n---\n", "expectedRevision": version["revision"],
            },
            "linkDatasheet": {"datasetId": sheets[0]["dataset_id"]},
            "unlinkDatasheet": {"datasetId": linked[0]["dataset_id"]},
            "createRiskAssessment": {"responses": RATED},
            "mitigateRisk": {"riskId": latest["factors"][0]["risk_id"], "controls": ["Another one"]},
            "acceptRisk": {"riskId": latest["factors"][0]["risk_id"], "rationale": "Worth it.", "expiresAt": self.ahead(1)},
            "approveRiskAssessment": {"assessmentId": latest["assessment_id"]},
            "attachEvidence": PROOF | {"requirementId": "POL-003.access-control"},
            "withdrawEvidence": {"evidenceId": "none", "reason": "Never mind."},
            "assignAccountability": {"role": "SECURITY_REVIEWER", "userId": DAVID.id},
            "submitApproval": {"verdict": "REJECTED", "comments": "It was read."},
            "withdrawApproval": {"reason": "Never mind."},
            "satisfyCondition": {"conditionId": "none", "note": "Done."},
            "confirmCondition": {"conditionId": "none"},
            "placeHold": {"reason": "Look first."},
            "liftHold": {"holdId": "none", "reason": "Looked."},
            "grantWaiver": {
                "requirementId": "POL-003.access-control", "rationale": "Urgent.", "expiresAt": self.ahead(1),
            },
            "revokeWaiver": {"waiverId": "none", "reason": "No longer."},
            "completeReview": REVIEW,
            "openIncident": {"severity": "LOW", "title": "Odd"},
            "retireModelVersion": {"reason": "Nobody needs it."},
        }  # fmt: skip
        if mutation == "createChangeRequest":
            return self.plan(version, named)
        return named | known.get(mutation, {})

    def plan(self, version: Raw, named: Raw) -> Raw:
        """A change that fits wherever the version runs, or does not run yet."""
        kind = "INFRASTRUCTURE" if "staging" in version["deployed_in"] else "MODEL_UPDATE"
        about = {"modelId": named["modelId"], "targetVersion": named["version"], "environment": "staging"}
        return PLAN | {"impact": IMPACT, "changeType": kind} | about

    def of_change(self, mutation: str, change: Raw) -> Raw:
        tests = (change["plan"]["impact"] or {}).get("testing_required") or ["none"]
        anything = {"changeType": "EMERGENCY", "environment": "production"}  # which fits whatever runs by now
        known: dict[str, Raw] = {
            "updateChangeRequest": {"title": "Another title"} | ({} if change["rolls_back_id"] else anything),
            "reopenChange": {"reason": "More to say."},
            "cancelChange": {"reason": "Never mind."},
            "addChangeApproval": {"approved": True},
            "commentOnChange": {"text": "Well."},
            "recordTestResult": {"name": tests[0], "passed": True},
            "scheduleDeployment": {"scheduledTime": self.ahead(1)},
            "completeDeployment": {"success": True},
            "rollbackChange": {"reason": "It was worse."},
        }
        return known.get(mutation, {})


async def trials(
    service: Service, by: Person, chance: Callable[[str, Raw | None], bool], kinds: Collection[str] = KINDS
) -> AsyncIterator[tuple[str, Raw, Raw | None, Raw | None]]:
    """What somebody tries of all that `chance` picks: the mutation, its input, what `actions` said, and what came of it."""
    found = await offered(service, by, kinds)
    trying = Trying(service, await service.state())
    for kind, nodes in found.items():
        for number, node in enumerate(nodes):
            for case, (mutation, said, expected) in enumerate(trying.cases(kind, node, by)):
                if chance(f"{kind} {number} {mutation} {case}", expected):  # without ids, which differ from run to run
                    if not trying.stored[NAMES.get(mutation, "Stakeholder")]:
                        continue  # there is nothing yet that a valid input could name
                    with undoing(service):
                        came = await outcome(service, mutation, by, said)
                    yield mutation, said, expected, came


NAMED: dict[str, tuple[str, tuple[str, ...]]] = {
    "version": ("modelVersion", ("modelId", "version")),
    "changeId": ("changeRequest", ("changeId",)),
    "incidentId": ("incident", ("incidentId",)),
    "policyId": ("policy", ("policyId",)),
    "modelId": ("model", ("modelId",)),
}
"""For a field of an input, the record that it names, and the fields that name it; the first that is there decides."""


async def action_of(service: Service, mutation: str, by: Person, said: Raw) -> Raw:
    """What `actions` says to somebody of a mutation with that input."""
    asked = f'actions(only: ["{mutation}"]) {{ allowed refusal {{ {SAID} }} choices {{ argument value allowed }} }}'
    if mutation in ANEW:
        found = (await service.ask(f"{{ viewer {{ {asked} }} }}", by))["viewer"]
    elif mutation == "createChangeRequest":
        found = await _action(service, by, asked, "modelVersion", modelId=said["modelId"], version=said["targetVersion"])
    else:
        kinds = (each for name, each in NAMED.items() if name in said and (mutation, name) != ("registerModelVersion", "version"))
        kind, keys = next(kinds)
        found = await _action(service, by, asked, kind, **{each: said[each] for each in keys})
    (action,) = found["actions"]
    return dict(action)


async def _action(service: Service, by: Person, asked: str, kind: str, **keys: str) -> Raw:
    named = ", ".join(f'{name}: "{value}"' for name, value in keys.items())
    found: Raw = (await service.ask(f"{{ {kind}({named}) {{ {asked} }} }}", by))[kind]
    return found
