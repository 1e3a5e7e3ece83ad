"""The steps from the form of one release to that of the next, in order. A released step is never changed."""

from datetime import datetime, timedelta

from documents.migrations import environments
from documents.migrations.baseline import differing, proven
from documents.numbers import version_key
from documents.store.migrations import Addition, Baseline, Counting, Step
from documents.store.session import bound_database
from documents.store.units import Raw


def _with_rules(version: Raw) -> Raw:
    return {"standing.rules": 0, "standing.changes_at": None}


async def _with_identity(person: Raw) -> Raw:
    """An unconfirmed identity: enrolled by whoever made the enrolment tokens that were used, if the tokens say so."""
    query = {"holder": person["user_id"], "kind": {"$in": ["personal", "enrolment"]}}
    tokens = await bound_database().collection("api_tokens").find(query).sort([("created_at", 1)]).to_list(None)
    own = [each for each in tokens if each["kind"] == "personal"]
    used = [each for each in tokens if each["kind"] == "enrolment" and each.get("last_used_at")]
    first = [each for each in own if each["issued_by"] == "system"]  # the administrator's of the first start, or of the settings
    by = [*dict.fromkeys(each["issued_by"] for each in (*first, *used) if own)]
    return {
        "identity": {
            "confirmed": False, "enrolled_by": by[0] if by else None, "enrolled_at": own[0]["created_at"] if own else None,
            "issuers": by[1:], "confirmed_by": None, "confirmed_at": None, "basis": None, "reason": None, "reset": None,
        }
    }  # fmt: skip


def _with_version_key(document: Raw) -> Raw:
    return {"version_key": version_key(document["version"])}


def _with_target_key(change: Raw) -> Raw:
    target = change["plan"].get("target_version")
    return {"target_version_key": None if target is None else version_key(target)}


def _with_approval(version: Raw) -> Raw:
    """When a version that is approved now came to be so: the last of what its required roles decided, else its submission."""
    standing, at = version.get("standing") or {}, None
    if standing.get("status") == "approved":
        said = {each["role"]: _acted_at(each) for opened in _rounds(version) for each in opened["decisions"]}
        counting = [said[each["role"]] for each in standing["approvals"] if each["role"] in said]
        at = max(counting, default=_rounds(version)[-1]["submitted_at"])
    return {"approved_at": at, "days_to_approval": at and (at - version["registered_at"]) / timedelta(days=1)}


def _rounds(version: Raw) -> list[Raw]:
    return [each for each in (version.get("previous_round"), version["round"]) if each]


def _acted_at(decision: Raw) -> datetime:
    """When a decision came to count: when the last of its conditions was confirmed, if it waited for any."""
    waited = decision["conditions"] if decision["verdict"] == "conditional" else ()
    moments: list[datetime] = [decision["decided_at"], *(each["confirmed"]["at"] for each in waited if each.get("confirmed"))]
    return max(moments)


STEPS: tuple[Step | Addition | Baseline | Counting, ...] = (
    Step(
        number=3,
        name="standing-rules",
        does="Marks the standing of every version as computed before rules had numbers, so that it is computed anew.",
        oldest_writer="0.2.0",
        collection="model_versions",
        left={"standing": {"$ne": None}, "standing.rules": {"$exists": False}},
        change=_with_rules,
    ),
    Addition(
        number=4,
        name="environments",
        does="Declares `production` as PRODUCTION, `staging` as STAGING, and every other environment in use as PRODUCTION.",
        oldest_writer="0.3.0",
        collection="environments",
        key="name",
        wanted=environments.wanted,
        stamped=environments.declared,
        told=False,
    ),
    Step(
        number=5,
        name="identities",
        does="Marks everybody who has enrolled as unconfirmed, enrolled by whoever made the enrolment token, if that is known.",
        oldest_writer="0.3.0",
        collection="stakeholders",
        left={"identity": {"$exists": False}},
        change=_with_identity,
    ),
    Step(
        number=6,
        name="deployments-by-version",
        does="Gives every deployment the key that its version is ordered by.",
        oldest_writer="0.3.0",
        collection="deployments",
        left={"version_key": {"$exists": False}},
        change=_with_version_key,
    ),
    Step(
        number=7,
        name="incidents-by-version",
        does="Gives every incident the key that its version is ordered by.",
        oldest_writer="0.3.0",
        collection="incidents",
        left={"version_key": {"$exists": False}},
        change=_with_version_key,
    ),
    Step(
        number=8,
        name="changes-by-version",
        does="Gives every change request the key that its target version is ordered by.",
        oldest_writer="0.3.0",
        collection="change_requests",
        left={"target_version_key": {"$exists": False}},
        change=_with_target_key,
    ),
    Step(
        number=9,
        name="days-to-approval",
        does="Says of every version that is approved now when it came to be, and how many days after its registration.",
        oldest_writer="0.3.0",
        collection="model_versions",
        left={"approved_at": {"$exists": False}},
        change=_with_approval,
    ),
    Baseline(
        number=10,
        name="baseline",
        does="Gives each record salts and an event that tells the whole of it, unless a person or token differs from the trail.",
        oldest_writer="0.3.0",
        differing=differing,
        proven=proven,
    ),
    Counting(
        number=11,
        name="counts",
        does="Makes the counts of the dashboard, of totals and of aggregates, which each transaction keeps from then on.",
        oldest_writer="0.3.0",
    ),
)
