"""The questions that are measured: each as a GraphQL query, and as a hand-written function that makes the same answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from bson.codec_options import CodecOptions

from bench.data import OWNER, model_id, version
from documents import dashboard
from documents.access import GovernanceRole
from documents.risk.scales import RiskTier
from documents.store import aggregates
from documents.store.session import BATCH, Database
from documents.store.units import Raw
from documents.versions.lifecycle import VersionStatus

ASKED_MODEL, ASKED_VERSION = 3, 7  # numbers
TIER, ROLE, STATUS = ({each.value: each.name for each in kind} for kind in (RiskTier, GovernanceRole, VersionStatus))

LEAVES = """modelId version purpose useCases restrictions tier ownerId dataStewardId revision registeredBy registeredAt
deployedIn criticalIncidents classification { tier matches { keyword source } }
accountability { role userId assignedBy assignedAt } artifacts { kind uri sha256 size }
standing { status missingRoles openConditions }"""
STORED = (
    "model_id", "version", "purpose", "use_cases", "restrictions", "tier", "owner_id", "data_steward_id", "revision",
    "registered_by", "registered_at", "deployed_in", "critical_incidents", "classification.tier", "classification.matches",
    "accountability", "artifacts", "standing.status", "standing.missing_roles", "standing.open_conditions", "_id",
)  # fmt: skip
FIGURES = """inventory { models { count } versions { count } byRiskTier { tier count } pendingApproval { count } }
compliance { withModelCard { count share } withAllApprovals { count } policyViolations { count } }
changes { open { count } deployedThisMonth { count } } risk { highRisk { count } acceptedRisks { count } }"""


@dataclass(frozen=True, slots=True)
class Question:
    """A GraphQL query, and the function `bare` that makes the same answer from a Motor database."""

    name: str
    text: str
    bare: Callable[[Any], Awaitable[Raw]]
    variables: Raw = field(default_factory=dict)


def raw_of(database: Database) -> Any:
    """Motor's database, whose documents are decoded without any options."""
    return database.client.get_database(database.name, CodecOptions())


async def listed(database: Any, count: int) -> list[Raw]:
    """The answer to `LEAVES` for the versions that were registered first."""
    order = [("registered_at", 1), ("_id", 1)]
    found = database["model_versions"].find({}, STORED, limit=count, sort=order, batch_size=BATCH)
    return [_version(each) for each in await found.to_list(None)]


async def model(database: Any, name: str) -> Raw:
    """The stored fields of the model of that id."""
    found = await database["models"].find_one({"model_id": name})
    return {
        "modelId": found["model_id"], "name": found["name"], "description": found["description"], "tags": found["tags"],
        "ownerId": found["owner_id"], "registeredBy": found["registered_by"], "registeredAt": _moment(found["registered_at"]),
    }  # fmt: skip


async def _list(database: Any) -> Raw:
    return {"modelVersions": {"nodes": await listed(database, 100)}}


async def _one(database: Any) -> Raw:
    named = {"model_id": model_id(ASKED_VERSION), "version": version(ASKED_VERSION)}
    return {"modelVersion": _version(await database["model_versions"].find_one(named, STORED))}


async def _filtered(database: Any) -> Raw:
    query = {"owner_id": OWNER, "tier": RiskTier.TIER_1_CRITICAL, "standing.status": VersionStatus.DRAFT}
    stored = ("model_id", "version", "tier", "standing.status", "_id")
    order = [("registered_at", 1), ("_id", 1)]
    found = await database["model_versions"].find(query, stored, limit=20, sort=order, batch_size=BATCH).to_list(None)
    return {
        "modelVersions": {
            "nodes": [
                {
                    "modelId": each["model_id"], "version": each["version"], "tier": TIER[each["tier"]],
                    "standing": {"status": STATUS[each["standing"]["status"]]},
                }
                for each in found
            ]
        }
    }  # fmt: skip


async def _graph(database: Any) -> Raw:
    asked = {"model_id": model_id(ASKED_MODEL * 5)}
    model = await database["models"].find_one(asked, ("model_id", "name", "tags", "owner_id", "registered_at"))
    owner = await database["stakeholders"].find_one({"user_id": model["owner_id"]}, ("user_id", "name", "department"))
    order = [("version_key", 1), ("_id", 1)]
    found = await database["model_versions"].find(asked, (*STORED, "version_key"), limit=5, sort=order).to_list(None)
    stewards = {each["data_steward_id"] for each in found}
    known = await database["stakeholders"].find({"user_id": {"$in": [*stewards]}}, ("user_id", "name")).to_list(None)
    names = {each["user_id"]: each["name"] for each in known}
    return {
        "model": {
            "modelId": model["model_id"], "name": model["name"], "tags": model["tags"],
            "registeredAt": _moment(model["registered_at"]),
            "owner": {"userId": owner["user_id"], "name": owner["name"], "department": owner["department"]},
            "versions": {
                "nodes": [_version(each) | {"dataSteward": {"name": names[each["data_steward_id"]]}} for each in found]
            },
        }
    }  # fmt: skip


