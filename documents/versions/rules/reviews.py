"""Reviews: how a version is looked at again, periodically."""

from datetime import datetime

from documents.access import Actor, Permission
from documents.versions.parts import Review
from documents.versions.version import ModelVersion


def complete(version: ModelVersion, metrics: str, drift: str, incidents: str, compliance: str, by: Actor, at: datetime) -> None:
    """Records a periodic review; the next one is due an interval of the tier later."""
    version.permits(by, Permission.COMPLETE_REVIEW)
    review = Review(at=at, by=by.id, metrics=metrics, drift=drift, incidents=incidents, compliance=compliance)
    version.reviews = (*version.reviews, review)
