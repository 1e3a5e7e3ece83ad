"""Finds the models in a CycloneDX bill of materials, and where each stands."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from documents.errors import InvalidInput
from documents.formats.cyclonedx.layout import at, properties
from documents.formats.exchange import INPUT, as_key

READ = ("1.5", "1.6", "1.7")
MODEL_ID = "magistrate:modelId"
MODEL, NESTED, DEPTH = "machine-learning-model", 8, 32  # levels of components that are looked into; of JSON that are accepted
TOO_DEEP = f"is nested more than {DEPTH} deep"


@dataclass(frozen=True)
class Component:
    """A component of a bill that is a model: its path in the bill, and its JSON object."""

    path: str
    said: dict[str, Any]

    def text(self, name: str) -> str | None:
        value = self.said.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def model_id(self) -> str:
        """The id in the property `magistrate:modelId`, else an id made of the component's group and name; may be empty."""
        ours = [value for name, value in properties(self.said) if name == MODEL_ID]
        named = ours[0] if ours else ":".join(filter(None, [self.text("group"), self.text("name")]))
        return as_key(named)


def read_models(text: str) -> Iterator[Component]:
    """Every component of a bill that is a model, nested ones too. Raises InvalidInput for a text that is no bill."""
    bom = _loaded(text)
    if not isinstance(bom, dict) or bom.get("bomFormat") != "CycloneDX" or bom.get("specVersion") not in READ:
        raise InvalidInput(INPUT, f"is no CycloneDX bill of materials of version {', '.join(READ)}, as JSON")
    yield from _models("metadata.component", at(bom, ("metadata", "component")), 1)
    yield from _inside("", bom, 1)


def _inside(above: str, within: Mapping[str, Any], depth: int) -> Iterator[Component]:
    found = within.get("components")
    for place, each in enumerate(found if isinstance(found, list) else []):
        yield from _models(f"{above}.components.{place}".removeprefix("."), each, depth)


def _models(path: str, said: Any, depth: int) -> Iterator[Component]:
    if isinstance(said, dict) and depth <= NESTED:
        if said.get("type") == MODEL:
            yield Component(path, said)
        yield from _inside(path, said, depth + 1)


def _loaded(text: str) -> Any:
    # Python accepts what RFC 8259 does not: equal names, of which it keeps the last (section 4), NaN and Infinity (section 6).
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a key stands twice")
        return made

    def none(constant: str) -> Any:
        raise ValueError(f"{constant} is no number")

    try:
        loaded = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=once, parse_constant=none)
    except json.JSONDecodeError as error:
        raise InvalidInput(INPUT, f"is no JSON: {error.msg} in line {error.lineno}") from error
    except ValueError as error:
        raise InvalidInput(INPUT, "is no JSON that can be taken: a key stands twice, or a number has no end") from error
    except RecursionError as error:
        raise InvalidInput(INPUT, TOO_DEEP) from error
    if _deeper(loaded):
        raise InvalidInput(INPUT, TOO_DEEP)
    return loaded


def _deeper(value: Any) -> bool:
    """Whether objects and lists are nested more than DEPTH deep; walks level by level, so that no depth exhausts the stack."""
    level = [value]
    for _ in range(DEPTH):
        inside = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for values in inside for each in values]
    return bool(level)
