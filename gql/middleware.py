"""Extensions of the root fields: they check the permission, and give a mutation its transaction, events and receipt."""

import asyncio
import copy
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from time import monotonic
from typing import Any

from graphql.error import located_error
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.audit.trail import AuditHead, EventIds, Occurrence, occurrences_of, record
from documents.errors import Altered, Forbidden, InvalidInput, NotAsTold, Overloaded, PolicyBlocked, Refusal
from documents.idempotency import Claim, IdempotencyKey
from documents.reach import EVERYWHERE
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.transaction import is_outage
from documents.store.units import Unit
from documents.values import NAME_LENGTH
from gql.errors import told_of
from gql.subjects import keys_in, subject_of
from gql.unrecorded import logged_if_unsound
from resolvers.graph.context import Context, Info
from resolvers.graph.inputs import FileInput
from resolvers.graph.mutation import DECLARED, PERMIT, Declaration, Payload

log = logging.getLogger(__name__)


class UndeclaredField(TypeError):
    """A root field declares no permission, or a mutation no event: it could not be refused, and would leave no event."""


def recorded(field: StrawberryField, wait: float) -> StrawberryField:
    """A copy of a declared mutation that runs in `Recorded`; the declared field stays as it is.

    It is refused where it would wait for more than about `wait` seconds, because many wait before it.
    """
    declared = field.metadata.get(DECLARED)
    if not isinstance(declared, Declaration):
        raise UndeclaredField(f"{field.python_name} declares no event, permission and resource")
    return through(field, Recorded(declared, wait))


def permitted(field: StrawberryField) -> StrawberryField:
    """A copy of a declared query that checks its permission first."""
    return through(field, Permitted(_permit(field)))


def watched(field: StrawberryField) -> StrawberryField:
    """A copy of a declared subscription that checks its permission first, and again before each record that it sends."""
    return through(field, Watched(_permit(field)))


def _permit(field: StrawberryField) -> Permission:
    permit = field.metadata.get(PERMIT)
    if not isinstance(permit, Permission):
        raise UndeclaredField(f"{field.python_name} declares no permission")
    return permit


def through(field: StrawberryField, extension: FieldExtension) -> StrawberryField:
    """A copy of a field that is reached through `extension`."""
    wrapped = copy.copy(field)
    wrapped.extensions = [*field.extensions, extension]
    return wrapped


class Permitted(FieldExtension):
    def __init__(self, permit: Permission) -> None:
        self.permit = permit

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:
        info.context.actor.needs(self.permit)
        return await next_(source, info, **arguments)


class Watched(Permitted):
    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:
        return self._permitted(await super().resolve_async(next_, source, info, **arguments), info)

    async def _permitted(self, shown: AsyncGenerator[Any, None], info: Info) -> AsyncGenerator[Any, None]:
        try:
            async with aclosing(shown):
                async for each in shown:
                    info.context.actor.needs(self.permit)  # `Context.renew` keeps the actor up to date
                    yield each
        except Exception as error:
            raise located_error(error, info._raw_info.field_nodes, info.path.as_list()) from error


