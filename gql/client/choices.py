"""The enumerations of the graph that options take, spelled as somebody types them: `ethics` is ETHICS_REVIEWER."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import typer

from gql.client.exits import Ended, Exit

ENUMERATIONS: Mapping[str, tuple[str, ...]] = {
    "AffectedUsers": ("NONE", "INTERNAL_ONLY", "SPECIFIC_TEAMS", "ALL_USERS"),
    "ArtifactKind": ("WEIGHTS", "ADAPTER", "TOKENIZER", "PROMPT", "CONFIG", "CODE", "CONTAINER", "API"),
    "CardSource": ("HUGGING_FACE", "CYCLONE_DX", "HUGGING_FACE_RESULTS"),
    "ChangeRisk": ("LOW", "MEDIUM", "HIGH", "CRITICAL"),
    "ChangeStatus": (
        "DRAFT", "SUBMITTED", "UNDER_REVIEW", "APPROVED", "REJECTED", "SCHEDULED", "IN_PROGRESS", "COMPLETED", "FAILED",
        "ROLLED_BACK", "CANCELLED",
    ),
    "ChangeType": (
        "MODEL_UPDATE", "CONFIG_CHANGE", "PROMPT_UPDATE", "INFRASTRUCTURE", "DECOMMISSION", "ROLLBACK", "EMERGENCY",
    ),
    "DependencyRelation": ("FINE_TUNED_FROM", "DISTILLED_FROM", "ADAPTER_OF", "EMBEDS", "CALLS", "EVALUATED_BY"),
    "GovernanceRole": (
        "MODEL_OWNER", "DATA_STEWARD", "ETHICS_REVIEWER", "SECURITY_REVIEWER", "BUSINESS_OWNER", "COMPLIANCE_OFFICER",
        "RISK_MANAGER", "DEPLOYER", "TECH_LEAD",
    ),
    "IncidentSeverity": ("LOW", "MEDIUM", "HIGH", "CRITICAL"),
    "IncidentStatus": ("OPEN", "RESOLVED"),
    "PlatformRole": ("ADMIN", "AUDITOR", "MEMBER", "SERVICE"),
    "RiskTier": ("TIER_1_CRITICAL", "TIER_2_IMPORTANT", "TIER_3_STANDARD", "TIER_4_EXPERIMENTAL"),
    "Stage": ("DEVELOPMENT", "TEST", "STAGING", "PRODUCTION"),
    "VersionStatus": ("DRAFT", "PENDING_APPROVAL", "APPROVED", "REJECTED", "RETIRED"),
}  # fmt: skip
"""Those of the schema, held to it by a test. Help and completion start without a server and without the schema."""

LONGEST = 60  # characters of the values that help lists in the place of a name


def option(of: str, *names: str, help: str, metavar: str | None = None) -> Any:
    """An option that takes one of an enumeration; the command gives what was typed to `chosen`."""
    listed = "|".join(ENUMERATIONS[of])
    named = metavar or (listed if len(listed) <= LONGEST else names[0].strip("-").upper().replace("-", "_"))
    says = help if named == listed else f"{help.rstrip('.')}: {', '.join(ENUMERATIONS[of])}."
    return typer.Option(*names, metavar=named, help=says, autocompletion=completing(of))


def completing(of: str) -> Callable[[str], list[str]]:
    """Completes in the case in which somebody types."""

    def values(incomplete: str) -> list[str]:
        small = incomplete.islower()
        listed = [each.lower().replace("_", "-") if small else each for each in ENUMERATIONS[of]]
        return [each for each in listed if each.startswith(incomplete)]

    return values


def chosen(of: str, said: str, name: str) -> str:
    """The value that somebody typed, in any case and with hyphens: whole, or words of it that no other value has."""
    written, values = _written(said), ENUMERATIONS[of]
    if written in values:
        return written
    fitting = [each for each in values if written and f"_{written}_" in f"_{each}_"]
    if len(fitting) != 1:
        raise Ended(Exit.USAGE, f"{name} must be one of {', '.join(values)}, and {said!r} is not")
    return fitting[0]


def each_chosen(of: str, said: Iterable[str] | None, name: str) -> list[str]:
    """The same of an option that is given several times."""
    return [chosen(of, each, name) for each in said or ()]


def _written(said: str) -> str:
    return said.strip().upper().replace("-", "_").replace(" ", "_")
