"""Links: the revisions of datasheets that a version rests on."""

from datetime import datetime

from documents.access import Actor, Permission
from documents.contents import Revision
from documents.errors import NotFound
from documents.versions.entries import longer
from documents.versions.parts import DatasheetLink
from documents.versions.version import ModelVersion


def link(version: ModelVersion, dataset_id: str, revision: Revision, by: Actor, at: datetime) -> None:
    """Pins a revision of a datasheet; a link that is there already pins the given revision from now on."""
    version.permits(by, Permission.LINK_DATASHEET)
    link = DatasheetLink(dataset_id=dataset_id, revision=revision.revision, digest=revision.digest, linked_by=by.id, linked_at=at)
    others = tuple(each for each in version.datasheets if each.dataset_id != dataset_id)
    version.datasheets = longer("the datasheets of a version", others, link)


def may_unlink(version: ModelVersion, by: Actor) -> None:
    """Raises what stands in the way of removing a link, whichever: NotReady if there is none."""
    version.permits(by, Permission.UNLINK_DATASHEET)
    if not version.datasheets:
        raise version.not_ready(Permission.UNLINK_DATASHEET, "no datasheet is linked")


def unlink(version: ModelVersion, dataset_id: str, by: Actor) -> None:
    may_unlink(version, by)
    left = tuple(each for each in version.datasheets if each.dataset_id != dataset_id)
    if len(left) == len(version.datasheets):
        raise NotFound("DatasheetLink", f"{version.key}/{dataset_id}")
    version.datasheets = left
