"""How what the graph names is spelled on a command line: `modelId` is `--model-id`, and `owner.name` is `--owner.name`."""

import re
from collections.abc import Sequence

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def kebab(name: str) -> str:
    return _HUMP.sub(r"-\1", name).lower()


def option(path: Sequence[str]) -> str:
    """The option of a field of an input: `("owner", "name")` is `--owner.name`."""
    return "--" + ".".join(map(kebab, path))
