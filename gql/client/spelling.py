"""How what the graph names is spelled on a command line: `modelId` is `--model-id`, and `owner.name` is `--owner.name`."""

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def kebab(name: str) -> str:
    return _HUMP.sub(r"-\1", name).lower()


def option(path: Sequence[str]) -> str:
    """The option of a field of an input: `("owner", "name")` is `--owner.name`."""
    return "--" + ".".join(map(kebab, path))


def command(remedy: Mapping[str, Any]) -> str:
    """A remedy of the graph as a command to paste; what is to be filled in stands there in capitals."""
    from gql.client.inputs import Mutation, mutation

    name = str(remedy["mutation"])
    of = mutation(name) or Mutation(name, "", "", "")
    filled = [f"{option([each])} {kebab(each).upper().replace('-', '_')}" for each in remedy.get("fill") or ()]
    return " ".join(["magistrate", "call", name, *map(shlex.quote, of.words(remedy.get("arguments") or {})), *filled])
