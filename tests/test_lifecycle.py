"""What can be done with a version in which status: the design's table, tried out cell by cell."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import get_nullable_type

from tests.examples import (
    ACCESS_VERIFIED,
    BOT,
    CARD,
    DATASHEET,
    LEAKAGE,
    RATED,
    REVIEW,
    TICKETS,
    assess,
    attach,
    decide,
    read,
    register,
    save_card,
    save_datasheet,
    submit,
)
from tests.schema import MUTATIONS
from tests.service import ALICE, BOB, CAROL, DAVID, RITA, Person, Service

STATUSES = ("DRAFT", "PENDING_APPROVAL", "APPROVED", "REJECTED", "RETIRED")
ALL_BUT_RETIRED = "DRAFT PENDING_APPROVAL APPROVED REJECTED"
# From which statuses a mutation is possible, as the product's design has it, and not as the product has it.
POSSIBLE = {
    "updateModelVersion": ALL_BUT_RETIRED,
    "saveModelCard": ALL_BUT_RETIRED,
    "generateModelCard": ALL_BUT_RETIRED,
    "importModelCard": ALL_BUT_RETIRED,
    "linkDatasheet": ALL_BUT_RETIRED,
    "unlinkDatasheet": ALL_BUT_RETIRED,
    "createRiskAssessment": ALL_BUT_RETIRED,
    "mitigateRisk": ALL_BUT_RETIRED,
    "acceptRisk": ALL_BUT_RETIRED,
    "approveRiskAssessment": ALL_BUT_RETIRED,
    "attachEvidence": ALL_BUT_RETIRED,
    "withdrawEvidence": ALL_BUT_RETIRED,
    "setRiskTier": ALL_BUT_RETIRED,
    "judgeClassification": ALL_BUT_RETIRED,
    "assignAccountability": ALL_BUT_RETIRED,
    "submitForApproval": "DRAFT REJECTED APPROVED",
    "submitApproval": "PENDING_APPROVAL APPROVED",
    "withdrawApproval": "PENDING_APPROVAL APPROVED",
    "satisfyCondition": "PENDING_APPROVAL APPROVED",
    "confirmCondition": "PENDING_APPROVAL APPROVED",
    "placeHold": ALL_BUT_RETIRED,
    "liftHold": ALL_BUT_RETIRED,
    "grantWaiver": ALL_BUT_RETIRED,
    "revokeWaiver": ALL_BUT_RETIRED,
    "completeReview": ALL_BUT_RETIRED,
    "retireModelVersion": ALL_BUT_RETIRED,
    "openIncident": f"{ALL_BUT_RETIRED} RETIRED",  # in no row: what happened can be said of any version
}
MAKE_VERSIONS = {"registerModel", "registerModelVersion"}

REASON = {"reason": "It was planned."}
ACCEPTED = {"requirementId": "POL-003.access-control", "rationale": "It runs offline.", "expiresAt": "2026-08-01T00:00:00Z"}
SAID: dict[str, tuple[Person, dict[str, Any]]] = {
    "updateModelVersion": (ALICE, {"restrictions": ["Not for lawyers"]}),
    "saveModelCard": (ALICE, {"card": {"license": "MIT"}}),
    "generateModelCard": (ALICE, {"metadata": {"license": "MIT"}}),
    "importModelCard": (ALICE, {"format": "HUGGING_FACE", "text": "---\nbase_model: another\n---\n"}),
    "linkDatasheet": (ALICE, {"datasetId": "another"}),
    "unlinkDatasheet": (ALICE, TICKETS),
    "createRiskAssessment": (ALICE, {"responses": [LEAKAGE]}),
    "mitigateRisk": (ALICE, {"riskId": "MQ-001", "controlEffectiveness": 0.9}),
    "acceptRisk": (RITA, {"riskId": "MQ-002", "rationale": "It is watched.", "expiresAt": "2026-08-01T00:00:00Z"}),
    "approveRiskAssessment": (RITA, {}),
    "attachEvidence": (BOB, ACCESS_VERIFIED),
    "withdrawEvidence": (BOB, REASON),
    "setRiskTier": (RITA, {"tier": "TIER_1_CRITICAL", "rationale": "It is asked about refunds."}),
    "judgeClassification": (
        RITA,
        {"judgements": [{"keyword": "public", "found": "republic", "counts": False, "rationale": "It is a state."}]},
    ),
    "assignAccountability": (ALICE, {"role": "ETHICS_REVIEWER", "userId": CAROL.id}),
    "submitForApproval": (ALICE, {}),
    "submitApproval": (DAVID, {"verdict": "APPROVED"}),
    "withdrawApproval": (CAROL, REASON),
    "satisfyCondition": (ALICE, {"note": "It is watched."}),
    "confirmCondition": (CAROL, {}),
    "placeHold": (CAROL, REASON),
    "liftHold": (CAROL, REASON),
    "grantWaiver": (RITA, ACCEPTED),
    "revokeWaiver": (RITA, REASON),
    "completeReview": (RITA, REVIEW),
    "retireModelVersion": (ALICE, REASON),
    "openIncident": (CAROL, {"severity": "CRITICAL", "title": "Somebody was misled"}),
}


@dataclass(frozen=True)
class Lives:
    """A version in each status, of a model called by it, and the ids of what hangs on it."""

    service: Service
    ids: dict[str, dict[str, dict[str, str]]]
    raws: dict[str, Any]

    async def again(self, status: str) -> None:
        """Puts a version back to what it was."""
        raw = self.raws[status]
        await self.service.database.collection("model_versions").replace_one({"_id": raw["_id"]}, raw)


@pytest.fixture(scope="module")
async def lives(server: str) -> AsyncIterator[Lives]:
    service = await Service.started(server)
    await save_datasheet(service)
    await service.do("saveDatasheet", BOB, datasetId="another", datasheet=DATASHEET)
    ids = {status: await _lived(service, status) for status in STATUSES}
    stored = await service.database.collection("model_versions").find().to_list(None)
    yield Lives(service, ids, {each["model_id"]: each for each in stored})
    await service.close()


async def _lived(service: Service, status: str) -> dict[str, dict[str, str]]:
    """Brings a version into a status, with something for each mutation to act upon; answers with their ids."""
    of: dict[str, Any] = {"modelId": status}
    await register(service, **of, useCases=["Speak about the republic"])
    await save_card(service, **of, card=CARD)
    await service.do("linkDatasheet", **BOT | TICKETS | of)
    assessed = (await assess(service, *RATED, **of))["riskAssessment"]
    hold = await service.do("placeHold", CAROL, "hold { holdId }", **BOT | of | REASON)
    waiver = await service.do("grantWaiver", RITA, "waiver { waiverId }", **BOT | of, **ACCEPTED)
    ids: dict[str, Any] = {
        "withdrawEvidence": {"evidenceId": await attach(service, **of)},
        "liftHold": hold["hold"],
        "revokeWaiver": waiver["waiver"],
        "approveRiskAssessment": {"assessmentId": assessed["assessmentId"]},
        "satisfyCondition": {"conditionId": "CON-0"},
        "confirmCondition": {"conditionId": "CON-0"},
    }
    if status == "DRAFT":
        return ids
    await submit(service, **of)
    selected, demands = "approval { conditions { conditionId } }", ["Watch it", "Ask again in May"]
    decided = await service.do("submitApproval", CAROL, selected, **BOT | of, verdict="APPROVED", conditions=demands)
    ids["satisfyCondition"], ids["confirmCondition"] = decided["approval"]["conditions"]
    await service.do("satisfyCondition", **BOT | of, **ids["confirmCondition"], note="It was asked.")
    if status in ("APPROVED", "RETIRED"):
        await decide(service, DAVID, **of)
        await decide(service, ALICE, **of)
    if status == "REJECTED":
        await decide(service, DAVID, "REJECTED", **of)
    if status == "RETIRED":
        await service.do("retireModelVersion", **BOT | of | REASON)
    return ids


def test_the_table_has_every_mutation_on_a_version() -> None:
    inputs = {name: get_nullable_type(field.args["input"].type).fields for name, field in MUTATIONS.items()}
    on_versions = {name for name, fields in inputs.items() if {"modelId", "version"} <= fields.keys()}
    assert on_versions - MAKE_VERSIONS == POSSIBLE.keys() == SAID.keys()


@pytest.mark.exhaustive
@pytest.mark.parametrize("mutation", POSSIBLE)
async def test_a_mutation_is_possible_from_the_statuses_of_its_row_and_else_changes_nothing(lives: Lives, mutation: str) -> None:
    by, said = SAID[mutation]
    service, possible = lives.service, POSSIBLE[mutation].split()
    for status in STATUSES:
        asked = BOT | {"modelId": status} | said | lives.ids[status].get(mutation, {})
        assert (await read(service, "status", modelId=status))["status"] == status
        if status in possible:
            await service.do(mutation, by, **asked)
            changed = await read(service, "revision", modelId=status)
            assert changed["revision"] > lives.raws[status]["revision"]
            await lives.again(status)
        else:
            before = await service.state()
            refused = await service.refused(mutation, by, **asked)
            assert refused == {"code": "INVALID_STATE", "action": mutation, "from": status, "allowed": possible}
            assert await service.state() == before
