"""Evidence: what a version has to show for requirements that no check can decide."""

from collections.abc import Collection
from datetime import datetime

from documents.access import Actor, Permission, authorship
from documents.errors import InvalidInput
from documents.versions.entries import changed, longer, refuse_full
from documents.versions.evidence import Evidence
from documents.versions.version import ModelVersion

_EVIDENCE = "the evidence of a version"


def may_attach(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of all evidence that the caller could attach."""
    version.permits(by, Permission.ATTACH_EVIDENCE)
    refuse_full(_EVIDENCE, version.evidence)


def may_withdraw(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of a withdrawal, whichever evidence it is of: Forbidden if the caller attached none."""
    if not version.evidence:
        version.can(Permission.WITHDRAW_EVIDENCE)
        raise version.not_ready(Permission.WITHDRAW_EVIDENCE, "no evidence is attached")
    by.needs(Permission.WITHDRAW_EVIDENCE, authorship(by.id in {each.attached_by for each in version.evidence}))
    version.can(Permission.WITHDRAW_EVIDENCE)


def attach(version: ModelVersion, evidence: Evidence, known: Collection[str], by: Actor) -> None:
    """Attaches evidence for one of the `known` requirements."""
    may_attach(version, by)
    if evidence.requirement_id not in known:
        raise InvalidInput("requirement_id", f"must be one of: {', '.join(sorted(known))}")
    version.evidence = longer(_EVIDENCE, version.evidence, evidence)


def withdraw(version: ModelVersion, evidence_id: str, reason: str, by: Actor, at: datetime) -> None:
    may_withdraw(version, by)
    version.evidence = changed(version.evidence, "evidence_id", evidence_id, lambda each: each.withdraw(reason, by, at))
