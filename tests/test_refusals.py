"""Where the trail files what was refused or denied, and what it tells of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from documents.access import GovernanceRole
from tests.examples import BOT, REGISTRATION, eligible, register, save_card
from tests.journey import ALARM
from tests.operations import (
    DORA,
    PLAN,
    STAGED,
    TOM,
    approve,
    approved_change,
    ask_for,
    carry_out,
    declare,
    experiments,
    rollback_of,
)
from tests.service import ALICE, AUDREY, BOB, CAROL, Person, Service, person
from tests.watching import Watched, watching, where

Raw = dict[str, Any]
EVE = person("eve", GovernanceRole.MODEL_OWNER)
SUBJECT = {"model_id": BOT["modelId"], "version": BOT["version"]}
ABOUT = """query($modelId: String!) {
    model(modelId: $modelId) { auditEvents(first: 100) { nodes { seq } } }
    auditReport(modelId: $modelId) { eventBreakdown { eventType count } }
    dashboard { audit { policyViolationsThisMonth { count auditEvents(first: 9) { nodes { seq } } } } }
}"""


async def refused(service: Service, mutation: str, by: Person, **said: Any) -> tuple[Raw, Raw]:
    """The extensions of a refusal, and its event."""
    seen = await service.size()
    extensions = await service.refused(mutation, by, **said)
    (event,) = await service.trail(seen)
    assert (event["action"], event["outcome"]) == (mutation, "denied" if extensions["code"] == "FORBIDDEN" else "failure")
    return extensions, event


@pytest.fixture
async def stopped(service: Service) -> tuple[Service, str]:
    """A service, and an approved change whose target may not start: it is held, and its approvals went stale."""
    await service.enrol(DORA, TOM, EVE)
    await eligible(service)
    change_id = await approved_change(service)
    await save_card(service, card={"license": "MIT", "primaryIntendedUses": []})
    await service.do("placeHold", CAROL, **BOT, reason=ALARM)
    await service.do("openIncident", CAROL, **BOT, severity="CRITICAL", title=ALARM)
    return service, change_id


async def test_a_blocked_start_is_told_where_people_look_for_it(stopped: tuple[Service, str]) -> None:
    service, change_id = stopped
    extensions, event = await refused(service, "startDeployment", DORA, changeId=change_id)
    assert (extensions["code"], event["event_type"], event["subject"]) == ("POLICY_BLOCKED", "policy_violation", SUBJECT)
    told = await service.ask(ABOUT, AUDREY, modelId=BOT["modelId"])
    assert {"seq": event["seq"]} in told["model"]["auditEvents"]["nodes"]
    assert {"eventType": "POLICY_VIOLATION", "count": 1} in told["auditReport"]["eventBreakdown"]
    assert told["dashboard"]["audit"]["policyViolationsThisMonth"] == {
        "count": 1, "auditEvents": {"nodes": [{"seq": event["seq"]}]}
    }  # fmt: skip


async def test_a_blocked_start_tells_what_stood_in_the_way_and_quotes_nobody(stopped: tuple[Service, str]) -> None:
    service, change_id = stopped
    extensions, event = await refused(service, "startDeployment", DORA, changeId=change_id)
    eligibility = extensions["eligibility"]
    (incident,) = eligibility["blockingIncidents"]
    assert event["details"]["facts"] == {
        "code": "POLICY_BLOCKED", "key": "support-assistant/1.0.0", "environment": "production",
        "problem": "it is not eligible", "status": "PENDING_APPROVAL",
        "missingRoles": ["MODEL_OWNER", "ETHICS_REVIEWER", "SECURITY_REVIEWER"], "violations": ["POL-001.intended-use"],
        "holds": ["ETHICS_REVIEWER"], "criticalIncidents": [incident["incidentId"]],
    }  # fmt: skip
    assert ALARM in str(extensions) and ALARM.encode() not in event["canonical"]


async def test_every_refusal_and_denial_on_a_change_is_filed_under_its_version(stopped: tuple[Service, str]) -> None:
    service, change_id = stopped
    said: dict[str, Raw] = {
        "updateChangeRequest": {"title": "Another"}, "submitChangeForReview": {}, "reopenChange": {"reason": "Why not."},
        "cancelChange": {"reason": "Why not."}, "addChangeApproval": {"approved": True}, "commentOnChange": {"text": "So."},
        "recordTestResult": {"name": "load", "passed": True}, "scheduleDeployment": {"scheduledTime": "2027-01-01T00:00:00Z"},
        "startDeployment": {}, "completeDeployment": {"success": True}, "rollbackChange": {"reason": "Why not."},
    }  # fmt: skip
    by_role, by_relation = (BOB, person("deborah", GovernanceRole.DEPLOYER))
    await service.enrol(by_relation)
    for mutation, fields in said.items():
        if mutation != "commentOnChange":
            extensions, event = await refused(service, mutation, by_role, changeId=change_id, **fields)
            assert (extensions["code"], event["subject"]) == ("FORBIDDEN", SUBJECT), mutation
            assert event["details"]["facts"] == extensions
        extensions, event = await refused(service, mutation, DORA, changeId=change_id, expectedRevision=1, **fields)
        assert (extensions["code"] in {"CONFLICT", "FORBIDDEN"}, event["subject"]) == (True, SUBJECT), mutation
        assert event["resource"] == {"type": "ChangeRequest", "id": change_id}
    for mutation in ("updateChangeRequest", "submitChangeForReview", "reopenChange", "cancelChange"):
        extensions, event = await refused(service, mutation, by_relation, changeId=change_id, **said[mutation])
        assert (extensions["code"], event["subject"]) == ("FORBIDDEN", SUBJECT), mutation
    for mutation in ("completeDeployment", "rollbackChange", "submitChangeForReview"):
        extensions, event = await refused(service, mutation, DORA, changeId=change_id, **said[mutation])
        assert (extensions["code"], event["subject"]) == ("INVALID_STATE", SUBJECT), mutation
        assert event["details"]["facts"] == extensions
    _, event = await refused(service, "startDeployment", CAROL, changeId="CR-none")
    assert event["subject"] is None
    _, event = await refused(service, "startDeployment", DORA, changeId="CR-none")
    assert (event["subject"], event["details"]["facts"]) == (
        None, {"code": "NOT_FOUND", "kind": "ChangeRequest", "key": "CR-none"}
    )  # fmt: skip


async def test_what_names_a_model_or_an_incident_is_filed_under_it_too(service: Service) -> None:
    await service.enrol(DORA, TOM, EVE)
    await register(service)
    incident = (await service.do("openIncident", CAROL, "incident { incidentId }", **BOT, severity="CRITICAL", title=ALARM))[
        "incident"
    ]
    rollback = PLAN | {"changeType": "ROLLBACK", "targetVersion": None}
    ungoverned = {"model_id": BOT["modelId"], "version": ""}
    for mutation, by, fields, code, subject in (
        ("resolveIncident", CAROL, incident | {"text": "Over."}, "FORBIDDEN", SUBJECT),
        ("resolveIncident", ALICE, incident | {"text": "Over."}, "FORBIDDEN", SUBJECT),
        ("createChangeRequest", CAROL, PLAN, "FORBIDDEN", SUBJECT),
        ("createChangeRequest", EVE, PLAN, "FORBIDDEN", SUBJECT),
        ("createChangeRequest", DORA, PLAN | {"changeType": "DECOMMISSION"}, "INVALID_INPUT", SUBJECT),
        ("createChangeRequest", CAROL, rollback, "FORBIDDEN", ungoverned),
        ("createChangeRequest", DORA, rollback, "INVALID_INPUT", ungoverned),
        ("saveModelCard", EVE, BOT | {"card": {"license": "MIT"}}, "FORBIDDEN", SUBJECT),
        ("registerModel", ALICE, REGISTRATION, "CONFLICT", SUBJECT),
        ("revokeApiToken", CAROL, {"tokenId": "none"}, "NOT_FOUND", None),
    ):  # fmt: skip
        extensions, event = await refused(service, mutation, by, **fields)
        assert (extensions["code"], event["subject"]) == (code, subject), mutation
    assert ALARM.encode() not in b"".join(each["canonical"] for each in await service.trail())


async def test_what_a_client_sent_is_not_quoted_by_the_event_of_its_refusal(service: Service) -> None:
    extensions, event = await refused(service, "registerModel", ALICE, **REGISTRATION | {"ownerId": "Erika.Mustermann"})
    assert "Erika" in extensions["problem"]
    assert event["details"]["facts"] == {"code": "INVALID_INPUT", "path": "input.ownerId"}
    service.http.headers["Idempotency-Key"] = "a secret of mine"
    await register(service)
    seen = await service.size()
    assert (await service.refused("registerModel", **REGISTRATION | {"name": "Other"}))["idempotencyKey"] == "a secret of mine"
    (event,) = await service.trail(seen)
    assert (event["subject"], event["details"]["facts"]) == (SUBJECT, {"code": "CONFLICT"})


async def test_all_that_a_change_did_is_told_of_its_model(service: Service) -> None:
    """The events of a completion, of what it ended, and of the model itself are filed under the versions that they are about."""
    await service.enrol(DORA, TOM)
    await declare(service, "canary")
    seen = await service.size()
    await experiments(service, "0.1.0", "0.2.0")
    for version in ("0.1.0", "0.2.0"):
        last = await approved_change(service, **STAGED, targetVersion=version)
        await carry_out(service, last)
    away = await ask_for(service, **STAGED, changeType="ROLLBACK", targetVersion=None)
    await approve(service, away)
    await carry_out(service, away)
    failed = await approved_change(service, **STAGED | {"environment": "canary"}, targetVersion="0.1.0")
    await carry_out(service, failed, success=False)
    back = await rollback_of(service, failed)
    await approve(service, back)
    await carry_out(service, back)
    told = await service.trail(seen)
    subjects = {(each["resource"]["type"], each["action"], (each["subject"] or {}).get("version")) for each in told}
    assert {each for each in subjects if each[0] == "Model"} == {
        ("Model", "registerModel", ""), ("Model", "completeDeployment", "0.1.0"), ("Model", "completeDeployment", "0.2.0"),
    }  # fmt: skip
    assert all(each["subject"]["model_id"] == STAGED["modelId"] and each["resource"]["type"] for each in told)
    about_rollback = [each["subject"]["version"] for each in told if each["resource"]["id"] == back]
    assert about_rollback and {*about_rollback} == {"0.1.0"}  # the version that the failed change was to bring
    query = "query($id: String!) { model(modelId: $id) { auditEvents(first: 100) { totalCount } } }"
    assert (await service.ask(query, ALICE, id=STAGED["modelId"]))["model"]["auditEvents"]["totalCount"] == len(told)


@pytest.fixture
async def watched(server: str, service: Service) -> AsyncIterator[Watched]:
    async for each in watching(server, service):
        yield each


async def test_only_a_denial_before_anything_was_loaded_looks_the_change_up(watched: Watched) -> None:
    service = watched.service
    await experiments(service, "0.1.0")
    change_id = await ask_for(service, **STAGED, targetVersion="0.1.0")
    for by, code in ((CAROL, "FORBIDDEN"), (DORA, "INVALID_STATE")):  # looked up for the event; loaded to be started
        watched.commands.seen.clear()
        assert (await service.refused("startDeployment", by, changeId=change_id))["code"] == code
        assert where(watched.commands.seen).count("change_requests") == 1, by.id
