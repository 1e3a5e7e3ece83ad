"""Many records of random content, put into a database past the trail: what is asked of them is compared with themselves."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from bson import ObjectId

from documents.changes.life import ChangeStatus
from documents.risk.scales import RiskBand, RiskTier
from documents.versions.approvals import Verdict
from tests.examples import BOT, RATED, register, save_card, save_datasheet, submit
from tests.operations import DORA, ask_for
from tests.service import ALICE, BOB, NOW, Service

Raw = dict[str, Any]
PEOPLE, MODELS, DATASETS = [f"p{at}" for at in range(4)], [f"m{at}" for at in range(4)], ["d0", "d1", "$d2", "d.3"]
DEPARTMENTS, NAMES, GROUPS = ["Credit", "Claims"], ["accuracy", "parity", "$auc"], ["a", "b"]
ROLES = ["ethics_reviewer", "security_reviewer"]
TIERS, BANDS, VERDICTS = [each.value for each in RiskTier], [each.value for each in RiskBand], [each.value for each in Verdict]
# The hour before and after clocks change, one that is left out at midnight, a day that never was, and the ends of years.
EDGES = [
    datetime.fromisoformat(f"{each}+00:00")
    for each in (
        "2026-03-29T00:59:59.999", "2026-03-29T01:00:00", "2026-10-25T00:30:00", "2026-10-24T22:30:00", "2018-11-04T02:59:59",
        "2018-11-04T03:00:00", "2011-12-30T09:59:59", "2011-12-30T10:00:00", "2026-12-31T23:30:00", "2027-01-03T23:59:59.999",
        "2027-01-04T00:00:00", "1969-12-31T23:59:59", "1000-01-01T00:00:00", "9999-12-31T23:59:59", "2024-02-29T12:00:00",
    )
]  # fmt: skip


def moment(dice: Random) -> datetime:
    return dice.choice([*EDGES, datetime(2025, 12, 20, tzinfo=UTC) + timedelta(hours=dice.randrange(2_000))])


def day(dice: Random) -> str | None:
    return dice.choice([None, "2026-01-01", "2025-12-29", "2025-12-28", "1000-01-01", "2024-02-29", "9999-12-31"])


def quarters(dice: Random) -> float:
    """A number that is added up without an error, in any order."""
    return dice.randrange(-8, 9) / 4


@dataclass
class Held:
    """What is stored, as it lies in the database."""

    service: Service
    people: dict[str, Raw] = field(default_factory=dict)
    versions: list[Raw] = field(default_factory=list)
    changes: list[Raw] = field(default_factory=list)

    async def fill(self, dice: Random) -> None:
        await register(self.service)
        await save_card(self.service)
        await save_datasheet(self.service)
        await self.service.do("createRiskAssessment", ALICE, **BOT, responses=RATED)
        await submit(self.service)
        await self.service.enrol(DORA)
        await ask_for(self.service, DORA)
        database = self.service.database
        first: Any = await database.collection("model_versions").find_one({})
        person: Any = await database.collection("stakeholders").find_one({"user_id": BOB.id})
        change: Any = await database.collection("change_requests").find_one({})
        for each in ("model_versions", "change_requests"):
            await database.collection(each).delete_many({})
        for each in PEOPLE[1:]:  # the first is nobody who is known
            self.people[each] = person | {"user_id": each, "department": dice.choice(DEPARTMENTS), "_id": ObjectId()}
        self.versions = [varied(first, dice) | {"_id": ObjectId(), "version": f"{at}.0.0"} for at in range(60)]
        await database.collection("stakeholders").insert_many([*self.people.values()])
        await database.collection("model_versions").insert_many(self.versions)
        self.changes = [moved(change, dice) | {"_id": ObjectId(), "change_id": f"CR-{at}"} for at in range(60)]
        await database.collection("change_requests").insert_many(self.changes)


def varied(first: Raw, dice: Random) -> Raw:
    made = deepcopy(first) | {"model_id": dice.choice(MODELS), "tier": dice.choice(TIERS), "owner_id": dice.choice(PEOPLE)}
    made |= {"registered_at": moment(dice), "deployed_in": dice.sample(["prod", "test", "dev"], dice.randrange(3))}
    made["standing"] |= {
        "risk_score": dice.choice([None, 0.25, 7.0, 12.5]), "risk_band": dice.choice([None, *BANDS]),
        "next_review": dice.choice([None, moment(dice)]),
    }  # fmt: skip
    made["standing"] |= {
        "required_roles": dice.sample(ROLES, dice.randrange(3)),
        "approvals": [
            {"role": each, "until": dice.choice([None, NOW - timedelta(days=1), NOW, NOW + timedelta(days=1)])}
            for each in dice.sample(ROLES, dice.randrange(3))
        ],
    }
    days = dice.choice([None, 0.5, 3.0, 40.25]) if made["registered_at"].year < 9_000 else None
    at = None if days is None else made["registered_at"] + timedelta(days=days)
    made |= {"days_to_approval": days, "approved_at": at}
    made["card"]["license"] = dice.choice([None, "Apache-2.0", "MIT"])
    for each in made["latest_assessment"]["factors"]:
        each |= {"likelihood": dice.randrange(1, 6), "impact": dice.randrange(1, 6)}
        each["control_effectiveness"] = dice.choice([0, 0.25, 0.5, 1.0])
    made["datasheets"] = [
        {"dataset_id": each, "revision": 1, "digest": "0" * 64, "linked_by": "p1", "linked_at": moment(dice)}
        for each in dice.choices(DATASETS, k=dice.randrange(4))
    ]
    metric = made["card"]["metrics"][0]
    made["card"]["metrics"] = [
        metric | {
            "metric_name": dice.choice(NAMES), "value": quarters(dice), "dataset": dice.choice([None, *DATASETS]),
            "date_measured": day(dice),
            "disaggregated": [{"group": dice.choice(GROUPS), "value": quarters(dice)} for _ in range(dice.randrange(4))],
        }
        for _ in range(dice.randrange(5))
    ]  # fmt: skip
    decision: Raw = {
        "decision_id": "APR-1", "comments": "", "conditions": [], "dossier": made["standing"]["dossier"],
        "evidence": [], "identity": None, "reviewer_name": "N",
    }  # fmt: skip
    withdrawn: Raw = {"at": NOW, "by": "p1", "reason": "Seen again.", "identity": None}
    made["round"]["decisions"] = [
        decision | {
            "role": "ethics_reviewer", "verdict": dice.choice(VERDICTS), "reviewer_id": dice.choice(PEOPLE),
            "reviewer_department": dice.choice(DEPARTMENTS), "decided_at": moment(dice),
            "expires_at": dice.choice([None, moment(dice)]), "withdrawn": dice.choice([None, None, withdrawn]),
        }
        for _ in range(dice.randrange(4))
    ]  # fmt: skip
    return made | {name: None for name in ("card", "round", "latest_assessment") if dice.random() < 0.15}


def moved(first: Raw, dice: Random) -> Raw:
    statuses = [each.value for each in ChangeStatus]
    moves = [
        {"at": moment(dice), "by": "dora", "from_status": "draft", "to_status": dice.choice(statuses), "reason": None}
        for _ in range(dice.randrange(5))
    ]
    return deepcopy(first) | {"moves": moves, "status": dice.choice(statuses)}
