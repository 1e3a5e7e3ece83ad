"""What a server answered, and how a refusal ends a command: with the exit code of its error code and a remedy to paste."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gql.client.credentials import Place, login
from gql.client.exits import OF_CODE, Ended, Exit
from gql.client.remedies import command


@dataclass(frozen=True)
class Answer:
    """The answer to one operation. `status` is that of HTTP; `waits` says after how many seconds to come again, if it says so."""

    status: int
    data: Any = None
    errors: Sequence[Mapping[str, Any]] = ()
    waits: float | None = None


TOO_OFTEN = 429
LISTED_BY: Mapping[str, str] = {
    "ChangeRequest": "magistrate list changes",
    "Datasheet": "magistrate list datasheets",
    "DeploymentEnvironment": "magistrate list environments",
    "Incident": "magistrate list incidents",
    "Model": "magistrate list models",
    "ModelVersion": "magistrate list versions",
    "Policy": "magistrate list policies",
    "Stakeholder": "magistrate list people",
}
"""For each kind of record that may not be there, the command that lists those that are."""


def refusal(answer: Answer, place: Place) -> Ended:
    """The first error of an answer as the end of a command."""
    errors = answer.errors
    first = errors[0]
    facts = facts_of(first)
    code = str(facts.get("code", ""))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    if code == "UNAUTHENTICATED":
        more = f" (the token of {place.source})"
    status = Exit.OUT_OF_REACH if answer.status == TOO_OFTEN else OF_CODE.get(code, Exit.FAULT)
    return Ended(status, f"{first.get('message', code)}{more}", _remedy(code, facts, place), facts)


def facts_of(error: Mapping[str, Any]) -> Mapping[str, Any]:
    facts = error.get("extensions")
    return facts if isinstance(facts, Mapping) else {}


def _remedy(code: str, facts: Mapping[str, Any], place: Place) -> str | None:
    if code == "UNAUTHENTICATED":
        return None if place.credential and place.credential.of_program else login(place.url, place.profile)
    if code == "FORBIDDEN":
        return "magistrate whoami" + (f" --profile {place.profile}" if place.profile else "")
    named = facts.get("remedy") or next(iter(remedies(facts.get("eligibility") or {})), None)
    if isinstance(named, Mapping) and named.get("mutation"):
        return command(named)
    return LISTED_BY.get(str(facts.get("kind"))) if code == "NOT_FOUND" else None


def remedies(eligibility: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The remedies of all that stands in the way of a version, holds and incidents first."""
    found: list[Mapping[str, Any]] = []
    for obstacles in ("holds", "incidents", "violations", "missingApprovals"):
        met = (each.get("remedy") for each in eligibility.get(obstacles) or () if isinstance(each, Mapping))
        found += [each for each in met if isinstance(each, Mapping)]
    return found
