"""What every root field goes through: permission; for a mutation one transaction, its events and its receipt."""

import asyncio
import copy
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from graphql.error import located_error
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.audit.event import AuditEvent, AuditEventType, AuditOutcome
from documents.audit.trail import AuditHead, EventIds, Occurrence, occurrences_of, record
from documents.errors import Forbidden, InvalidInput, PolicyBlocked, Refusal
from documents.idempotency import Claim, IdempotencyKey
from documents.store.record import Record
from documents.store.session import bound_database
from documents.store.transaction import is_outage
from documents.store.units import Unit
from documents.values import NAME_LENGTH
from resolvers.graph.context import Context, Info
from resolvers.graph.inputs import FileInput
from resolvers.graph.mutation import DECLARED, PERMIT, Declaration, Payload

log = logging.getLogger(__name__)


class UndeclaredField(TypeError):
    """A root field that does not say who may use it: nobody could be refused, and nothing told of it."""


def recorded(field: StrawberryField) -> StrawberryField:
    """A copy of a declared mutation that cannot be called past the middleware; the declared one stays as it is."""
    declared = field.metadata.get(DECLARED)
    if not isinstance(declared, Declaration):
        raise UndeclaredField(f"{field.python_name} declares no event, permission and resource")
    return through(field, Recorded(declared))


def permitted(field: StrawberryField) -> StrawberryField:
    """A copy of a declared query that asks for its permission first."""
    return through(field, Permitted(_permit(field)))


def watched(field: StrawberryField) -> StrawberryField:
    """A copy of a declared subscription that asks for its permission first, and before each thing that it shows."""
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
                    info.context.actor.needs(self.permit)  # the actor as of now: `Context.renew`
                    yield each
        except Exception as error:
            raise located_error(error, info._raw_info.field_nodes, info.path.as_list()) from error


class Recorded(FieldExtension):
    def __init__(self, declared: Declaration) -> None:
        self.declared = declared

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Payload:
        # Whoever hangs up lets go of what has begun: it is done or refused, and told, all the same.
        return await asyncio.shield(self._done(next_, source, info, arguments))

    async def _done(self, next_: Callable[..., Any], source: Any, info: Info, arguments: dict[str, Any]) -> Payload:
        context, action, ids, declared = info.context, info.field_name, EventIds(), self.declared
        named = info.operation.name
        context.request = replace(context.request, operation=named.value[:NAME_LENGTH] if named else None)
        claim = _claim(info, arguments["input"])
        answer: Payload | None = None

        async def work(unit: Unit) -> Payload:
            nonlocal answer
            head = await AuditHead.touch()
            if answer and await AuditEvent.wanted(ids[0]):
                return answer  # the commit went through after all: only its answer was lost
            context.forget()
            if claim and (before := await IdempotencyKey.used(claim)):
                return await declared.payload.again(before.receipt, before.payload)
            answer = await next_(source, info, **arguments)
            told = await occurrences_of(unit, action, context.actor, context.request, declared.resource, declared.event)
            if not told:
                raise InvalidInput("", "changes nothing")
            answer.receipt = await head.append(told, context.now, ids)
            if claim:
                await IdempotencyKey.keep(claim, answer.receipt, answer.traces, context.now)
            return answer

        try:
            context.actor.needs(declared.permit)
            if isinstance(arguments["input"], FileInput):
                await arguments["input"].read()
            return await bound_database().transact(work, context.now)
        except BaseException as error:
            if type(error) is InvalidInput:
                error.argument = "input"
            commits = ids[0] if answer and answer.receipt else None
            if is_outage(error) and not commits:  # the trail is out of reach too
                raise
            if await tell_failure(error, context, action, declared, arguments.get("input"), unless=commits) or not answer:
                raise
            return answer  # it took effect
        finally:
            context.forget()


def _claim(info: Info, input: Any) -> Claim | None:
    """What the request says of itself if it may come again: an idempotency key."""
    header, by = info.context.idempotency_key, info.context.actor
    return None if header is None else Claim.of(header, str(info.path.key), info.field_name, input, by)


async def tell_failure(
    error: BaseException, context: Context, action: str, declared: Declaration, input: Any, unless: str | None
) -> bool:
    """Puts a refused or failed mutation on record, in a transaction of its own; False if `unless` stands: it was done."""
    event, outcome, facts = declared.event, AuditOutcome.FAILURE, {"code": "INTERNAL"}
    match error:
        case Forbidden():
            event, outcome, facts = AuditEventType.ACCESS_ATTEMPT, AuditOutcome.DENIED, {"code": error.code}
        case PolicyBlocked():
            event, facts = AuditEventType.POLICY_VIOLATION, {"code": error.code, "version": error.key, "in": error.environment}
        case Refusal():
            facts = {"code": error.code}
    return await tell(
        Occurrence(
            event,
            action,
            context.actor,
            context.request,
            (declared.resource.__name__, _key_in(input, declared.resource)),
            _subject_in(input),
            outcome,
            facts=facts,
        ),
        context,
        unless,
    )


async def tell_denied(context: Context, action: str) -> None:
    """Puts a refused question on record: reads are not told, denied access is."""
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
        return await record(occurrence, context.now, unless)
    except Exception:  # the caller still hears of the first error; a trail out of reach is for the operator
        log.exception("%s of %s went unrecorded", occurrence.outcome, occurrence.action)
        return True


def _key_in(input: Any, resource: type[Record]) -> str:
    parts = [getattr(input, name, None) for name in resource.keys]
    return "/".join(map(str, parts)) if all(parts) else ""


def _subject_in(input: Any) -> Mapping[str, str] | None:
    model_id, version = getattr(input, "model_id", None), getattr(input, "version", None)
    return {"model_id": model_id, "version": version} if model_id and version else None
