"""Salted digests: how the trail tells a private value without showing it. Pure: imports no database.

The record keeps the salt beside the value. Once both are erased, the digest tells nobody what the value was.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from secrets import token_hex
from typing import Annotated, Any

from pydantic import Field

from documents.canonical import canonical, same
from documents.values import Digest, Value

BYTES = 16
_SALT = re.compile("^[0-9a-f]{32}$")


class Salt(Value):
    """The salt of the private value at a path of a record."""

    path: str = Field(description="The path of the private value in the stored record, such as `holds.0.reason`.")
    salt: Annotated[str, Field(pattern=_SALT.pattern)] = Field(description="Sixteen random bytes, in hexadecimal.")


def fresh() -> str:
    """A new salt: sixteen random bytes, in hexadecimal."""
    return token_hex(BYTES)


def salted(salt: str, value: Any) -> Digest:
    """SHA-256(salt || canonical form of `value`), in hexadecimal. Raises ValueError for a salt that is not hexadecimal."""
    return sha256(bytes.fromhex(salt) + canonical(value)).hexdigest()


# Where a record keeps its salts

FIELD = "salts"
"""The stored field with the salts. A record without the field has never been told whole by the trail.

It is no field of the class, so neither the graph nor a filter, an export or a report can ask for it.
"""
Shapes = dict[str, "Shapes"]
"""The private paths of a kind of record as a tree of their steps; the tree is empty at the end of a path."""


def salts_in(record: Mapping[str, Any] | None) -> dict[str, str]:
    """The salts of a stored record by path; none for a record that is new or has never had any. Skips what is no salt."""
    stored = (record or {}).get(FIELD)
    return {each["path"]: each["salt"] for each in (stored if isinstance(stored, list) else ()) if _is_salt(each)}


def are_salts(stored: Any) -> bool:
    """Whether a stored value is what a record keeps in the field `salts`: a list of salts with their paths, or nothing yet."""
    return stored is None or (isinstance(stored, list) and all(map(_is_salt, stored)))


def _is_salt(stored: Any) -> bool:
    if not isinstance(stored, dict) or stored.keys() != {"path", "salt"}:
        return False
    path, salt = stored["path"], stored["salt"]
    return type(path) is str and type(salt) is str and _SALT.fullmatch(salt) is not None


@cache
def shapes_of(private: frozenset[str]) -> Shapes:
    """The tree of private paths; `*` stands for any index of a list."""
    tree: Shapes = {}
    for path in sorted(private):  # in one order, so that salts are drawn in the same order in every process
        inside = tree
        for step in path.split("."):
            inside = inside.setdefault(step, {})
    return tree


def private_values(value: Any, shapes: Shapes, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each private value of a stored one with its path, but for those that are nothing: null, an empty list or object."""
    if not shapes:
        if value is not None and value not in ([], {}):
            yield path, value
    elif isinstance(value, dict):
        for step, inside in shapes.items():
            if step in value:
                yield from private_values(value[step], inside, f"{path}.{step}" if path else step)
    elif isinstance(value, list) and "*" in shapes:
        for at, each in enumerate(value):
            yield from private_values(each, shapes["*"], f"{path}.{at}")


def renewed(
    was: Mapping[str, Any] | None,
    now: Mapping[str, Any],
    private: frozenset[str],
    changed: Collection[str],
    given: Mapping[str, str],
) -> list[dict[str, str]]:
    """The salts of a record that was stored as `was` and becomes `now`, as they are stored: one for each private value.

    A value that is as it was at its path keeps its salt. Every other one gets a fresh salt, or that which `given` has for its
    path. `changed` names the fields that differ.
    """
    shapes, before = shapes_of(private), salts_in(was)
    if was is not None and was.get(FIELD) is not None:
        shapes = {name: inside for name, inside in shapes.items() if name in changed}
        if not shapes:
            return list(was[FIELD])
    else:
        before = {}
    if not shapes:  # of a kind without private paths
        return []
    kept = {path: salt for path, salt in before.items() if path.split(".", 1)[0] not in shapes}
    earlier = dict(private_values(was, shapes)) if was is not None and before else {}
    for path, value in private_values(now, shapes):
        salt = before.get(path)
        stands = salt is not None and path in earlier and same(earlier[path], value)
        kept[path] = salt if salt is not None and stands else given.get(path) or fresh()
    return _stored(kept.items())


def _stored(salts: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"path": path, "salt": salt} for path, salt in sorted(salts)]
