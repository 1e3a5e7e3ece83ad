"""What would mend a refusal, as a command to paste."""

import shlex
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from gql.client.inputs import Mutation, mutation
from gql.client.spelling import kebab

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
    of, fields = mutation(name) or Mutation(name, "", "", ""), deepcopy(dict(known))
    for each in fill:
        _fill(fields, each.split("."))
    return " ".join(["magistrate", "call", name, *map(shlex.quote, of.words(fields))])


def _fill(fields: Any, path: Sequence[str]) -> None:
    """Puts the name of a field in capitals where it is to be filled in: below objects, and in lists at the place that it says."""
    name, *below = path
    at: Any = int(name) if isinstance(fields, list) else name
    if isinstance(fields, list):
        fields.extend({} for _ in range(len(fields), at + 1))
    if below:
        if isinstance(fields, dict) and not isinstance(fields.get(at), dict | list):
            fields[at] = [] if below[0].isdecimal() else {}
        _fill(fields[at], below)
    else:
        fields[at] = kebab(name).upper().replace("-", "_")
