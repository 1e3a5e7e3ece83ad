"""The dashboard: each figure is what going through the records one by one makes of it, and lists what it counts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from bson import ObjectId
from graphql import get_named_type, is_object_type

from documents import dashboard as figures_of
from documents.access import GovernanceRole
from documents.audit.event import AuditEventType, AuditOutcome
from documents.changes.life import ChangeStatus
from documents.dashboard import Figures
from documents.eligibility.rules import RULES
from documents.kinds import RECORDS
from documents.risk.scales import RiskBand, RiskTier, RiskTrend
from documents.store.counts import recount
from documents.store.session import answered_within, time_left
from documents.versions.lifecycle import VersionStatus
from tests.examples import BOT, EXPERIMENT, RATED, assess, decide, eligible, read, register, submit
from tests.operations import (
    BEA,
    DORA,
    STAGED,
    TOM,
    approve,
    approved_change,
    ask_for,
    carry_out,
    declare,
    deployed,
    experiments,
    rollback_of,
    runs,
    step,
)
from tests.schema import SCHEMA
from tests.service import ADA, ALICE, AUDREY, BOB, CAROL, DAVID, NOW, RITA, Person, Service, person
from tests.watching import Watched, watching, where

Raw = dict[str, Any]
KEYS = {
    "Model": ["modelId"], "ModelVersion": ["modelId", "version"], "ChangeRequest": ["changeId"],
    "Deployment": ["deploymentId"], "AuditEvent": ["eventId"], "VerificationRun": ["number"], "ApiToken": ["tokenId"],
}  # fmt: skip
THEN = (NOW + timedelta(days=16)).replace(microsecond=0)  # neither a day nor a month begins close to it
DAY, MONTH, MOMENT = THEN.replace(hour=0, minute=0, second=0), NOW.replace(hour=0, minute=0, second=0, microsecond=0), 0.001
STORED = {"modelId": "model_id", "version": "version", "changeId": "change_id", "deploymentId": "deployment_id"}
STORED |= {"eventId": "event_id", "tokenId": "token_id"}
LABORATORY = "laboratory"
KINDS = ("models", "model_versions", "change_requests", "deployments", "audit_events", "api_tokens")


def whole(kind: str = "Dashboard", *, listed: bool = False) -> str:
    """A selection of all that there is of the dashboard, without lists of records or with them."""
    parts = []
    for name, field in SCHEMA.type_map[kind].fields.items():
        inner = get_named_type(field.type)
        if inner.name.endswith("Connection"):
            keys = " ".join(KEYS[inner.name.removesuffix("Connection")])
            parts += [f"{name}(first: 100) {{ totalCount nodes {{ {keys} }} }}"] if listed else []
        elif not is_object_type(inner):
            parts.append(name)
        elif "Node" not in [each.name for each in inner.interfaces]:
            parts.append(f"{name} {{ {whole(inner.name, listed=listed)} }}")
    return " ".join(parts)


COUNTS, LISTS = f"{{ dashboard {{ {whole()} }} }}", f"{{ dashboard {{ {whole(listed=True)} }} }}"


def figures(told: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure in an answer, and its path; a tier stands in the path."""
    if "count" in told:
        yield path + ("." + told["tier"].lower() if "tier" in told else ""), told
    for name, each in told.items():
        for one in each if isinstance(each, list) else [each]:
            if isinstance(one, dict) and name not in {*KEYS, "nodes"} and "totalCount" not in one:
                yield from figures(one, f"{path}.{name}".lstrip("."))


