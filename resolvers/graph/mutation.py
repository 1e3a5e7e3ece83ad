"""Declarations of root fields: the permission, and of a mutation the event and the record. The middleware in gql/ reads them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import getdoc, signature
from types import UnionType
from typing import Any, Self, get_args, get_type_hints

import strawberry
from strawberry.types.field import StrawberryField
from strawberry.types.private import is_private

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.audit.trail import Receipt
from documents.store.record import Identity, Record

DECLARED, PERMIT, COST = "mutation", "permit", "cost"
Resolver = Callable[..., Awaitable[Any]]


@strawberry.type(description="A payload is what a mutation answers.")
class Payload:
    """The base of payloads. A payload holds records, and private texts that say which part of a record it shows.

    From their ids and texts a repeated idempotency key makes the payload again. A field of any other kind is null then.
    """

    receipt: Receipt = strawberry.field(default=None, description="The receipt proves the event.")

    @property
    def traces(self) -> dict[str, str | None]:
        """The ids of the records and the private texts, by the names of their fields."""
        records, texts = self._parts()
        shown = {name: record for name in records if (record := getattr(self, name))}
        return {name: str(record.id) for name, record in shown.items()} | {name: getattr(self, name) for name in texts}

    @classmethod
    async def again(cls, receipt: Receipt, traces: Mapping[str, str | None]) -> Self:
        """The payload of these `traces`, with its records as they are now."""
        records, _ = cls._parts()
        made: dict[str, Any] = {**dict.fromkeys(get_type_hints(cls)), **traces, "receipt": receipt}
        ids = {name: Identity(traces[name]) for name in records if name in traces}
        return cls(**made | {name: await records[name].seek({"_id": each}) for name, each in ids.items()})

    @classmethod
    def _parts(cls) -> tuple[dict[str, type[Record]], list[str]]:
        said = get_type_hints(cls, include_extras=True).items()
        kinds = [(name, each) for name, kind in said for each in (get_args(kind) if isinstance(kind, UnionType) else [kind])]
        records = {name: kind for name, kind in kinds if isinstance(kind, type) and issubclass(kind, Record)}
        return records, [name for name, kind in said if is_private(kind)]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a mutation declares: the event of its own record, the permission, the kind of that record, and the payload."""

    event: AuditEventType
    permit: Permission
    resource: type[Record]
    payload: type[Payload]
    tries: Resolver | None = None
    """Answers the mutation when the input asks for a dry run, without a transaction; None if there is no dry run of it."""
    alone: bool = False
    """Whether a process begins it once the one before is done and told, because a refusal depends on those that were told."""


def mutation(
    event: AuditEventType, permit: Permission, resource: type[Record], tries: Resolver | None = None, alone: bool = False
) -> Callable[[Resolver], StrawberryField]:
    """Declares a root mutation; clients read the docstring of the resolver as its description.

    `tries` answers in its place where the input says `dry_run`. A process does those that are `alone` one after the other.

    The payload is nullable. If it were not, one refused mutation of a request would null `data` and hide the receipts of others.
    """

    def declare(resolver: Resolver) -> StrawberryField:
        payload = signature(resolver).return_annotation
        metadata = {DECLARED: Declaration(event, permit, resource, payload, tries, alone)}
        declared: StrawberryField = strawberry.mutation(
            resolver=resolver, graphql_type=payload | None, description=getdoc(resolver), metadata=metadata
        )
        return _described(declared, resolver)

    return declare


def query(
    permit: Permission = Permission.READ, name: str | None = None, cost: Callable[[Mapping[str, Any]], int] | None = None
) -> Callable[[Resolver], StrawberryField]:
    """Declares a root query; clients read the docstring of the resolver as its description.

    `cost` is for what costs more than the records that it answers with: as many records as it says of the arguments, which are
    as the client sent them and not yet checked, without those that were left out.
    """

    def declare(resolver: Resolver) -> StrawberryField:
        metadata = {PERMIT: permit, COST: cost}
        declared: StrawberryField = strawberry.field(
            resolver=resolver, description=getdoc(resolver), metadata=metadata, name=name
        )
        return _described(declared, resolver)

    return declare


def subscription(name: str, permit: Permission = Permission.READ) -> Callable[[Resolver], StrawberryField]:
    """Declares a root subscription; clients read the docstring of the resolver as its description."""

    def declare(resolver: Resolver) -> StrawberryField:
        declared: StrawberryField = strawberry.subscription(
            resolver=resolver, description=getdoc(resolver), metadata={PERMIT: permit}, name=name
        )
        return _described(declared, resolver)

    return declare


def _described(declared: StrawberryField, resolver: Resolver) -> StrawberryField:
    """Describes the arguments: `input` as its type is described, others as the field of that name in the answered record."""
    answered, *_ = (*get_args(signature(resolver).return_annotation), None)
    fields = getattr(answered, "model_fields", {})
    for argument in declared.arguments:
        match argument.python_name:
            case "input":
                taken: Any = argument.type
                argument.description = taken.__strawberry_definition__.description
            case "filter":
                argument.description = "The records meet this filter."
            case name if name in fields:
                argument.description = fields[name].description
    return declared
