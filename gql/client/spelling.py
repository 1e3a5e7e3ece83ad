"""How what the graph names is spelled on a command line: `modelId` is `--model-id`, and `owner.name` is `--owner.name`."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def kebab(name: str) -> str:
    return _HUMP.sub(r"-\1", name).lower()


def option(path: Sequence[str]) -> str:
    """The option of a field of an input: `("owner", "name")` is `--owner.name`."""
    return "--" + ".".join(map(kebab, path))


def words(fields: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """The words of a command line that gives these fields of an input: one option each, and one for each element of a list."""
    for name, value in fields.items():
        here = (*path, name)
        if isinstance(value, Mapping) and value:
            yield from words(value, here)
        elif isinstance(value, bool):
            yield option(here) if value else option((*path, f"no-{name}"))
        elif isinstance(value, list):
            for each in value or ["[]"]:
                yield from (option(here), _word(each))
        else:
            yield from (option(here), _word(value))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def command(remedy: Mapping[str, Any]) -> str:
    """A remedy of the graph as a command to paste; what is to be filled in stands there in capitals."""
    known = words(remedy.get("arguments") or {})
    filled = [f"{option([each])} {kebab(each).upper().replace('-', '_')}" for each in remedy.get("fill") or ()]
    return " ".join(["magistrate", "call", remedy["mutation"], *map(shlex.quote, known), *filled])
