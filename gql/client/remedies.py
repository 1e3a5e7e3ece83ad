"""What would mend a refusal, as a command to paste."""

import shlex
from collections.abc import Mapping
from typing import Any

from gql.client.inputs import Mutation, mutation
from gql.client.spelling import kebab, option

SHORTER: Mapping[str, tuple[str, frozenset[str], frozenset[str]]] = {
    "submitForApproval": ("submit", frozenset({"modelId", "version"}), frozenset()),
    "submitApproval": ("approve", frozenset({"modelId", "version", "role"}), frozenset({"verdict"})),
    "submitChangeForReview": ("submit", frozenset({"changeId"}), frozenset()),
    "addChangeApproval": ("approve", frozenset({"changeId", "role"}), frozenset({"approved"})),
}
"""Mutations that have a command of their own: its name, the arguments that it takes, and what it fills in by its name."""


def command(remedy: Mapping[str, Any]) -> str:
    """A remedy of the graph as a command to paste; what is to be filled in stands there in capitals."""
    name, known, fill = str(remedy["mutation"]), remedy.get("arguments") or {}, remedy.get("fill") or ()
    if (shorter := SHORTER.get(name)) and shorter[1] >= set(known) and shorter[2] >= set(fill):
        subject = known.get("changeId") or f"{known.get('modelId')}@{known.get('version')}"
        role = ["--role", known["role"]] if known.get("role") else []
        return shlex.join(["magistrate", shorter[0], subject, *role])
    of = mutation(name) or Mutation(name, "", "", "")
    filled = [f"{option([each])} {kebab(each).upper().replace('-', '_')}" for each in fill]
    return " ".join(["magistrate", "call", name, *map(shlex.quote, of.words(known)), *filled])
