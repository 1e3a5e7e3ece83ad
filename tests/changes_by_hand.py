"""What an auditor works out alone about changes and deployments, from raw documents before and after each step.

Nothing of the product's rules is used, so that it can be wrong by itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from tests.by_hand import ByHand, Raw, digest

Documents = Mapping[str, list[Raw]]
LEVELS = {
    "model_update": "high", "infrastructure": "high", "config_change": "medium", "prompt_update": "medium", "rollback": "medium",
    "decommission": "medium", "emergency": "critical",
}  # fmt: skip
ROLES = {
    "medium": {"model_owner", "tech_lead"},
    "high": {"model_owner", "tech_lead", "security_reviewer"},
    "critical": {"model_owner", "tech_lead", "security_reviewer", "business_owner", "risk_manager"},
}


STAGES = ("development", "test", "staging", "production")


def level(plan: Raw) -> str:
    impact = plan["impact"] or {"estimated_downtime": 0, "affected_systems": []}
    told = impact["estimated_downtime"] or any("production" in each.lower() for each in impact["affected_systems"])
    own = LEVELS[plan["change_type"]]
    return "high" if own == "medium" and told and plan["change_type"] != "rollback" else own


def at_stage(version: Raw, stage: str, stored: Documents, contents: Mapping[str, Any], at: datetime) -> ByHand:
    return ByHand(version, contents, stored["Policy"], stored["Incident"], at, frozenset({stage}))


def may_run(of: ByHand) -> bool:
    """Whether a version that is looked at for one stage may run in it."""
    (stage,) = of.stages
    return bool(of.shown["eligible"]) and not is_closed(of.version, stage)


def is_closed(version: Raw, stage: str) -> bool:
    return bool(version["tier"] == "tier_4_experimental") and stage == "production"


def place(of: Raw) -> tuple[str, str]:
    return of["model_id"], of["environment"]


@dataclass(frozen=True)
class WhatRan:
    """The deployments, by model and environment, first one first."""

    deployments: list[Raw]

    def places(self) -> Iterator[tuple[tuple[str, str], list[Raw]]]:
        for where, there in groupby(sorted(self.deployments, key=place), place):
            yield where, sorted(there, key=lambda each: (each["deployed_at"], each["_id"]))

    def there(self, where: tuple[str, str]) -> list[Raw]:
        return dict(self.places()).get(where, [])

    def now(self, where: tuple[str, str]) -> str | None:
        return next((str(each["version"]) for each in self.there(where) if each["active"]), None)

    def agrees(self, models: Iterable[Raw], versions: Iterable[Raw]) -> bool:
        """Nothing ran with anything else, and models and versions say what runs where."""
        for _, there in self.places():
            assert all(each["active"] is (each["ended_at"] is None) is (each["ended_by_change_id"] is None) for each in there)
            assert all(earlier["ended_at"] and earlier["ended_at"] <= later["deployed_at"] for earlier, later in pairwise(there))
        active = [each for each in self.deployments if each["active"]]
        running = {(model["model_id"], each["environment"]): each for model in models for each in model["running"]}
        assert running == {
            place(each): {
                "environment": each["environment"], "version": each["version"], "since": each["deployed_at"],
                "deployment_id": each["deployment_id"],
            }
            for each in active
        }  # fmt: skip
        for version in versions:
            of = [each for each in active if all(each[name] == version[name] for name in ("model_id", "version"))]
            assert version["deployed_in"] == sorted(each["environment"] for each in of)
        return True


@dataclass(frozen=True)
class ChangeByHand:
    """A change as it is after a step, and as it was before."""

    change: Raw
    was: Raw | None

    @property
    def plan(self) -> Raw:
        return dict(self.change["plan"])

    @property
    def passed(self) -> list[str]:
        """Every status that it came through, in order."""
        moves = self.change["moves"]
        assert all(earlier["to_status"] == later["from_status"] for earlier, later in pairwise(moves))
        return ["draft", *(each["to_status"] for each in moves)]

    @property
    def started(self) -> bool:
        return "in_progress" in self.passed and (self.was is None or "in_progress" not in ChangeByHand(self.was, None).passed)

    def of_now(self, of: list[Raw]) -> list[Raw]:
        """What was said since the plan was last frozen."""
        return [each for each in of if each["submission"] == self.passed.count("submitted")]

    def is_sound(self, roles: Mapping[str, set[str]]) -> bool:
        """Its status is where its moves led, and what it went on with was approved as it is, by the right people."""
        change, passed = self.change, self.passed
        assert change["status"] == passed[-1] and change["risk_level"] == level(self.plan)
        frozen = [each for each in passed if each != "cancelled"][-1] != "draft"
        assert change["frozen_plan"] == (digest(self.plan) if frozen else None)
        before = len(self.was["approvals"]) if self.was else 0
        assert all(each["plan"] == digest(self.plan) for each in change["approvals"][before:])
        said = {each["role"]: each for each in self.of_now(change["approvals"]) if each["plan"] == digest(self.plan)}
        given = {role for role, each in said.items() if each["approved"]}
        if {"approved", "scheduled", "in_progress"} & {passed[-1]}:
            who = [each["reviewer_id"] for each in said.values()]
            assert said.keys() == given == ROLES[level(self.plan)] or (self.at_once and passed[-1] == "in_progress" and given)
            assert len({*who, change["requester"]}) == len(who) + 1
            assert all(role in roles[each["reviewer_id"]] for role, each in said.items())
        return self.tells_what_is_due(given)

    @property
    def at_once(self) -> bool:
        """Whether it takes out what runs in an emergency, so that one approval starts it."""
        return self.plan["change_type"] == "emergency" and self.plan["target_version"] is None

    def tells_what_is_due(self, given: set[str]) -> bool:
        """Started without some approval, it says which, and until when they are due."""
        due, missing = self.change["approvals_due"], ROLES[level(self.plan)] - given
        if "in_progress" not in self.passed or not missing:
            return due is None
        started = next(each["at"] for each in self.change["moves"] if each["to_status"] == "in_progress")
        return set(due["roles"]) == missing and due["until"] - started == timedelta(hours=24)

    def may_start(self, before: Documents, contents: Mapping[str, Any], at: datetime) -> str | None:
        """Why it may start in the world as it was: the gate's basis; nothing if it may not."""
        plan, ran = self.plan, WhatRan(before["Deployment"])
        target = plan["target_version"]
        if target is None:
            return "out"
        named = (each for each in before["ModelVersion"] if each["model_id"] == plan["model_id"] and each["version"] == target)
        version = next(named)
        (stage,) = (each["stage"] for each in before["DeploymentEnvironment"] if each["name"] == plan["environment"])
        by_hand = at_stage(version, stage, before, contents, at)
        if may_run(by_hand):
            return "eligible"
        if is_closed(version, stage):
            return None
        there = [each for each in ran.there(place(plan)) if each["version"] == target]
        if plan["change_type"] != "rollback" or not there:
            return None
        lost = version["retired"] or by_hand.status in {"REJECTED", "RETIRED"} or by_hand.refused
        swapped = there[-1]["dossier"]["artifacts"] != digest(version["artifacts"])
        return None if lost or by_hand.held or swapped else "former"

    def is_let_through(self, before: Documents, contents: Mapping[str, Any], at: datetime) -> bool:
        """Started in this step, it was alone, tested, at its time, and let through for the reason that it gives."""
        plan, gate = self.plan, self.change["gate"]
        others = [each for each in before["ChangeRequest"] if each["status"] == "in_progress"]
        assert place(plan) not in map(place, (each["plan"] for each in others))
        assert plan["current_version"] == WhatRan(before["Deployment"]).now(place(plan))
        assert gate["basis"] == self.may_start(before, contents, at)
        assert (gate["eligibility"] is None) is (plan["target_version"] is plan["current_version"] is None)
        if plan["target_version"]:
            assert contents[gate["eligibility"]]["eligible"] is (gate["basis"] == "eligible") is (not gate["lacks"])
        assert self.change["scheduled_time"] is None or self.change["scheduled_time"] <= at
        if plan["change_type"] != "emergency":
            passed = {each["name"]: each["passed"] for each in self.of_now(self.change["test_results"])}
            assert all(passed.get(each) for each in plan["impact"]["testing_required"])
            window = plan["preferred_window"]
            assert window is None or window["begins"] <= at < window["ends"]
            assert at.date().isoformat() not in plan["blackout_dates"]
        return True

    def is_carried_out(self, deployments: Iterable[Raw]) -> bool:
        """Completed, it brought the one deployment that it was to bring; otherwise none."""
        plan = self.plan
        brought = [each["version"] for each in deployments if each["change_id"] == self.change["change_id"]]
        moves = plan["target_version"] not in (None, plan["current_version"])
        return brought == ([plan["target_version"]] if "completed" in self.passed and moves else [])
