"""What a command is about, as it is typed: MODEL@VERSION, and ids of changes."""

import shlex
from collections.abc import Mapping
from typing import Any

from gql.client.exits import Ended, Exit

CHANGE = "CR-"  # with which the ids of changes begin
VERSION = "MODEL@VERSION"


def version_of(text: str) -> tuple[str, str]:
    """The model's id and the version's name; what follows the last @ is the version."""
    model, _, version = text.rpartition("@")
    if not model or not version:
        named = f"magistrate list versions --model {shlex.quote(text.strip('@'))}" if text.strip("@") else None
        raise Ended(Exit.USAGE, f"{text!r} names no version: say {VERSION}", named)
    return model, version


def fields_of(text: str) -> dict[str, Any]:
    """The same as fields of an input."""
    model, version = version_of(text)
    return {"modelId": model, "version": version}


def spelled(version: Mapping[str, Any]) -> str:
    return f"{version['modelId']}@{version['version']}"


def unknown_version(text: str) -> Ended:
    model, _ = version_of(text)
    return Ended(Exit.UNKNOWN, f"there is no version {text}", f"magistrate list versions --model {shlex.quote(model)}")