class Recorded(FieldExtension):
    def __init__(self, declared: Declaration, wait: float) -> None:
        self.declared, self.wait = declared, wait

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Payload:
        if self.declared.tries and arguments["input"].dry_run:
            return await self._tried(self.declared.tries, info, arguments["input"])
        if info.context.actor.may(self.declared.permit):  # a denied attempt is told, however many wait
            bound_database().transactions.admit(_left(info.context), self.wait)  # before anything is read or waits
        # A client that disconnects cancels its request. A mutation that has begun still commits or is refused, and is recorded.
        does = self._alone if self.declared.alone else self._done
        return await asyncio.shield(does(next_, source, info, arguments))

    async def _alone(self, *given: Any) -> Payload:
        async with bound_database().alone:
            return await self._done(*given)

    async def _tried(self, tries: Callable[..., Any], info: Info, input: Any) -> Payload:
        """The answer of a dry run, which stores nothing. Like a query, it leaves an event only if the caller is denied."""
        try:
            await self._let_in(info.context)
            answer: Payload = await tries(info, input)
        except Forbidden as error:
            await tell_failure(error, info.context, info.field_name, self.declared, input, (), unless=None)
            raise
        except InvalidInput as error:
            error.argument = "input"
            raise
        return answer

    async def _let_in(self, context: Context) -> None:
        """Reads token and person of the caller anew, in the open transaction if there is one: they may have changed since.

        Raises Unauthenticated for a credential that has ended, and Forbidden for a caller who may not do this any more.
        """
        await context.sign_in_again()
        context.actor.needs(self.declared.permit)

    async def _done(self, next_: Callable[..., Any], source: Any, info: Info, arguments: dict[str, Any]) -> Payload:
        context, action, ids, declared = info.context, info.field_name, EventIds(), self.declared
        named = info.operation.name
        context.request = replace(context.request, operation=named.value[:NAME_LENGTH] if named else None)
        claim = _claim(info, arguments["input"])
        answer: Payload | None = None
        unit_of_work: Unit | None = None

        async def work(unit: Unit) -> Payload:
            nonlocal answer, unit_of_work
            unit_of_work = unit
            head = await AuditHead.touch()
            if answer and await AuditEvent.wanted(ids[0]):
                return answer  # the commit before this attempt took effect; only the reply of the database was lost
            context.forget()
            await self._let_in(context)
            if claim and (before := await IdempotencyKey.used(claim)):
                return await declared.payload.again(before.receipt, before.payload)
            answer = await next_(source, info, **arguments)
            told = await occurrences_of(unit, action, context.actor, context.request, declared.resource, declared.event)
            if not told:
                raise InvalidInput("", "changes nothing")
            if context.actor.reach != EVERYWHERE:
                for found in (record for each in told if each.change for record in each.change.records):
                    context.actor.must_reach(*found.place)
            answer.receipt = await head.append(told, context.now, ids)
            if claim:
                await IdempotencyKey.keep(claim, answer.receipt, answer.traces, context.now)
            return answer

        try:
            if not context.actor.may(declared.permit):  # by what was known, perhaps since a moment ago
                await self._let_in(context)
            if isinstance(arguments["input"], FileInput):
                await arguments["input"].read()
            return await bound_database().transact(work, context.now, _left(context), self.wait)
        except Overloaded:  # an event would wait in the same queue
            raise
        except BaseException as error:
            if error is context.refused:
                if unit_of_work:  # which is rolled back: at the door the refusal is counted and told
                    await context.sign_in_again()
                raise
            if isinstance(error, InvalidInput):
                error.argument = "input"
            commits = ids[0] if answer and answer.receipt else None
            if is_outage(error) and not commits:  # the trail cannot be written either
                raise
            loaded = unit_of_work.required if unit_of_work else ()
            if await tell_failure(error, context, action, declared, arguments.get("input"), loaded, unless=commits) or not answer:
                raise
            return answer  # the commit took effect although an error came after it
        finally:
            context.forget()


def _left(context: Context) -> float:
    """The seconds within which a mutation has to begin."""
    return max(context.deadline - monotonic(), 0)


def _claim(info: Info, input: Any) -> Claim | None:
    """The claim on the idempotency key of the request; None if the request has none."""
    header, by = info.context.idempotency_key, info.context.actor
    return None if header is None else Claim.of(header, str(info.path.key), info.field_name, input, by)


async def tell_failure(
    error: BaseException, context: Context, action: str, declared: Declaration, input: Any, loaded: Sequence[Record],
    unless: str | None,
) -> bool:  # fmt: skip
    """Records a refused or failed mutation in a transaction of its own; False if the trail holds the event `unless`.

    `loaded` are the records that the mutation had loaded by their keys. `unless` is the id of the event that the mutation itself
    would have left, so that event shows that it was committed.
    """
    event, outcome = declared.event, AuditOutcome.FAILURE
    if isinstance(error, Altered | NotAsTold):
        log.error("%s was refused: %s %s is not what it was: %s", action, error.kind, error.key, error.why)
    facts = told_of(error) if isinstance(error, Refusal) else {"code": "INTERNAL"}
    match error:
        case Forbidden():
            event, outcome = AuditEventType.ACCESS_ATTEMPT, AuditOutcome.DENIED
        case PolicyBlocked():
            event = AuditEventType.POLICY_VIOLATION
    return await tell(
        Occurrence(
            event,
            action,
            context.actor,
            context.request,
            (declared.resource.__name__, _key_in(input, declared.resource)),
            await subject_of(input, declared.resource, loaded),
            outcome,
            facts=facts,
        ),
        context,
        unless,
    )


async def tell_denied(context: Context, action: str) -> None:
    """Records a denied query in the trail. A query that is permitted leaves no event."""
    resource = ("Query", action)
    facts = {"code": Forbidden.code}
    await tell(
        Occurrence(
            AuditEventType.ACCESS_ATTEMPT,
            action,
            context.actor,
            context.request,
            resource,
            outcome=AuditOutcome.DENIED,
            facts=facts,
        ),
        context,
    )


async def tell(occurrence: Occurrence, context: Context, unless: str | None = None) -> bool:
    try:
        with logged_if_unsound():
            return await record(occurrence, context.now, unless)
        return True
    except Exception:  # the client gets the first error; the log tells the operator of this one
        log.exception("an event was not recorded: %s of %s", occurrence.outcome, occurrence.action)
        return True


def _key_in(input: Any, resource: type[Record]) -> str:
    return "/".join(map(str, keys_in(input, resource)))
