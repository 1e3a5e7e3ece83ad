"""What a root field declares beside its resolver; the middleware in gql/ does the rest."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, get_args

import strawberry
from strawberry.types.field import StrawberryField

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.audit.trail import Receipt
from documents.database import Record
from resolvers.graph.types import shape

DECLARED, PERMIT = "mutation", "permit"
Resolver = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Declaration:
    """The audit event of the mutation's own resource, and the permission that it needs."""

    event: AuditEventType
    permit: Permission
    resource: type[Record]


def mutation(event: AuditEventType, permit: Permission, resource: type[Record]) -> Callable[[Resolver], StrawberryField]:
    """Declares a root mutation; its docstring is the description that clients read.

    The payload can be null: where a request holds several mutations, one that is refused must not hide the receipts of others.
    """

    def declare(resolver: Resolver) -> StrawberryField:
        metadata = {DECLARED: Declaration(event, permit, resource)}
        payload = signature(resolver).return_annotation
        declared: StrawberryField = strawberry.mutation(
            resolver=resolver, graphql_type=payload | None, description=resolver.__doc__, metadata=metadata
        )
        return _described(declared, resolver)

    return declare


def query(permit: Permission = Permission.READ, name: str | None = None) -> Callable[[Resolver], StrawberryField]:
    """Declares a root query; its docstring is the description that clients read."""

    def declare(resolver: Resolver) -> StrawberryField:
        metadata = {PERMIT: permit}
        declared: StrawberryField = strawberry.field(
            resolver=resolver, description=resolver.__doc__, metadata=metadata, name=name
        )
        return _described(declared, resolver)

    return declare


def _described(declared: StrawberryField, resolver: Resolver) -> StrawberryField:
    """An argument that says nothing of itself means what its input type says, or the field of its name in what is answered."""
    answered, *_ = (*get_args(signature(resolver).return_annotation), None)
    fields = getattr(answered, "model_fields", {})
    for argument in declared.arguments:
        match argument.python_name:
            case "input":
                taken: Any = argument.type
                argument.description = taken.__strawberry_definition__.description
            case "filter":
                argument.description = "What they must meet; left out: all are listed."
            case name if name in fields:
                argument.description = fields[name].description
    return declared


@shape(Receipt)
class ReceiptShape: ...


@strawberry.type(description="What a mutation answers with.")
class Payload:
    receipt: Receipt = strawberry.field(default=None, description="Where the audit trail holds the mutation's event.")
