"""The inputs of mutations as options: made from `mutations.json`, which `magistrate schema --mutations` writes.

The file is of the release of this command. A server that is hardened tells no schema, and completion must not wait for one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gql.client.exits import Ended, Exit
from gql.client.spelling import option

FILE = Path(__file__).with_name("mutations.json")
EMPTY = "[]"  # stands for the list without elements
METAVARS = {"Int": "N", "BigInt": "N", "Float": "NUMBER", "JSON": "JSON", "DateTime": "MOMENT", "Date": "DATE", "Hash": "SHA256"}
LONGEST = 60  # characters of the values of an enumeration that help lists


@dataclass(frozen=True)
class Leaf:
    """A field of an input that is an option. `of` is the name of its type, or of its elements' type if there are `many`."""

    path: tuple[str, ...]
    of: str
    many: bool
    required: bool
    says: str

    @property
    def option(self) -> str:
        return option(self.path)

    @property
    def values(self) -> list[str]:
        """Those of an enumeration; else none."""
        found: list[str] = _told()["enums"].get(self.of, [])
        return found

    @property
    def is_object(self) -> bool:
        return self.of in _told()["inputs"]

    @property
    def is_flag(self) -> bool:
        return self.of == "Boolean" and not self.many

    @property
    def metavar(self) -> str:
        listed = "|".join(self.values)
        of_enum = (listed if len(listed) <= LONGEST else self.of.upper()) if listed else None
        return of_enum or ("JSON" if self.is_object else METAVARS.get(self.of, "TEXT"))

    def read(self, text: str) -> Any:
        """The value that a text stands for; Ended if it is none."""
        try:
            if self.of in ("Int", "BigInt"):
                return int(text)
            if self.of == "Float":
                return float(text)
            if self.of in ("JSON", "Boolean") or self.is_object:
                return json.loads(text)
        except ValueError:
            kinds = {"Int": "a whole number", "BigInt": "a whole number", "Float": "a number"}
            raise Ended(Exit.USAGE, f"{self.option} must be {kinds.get(self.of, 'JSON')}, and {text!r} is not") from None
        if self.values:
            written = text.upper().replace("-", "_")
            if written not in self.values:
                raise Ended(Exit.USAGE, f"{self.option} must be one of {', '.join(self.values)}, and {text!r} is not")
            return written
        return text

    def write(self, value: Any) -> str:
        """The text that stands for a value."""
        return value if isinstance(value, str) and self.of not in ("JSON", "Boolean") else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Mutation:
    """A mutation, with the type of its input, and what of its payload is selected unless somebody says otherwise."""

    name: str
    says: str
    input: str
    select: str

    @property
    def leaves(self) -> list[Leaf]:
        return list(_leaves(self.input, (), True, ()))

    def missing(self, fields: Mapping[str, Any]) -> list[str]:
        """The options of what must be said and is not."""
        return [each.option for each in self.leaves if each.required and each.path[0] not in fields]

    def words(self, fields: Mapping[str, Any]) -> Iterator[str]:
        """The words of a command line that gives these fields."""
        known = {each.path: each for each in self.leaves}
        yield from _words(fields, (), known)

    @property
    def text(self) -> str:
        return self.asking(self.select)

    def asking(self, select: str) -> str:
        """The document that sends it and asks for these fields of its payload."""
        return f"mutation($input: {self.input}!) {{ {self.name}(input: $input) {{ {select} }} }}"


def mutations() -> list[str]:
    return list(_told()["mutations"])


def mutation(name: str) -> Mutation | None:
    """By its name as the graph spells it, or as a command line does: `lift-hold`."""
    spelled = re.sub(r"-([a-z0-9])", lambda found: found[1].upper(), name)
    found = _told()["mutations"].get(spelled)
    return Mutation(spelled, found["says"], found["input"], found["select"]) if found else None


@cache
def _told() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return told


def _leaves(of: str, path: tuple[str, ...], required: bool, above: tuple[str, ...]) -> Iterator[Leaf]:
    """The options of a type of inputs, each object before its fields. A type within itself is given as JSON."""
    for name, field in _told()["inputs"].get(of, {}).items():
        here, named, many = (*path, name), field["type"].strip("[]!"), field["type"].startswith("[")
        needed = required and field["type"].endswith("!")
        nested = named in _told()["inputs"] and not many and named not in above
        yield Leaf(here, named, many, needed and not nested, field["says"])
        if nested:
            yield from _leaves(named, here, needed, (*above, named))


def _words(fields: Mapping[str, Any], path: tuple[str, ...], known: Mapping[tuple[str, ...], Leaf]) -> Iterator[str]:
    for name, value in fields.items():
        here = (*path, name)
        leaf = known.get(here) or Leaf(here, "String", isinstance(value, list), False, "")
        if leaf.is_object and not leaf.many and value:
            yield from _words(value, here, known)
        elif leaf.is_flag:
            yield leaf.option if value else option((*path, f"no-{name}"))
        elif leaf.many:
            for each in map(leaf.write, value if isinstance(value, list) else [value]):
                yield from (leaf.option, each)
            if not value:
                yield from (leaf.option, EMPTY)
        else:
            yield from (leaf.option, leaf.write(value))


def put(fields: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Sets a field within fields; what is in the way and no object gives way."""
    for name in path[:-1]:
        below = fields.get(name)
        if not isinstance(below, dict):
            below = fields[name] = {}
        fields = below
    fields[path[-1]] = value
