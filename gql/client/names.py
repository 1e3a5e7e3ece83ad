"""How a version is named on a command line: `support-assistant@1.0.0`, or as the graph's own keys have it, with a slash."""

import re

from gql.client.exits import Ended, Exit

METAVAR = "MODEL@VERSION"


def version(text: str) -> dict[str, str]:
    """The model and the version of a name, as inputs of the graph call them. A model id may hold @, a version does not."""
    model, mark, number = re.match(r"(.*?)(?:([@/])([^@/]*))?$", text, re.DOTALL).groups()  # type: ignore[union-attr]
    if not (mark and model and number):
        raise Ended(Exit.USAGE, f"{text!r} names no version: say it as support-assistant@1.0.0")
    return {"modelId": model, "version": number}


def spelled(of: dict[str, str]) -> str:
    return f"{of['modelId']}@{of['version']}"
