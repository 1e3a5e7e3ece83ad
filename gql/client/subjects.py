"""What a command is about: a version by MODEL@VERSION, or a change by its id.

A version is named as `support-assistant@1.0.0`, or as the graph's own keys have it, with a slash.
"""

import re
import shlex

from gql.client.exits import Ended, Exit

CHANGE = "CR-"  # with which the ids of changes begin
VERSION = "MODEL@VERSION"


def version(text: str) -> dict[str, str]:
    """The model and the version of a name, as inputs of the graph call them. A model id may hold @, a version does not."""
    model, mark, number = re.match(r"(.*?)(?:([@/])([^@/]*))?$", text, re.DOTALL).groups()  # type: ignore[union-attr]
    if not (mark and model and number):
        raise Ended(Exit.USAGE, f"{text!r} names no version: say it as support-assistant@1.0.0")
    return {"modelId": model, "version": number}


def version_of(text: str) -> tuple[str, str]:
    """The model's id and the version's name."""
    found = version(text)
    return found["modelId"], found["version"]


def spelled(of: dict[str, str]) -> str:
    return f"{of['modelId']}@{of['version']}"


def unknown_version(text: str) -> Ended:
    model, _ = version_of(text)
    return Ended(Exit.UNKNOWN, f"there is no version {text}", f"magistrate list versions --model {shlex.quote(model)}")
