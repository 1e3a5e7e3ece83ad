"""Operation: where a version runs, which critical incidents it has, and how it is retired."""

from datetime import datetime

from documents.access import Actor, Permission
from documents.audit.event import AuditEventType
from documents.versions.entries import longer
from documents.versions.parts import Ending
from documents.versions.version import ModelVersion


def run_in(version: ModelVersion, environment: str) -> None:
    """The version was deployed to the environment."""
    version.deployed_in = tuple(sorted({*version.deployed_in, environment}))
    version.names_event(AuditEventType.MODEL_DEPLOYED)


def stop_in(version: ModelVersion, environment: str) -> None:
    """The version no longer runs in the environment."""
    version.deployed_in = tuple(each for each in version.deployed_in if each != environment)


def suffer(version: ModelVersion, incident_id: str) -> None:
    """A critical incident of the version was opened."""
    version.critical_incidents = longer("the open critical incidents of a version", version.critical_incidents, incident_id)


def recover(version: ModelVersion, incident_id: str) -> None:
    """A critical incident of the version was resolved."""
    version.critical_incidents = tuple(each for each in version.critical_incidents if each != incident_id)


def may_retire(version: ModelVersion, brought_by: str | None, by: Actor) -> None:
    """Raises what stands in the way of its retirement.

    That is NotReady while it runs in some environment, and while a change in progress, of the id `brought_by`, deploys it.
    """
    version.permits(by, Permission.RETIRE_MODEL_VERSION)
    if brought_by:
        raise version.not_ready(Permission.RETIRE_MODEL_VERSION, f"{brought_by} is in progress and brings it")
    if version.deployed_in:
        raise version.not_ready(Permission.RETIRE_MODEL_VERSION, f"it runs in {', '.join(version.deployed_in)}")


def retire(version: ModelVersion, brought_by: str | None, reason: str, by: Actor, at: datetime) -> None:
    """Takes the version out of use, for good; `brought_by` as in `may_retire`."""
    may_retire(version, brought_by, by)
    version.retired = Ending(at=at, by=by.id, reason=reason)
