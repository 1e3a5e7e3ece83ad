"""Erases what the records say of a person who has left: the name and the e-mail address, wherever they were copied."""

from documents.bindings import ERASED
from documents.changes.request import ChangeRequest
from documents.errors import InvalidInput
from documents.people import Stakeholder
from documents.store.record import Record
from documents.store.units import Raw
from documents.versions.rules import erasure
from documents.versions.version import ModelVersion

AT_ONCE = 200  # records that one transaction can change in good time


async def erase(person: Stakeholder, reason: str) -> None:
    """Erases name and address of a person who may no longer act, in up to 200 records; the same call erases the rest.

    Raises InvalidState for a person who is active, and InvalidInput if nothing is left to erase.
    """
    person.may_be_erased()
    done: list[Record] = []
    if not person.is_erased:
        person.erase()
        done.append(person)
    of_versions, of_changes = _versions_of(person.user_id), _changes_of(person.user_id)
    if len(done) < AT_ONCE:  # a limit of 0 would be none
        for version in await ModelVersion.every(of_versions, [("_id", 1)], AT_ONCE - len(done)):
            erasure.erase_name(version, person.user_id)
            done.append(version)
    if len(done) < AT_ONCE:
        for change in await ChangeRequest.every(of_changes, [("_id", 1)], AT_ONCE - len(done)):
            change.erase_name(person.user_id)
            done.append(change)
    if not done:
        raise InvalidInput("user_id", "names somebody of whom nothing is left to erase")
    for record in done:
        record.adds_facts({"reason": reason}, partly=False)
        await record.store()


async def left(user_id: str) -> int:
    """The number of versions and change requests in which the name of a person who was erased still stands."""
    return await ModelVersion.tally(_versions_of(user_id)) + await ChangeRequest.tally(_changes_of(user_id))


def _versions_of(user_id: str) -> Raw:
    """The query for the versions in which the name of a person stands."""
    decided = {"$elemMatch": {"reviewer_id": user_id, "reviewer_name": {"$ne": ERASED}}}
    withheld = {"$elemMatch": {"whose": user_id, "text": {"$ne": ERASED}}}
    closed = {"closed_rounds": {"$elemMatch": {"withheld": withheld}}}
    return {"$or": [{"round.decisions": decided}, {"previous_round.decisions": decided}, closed]}


def _changes_of(user_id: str) -> Raw:
    """The query for the change requests in which the name of a person stands."""
    return {"approvals": {"$elemMatch": {"reviewer_id": user_id, "reviewer_name": {"$ne": ERASED}}}}
