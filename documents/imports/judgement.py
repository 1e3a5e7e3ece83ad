"""Which fields of a card or a datasheet a file changes, given what they hold already. Pure."""

from typing import Any

from pydantic import BaseModel

from documents.cards import Metric
from documents.formats.exchange import Reading
from documents.values import camel

TAKEN = "something else is said there: send `expectedRevision` to overwrite it"


def brought(reading: Reading, before: BaseModel | None, overwrite: bool) -> dict[str, Any]:
    """The fields that the file changes, with their new values. Without `overwrite` a field that has a value keeps it.

    A value that is not taken is added to the omissions of `reading`.
    """
    content, said = reading.content, dict[str, Any]()
    for name in reading.fields:
        old, new = getattr(before, name, None), getattr(content, name)
        if name == "metrics":
            new = _metrics(old or (), new, reading, overwrite)
        elif name == "additional_info":
            new = _information(old or {}, new, reading, overwrite)
        elif old not in (None, (), new) and not overwrite:
            reading.leave(camel(name), TAKEN)
            continue
        if new != old:
            said[name] = new
    return said


def _metrics(old: tuple[Metric, ...], new: tuple[Metric, ...], reading: Reading, overwrite: bool) -> tuple[Metric, ...]:
    """The old metrics and the new ones; a metric of the same identity replaces the old one only with `overwrite`."""
    known = {each.identity: each for each in old}
    for each in new:
        if known.setdefault(each.identity, each) == each:
            continue
        if overwrite:
            known[each.identity] = each
        else:
            reading.leave(f"metrics: {each.metric_name}", TAKEN)
    return tuple(known.values())


def _information(old: dict[str, Any], new: dict[str, Any], reading: Reading, overwrite: bool) -> dict[str, Any]:
    """The old information with the new merged in: key by key below the format's own name, such as `huggingFace`."""
    said = dict(old)
    for name, found in new.items():
        kept = old.get(name, {})
        ours = isinstance(kept, dict)  # else a person wrote another kind of value under the format's name
        taken = [key for key in found if not overwrite and not (ours and kept.get(key, found[key]) == found[key])]
        for key in taken:
            reading.leave(f"additionalInfo.{name}.{key}", TAKEN)
        added = {key: each for key, each in found.items() if key not in taken}
        said[name] = {**kept, **added} if ours else added or kept
    return said
