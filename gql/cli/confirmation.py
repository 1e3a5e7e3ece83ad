"""The work of `magistrate admin confirm` on the database of the settings."""

from pydantic import TypeAdapter, ValidationError

from documents.access import SYSTEM
from documents.audit.event import AuditEvent, AuditEventType
from documents.audit.sealing import checked
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.errors import InvalidInput, InvalidState, NotAsTold, NotFound, NotReady
from documents.kinds import RECORDS
from documents.people import Stakeholder
from documents.store.session import bound_database
from documents.store.units import Unit
from documents.values import Statement, problem_in
from gql.cli.trail import Work
from gql.firststart import Clock, utc_now
from gql.settings import Settings

ACTION = "confirmOnHost"


def confirming(user_id: str, reason: str, clock: Clock = utc_now) -> Work[str]:
    """Confirms the identity of a person, tells the trail so as `system`, and returns the e-mail address that is confirmed too.

    InvalidInput for an unfit person or reason.
    """

    async def work(settings: Settings) -> str:
        try:
            TypeAdapter(Statement).validate_python(reason)
        except ValidationError as wrong:
            raise InvalidInput("reason", problem_in(wrong.errors()[0]["msg"])) from None
        database, at, ids = bound_database(), clock(), EventIds()
        await database.know(RECORDS)

        async def confirm(unit: Unit) -> str:
            head = await AuditHead.touch()
            if ids.made and await AuditEvent.wanted(ids[0]):
                # An earlier attempt committed, and only the answer of the database was lost.
                return (await Stakeholder.require(user_id)).email
            try:
                person = await checked(Stakeholder, user_id)
            except NotFound:
                raise InvalidInput("user", f"must be somebody who is registered; {user_id} is not") from None
            except NotAsTold as altered:
                raise InvalidInput("user", f"must be as it was stored; {user_id} is not: {altered.why}") from altered
            try:
                person.confirm_on_host(reason, SYSTEM.id, at)
            except InvalidState as refusal:
                raise InvalidInput("user", _problem(user_id, refusal)) from refusal
            except NotReady as refusal:
                raise InvalidInput("user", f"must not be let in by a former address; {refusal.problem}") from refusal
            await person.store()
            event = AuditEventType.IDENTITY_CONFIRMED
            told = await occurrences_of(unit, ACTION, SYSTEM, Request(ids[0]), Stakeholder, event)
            await head.append(told, at, ids)
            return person.email

        return await database.transact(confirm, at)

    return work


def _problem(user_id: str, refusal: InvalidState) -> str:
    says = {
        "INACTIVE": "must be active; {user_id} is deactivated",
        "UNENROLLED": "must have enrolled or be bound to an issuer, or a token confirms somebody else; {user_id} is neither",
        "CONFIRMED": "must not be confirmed yet; {user_id} is",
    }
    return says[refusal.from_].format(user_id=user_id)