def expected(stored: dict[str, list[Raw]], now: datetime) -> dict[str, list[Raw]]:
    """The records that each figure counts, by its definition, one by one."""
    versions = [each for each in stored["model_versions"] if each["standing"]["status"] != "retired"]
    events = [each for each in stored["audit_events"] if each["occurred_at"] >= MONTH]
    recent = [each for each in stored["deployments"] if each["deployed_at"] >= MONTH]
    status = {name: [each for each in stored["change_requests"] if each["status"] == name] for name in ChangeStatus}
    over = {"completed", "failed", "rejected", "rolled_back", "cancelled"}
    carried_out = [
        each
        for each in stored["change_requests"]
        if each["completed_time"]
        and each["completed_time"] >= MONTH
        and "completed" in {one["to_status"] for one in each["moves"]}
    ]
    out = [each for each in carried_out if each["plan"]["target_version"] is None]
    back = [each for each in carried_out if each["plan"]["change_type"] == "rollback" and each not in out]
    running = {(each["model_id"], each["environment"]): each for each in stored["deployments"] if each["active"]}
    targets = {(each["model_id"], each["version"]): each for each in stored["model_versions"]}

    def let_run(basis: str, *lasting: str) -> list[tuple[Raw, set[str]]]:
        """The changes of that basis by which their target runs, each with what stops the target: holds, critical incidents."""
        found = []
        for each in stored["change_requests"]:
            there = running.get((each["plan"]["model_id"], each["plan"]["environment"]))
            if not there or not each["gate"] or each["gate"]["basis"] != basis or each["status"] not in lasting:
                continue
            since, target = each["completed_time"] or each["gate"]["at"], each["plan"]["target_version"]
            brought = there["change_id"] == each["change_id"]
            kept = target == each["plan"]["current_version"] and there["deployed_at"] <= since
            if target == there["version"] and (kept or (brought and target != each["plan"]["current_version"])):
                of = targets[each["plan"]["model_id"], target]
                found.append((each, {one["hold_id"] for one in of["holds"] if not one["lifted"]} | {*of["critical_incidents"]}))
        return found

    mitigations = [
        each
        for each, stops in let_run("mitigation", "in_progress", "completed")
        if stops & {one["hold_id"] or one["incident_id"] for one in each["plan"]["mitigates"]}
    ]
    # The targets are drafts, which are eligible where no policy binds.
    returns = [each for each, stops in let_run("former", "completed") if stops or each["plan"]["environment"] != LABORATORY]

    def those(holds: Any) -> list[Raw]:
        return [each for each in versions if holds(each["standing"])]

    def lapsed(standing: Raw) -> bool:
        return standing["approved_until"] is not None and standing["approved_until"] <= now

    def pending(standing: Raw) -> bool:
        return standing["status"] == "pending_approval" or (standing["status"] == "approved" and lapsed(standing))

    def violates(standing: Raw) -> bool:
        return not any(each["begins"] <= now and (each["ends"] is None or now < each["ends"]) for each in standing["compliance"])

    def is_open(risk: Raw) -> bool:
        return risk["accepted_until"] is None or risk["accepted_until"] <= now

    def stands(acceptance: Raw) -> bool:
        return acceptance["ended"] is None and acceptance["expires_at"] > now

    refused = [each for each in events if each["outcome"] == "denied"]
    attempts: Counter[tuple[str, Any]] = Counter()
    for each in refused:
        attempts[each["actor"]["id"], each["occurred_at"].date()] += each["details"]["facts"].get("attempts", 1)
    anomalous = {who for who, many in attempts.items() if many > 10}
    used = {each["model_id"] for each in versions}
    return {
        "inventory.models": [each for each in stored["models"] if each["model_id"] in used],
        "inventory.versions": versions,
        **{f"inventory.byRiskTier.{tier}": [each for each in versions if each["tier"] == tier] for tier in RiskTier},
        "inventory.pendingApproval": those(pending),
        "inventory.toBeJudged": [
            each
            for each in stored["model_versions"]
            if each["standing"]["rules"] < RULES or ((at := each["standing"]["changes_at"]) and at <= now)
        ],
        "inventory.overdueReview": those(lambda standing: standing["next_review"] and standing["next_review"] <= now),
        "compliance.withModelCard": those(lambda standing: standing["card_completeness"] == 1),
        "compliance.withRiskAssessment": those(lambda standing: standing["risk_score"] is not None),
        "compliance.withAllApprovals": those(
            lambda standing: standing["status"] != "draft" and not standing["missing_roles"] and not lapsed(standing)
        ),
        "compliance.policyViolations": those(violates),
        "changes.open": [each for name, found in status.items() if name not in over for each in found],
        "changes.pendingApproval": [*status[ChangeStatus.SUBMITTED], *status[ChangeStatus.UNDER_REVIEW]],
        "changes.deployedThisMonth": recent,
        "changes.rollbacksThisMonth": [*out, *back],
        "changes.rollbacksThisMonth.returns": back,
        "changes.rollbacksThisMonth.decommissions": out,
        "changes.runningMitigations": mitigations,
        "changes.lackingReturns": returns,
        "risk.highRisk": those(lambda standing: standing["risk_score"] is not None and standing["risk_score"] >= 10),
        "risk.unmitigatedRisks": [one for each in versions for one in each["standing"]["high_risks"] if is_open(one)],
        "risk.unmitigatedRisks.versions": those(lambda standing: any(map(is_open, standing["high_risks"]))),
        "risk.acceptedRisks": [one for each in versions for one in each["acceptances"] if stands(one)],
        "risk.acceptedRisks.versions": [each for each in versions if any(map(stands, each["acceptances"]))],
        "risk.trendingUp": those(lambda standing: standing["risk_trend"] == "up"),
        "expiringTokens": [
            each
            for each in stored["api_tokens"]
            if each["kind"] in {"personal", "service"}
            and (each["name"], each["owner_id"]) != ("exchanged", None)
            and each["revoked_at"] is None
            and each["expires_at"]
            and now < each["expires_at"] <= now + timedelta(days=30)
        ],
        "audit.eventsToday": [each for each in events if each["occurred_at"] >= now.replace(hour=0, minute=0, second=0)],
        "audit.policyViolationsThisMonth": [each for each in events if each["event_type"] == "policy_violation"],
        "audit.accessAnomalies": [{"actor_id": who, "day": on.isoformat()} for who, on in anomalous],
        "audit.accessAnomalies.denied": [
            each for each in refused if (each["actor"]["id"], each["occurred_at"].date()) in anomalous
        ],
    }  # fmt: skip


async def stored(service: Service) -> dict[str, list[Raw]]:
    return {each: await service.database.collection(each).find().to_list(None) for each in KINDS}


