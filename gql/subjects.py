"""The model and version under which the trail files a mutation that was refused or failed."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from documents.store.record import Record

log = logging.getLogger(__name__)
VERSION_OF = ("version", "target_version", "current_version")
"""The fields of an input that name a version of the model in `model_id`."""


def keys_in(input: Any, resource: type[Record]) -> tuple[Any, ...]:
    """The key of a record of `resource` that the input names; empty if it names none."""
    parts = tuple([getattr(input, name, None) for name in resource.keys])
    return parts if all(parts) else ()


async def subject_of(input: Any, resource: type[Record], loaded: Sequence[Record]) -> Mapping[str, str] | None:
    """What the input names, or a record that the mutation had `loaded`, or the record of `resource` whose key the input holds.

    Only the last takes a database command: the caller was denied before anything was loaded. None if no model is named.
    """
    model_id = getattr(input, "model_id", None)
    version = next((named for each in VERSION_OF if (named := getattr(input, each, None))), None)
    if model_id and version:
        return {"model_id": model_id, "version": version}
    own_first = sorted(loaded, key=lambda each: not isinstance(each, resource))
    subjects = [filed for each in own_first if (filed := each.filed_under) and model_id in (None, filed["model_id"])]
    if found := next((each for each in subjects if each["version"]), next(iter(subjects), None)):
        return found
    if model_id:
        return {"model_id": model_id, "version": ""}
    return await _looked_up(resource, keys_in(input, resource))


async def _looked_up(resource: type[Record], keys: tuple[Any, ...]) -> Mapping[str, str] | None:
    if not keys or resource.filed_under is Record.filed_under:
        return None
    try:
        found = await resource.wanted(*keys)
    except Exception:  # the event is told without a subject rather than not at all
        log.exception("the subject of a refusal was not found: %s %s", resource.__name__, keys)
        return None
    return found.filed_under if found else None
