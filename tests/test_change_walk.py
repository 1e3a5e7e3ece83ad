"""Random walks with changes: whatever people ask for, approve, start, end and take back, what runs where was allowed to.

Each run walks other ways; `python -m pytest tests/test_change_walk.py --hypothesis-profile long` walks a hundred times as far.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from documents.access import Permission
from documents.tokens import ApiToken, TokenKind
from tests.by_hand import Raw, parsed
from tests.changes_by_hand import ROLES, STAGES, ChangeByHand, WhatRan, at_stage, level, may_run, place
from tests.counted import miscounted
from tests.examples import (
    BOT,
    EXPERIMENT,
    LEAKAGE,
    RATED,
    REGISTRATION,
    TICKETS,
    assess,
    decide,
    eligible,
    on_record,
    save_card,
    submit,
)
from tests.operations import BEA, DORA, IMPACT, PLAN, TOM, approved_change, declare, deployed
from tests.service import ADA, ALICE, AUDREY, CAROL, DAVID, NOW, RITA, Person, Service, person
from tests.standings import misjudged
from tests.stored import Stored
from tests.walking import CLEO, EVE, OLGA, TIM, TIME, Documents, Walk, trail_tells_everything
from tests.walking import let_the_program_in as let_the_pipeline_in

PROGRAM = person("rollout")
LISTED = (
    Permission.CREATE_CHANGE_REQUEST, Permission.SUBMIT_CHANGE_FOR_REVIEW, Permission.RECORD_TEST_RESULT,
    Permission.START_DEPLOYMENT, Permission.COMPLETE_DEPLOYMENT, Permission.ROLLBACK_CHANGE,
)  # fmt: skip
ASKING, CARRYING = [DORA, DORA, TOM, ALICE, PROGRAM], [DORA, DORA, PROGRAM]
APPROVING = {
    "model_owner": [ALICE, OLGA], "tech_lead": [TOM], "security_reviewer": [DAVID, DAVID, EVE, TIM], "business_owner": [BEA],
    "risk_manager": [RITA],
}  # fmt: skip
CAST = [DORA, TOM, BEA, ALICE, OLGA, DAVID, EVE, TIM, RITA, CAROL, CLEO, AUDREY, ADA, PROGRAM]
PEOPLE = {each.id: each for each in CAST}
HOLDS: dict[str, set[str]] = {each.id: {str(role) for role in each.roles} for each in CAST}
KEEP = ("CONFIG_CHANGE", "PROMPT_UPDATE", "INFRASTRUCTURE")
KINDS = ("MODEL_UPDATE", "MODEL_UPDATE", "MODEL_UPDATE", "EMERGENCY", "ROLLBACK", "DECOMMISSION", *KEEP)
OUT = ("ROLLBACK", "EMERGENCY", "DECOMMISSION")
TRIALS: dict[str, Any] = {
    "policyId": "POL-9", "name": "Trials", "description": "What is tried was looked at.", "enforcement": "BLOCKING",
    "applicableTiers": ["TIER_1_CRITICAL", "TIER_2_IMPORTANT"], "stages": ["TEST", "STAGING", "PRODUCTION"],
    "requiredRoles": ["SECURITY_REVIEWER"],
    "requirements": [{"requirementId": "POL-9.use", "title": "It says what it is for", "check": "INTENDED_USE"}],
}  # fmt: skip
ON_VERSIONS = (
    "placeHold", "liftHold", "liftHold", "openIncident", "resolveIncident", "resolveIncident", "grantWaiver", "revokeWaiver",
    "submitApproval", "submitApproval", "withdrawEvidence", "attachEvidence", "retireModelVersion", "setRiskTier", "revisePolicy",
)  # fmt: skip
ASK, GO_ON, ANYTHING = "somebody asks for a change", "a change goes on", "somebody tries anything"
TROUBLE = "something is wrong with what is to start"
RESTAGE = "an environment gets another stage"
STEPS = (*[GO_ON] * 8, ASK, ASK, ANYTHING, ANYTHING, TROUBLE, TROUBLE, "somebody does something to a version", RESTAGE, TIME)
ENVIRONMENTS = ("production", "production", "staging", "test", "development")
OPEN = ("draft", "submitted", "under_review", "approved", "rejected", "scheduled", "in_progress", "completed", "failed")


class Operations(Walk):
    """Steps about changes, and about the versions that they are to bring."""

    async def go(self, steps: int) -> None:
        await self.look()
        for _ in range(steps):
            match self.one(*STEPS):
                case "time passes":
                    await self.wait(self.one(1, 8, 30))
                    await self.look()
                case "somebody asks for a change":
                    await self.ask()
                case "a change goes on":
                    await self.go_on(self.one(2, 4, 8))
                case "something is wrong with what is to start":
                    await self.trouble()
                case "somebody tries anything":
                    await self.anything()
                case "an environment gets another stage":
                    await self.restage()
                case _:
                    await self.attempt(self.one(*ON_VERSIONS), self.one(*self.stored["ModelVersion"]))
                    await self.look()

    async def state(self) -> Documents:
        """In the order in which it was made: what is drawn depends on it."""
        return {kind: sorted(there, key=lambda each: str(each["_id"])) for kind, there in (await super().state()).items()}

    async def tried(self, mutation: str, by: Person, **said: Any) -> str | None:
        """Somebody tries a mutation on a change; the gate says no where it should, and only there."""
        named = [each for each in self.stored["ChangeRequest"] if each["change_id"] == said.get("changeId")]
        code = await self.send(mutation, by, said)
        if code == "POLICY_BLOCKED":
            contents = parsed(self.stored["Content"])
            assert ChangeByHand(named[0], None).may_start(self.stored, contents, self.service.now) is None
        await self.look()
        return code

    async def ask(self) -> None:
        await self.tried("createChangeRequest", self.one(*ASKING), **PLAN | self.plan())

    def plan(self) -> dict[str, Any]:
        """Mostly one that fits what runs."""
        one, kind, environment = self.one, self.one(*KINDS), self.one(*ENVIRONMENTS)
        running = self.running({"model_id": BOT["modelId"], "environment": environment})
        versions = [each["version"] for each in self.stored["ModelVersion"]]
        fitting = [running] if kind in KEEP else [each for each in versions if each != running]
        impact = IMPACT | {"estimatedDowntime": one(0, 0, 5), "testingRequired": one([], ["load"], ["load", "smoke"])}
        today, soon = {"begins": self.ahead(-1), "ends": self.ahead(12)}, {"begins": self.ahead(4), "ends": self.ahead(40)}
        return {
            "changeType": kind, "environment": environment, "impact": impact,
            "targetVersion": None if kind == "DECOMMISSION" else one(*fitting * 3, *versions, *([None] * (kind in OUT))),
            "preferredWindow": one(None, None, None, today, soon),
            "blackoutDates": one([], [], [], [self.ahead(0)[:10]], [self.ahead(24)[:10]]),
        }  # fmt: skip

    def running(self, where: Raw) -> str | None:
        return WhatRan(self.stored["Deployment"]).now(place(where))

    async def go_on(self, steps: int) -> None:
        """A change that is not over takes the steps that its status suggests, one after the other."""
        there = [each["change_id"] for each in self.stored["ChangeRequest"] if each["status"] in OPEN]
        if not there:
            return
        chosen = self.one(*there, *there[-2:] * 2)
        for _ in range(steps):
            change = next(each for each in self.stored["ChangeRequest"] if each["change_id"] == chosen)
            if change["status"] in {"in_progress", "completed", "failed"} and not self.one(False, False, True):
                return
            mutation, by, said = self.next_of(change)
            if await self.tried(mutation, by, changeId=chosen, **said):
                return

    async def trouble(self) -> None:
        """Somebody stops what is about to run, and it is started all the same."""
        ready = [each for each in self.stored["ChangeRequest"] if each["status"] in {"approved", "scheduled"}]
        targets = {each["plan"]["target_version"] for each in ready}
        if versions := [each for each in self.stored["ModelVersion"] if each["version"] in targets]:
            version = self.one(*versions)
            await self.attempt(self.one("placeHold", "openIncident", "saveModelCard", "withdrawApproval"), version)
            await self.look()
            for each in ready:
                if each["plan"]["target_version"] == version["version"]:
                    await self.tried("startDeployment", DORA, changeId=each["change_id"])

    def next_of(self, change: Raw) -> tuple[str, Person, dict[str, Any]]:
        one, asked, requester = self.one, ChangeByHand(change, None), PEOPLE[change["requester"]]
        passed = {each["name"] for each in asked.of_now(change["test_results"]) if each["passed"]}
        missing = [each for each in (change["plan"]["impact"] or {}).get("testing_required", ()) if each not in passed]
        match change["status"]:
            case "draft":
                return "submitChangeForReview", requester, {}
            case "under_review" if asked.at_once and one(False, False, True):
                return "startDeployment", one(*CARRYING), {}
            case "in_progress" | "completed" | "failed" if change["approvals_due"] and one(False, True):
                role = one(*change["approvals_due"]["roles"])
                return "addChangeApproval", one(*APPROVING[role]), {"approved": one(True, True, False), "role": role.upper()}
            case "submitted" | "under_review":
                given = {each["role"] for each in asked.of_now(change["approvals"])}
                role = one(*sorted(ROLES[level(change["plan"])] - given) or ["model_owner"])
                said = {"approved": one(*[True] * 9, False)}
                fresh = [each for each in APPROVING[role] if each is not requester] or APPROVING[role]
                return "addChangeApproval", one(*fresh), said | {"role": role.upper()}
            case "approved" | "scheduled" if change["plan"]["current_version"] != self.running(change["plan"]):
                return "reopenChange", requester, {"reason": "Something else runs."}
            case "approved" | "scheduled" if missing:
                return "recordTestResult", one(TOM, *CARRYING), {"name": one(*missing), "passed": one(True, True, True, False)}
            case "approved" if one(False, False, False, True):
                return "scheduleDeployment", DORA, {"scheduledTime": self.ahead(one(1, 5, 24))}
            case "approved" | "scheduled":
                return "startDeployment", one(*CARRYING), {}
            case "in_progress":
                return "completeDeployment", one(*CARRYING), {"success": one(True, True, True, False)}
            case "completed" | "failed":
                return "rollbackChange", one(*CARRYING), {"reason": "It was worse."}
            case _:
                return "reopenChange", requester, {"reason": "Once more."}

    async def restage(self) -> None:
        """Somebody gives an environment another stage; a higher one only if whatever runs there may run in it."""
        stored, contents, stage = self.stored, parsed(self.stored["Content"]), self.one(*STAGES)
        environments = stored["DeploymentEnvironment"]
        used = {name for version in stored["ModelVersion"] for name in version["deployed_in"]}
        environment = self.one(*[each for each in environments if each["name"] in used] * 3, *environments)
        name = environment["name"]
        there = [each for each in stored["ModelVersion"] if name in each["deployed_in"]]
        higher = STAGES.index(stage) > STAGES.index(environment["stage"])
        barred = higher and not all(may_run(at_stage(each, stage, stored, contents, self.service.now)) for each in there)
        under_way = [each["plan"]["environment"] for each in stored["ChangeRequest"] if each["status"] == "in_progress"]
        by = self.one(ADA if stage == "production" else RITA, CLEO)
        code = await self.tried("updateEnvironment", by, name=name, stage=stage.upper())
        assert code in {"FORBIDDEN", "INVALID_INPUT"} or code == ("INVALID_STATE" if barred or name in under_way else None)

    async def anything(self) -> None:
        """Anybody tries anything on any change."""
        if not self.stored["ChangeRequest"]:
            return
        change, by = self.one(*self.stored["ChangeRequest"]), self.one(*CAST)
        mutation, said = self.one(
            ("updateChangeRequest", self.plan()), ("submitChangeForReview", {}), ("reopenChange", {"reason": "Once more."}),
            ("addChangeApproval", {"approved": True}), ("startDeployment", {}), ("completeDeployment", {"success": True}),
            ("rollbackChange", {"reason": "It was worse."}), ("commentOnChange", {"text": "So be it."}),
            ("cancelChange", {"reason": "Nobody needs it."}),
            ("scheduleDeployment", {"scheduledTime": self.ahead(2)}), ("recordTestResult", {"name": "load", "passed": False}),
        )  # fmt: skip
        by = self.one(by, PEOPLE[change["requester"]])
        await self.tried(mutation, by, changeId=change["change_id"], **said)

    async def look(self) -> None:
        """What runs where was allowed to, and everything that says so agrees."""
        before, self.stored = self.stored, await self.state()
        contents, stored = parsed(self.stored["Content"]), self.stored
        assert WhatRan(stored["Deployment"]).agrees(stored["Model"], stored["ModelVersion"])
        were = {each["change_id"]: each for each in before.get("ChangeRequest", ())}
        for each in stored["ChangeRequest"]:
            if (change := ChangeByHand(each, were.get(each["change_id"]))).was == each:
                continue
            assert change.is_sound(HOLDS) and change.is_carried_out(stored["Deployment"])
            if before and change.started:
                assert change.is_let_through(before, contents, self.service.now)


async def let_the_program_in() -> None:
    token, _ = ApiToken.of(PROGRAM.token, TokenKind.SERVICE, PROGRAM.id, "test", None, ADA.id, NOW)
    token.mutations = LISTED
    await token.store()


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[tuple[Service, Stored]]:
    """A service, and where its walks begin: a version runs; one that has a waiver, an experiment and a draft are to follow.

    A policy binds TEST too: what is tried there needs its purpose in the card, and an approval; what is built needs nothing.
    """
    service = await Service.started(server)
    with service.database.bound():
        await service.enrol(DORA, TOM, BEA, OLGA, EVE, TIM, CLEO)
        await on_record(service, let_the_program_in)
        await on_record(service, let_the_pipeline_in)
        await service.do("createPolicy", CLEO, **TRIALS)
        await declare(service, "test", stage="TEST")
        await declare(service, "development", stage="DEVELOPMENT")
        await eligible(service)
        about = BOT | {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId", "purpose", "useCases")}
        await service.do("registerModelVersion", ALICE, **about | {"version": "1.1.0"})
        await save_card(service, version="1.1.0")
        await service.do("linkDatasheet", **BOT | TICKETS | {"version": "1.1.0"})
        await assess(service, *RATED, LEAKAGE, version="1.1.0")
        waived = {"requirementId": "POL-003.access-control", "expiresAt": "2026-03-02T18:00:00Z"}
        await service.do("grantWaiver", RITA, **BOT | {"version": "1.1.0"}, **waived, rationale="It is reached from inside only.")
        await submit(service, version="1.1.0")
        for each in (CAROL, DAVID, ALICE):
            await decide(service, each, version="1.1.0")
        await service.do("registerModelVersion", ALICE, **about | EXPERIMENT | {"version": "2.0.0-trial"})
        await submit(service, version="2.0.0-trial")
        await deployed(service)
        await approved_change(service, targetVersion="1.1.0")
        await approved_change(service, targetVersion="2.0.0-trial")
        await approved_change(service, targetVersion="1.1.0", environment="staging", changeType="EMERGENCY")
        await service.do("registerModelVersion", ALICE, **about | {"version": "3.0.0-draft"})
        await approved_change(service, targetVersion="3.0.0-draft", environment="development")
        await approved_change(service, targetVersion="1.1.0", environment="test")
        yield service, await service.stored()
    await service.close()


walks = settings(
    max_examples=settings().max_examples // 20, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.exhaustive
@walks
@given(data=st.data())
async def test_wherever_a_walk_leads_nothing_runs_that_was_not_let_through_and_the_trail_tells_it(
    begun: tuple[Service, Stored], data: st.DataObject
) -> None:
    service, stored = begun
    await service.restore(stored)
    walk = Operations(service, data.draw)
    await walk.go(steps=16)
    await trail_tells_everything(service)
    with service.database.bound():
        assert await misjudged() == []
    assert await miscounted(service) == []
