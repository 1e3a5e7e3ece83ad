"""The environments that data of before release 0.3.0 name, as the documents that declare them."""

from collections.abc import Sequence
from datetime import datetime

from documents.store.session import bound_database
from documents.store.units import Raw

NAMED_AT = (
    ("change_requests", "plan.environment"), ("deployments", "environment"), ("model_versions", "deployed_in"),
    ("models", "running.environment"),
)  # fmt: skip
STAGED = {"production": "production", "staging": "staging"}
"""The stages of the names that always meant one. Whatever else is in use gets the stage in which every rule holds."""


async def wanted() -> Sequence[Raw]:
    """What is to be declared, by its name: `production`, `staging`, and every other environment that is in use."""
    names = {*STAGED}
    for collection, path in NAMED_AT:
        names |= await _at(collection, path)
    return [{"name": each, "stage": STAGED.get(each, "production")} for each in sorted(names)]


async def _at(collection: str, path: str) -> set[str]:
    """The texts at a path of a collection's documents; a path through a list leads to a list of them."""
    found = await bound_database().collection(collection).aggregate([{"$group": {"_id": f"${path}"}}]).to_list(None)
    lists = (each["_id"] if isinstance(each["_id"], list) else [each["_id"]] for each in found)
    return {name for names in lists for name in names if name}


def declared(environment: Raw, at: datetime) -> Raw:
    """A wanted environment as it is stored."""
    said = {"description": "", "status": "declared", "declared_by": "system", "declared_at": at, "retirement": None}
    return {**environment, **said}
