"""What the trail of before schema 2 tells of a record that grants access, and where the stored record differs from it."""

from collections.abc import Iterator, Sequence
from typing import Any

from documents.audit.event import AuditEvent, AuditOutcome
from documents.canonical import UNSPEAKABLE, loosely_parsed, plain, same
from documents.contents import Content
from documents.details import differences
from documents.store.record import Record
from documents.store.units import Raw

_OF_A_STEP = {"identity.confirmed": False, "identity.enrolled_by": ..., "identity.enrolled_at": ..., "identity.issuers": ...}
"""What the step `identities` gave a person without an event: at each path the one value, or any where it is `...`."""


async def differing(kind: type[Record], document: Raw) -> Sequence[str]:
    """The paths at which a stored document differs from what the trail tells of it, private values aside."""
    try:
        told = await _told_of(kind, kind.key_in(document))
        stored = dict(_leaves(kind, document))
    except UNSPEAKABLE:
        return ["a value that no event can tell"]
    found = told.keys() | stored.keys()
    return sorted(each for each in found if not (same(told.get(each), stored.get(each)) or _is_of_a_step(each, told, stored)))


def _is_of_a_step(path: str, told: Raw, stored: Raw) -> bool:
    given = _OF_A_STEP.get(path, _OF_A_STEP.get(path.rpartition(".")[0]))
    return given is not None and path not in told and (given is ... or stored.get(path) is given)


def _leaves(kind: type[Record], document: Raw) -> Iterator[tuple[str, Any]]:
    """The values that the trail tells in clear, by path."""
    shown = kind.disclosure()
    said = plain({name: each for name, each in document.items() if name not in shown.left_out})
    for each in differences(None, said, ends=shown.private):
        if each.shape not in shown.private:
            yield each.path, each.now


async def _told_of(kind: type[Record], key: str) -> Raw:
    """The values that the changes of all events of a record come to, by path; private values are not in it."""
    named = {"resource.id": key, "resource.type": kind.__name__}
    done = {"outcome": {"$in": [AuditOutcome.SUCCESS.value, AuditOutcome.PARTIAL.value]}}
    found: Raw = {}
    for event in await AuditEvent.raws(named | done, [("seq", 1)], fields=["canonical"]):
        details = loosely_parsed(event["canonical"])["details"]
        for change in details["changes"]:
            if "to" not in change:
                continue
            path, now = change["path"], await _value_of(change["to"])
            for each in [each for each in found if each == path or each.startswith(f"{path}.")]:
                del found[each]
            found |= {each.path: each.now for each in differences(None, now, path, path)}
    return found


async def _value_of(told: Any) -> Any:
    """The value that one side of a change tells: the value itself, or the content that it cites."""
    if not isinstance(told, dict):
        return told
    content = await Content.raw_first({"digest": told.get("content")})
    return None if content is None else loosely_parsed(content["canonical"].encode())
