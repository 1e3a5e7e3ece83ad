"""The steps from the form of one release to that of the next, in order. A released step is never changed."""

from documents.migrations import environments
from documents.store.migrations import Addition, Step
from documents.store.units import Raw


def _with_rules(version: Raw) -> Raw:
    return {"standing.rules": 0, "standing.changes_at": None}


STEPS: tuple[Step | Addition, ...] = (
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
    ),
)