async def _dashboard(database: Any) -> Raw:
    of = {name: await _counted(database, name, pipeline) for name, pipeline in _pipelines().items()}
    versions, changes, deployments = (of[each] for each in ("model_versions", "change_requests", "deployments"))

    def figure(name: str) -> Raw:
        return {"count": versions[name]}

    return {
        "dashboard": {
            "inventory": {
                "models": figure("models"), "versions": figure("versions"), "pendingApproval": figure("pending_approval"),
                "byRiskTier": [{"tier": each.name, "count": versions[each]} for each in RiskTier],
            },
            "compliance": {
                "withModelCard": figure("with_model_card") | {"share": versions["with_model_card"] / versions["versions"]},
                "withAllApprovals": figure("with_all_approvals"), "policyViolations": figure("policy_violations"),
            },
            "changes": {"open": {"count": changes["open"]}, "deployedThisMonth": {"count": deployments["deployed"]}},
            "risk": {"highRisk": figure("high_risk"), "acceptedRisks": {"count": versions["accepted_risks"]}},
        }
    }  # fmt: skip


@cache
def _pipelines() -> Mapping[str, list[Raw]]:
    """The dashboard's aggregations, by collection. They are made once: a few minutes change none of these figures."""
    at, made = datetime.now().astimezone(), {}
    for each in (dashboard.versions(at), dashboard.changes(at), dashboard.deployments(at)):
        made[each.kind.collection] = aggregates.counts(*each.query())
    return made


async def _counted(database: Any, collection: str, pipeline: list[Raw]) -> Mapping[str, int]:
    (found,) = await database[collection].aggregate(pipeline).to_list(None)
    return {name: counted[0]["n"] if counted else 0 for name, counted in found.items()}


def _version(raw: Raw) -> Raw:
    """The answer to `LEAVES` for one stored version."""
    suggested, standing = raw["classification"], raw["standing"]
    return {
        "modelId": raw["model_id"], "version": raw["version"], "purpose": raw["purpose"], "useCases": raw["use_cases"],
        "restrictions": raw["restrictions"], "tier": TIER[raw["tier"]], "ownerId": raw["owner_id"],
        "dataStewardId": raw["data_steward_id"], "revision": raw["revision"], "registeredBy": raw["registered_by"],
        "registeredAt": _moment(raw["registered_at"]), "deployedIn": raw["deployed_in"],
        "criticalIncidents": raw["critical_incidents"],
        "classification": {
            "tier": TIER[suggested["tier"]],
            "matches": [{"keyword": each["keyword"], "source": each["source"]} for each in suggested["matches"]],
        },
        "accountability": [
            {
                "role": ROLE[each["role"]], "userId": each["user_id"], "assignedBy": each["assigned_by"],
                "assignedAt": _moment(each["assigned_at"]),
            }
            for each in raw["accountability"]
        ],
        "artifacts": [
            {"kind": each["kind"].upper(), "uri": each["uri"], "sha256": each["sha256"], "size": each["size"]}
            for each in raw["artifacts"]
        ],
        "standing": {
            "status": STATUS[standing["status"]], "missingRoles": [ROLE[each] for each in standing["missing_roles"]],
            "openConditions": standing["open_conditions"],
        },
    }  # fmt: skip


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds") + "Z"


QUESTIONS = (
    Question("list", f"query List {{ modelVersions(first: 100) {{ nodes {{ {LEAVES} }} }} }}", _list),
    Question(
        "model",
        f"""query Model($id: String!) {{ model(modelId: $id) {{ modelId name tags registeredAt
        owner {{ userId name department }} versions(first: 5) {{ nodes {{ {LEAVES} dataSteward {{ name }} }} }} }} }}""",
        _graph,
        {"id": model_id(ASKED_MODEL * 5)},
    ),
    Question(
        "version",
        f"query Version($id: String!, $version: String!) {{ modelVersion(modelId: $id, version: $version) {{ {LEAVES} }} }}",
        _one,
        {"id": model_id(ASKED_VERSION), "version": version(ASKED_VERSION)},
    ),
    Question("dashboard", f"query Dashboard {{ dashboard {{ {FIGURES} }} }}", _dashboard),
    Question(
        "filtered",
        """query Filtered($filter: ModelVersionFilter!) { modelVersions(first: 20, filter: $filter) {
        nodes { modelId version tier standing { status } } } }""",
        _filtered,
        {"filter": {"ownerId": {"eq": OWNER}, "tier": {"eq": "TIER_1_CRITICAL"}, "standing": {"status": {"eq": "DRAFT"}}}},
    ),
)
