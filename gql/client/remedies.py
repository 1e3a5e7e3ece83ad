"""What would mend a refusal, as a command to paste."""

import shlex
from collections.abc import Mapping
from typing import Any

from gql.client.inputs import Mutation, mutation
from gql.client.spelling import kebab, option


def command(remedy: Mapping[str, Any]) -> str:
    """A remedy of the graph as a command to paste; what is to be filled in stands there in capitals."""
    name = str(remedy["mutation"])
    of = mutation(name) or Mutation(name, "", "", "")
    filled = [f"{option([each])} {kebab(each).upper().replace('-', '_')}" for each in remedy.get("fill") or ()]
    return " ".join(["magistrate", "call", name, *map(shlex.quote, of.words(remedy.get("arguments") or {})), *filled])
