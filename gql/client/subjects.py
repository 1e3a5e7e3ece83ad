"""What a command is about: a version by MODEL@VERSION, or a change by its id."""

import shlex

from gql.client import names
from gql.client.exits import Ended, Exit

CHANGE = "CR-"  # with which the ids of changes begin
VERSION = names.METAVAR


def version_of(text: str) -> tuple[str, str]:
    """The model's id and the version's name."""
    found = names.version(text)
    return found["modelId"], found["version"]


def unknown_version(text: str) -> Ended:
    model, _ = version_of(text)
    return Ended(Exit.UNKNOWN, f"there is no version {text}", f"magistrate list versions --model {shlex.quote(model)}")
