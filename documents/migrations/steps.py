"""The steps from the form of one release to that of the next, in order. A released step is never changed."""

from documents.store.migrations import Step
from documents.store.units import Raw


def _with_rules(version: Raw) -> Raw:
    return {"standing.rules": 0, "standing.changes_at": None}


STEPS: tuple[Step, ...] = (
    Step(
        number=3,
        name="standing-rules",
        does="Marks the standing of every version as computed before rules had numbers, so that it is computed anew.",
        oldest_writer="0.2.0",
        collection="model_versions",
        left={"standing": {"$ne": None}, "standing.rules": {"$exists": False}},
        change=_with_rules,
    ),
)
