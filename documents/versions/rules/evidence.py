"""Evidence: what a version has to show for requirements that no check can decide."""

from collections.abc import Collection
from datetime import datetime

from documents.access import Actor, Permission
from documents.errors import InvalidInput
from documents.versions.entries import changed, longer
from documents.versions.evidence import Evidence
from documents.versions.version import ModelVersion


def attach(version: ModelVersion, evidence: Evidence, known: Collection[str], by: Actor) -> None:
    """Attaches evidence for one of the `known` requirements."""
    version.permits(by, Permission.ATTACH_EVIDENCE)
    if evidence.requirement_id not in known:
        raise InvalidInput("requirement_id", f"must be one of: {', '.join(sorted(known))}")
    version.evidence = longer("the evidence of a version", version.evidence, evidence)


def withdraw(version: ModelVersion, evidence_id: str, reason: str, by: Actor, at: datetime) -> None:
    version.evidence = changed(version.evidence, "evidence_id", evidence_id, lambda each: each.withdraw(reason, by, at))
    version.can(Permission.WITHDRAW_EVIDENCE)
