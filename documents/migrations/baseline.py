"""Which stored records the trail proves, and where one that grants access differs from what it told before schema 2."""

from collections.abc import Collection, Sequence
from typing import Any

from documents.audit.fold import Told
from documents.audit.records import leaves_of
from documents.audit.told import differences, told, told_of
from documents.store.record import Record
from documents.store.units import Raw

_OF_A_STEP = {"identity.confirmed": False, "identity.enrolled_by": ..., "identity.enrolled_at": ..., "identity.issuers": ...}
"""What the step `identities` gave a person without an event: at each path the one value, or any where it is `...`."""


async def differing(kind: type[Record], document: Raw) -> Sequence[str]:
    """The paths at which a stored document differs from what the trail tells of it, private values aside."""
    known, stored = await told(kind, kind.key_of(document)), leaves_of(document, kind.disclosure())
    found = await differences(kind, document, known)
    return [each.path for each in found if not _is_of_a_step(each.path, known, stored)]


async def proven(kind: type[Record], documents: Sequence[Raw]) -> Collection[str]:
    """The keys of those documents whose whole state the trail tells."""
    found = await told_of(kind, {kind.key_of(each) for each in documents})
    return {key for key, known in found.items() if known.since is not None}


def _is_of_a_step(path: str, known: Told, stored: dict[str, Any]) -> bool:
    given = _OF_A_STEP.get(path, _OF_A_STEP.get(path.rpartition(".")[0]))
    said = {each for each, _, _ in known.leaves()}
    return given is not None and path not in said and (given is ... or stored.get(path) is given)
