"""GraphQL types read off the documents: every stored or computed field with its type and description.

A class in `resolvers/` adds only what a document cannot know: its edges to other nouns. The document then *is* its
GraphQL type wherever an annotation names it, so nothing is copied, cast or imported in a circle.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import EnumMeta
from inspect import cleandoc
from typing import Annotated, Any, TypeVar, get_args, get_origin

import strawberry
from pydantic import BaseModel
from strawberry import Parent

from documents.access import Permission
from documents.store.record import Record

F = TypeVar("F")
READS, ANSWERS, LOADS = "reads", "answers", "loads"
_OF_EVERY_RECORD = frozenset({"id", "revision_id"})  # Beanie's own; `Node.id` takes the place of the first


@dataclass(frozen=True)
class NodeType:
    """A record that `node` finds, and what one needs to read it."""

    record: type[Record]
    permit: Permission


NODES: dict[str, NodeType] = {}
_shapes: dict[type[BaseModel], tuple[type, frozenset[str], str]] = {}


def field(
    description: str,
    name: str | None = None,
    reads: Iterable[str] | None = None,
    answers: Iterable[str] = (),
    loads: Iterable[type[Record]] = (),
) -> Callable[[F], F]:
    """`strawberry.field`, typed: mypy sees the resolver as it is written.

    `reads` are the paths of the stored fields of its parent that the resolver asks for, and `answers` of those that it hands
    on, of which only what is selected is read; without either the whole record is read. `loads` are the kinds of record that it
    loads for itself, whole.
    """
    metadata: dict[str, Any] = {LOADS: loads}
    if answers or reads is not None:
        metadata |= {READS: reads or (), ANSWERS: answers}
    decorate: Callable[[F], F] = strawberry.field(description=description, name=name, metadata=metadata)
    return decorate


@dataclass(frozen=True, eq=False)  # itself and no other, so that schemas can be kept by their parts
class Part:
    """What one noun brings to the schema."""

    queries: Sequence[Any] = ()
    mutations: Sequence[Any] = ()
    subscriptions: Sequence[Any] = ()


@strawberry.interface(name="Node", description="A node is anything that has an id.")
class Node:
    @field("The opaque id that `node` takes.", reads=["id"])
    @staticmethod
    def id(root: Parent[Record]) -> strawberry.ID:
        said = f"{root.__class__.__name__}:{root.id}"  # as relay.GlobalID says it, which checks more and costs more
        return strawberry.ID(b64encode(said.encode()).decode())


def node(record: type[Record], hidden: Iterable[str] = (), permit: Permission = Permission.READ) -> Callable[[type], type]:
    """Makes the decorated class the GraphQL type of `record`; a field that it resolves itself is its own."""
    NODES[record.__name__] = NodeType(record, permit)
    return shape(record, hidden)


def shape(model: type[BaseModel], hidden: Iterable[str] = (), name: str | None = None) -> Callable[[type], type]:
    """Makes the decorated class the GraphQL type of a value: its fields and the class's own, but for those in `hidden`."""

    def declare(cls: type) -> type:
        if model in _shapes:
            raise TypeError(f"{model.__name__} has a shape already, which this one would take the place of")
        _shapes[model] = cls, frozenset(hidden), name or model.__name__
        return cls

    return declare


def assemble() -> list[type]:
    """Makes every declared type, once all are declared; answers with the nodes."""
    for each in [*_shapes]:
        expose(each)
    return [each.record for each in NODES.values()]


def expose(kind: Any) -> None:
    """Makes the enumerations and records inside `kind` GraphQL types, once."""
    if isinstance(kind, EnumMeta):
        # Strawberry makes the enumerations that it meets in an annotation by itself, without a description.
        made: Any = kind if "__strawberry_definition__" in vars(kind) else strawberry.enum(kind)
        made.__strawberry_definition__.description = cleandoc(kind.__doc__ or "")
        member: Any
        for value, member in zip(made.__strawberry_definition__.values, kind, strict=True):
            value.description = getattr(member, "description", None)
    elif isinstance(kind, type) and issubclass(kind, BaseModel) and "__strawberry_definition__" not in vars(kind):
        _make(kind)
    for inner in get_args(kind):
        expose(inner)


def _make(model: Any) -> None:
    cls, hidden, name = _shapes.get(model) or (type(model.__name__, (), {}), frozenset(), model.__name__)
    cls.__annotations__ = {}
    hidden |= _OF_EVERY_RECORD if issubclass(model, Record) else frozenset()
    shown = [each for each in fields_of(model) if each[0] not in hidden | cls.__dict__.keys()]
    for each, kind, description in shown:
        cls.__annotations__[each] = kind
        setattr(cls, each, strawberry.field(description=description))
    made: Any = strawberry.type(cls, name=name, description=cleandoc(model.__doc__ or ""))
    made.__strawberry_definition__.origin = model
    model.__strawberry_definition__ = made.__strawberry_definition__
    for _, kind, _ in shown:
        expose(kind)


def fields_of(model: type[BaseModel]) -> Iterable[tuple[str, Any, str | None]]:
    """Name, type and description of every stored and computed field."""
    for name, stored in model.model_fields.items():
        yield name, bare(stored.annotation), stored.description
    for name, computed in model.model_computed_fields.items():
        yield name, bare(computed.return_type), computed.description


def bare(annotation: Any) -> Any:
    """An annotation without what only pydantic reads, and with lists for tuples."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return bare(inside[0])
    if origin in {tuple, list}:
        return list[bare(inside[0])]  # type: ignore[misc]
    if inside and type(None) in inside:
        (one,) = (each for each in inside if each is not type(None))
        return bare(one) | None
    return annotation
