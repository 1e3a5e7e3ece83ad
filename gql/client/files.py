"""Files of inputs, in JSON or in YAML that says what JSON could say."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from gql.client.exits import Ended, Exit

YAML: tuple[tuple[str, str, list[str]], ...] = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
)
"""The core schema of YAML 1.2, but for its octal and hexadecimal numbers: kinds, how they look, and with what they begin."""


def read_object(file: str) -> dict[str, Any]:
    """The object that a file holds in JSON or YAML; `-` is standard input."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Ended(Exit.USAGE, f"{file} cannot be read: {error}") from error
    found = parsed(text, "standard input" if file == "-" else file)
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found):
        raise Ended(Exit.USAGE, f"{file} holds no object with the fields of the input")
    return found


def parsed(text: str, where: str, *, aliases: bool = True) -> Any:
    """What a text says. Files of strangers may have no aliases, by which a short text can say more than memory holds."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    except RecursionError as error:
        raise Ended(Exit.USAGE, f"{where} is nested too deep") from error
    import yaml

    try:
        return yaml.load(text, _plain(aliases))  # noqa: S506  a safe loader
    except RecursionError as error:
        raise Ended(Exit.USAGE, f"{where} is nested too deep") from error
    except (yaml.YAMLError, ValueError) as error:
        told = " ".join(str(error).split())
        raise Ended(Exit.USAGE, f"{where} is neither JSON nor YAML: {told}") from error


def _plain(aliases: bool) -> Any:
    """A loader of YAML by the core schema of YAML 1.2: `no` is a text, and so is a date, which GraphQL has as one."""
    import yaml

    class Plain(yaml.SafeLoader):
        """Reads what JSON could say."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if not aliases and self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("it has an alias")
            return super().compose_node(parent, index)

    Plain.yaml_implicit_resolvers = {}
    for name, pattern, begins in YAML:
        Plain.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(f"^(?:{pattern})$"), begins)
    return Plain
