"""Reads the counts that are kept (`documents.store.counts`)."""

from collections.abc import Collection
from datetime import UTC, datetime

from documents.store.session import bound_database

FIGURE_COUNTS = "figure_counts"  # the collection
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
ALL = "all"
"""The figure that counts every record of a kind."""


def name_of(collection: str, since: datetime) -> str:
    """The name of the document that keeps what the records of a collection count for from `since` on."""
    return f"{collection} {since.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}"


async def kept(collection: str, figures: Collection[str], at: datetime) -> dict[str, int]:
    """The figures of a collection as of `at`, in one command whose cost does not grow with the number of records."""
    passed = {"name": {"$gte": name_of(collection, BEGINNING), "$lte": name_of(collection, at)}}
    summed = {figure: {"$sum": f"$sums.{figure}"} for figure in figures}
    found = (
        await bound_database().raw(FIGURE_COUNTS).aggregate([{"$match": passed}, {"$group": {"_id": None, **summed}}]).to_list(1)
    )
    return {figure: found[0][figure] if found else 0 for figure in figures}