async def filled(server: str, many: int) -> AsyncIterator[Watched]:
    """As many versions of a tenth as many models, and changes, deployments and events, put there past the trail."""
    service, dice = await Service.started(server), Random(many)
    with service.database.bound():
        await register(service)
        await ask_for(service, ALICE)
        await declare(service, LABORATORY, stage="TEST")
    first = {each: (await service.database.collection(each).find_one({})) or {} for each in KINDS}
    made: dict[str, list[Raw]] = {each: [] for each in KINDS}
    made["models"] = [first["models"] | {"model_id": f"m{place}"} for place in range(many // 10)]
    made["audit_events"] = [event(first["audit_events"], place, dice) for place in range(500)]
    made["model_versions"] = [version(first["model_versions"], place, many // 10, dice) for place in range(many)]
    for place in range(many // 5):
        status = dice.choice([*ChangeStatus])
        made["change_requests"].append(change(first["change_requests"], place, status, dice))
        ran = {"environment": "production", "active": False, "deployed_by": "dora", "change_id": f"CR-{place:032x}"}
        began = {"deployed_at": around(MONTH, dice), "by_rollback": dice.random() < 0.3, "ended_at": None}
        about = {"revision": 1, "deployment_id": f"DEP-{place:032x}", "model_id": "m1", "version": "2.0.1", "number": place}
        made["deployments"].append(about | ran | began | {"ended_by_change_id": None})
    irregular(first, made, many // 10, Random(many))
    made["api_tokens"] = [token(first["api_tokens"], place, dice) for place in range(100)]
    await service.database.collections["model_versions"].drop_indexes()  # none is worth its while for one count
    async for watched in watching(server, service):
        # After the people have signed in: events that no head counts would refuse whatever comes then.
        for name, each in made.items():
            await service.database.raw(name).insert_many([raw | {"_id": ObjectId()} for raw in each])
        watched.service.now = THEN
        with watched.service.database.bound():
            await recount(RECORDS, NOW)
        await watched.service.ask("{ viewer { id } }", AUDREY)
        yield watched
    await service.close()


def irregular(first: dict[str, Raw], made: dict[str, list[Raw]], models: int, dice: Random) -> None:
    """Adds changes that the gate let through though it was not eligible, and for each model a draft, which runs somewhere."""
    places = ("production", "staging", LABORATORY)
    named = [{"hold_id": "HLD-0", "incident_id": None}, {"hold_id": None, "incident_id": "INC-0"}]
    for number in range(4 * models):
        basis = dice.choice(["mitigation", "mitigation", "former", "former", "eligible"])
        status = dice.choice(["completed", "completed", "in_progress", "rolled_back", "failed"])
        plan = {
            "change_type": "rollback" if basis == "former" else "config_change", "model_id": f"m{dice.randrange(models)}",
            "environment": dice.choice(places), "target_version": "3.0.0",
            "current_version": dice.choice(["2.9.9", "3.0.0"]) if basis == "former" else "3.0.0",
            "mitigates": [each | {"role": None} for each in dice.sample(named, dice.randrange(1, 3)) if basis == "mitigation"],
        }  # fmt: skip
        passed = {"at": around(MONTH, dice), "by": "dora", "basis": basis, "eligibility": None, "lacks": ["model_owner"]}
        ended = {"completed": ["completed"], "failed": ["failed"], "rolled_back": ["completed", "rolled_back"]}.get(status, [])
        said: Raw = {"change_id": f"CR-{10_000 + number:032x}", "status": status, "gate": passed}
        said |= {"plan": first["change_requests"]["plan"] | plan, "completed_time": around(MONTH, dice) if ended else None}
        moves = [{"to_status": each} for each in ["submitted", "in_progress", *ended]]
        made["change_requests"].append(first["change_requests"] | said | {"moves": moves})
    hold = {"hold_id": "HLD-0", "reason": "Complaints.", "placed_by": "carol", "placed_at": NOW, "role": "ethics_reviewer"}
    over = {"at": NOW, "by": "carol", "reason": "Looked at.", "identity": None}
    for model in range(models):
        about = {"model_id": f"m{model}", "version": "3.0.0"}
        holds = [hold | {"identity": None, "lifted": dice.choice([None, over])}][: dice.randrange(2)]
        draft = first["model_versions"] | about | {"holds": holds, "critical_incidents": dice.choice([[], [], ["INC-0"]])}
        made["model_versions"].append(draft)
        for place in places:
            there = {"model_id": f"m{model}", "environment": place}
            here = [each for each in made["change_requests"] if there.items() <= each["plan"].items()]
            by = dice.choice([each["change_id"] for each in here] or ["CR-0"])
            runs_since = {"number": 100_000, "active": dice.random() < 0.9, "deployed_at": around(MONTH, dice), "change_id": by}
            runs_since |= {"revision": 1, "deployment_id": f"DEP-{place}-{model}", "deployed_by": "dora", "ended_at": None}
            made["deployments"].append(there | runs_since | {"version": dice.choice(["3.0.0"] * 3 + ["2.9.9"])})


def around(moment: datetime, dice: Random) -> datetime:
    """That moment, the one before or the one after, or one far away."""
    return moment + dice.choice([timedelta(), timedelta(seconds=MOMENT), timedelta(seconds=-MOMENT), *FAR])


FAR = (timedelta(days=40), timedelta(days=-40))


def version(first: Raw, place: int, models: int, dice: Random) -> Raw:
    """A version like that one, of one of the models, that stands somehow; those of every seventh model are retired."""
    model = place % models
    status = "retired" if model % 7 == 0 else dice.choice([*VersionStatus])
    score = dice.choice([None, 4.5, 9.999999999, 10.0, 15.5])
    begins = around(THEN, dice)
    compliance = [{"begins": begins, "ends": dice.choice([None, begins + timedelta(seconds=MOMENT), begins + FAR[0]])}]
    standing = {
        "status": status,
        "approved_until": dice.choice([None, around(THEN, dice)]),
        "rules": dice.choice([RULES - 1, RULES, RULES]),
        "changes_at": dice.choice([None, around(THEN, dice)]),
        "missing_roles": dice.choice([[], [], ["model_owner"]]),
        "next_review": dice.choice([None, around(THEN, dice)]),
        "card_completeness": dice.choice([None, 0.875, 1.0]),
        "compliance": dice.choice([[], compliance, [{"begins": THEN - FAR[0], "ends": THEN}, *compliance]]),
        "risk_score": score,
        "risk_trend": dice.choice([*RiskTrend]),
        "high_risks": [{"risk_id": name, "residual_score": 12.0, "accepted_until": until} for name, until in some(dice)],
        "risk_band": None if score is None else RiskBand.of(score),
    }
    accepted: list[Raw] = [
        {"risk_id": name, "expires_at": until or THEN, "ended": dice.choice([None, {}])} for name, until in some(dice)
    ]
    said = {"model_id": f"m{model}", "version": f"2.0.{place}", "tier": dice.choice([*RiskTier]), "acceptances": accepted}
    return first | said | {"standing": first["standing"] | standing}


def change(first: Raw, place: int, status: ChangeStatus, dice: Random) -> Raw:
    """A change like that one, in that status, of one of a few types, with or without a target."""
    plan = {
        "change_type": dice.choice(["rollback", "rollback", "model_update", "emergency"]),
        "target_version": dice.choice([None, "2.0.1", "2.0.1"]),
    }
    ended = {"completed": ["completed"], "failed": ["failed"]}.get(status, [])
    if status == "rolled_back":
        ended = [dice.choice(["completed", "failed"]), "rolled_back"]
    moves = [{"to_status": each} for each in ["submitted", *ended]]
    about = {"change_id": f"CR-{place:032x}", "status": status, "moves": moves}
    return first | about | {"plan": first["plan"] | plan, "completed_time": around(MONTH, dice) if ended else None}


def some(dice: Random) -> list[tuple[str, datetime | None]]:
    """Some risks, and until when each is accepted, if it is."""
    return [(name, dice.choice([None, around(THEN, dice)])) for name in dice.sample(["a", "b", "c"], dice.randrange(3))]


def event(first: Raw, place: int, dice: Random) -> Raw:
    """An event like that one, from before or after the month or the day began, by one of few."""
    outcome = dice.choice([AuditOutcome.SUCCESS, AuditOutcome.DENIED])
    facts = {"attempts": dice.randrange(1, 4)} if dice.random() < 0.3 else {}
    named = {"seq": 10_000 + place, "event_id": f"AUD-{place:032x}", "previous_hash": f"{place + 1:064x}"}
    return first | named | {
        "event_type": dice.choice([AuditEventType.POLICY_VIOLATION, AuditEventType.ACCESS_ATTEMPT]),
        "outcome": outcome,
        "occurred_at": around(dice.choice([DAY, MONTH]), dice),
        "actor": {"id": dice.choice(["alice", "bob", "anonymous", f"s{dice.randrange(99)}"]), "type": "user"},
        "details": {"changes": [], "facts": facts},
    }  # fmt: skip


def token(first: Raw, place: int, dice: Random) -> Raw:
    """A token like that one, of some kind, that ends around the bounds of those that expire soon, or never."""
    ends = [THEN, THEN, THEN + timedelta(days=30), THEN + timedelta(days=30), THEN + timedelta(days=10)]
    return first | {
        "token_id": f"t{place}",
        "kind": dice.choice(["personal", "service", "service", "enrolment"]),
        "name": dice.choice(["exchanged", "pipeline"]),
        "owner_id": dice.choice([None, "alice"]),
        "revoked_at": dice.choice([None, None, None, NOW]),
        "expires_at": dice.choice([None, *(around(each, dice) for each in ends)]),
    }


@pytest.fixture(scope="module")
async def many(server: str) -> AsyncIterator[Watched]:
    async for each in filled(server, 1_000):
        yield each


@pytest.fixture(scope="module")
async def few(server: str) -> AsyncIterator[Watched]:
    async for each in filled(server, 200):
        yield each


@pytest.mark.exhaustive
async def test_every_figure_over_a_thousand_versions_is_what_counting_one_by_one_makes_of_it(many: Watched) -> None:
    answer, commands = await many.costs(COUNTS, AUDREY)
    expected_commands = [
        "api_tokens",
        "audit_events",
        "audit_events",
        "audit_verifications",
        *["figure_counts"] * 3,  # of versions, changes, and deployments
        "judgements_due",
        "model_versions",
    ]
    expected_commands += ["change_requests", "deployments", "model_versions"] * 2  # what runs by mitigations, and by returns
    judged = ["audit_events", "audit_head", "environments", "policies", "review_calendar", "rules", "stakeholders"]
    assert sorted(where(commands)) == sorted(expected_commands + judged)
    told, found = dict(figures(answer["dashboard"])), expected(await stored(many.service), THEN)
    assert {path: each["count"] for path, each in told.items()} == {path: len(each) for path, each in found.items()}
    total, versions = len(found["inventory.versions"]), found["inventory.versions"]
    submitted = sum(each["standing"]["status"] != "draft" for each in versions)
    assert all(each["count"] > 0 for each in told.values())
    assert {path: each["share"] for path, each in told.items() if "share" in each} == {
        path: len(found[path]) / among
        for path, among in (
            ("compliance.withModelCard", total),
            ("compliance.withRiskAssessment", total),
            ("compliance.withAllApprovals", submitted),
        )
    }


async def test_every_figure_lists_what_it_counts(few: Watched) -> None:
    found = expected(await stored(few.service), THEN)
    told = dict(figures((await few.service.ask(LISTS, AUDREY))["dashboard"]))
    anomalies = told.pop("audit.accessAnomalies")
    assert sorted((each["actorId"], each["day"]) for each in anomalies["anomalies"]) == sorted(
        (each["actor_id"], each["day"]) for each in found.pop("audit.accessAnomalies")
    )
    assert told.keys() == found.keys()
    for path, figure in told.items():
        if path in {"risk.unmitigatedRisks", "risk.acceptedRisks"}:  # elements: their versions are listed
            continue
        (listed,) = (each for each in figure.values() if isinstance(each, dict) and "totalCount" in each)
        keys = [*listed["nodes"][0]]
        wanted = {tuple(each[STORED[key]] for key in keys) for each in found[path]}
        shown = {tuple(each.values()) for each in listed["nodes"]}
        assert figure["count"] == listed["totalCount"] == len(wanted), path
        assert len(shown) == len(listed["nodes"]) == min(100, len(wanted)) and shown <= wanted, path


async def test_what_a_figure_lists_can_be_narrowed_and_ordered(few: Watched) -> None:
    query = """{ dashboard { risk { highRisk { modelVersions(
        first: 100, filter: {tier: {eq: TIER_1_CRITICAL}}, orderBy: [{standing: {riskScore: DESC}}]
    ) { totalCount nodes { tier standing { riskScore } } } } } } }"""
    found = (await few.service.ask(query, BOB))["dashboard"]["risk"]["highRisk"]["modelVersions"]
    wanted = [each for each in expected(await stored(few.service), THEN)["risk.highRisk"] if each["tier"] == "tier_1_critical"]
    assert [each["standing"]["riskScore"] for each in found["nodes"]] == sorted(
        (each["standing"]["risk_score"] for each in wanted), reverse=True
    )
    assert found["totalCount"] == len(wanted) > 0


async def test_what_is_not_asked_for_is_not_counted(few: Watched) -> None:
    for section, collections in (
        ("asOf", []),
        (
            "inventory { models { count } } compliance { policyViolations { count } } risk { highRisk { count } }",
            ["figure_counts"],
        ),
        ("changes { open { count } }", ["figure_counts"] * 2),
        (
            "changes { runningMitigations { count } }",
            ["figure_counts", "figure_counts", "change_requests", "deployments", "model_versions"],
        ),
        ("audit { eventsToday { count } }", ["audit_events"]),
        ("expiringTokens { count }", ["api_tokens"]),
    ):
        _, commands = await few.costs(f"{{ dashboard {{ {section} }} }}", AUDREY)
        assert where(commands) == list(collections), section


async def test_what_is_too_much_to_be_named_is_refused_and_counted_all_the_same(
    few: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("documents.dashboard.MOST_MODELS", 3)
    monkeypatch.setattr("documents.dashboard.ANOMALIES", 0)
    counted = await few.service.ask("{ dashboard { inventory { models { count } } audit { eventsToday { count } } } }", AUDREY)
    assert counted["dashboard"]["inventory"]["models"]["count"] > 4
    for asked in ("inventory { models { models(first: 1) { totalCount } } }", "audit { accessAnomalies { count } }"):
        refused = await few.service.refusal(f"{{ dashboard {{ {asked} }} }}", AUDREY)
        assert (refused["code"], refused["size"] - refused["limit"]) == ("LIMIT_EXCEEDED", 1), asked


class HeldUp:
    """Holds up whoever has counted, and remembers how many counted, and how many at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, callers: int) -> None:
        self.counted = self.at_once = self.most = 0
        self.callers, self.has_counted, self.all_asked, self.goes = callers, asyncio.Event(), asyncio.Event(), asyncio.Event()
        count, share = Figures.counted, figures_of.shared

        async def hold(those: Figures) -> Any:
            self.counted, self.at_once = self.counted + 1, self.at_once + 1
            self.most = max(self.most, self.at_once)
            found = await count(those)
            self.has_counted.set()
            await self.goes.wait()
            self.at_once -= 1
            return found

        async def asked(*said: Any) -> Any:
            self.callers -= 1
            if not self.callers:
                self.all_asked.set()
            return await share(*said)

        monkeypatch.setattr(Figures, "counted", hold)
        monkeypatch.setattr("resolvers.dashboard.shared", asked)


async def test_callers_at_once_share_one_count_and_know_what_was_committed_before_they_asked(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first count is under way, and has read already, when the others ask: they share the next."""
    asked = "{ dashboard { inventory { versions { count } } } }"
    held_up = HeldUp(monkeypatch, callers=16)

    async def told(by: Person) -> Any:
        return (await service.ask(asked, by))["dashboard"]["inventory"]["versions"]["count"]

    earlier = asyncio.create_task(told(ALICE))
    await held_up.has_counted.wait()
    await register(service)
    later = [asyncio.create_task(told(by)) for by in [ALICE, AUDREY, RITA] * 5]
    await held_up.all_asked.wait()
    held_up.goes.set()
    assert (await earlier, await asyncio.gather(*later)) == (0, [1] * len(later))
    assert (held_up.counted, held_up.most) == (2, 1)


async def test_what_is_shared_has_the_longest_time_that_somebody_has_for_it(service: Service) -> None:
    seen = list[float]()

    async def read(_: datetime) -> None:
        seen.append(time_left())

    async def ask(seconds: float) -> None:
        with answered_within(seconds):
            await figures_of.shared(read, service.now)

    await asyncio.gather(ask(5), ask(9), ask(7))
    await figures_of.shared(read, service.now)
    assert 7 < seen[0] <= 9 and 50 < seen[1] <= figures_of.PATIENCE and len(seen) == 2


async def test_the_trail_is_summed_up_for_those_who_may_read_it(service: Service) -> None:
    clara = person("clara", GovernanceRole.COMPLIANCE_OFFICER)
    await service.enrol(clara, DORA)
    query = "{ dashboard { compliance { withModelCard { count share } } audit { eventsToday { count } } } }"
    for who in (ADA, AUDREY, RITA, clara, ALICE, BOB, CAROL, DAVID, DORA):
        told = (await service.ask(query, who))["dashboard"]
        may = who in (ADA, AUDREY, RITA, clara)
        assert (told["audit"] is not None) is may, who.id
        assert told["compliance"] == {"withModelCard": {"count": 0, "share": None}}  # of nothing there is no share
    before = await service.size()
    await service.ask(query, ALICE)
    assert await service.trail(before) == []  # a section less is no refusal
    assert (await service.refusal(query, None))["code"] == "UNAUTHENTICATED"


async def test_who_was_denied_more_often_than_the_threshold_is_an_anomaly(service: Service) -> None:
    query = """query($threshold: Int! = 10) { dashboard { audit { accessAnomalies(threshold: $threshold) {
        count anomalies { actorId day attempts events actor { name } } denied { count } } } } }"""

    async def anomalies(**said: Any) -> Any:
        return (await service.ask(query, AUDREY, **said))["dashboard"]["audit"]["accessAnomalies"]

    service.now = NOW.replace(hour=23)
    for _ in range(10):
        await service.refused("submitForApproval", CAROL, **BOT)
    assert await anomalies() == {"count": 0, "anomalies": [], "denied": {"count": 0}}
    await service.refused("submitForApproval", CAROL, **BOT)
    carol = {"actorId": "carol", "day": "2026-03-01", "attempts": 11, "events": 11, "actor": {"name": "Carol"}}
    assert await anomalies() == {"count": 1, "anomalies": [carol], "denied": {"count": 11}}
    service.later(hours=2)
    await service.refused("submitForApproval", CAROL, **BOT)
    assert (await anomalies())["anomalies"] == [carol]  # a new day
    found = await anomalies(threshold=0)
    assert [each["day"] for each in found["anomalies"]] == ["2026-03-01", "2026-03-02"] and found["denied"]["count"] == 12
    refused = await service.refusal(query, AUDREY, threshold=-1)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "threshold")
    service.later(days=31)
    assert (await anomalies(threshold=0))["count"] == 0


async def test_a_small_journey_is_summed_up_and_time_alone_changes_what_it_changes(service: Service) -> None:
    """One version goes into production and back, one is a draft, one is tried out, one is retired."""

    async def sums() -> dict[str, int]:
        """Every figure that is not 0."""
        told = figures((await service.ask(COUNTS, AUDREY))["dashboard"])
        return {path.partition(".")[2]: each["count"] for path, each in told if each["count"] and "events" not in path}

    await service.enrol(DORA, TOM)
    assert await sums() == {}
    await eligible(service)
    service.later(hours=1)
    lapses = NOW.replace(microsecond=0) + timedelta(days=40)
    await decide(service, CAROL, expiresAt=lapses.isoformat())
    await register(service, modelId="loans", tier="TIER_1_CRITICAL")
    await assess(service, RATED[0] | {"likelihood": 5, "impact": 5, "controlEffectiveness": 0.0}, modelId="loans")
    await register(service, modelId="notes", **EXPERIMENT)
    await submit(service, modelId="notes")
    await register(service, modelId="gone")
    await service.do("retireModelVersion", **BOT | {"modelId": "gone"}, reason="Nobody uses it.")
    inventory = {"models": 3, "versions": 3, "byRiskTier.tier_1_critical": 1, "byRiskTier.tier_2_important": 1}
    inventory |= {"byRiskTier.tier_4_experimental": 1}
    compliance = {"withModelCard": 1, "withRiskAssessment": 2, "withAllApprovals": 2, "policyViolations": 1}
    risk = {"highRisk": 1, "unmitigatedRisks": 7, "unmitigatedRisks.versions": 1}  # all but the one that was rated
    assert await sums() == inventory | compliance | risk
    loans: dict[str, Any] = {**BOT, "modelId": "loans"}
    await service.do("acceptRisk", RITA, **loans, riskId="SEC-001", rationale="Nobody reaches it.", expiresAt=lapses.isoformat())
    await assess(service, RATED[2] | {"likelihood": 5, "impact": 5, "controls": []}, carryOver=True, **loans)
    risk |= {"unmitigatedRisks": 6, "acceptedRisks": 1, "acceptedRisks.versions": 1, "trendingUp": 1}
    assert await sums() == inventory | compliance | risk
    await deployed(service)
    await try_out(service)
    change = await approved_change(service, changeType="CONFIG_CHANGE")
    await service.do("placeHold", CAROL, **BOT, reason="Complaints.")
    blocked = await approved_change(service, environment="staging")
    assert (await service.refused("startDeployment", DORA, changeId=blocked))["code"] == "POLICY_BLOCKED"
    now = await sums()
    assert {name: now[name] for name in now.keys() - (inventory | compliance | risk).keys()} == {
        "open": 2, "deployedThisMonth": 4, "policyViolationsThisMonth": 1,
        "rollbacksThisMonth": 1, "rollbacksThisMonth.returns": 1,
    }  # fmt: skip
    await step(service, "reopenChange", DORA, change, reason="Another value.")
    assert "pendingApproval" not in await sums()
    await step(service, "submitChangeForReview", DORA, change)
    assert (await sums())["pendingApproval"] == 1
    service.now = lapses - timedelta(milliseconds=1)
    before = await sums()
    assert before["withAllApprovals"] == 3 and "deployedThisMonth" not in before and "policyViolationsThisMonth" not in before
    service.now = lapses
    after = await sums()
    assert (after["withAllApprovals"], after["pendingApproval"]) == (2, 1)
    assert (before["unmitigatedRisks"], before["acceptedRisks"]) == (6, 1)
    assert after["unmitigatedRisks"] == 7 and "acceptedRisks" not in after
    asked = "{ dashboard { inventory { pendingApproval { modelVersions(first: 9) { nodes { modelId status } } } } } }"
    told = (await service.ask(asked))["dashboard"]["inventory"]["pendingApproval"]["modelVersions"]["nodes"]
    assert told == [{"modelId": BOT["modelId"], "status": "PENDING_APPROVAL"}]
    for days, overdue in ((89, None), (90, 1), (180, 2)):
        service.now = NOW + timedelta(days=days, hours=1)
        assert (await sums()).get("overdueReview") == overdue


async def try_out(service: Service) -> None:
    """Deploys an experiment, then its next version, and takes that back."""
    said: dict[str, Any] = {"modelId": "notes", "environment": "staging"}
    await deployed(service, **said)
    await service.do(
        "registerModelVersion", modelId="notes", version="1.1.0", ownerId=ALICE.id, dataStewardId=BOB.id, **EXPERIMENT
    )
    await submit(service, modelId="notes", version="1.1.0")
    rollback = await rollback_of(service, await deployed(service, **said, targetVersion="1.1.0"))
    await approve(service, rollback)
    await carry_out(service, rollback)


async def test_each_completed_return_and_decommission_is_counted_by_kind_and_no_other_change(service: Service) -> None:
    """A return, what takes it back, a first deployment that is taken back, one that failed, and what never completed."""
    asked = """{ dashboard { changes { rollbacksThisMonth { count changeRequests(first: 9) { nodes { changeId } }
        returns { count } decommissions { count } } } } }"""

    async def counted() -> tuple[int, int, int]:
        told = (await service.ask(asked))["dashboard"]["changes"]["rollbacksThisMonth"]
        assert len(told["changeRequests"]["nodes"]) == told["count"]
        return told["count"], told["returns"]["count"], told["decommissions"]["count"]

    async def taken_back(change_id: str, success: bool = True) -> str:
        rollback = await rollback_of(service, change_id)
        await approve(service, rollback)
        await carry_out(service, rollback, success)
        return rollback

    await service.enrol(DORA, TOM)
    await experiments(service, "0.1.0", "0.2.0")
    await deployed(service, **STAGED, targetVersion="0.1.0")
    assert await counted() == (0, 0, 0)
    second = await deployed(service, **STAGED, targetVersion="0.2.0")
    await taken_back(second, success=False)
    await rollback_of(service, second)
    assert await counted() == (0, 0, 0)  # neither a failure nor a draft took anything back
    back = await taken_back(second)
    assert await counted() == (1, 1, 0)
    await taken_back(await taken_back(back))
    assert await counted() == (3, 3, 0)
    await declare(service, "canary")
    canary = STAGED | {"environment": "canary"}
    failed = await approved_change(service, **canary, targetVersion="0.1.0")
    await carry_out(service, failed, success=False)
    await taken_back(failed)
    assert await counted() == (4, 3, 1)  # after it no version runs there
    away = await ask_for(service, **STAGED, changeType="ROLLBACK", targetVersion=None)
    await approve(service, away)
    await carry_out(service, away)
    assert await counted() == (5, 3, 2)
    assert await runs(service, STAGED["environment"], STAGED["modelId"]) is None
    service.later(days=40)
    assert await counted() == (0, 0, 0)


IRREGULAR = """{ dashboard { changes { runningMitigations { count changeRequests(first: 9) { nodes { changeId } } }
    lackingReturns { count changeRequests(first: 9) { nodes { changeId } } } } } }"""


async def irregulars(service: Service) -> tuple[set[str], set[str]]:
    """The changes that run by a mitigation, and by a return that lacks something."""
    told = (await service.ask(IRREGULAR))["dashboard"]["changes"]
    found = []
    for figure in (told["runningMitigations"], told["lackingReturns"]):
        ids = {str(each["changeId"]) for each in figure["changeRequests"]["nodes"]}
        assert figure["count"] == len(ids)
        found.append(ids)
    return found[0], found[1]


async def held(service: Service) -> dict[str, str]:
    await service.do("placeHold", CAROL, **BOT, reason="Complaints.")
    return dict((await read(service, "holds { holdId }"))["holds"][-1])


async def suffers(service: Service, severity: str = "CRITICAL") -> dict[str, str]:
    said = BOT | {"severity": severity, "title": "It told secrets"}
    return dict((await service.do("openIncident", CAROL, "incident { incidentId }", **said))["incident"])


async def mitigating(service: Service, *obstacles: dict[str, str], **said: Any) -> str:
    """The id of a change that is approved, keeps what runs and mitigates these holds and incidents."""
    return await approved_change(service, **{"changeType": "CONFIG_CHANGE", "targetVersion": None} | said, mitigates=obstacles)


@pytest.fixture
async def running(service: Service) -> Service:
    """A service of which the first version runs in production."""
    await service.enrol(DORA, TOM, BEA)
    await eligible(service)
    await deployed(service)
    return service


async def test_a_mitigation_stands_out_from_its_start_until_what_it_names_is_over(running: Service) -> None:
    hold = await held(running)
    change_id = await mitigating(running, hold)
    failed = await mitigating(running, hold, title="Another filter")
    assert await irregulars(running) == (set(), set())
    await step(running, "startDeployment", DORA, change_id)
    assert await irregulars(running) == ({change_id}, set())
    await step(running, "completeDeployment", DORA, change_id, success=True)
    running.later(days=40)
    assert await irregulars(running) == ({change_id}, set())
    await step(running, "startDeployment", DORA, failed)
    assert await irregulars(running) == ({change_id, failed}, set())
    await step(running, "completeDeployment", DORA, failed, success=False)
    assert await irregulars(running) == ({change_id}, set())  # it came to nothing
    other = await held(running)
    assert await irregulars(running) == ({change_id}, set())
    await running.do("liftHold", CAROL, **BOT, **hold, reason="Looked at.")
    assert await irregulars(running) == (set(), set())  # the other hold is one that it does not mitigate
    await running.do("liftHold", CAROL, **BOT, **other, reason="Looked at.")
    assert await irregulars(running) == (set(), set())


async def test_a_mitigation_of_several_stands_out_while_one_of_them_stops_the_version(running: Service) -> None:
    critical, low = await suffers(running), await suffers(running, "LOW")
    change_id = await mitigating(running, await held(running), critical, low)
    await carry_out(running, change_id)
    await running.do(
        "liftHold", CAROL, **BOT, holdId=(await read(running, "holds { holdId }"))["holds"][0]["holdId"], reason="Seen."
    )
    assert await irregulars(running) == ({change_id}, set())
    await running.do("resolveIncident", RITA, **critical, text="A filter.")
    assert (await read(running, "eligibility { eligible }"))["eligibility"] == {"eligible": True}
    assert await irregulars(running) == (set(), set())  # the other incident stops nothing
    await running.do("escalateIncident", CAROL, **low, severity="CRITICAL", reason="It goes on.")
    assert await irregulars(running) == ({change_id}, set())


async def test_a_mitigation_is_over_once_its_version_has_left_the_environment(running: Service) -> None:
    await deployed(running, environment="staging")
    hold = await held(running)
    change_id, beside = await mitigating(running, hold), await mitigating(running, hold, environment="staging")
    for each in (change_id, beside):
        await carry_out(running, each)
    assert await irregulars(running) == ({change_id, beside}, set())
    out = await approved_change(running, changeType="EMERGENCY", targetVersion=None)
    await step(running, "startDeployment", DORA, out)
    assert await irregulars(running) == ({change_id, beside}, set())
    await step(running, "completeDeployment", DORA, out, success=True)
    assert await irregulars(running) == ({beside}, set())


async def versioned(running: Service) -> None:
    """Both versions run in staging, one after the other; the first is no longer approved as it is."""
    about = BOT | {"ownerId": ALICE.id, "dataStewardId": BOB.id, "version": "1.1.0"}
    await running.do("registerModelVersion", ALICE, **about | EXPERIMENT)
    await submit(running, version="1.1.0")
    for version in (BOT["version"], "1.1.0"):
        await deployed(running, environment="staging", targetVersion=version)
    await running.do("updateModelVersion", **BOT, restrictions=["Not for health"])


async def test_a_return_stands_out_until_its_target_is_eligible_again(running: Service) -> None:
    await versioned(running)
    back = await approved_change(running, environment="staging", changeType="ROLLBACK")
    await step(running, "startDeployment", DORA, back)
    assert await irregulars(running) == (set(), set())
    await step(running, "completeDeployment", DORA, back, success=True)
    assert await irregulars(running) == (set(), {back})
    for each in (CAROL, DAVID):
        await decide(running, each)
        assert await irregulars(running) == (set(), {back})
    await decide(running, ALICE)
    assert await irregulars(running) == (set(), set())
    lapses = running.now + timedelta(days=1)
    await decide(running, CAROL, expiresAt=lapses.isoformat())
    for moment, expected_ids in ((lapses - timedelta(milliseconds=2), set()), (lapses, {back})):
        running.now = moment
        assert await irregulars(running) == (set(), expected_ids)


async def test_a_return_is_over_once_its_target_has_left_the_environment(running: Service) -> None:
    await versioned(running)
    back = await approved_change(running, environment="staging", changeType="ROLLBACK")
    await carry_out(running, back)
    again = await deployed(running, environment="staging", targetVersion="1.1.0")
    assert await irregulars(running) == (set(), set())
    rollback = await rollback_of(running, again)
    await approve(running, rollback)
    await carry_out(running, rollback)
    assert await irregulars(running) == (set(), {rollback})  # and not the one before it


async def test_a_return_that_keeps_what_runs_stands_out_too(running: Service) -> None:
    await versioned(running)
    back = await approved_change(running, environment="staging", changeType="ROLLBACK")
    await carry_out(running, back)
    failed = await approved_change(running, environment="staging", targetVersion="1.1.0")
    await carry_out(running, failed, success=False)
    kept = await rollback_of(running, failed)
    await approve(running, kept)
    await carry_out(running, kept)
    assert await irregulars(running) == (set(), {back, kept})


async def test_a_return_lacks_what_the_stage_of_its_environment_asks_for(running: Service) -> None:
    await versioned(running)
    back = await approved_change(running, environment="staging", changeType="ROLLBACK")
    await carry_out(running, back)
    await running.do("updateEnvironment", RITA, name="staging", stage="TEST")
    assert await irregulars(running) == (set(), set())  # no policy binds there
    await held(running)
    assert await irregulars(running) == (set(), {back})


async def test_more_irregular_changes_than_are_read_are_refused(running: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await carry_out(running, await mitigating(running, await held(running)))
    monkeypatch.setattr("documents.changes.irregular.LOOKED_AT", 0)
    refused = await running.refusal("{ dashboard { changes { runningMitigations { count } } } }")
    assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 0)
    await running.ask("{ dashboard { changes { lackingReturns { count } } } }")


async def test_what_was_given_up_is_over_and_what_was_never_submitted_has_no_share_of_approvals(service: Service) -> None:
    asked = """{ dashboard { changes { open { count } pendingApproval { count } }
        compliance { withAllApprovals { count share modelVersions(first: 9) { nodes { version } } } } } }"""

    async def told() -> tuple[int, int, int, float | None]:
        found = (await service.ask(asked))["dashboard"]
        approvals = found["compliance"]["withAllApprovals"]
        assert len(approvals["modelVersions"]["nodes"]) == approvals["count"]
        changes = (found["changes"][each]["count"] for each in ("open", "pendingApproval"))
        return *changes, approvals["count"], approvals["share"]

    await service.enrol(DORA, TOM)
    await register(service, modelId="notes", **EXPERIMENT)
    assert await told() == (0, 0, 0, None)  # an experiment needs no approval, and was not submitted
    change_id = await ask_for(service, modelId="notes", environment="staging")
    await step(service, "submitChangeForReview", DORA, change_id)
    await submit(service, modelId="notes")
    assert await told() == (1, 1, 1, 1.0)
    await step(service, "cancelChange", DORA, change_id, reason="Nobody needs it.")
    await register(service)
    assert await told() == (0, 0, 1, 1.0)
    await submit(service)
    assert await told() == (0, 0, 1, 0.5)


async def test_tokens_that_expire_soon_are_counted_for_all_and_listed_for_whoever_may_read_them(service: Service) -> None:
    asked = "{ dashboard { expiringTokens { count apiTokens(first: 9) { totalCount nodes { name kind } } } } }"

    async def told(by: Person) -> Any:
        return (await service.ask(asked, by))["dashboard"]["expiringTokens"]

    assert await told(AUDREY) == {"count": 0, "apiTokens": {"totalCount": 0, "nodes": []}}
    pipeline = {"service": {"name": "pipeline", "mutations": []}}
    for name, days, holder in (("last", 30, None), ("later", 31, None), ("first", 20, pipeline), ("revoked", 20, pipeline)):
        ends = (service.now + timedelta(days=days)).isoformat()
        select = "token apiToken { tokenId }"
        made = await service.do("createApiToken", ADA, select, name=name, expiresAt=ends, holder=holder)
    await service.do("revokeApiToken", ADA, **made["apiToken"])
    await service.do(
        "registerStakeholder", ADA, userId="zoe", name="Zoe", email="z@example.org", department="x", roles=["DEPLOYER"]
    )
    await service.do("createApiToken", ADA, name="enrols", holder={"userId": "zoe"})
    named = [{"name": "first", "kind": "SERVICE"}, {"name": "last", "kind": "PERSONAL"}]
    for reader in (ADA, AUDREY):
        assert await told(reader) == {"count": 2, "apiTokens": {"totalCount": 2, "nodes": named}}
    for other in (ALICE, RITA):
        assert await told(other) == {"count": 2, "apiTokens": None}
    service.later(days=1)
    assert (await told(ALICE))["count"] == 3
    service.later(days=19)
    assert (await told(ALICE))["count"] == 2  # one has expired
