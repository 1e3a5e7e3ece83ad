"""What a noun declares of its GraphQL types: which records, values and enumerations it shows, and what it adds to them.

A document *is* its GraphQL type wherever an annotation names it: every stored or computed field with its type and description.
A class in `resolvers/` adds only what a document cannot know, such as its edges to other nouns. Declaring registers nothing: a
noun lists its declarations in its `PART`, and `resolvers.graph.registry` makes types of them when a schema is built. Strawberry
keeps the definition of a type on its Python class, so inputs, payloads and enumerations carry theirs from the import on.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as field_of
from enum import EnumMeta
from inspect import cleandoc
from typing import Annotated, Any, TypeVar, get_args, get_origin

import strawberry
from pydantic import BaseModel
from strawberry import Parent

from documents.access import Permission
from documents.store.record import Record

F = TypeVar("F")
READS, ANSWERS, LOADS, GUARDED = "reads", "answers", "loads", "guarded"
TOGETHER = "together"  # marks a field whose resolver takes `Parents` too


class Parents(list[Any]):
    """The parents of a field, given to its resolver together: it then answers with a list, one value a parent."""


def field(
    description: str,
    name: str | None = None,
    reads: Iterable[str] | None = None,
    answers: Iterable[str] = (),
    loads: Iterable[type[Record]] = (),
    guarded: bool = False,
) -> Callable[[F], F]:
    """`strawberry.field` with a type that leaves the signature of the resolver to mypy.

    `reads` are the paths of the stored fields of the parent that the resolver uses. `answers` are the paths of stored fields that
    it returns, of which only the selected parts are fetched. Without either, the whole parent is fetched. `loads` are the kinds
    of record that the resolver loads whole. `guarded` says that the resolver answers null to a caller who may not read it, and
    never an error, so that a page which many may see does not fail for some of them.
    """
    metadata: dict[str, Any] = {LOADS: loads, GUARDED: guarded}
    if answers or reads is not None:
        metadata |= {READS: reads or (), ANSWERS: answers}
    decorate: Callable[[F], F] = strawberry.field(description=description, name=name, metadata=metadata)
    return decorate


@dataclass(frozen=True, eq=False)  # compared by identity, so that `build_schema` can cache by the parts
class Part:
    """What one noun brings to the schema.

    `types` lists what `node`, `shape` and `filters` declare, and each record, value and enumeration that is shown as it is.
    The types of the fields of a listed type need no line of their own.
    """

    types: Sequence[Any] = ()
    queries: Sequence[Any] = ()
    mutations: Sequence[Any] = ()
    subscriptions: Sequence[Any] = ()


@strawberry.interface(name="Node", description="A node is anything that has an id.")
class Node:
    @field("The opaque id that `node` takes.", reads=["id"])
    @staticmethod
    def id(root: Parent[Record]) -> strawberry.ID:
        said = f"{root.__class__.__name__}:{root.id}"  # the format of relay.GlobalID, without its checks, which take time
        return strawberry.ID(b64encode(said.encode()).decode())


@dataclass(frozen=True)
class NodeType:
    """A kind of record that the query `node` finds, and the permission that reading it needs."""

    record: type[Record]
    permit: Permission


@dataclass(frozen=True)
class Shape:
    """How clients see a record or a value. As a decorator it adds the fields of a class, which replace those of their name."""

    model: type[BaseModel]
    hidden: frozenset[str] = frozenset()
    """The fields that clients do not see."""
    name: str | None = None
    """The name in the schema; None for the name of the model."""
    adds: type | None = None
    """The class with further fields."""
    permit: Permission | None = None
    """The permission that reading it by its id needs; None for a value, which has no id."""
    connection: Any = None
    """The type of its pages; None for `Connection`."""

    def __call__(self, adds: type) -> "Shape":
        return replace(self, adds=adds)


def node(record: type[Record], hidden: Iterable[str] = (), permit: Permission = Permission.READ, connection: Any = None) -> Shape:
    """Declares a record: `node(Datasheet)`, or the decorator of a subclass of `Node` with further fields."""
    return Shape(record, frozenset(hidden), permit=permit, connection=connection)


def shape(model: type[BaseModel], hidden: Iterable[str] = (), name: str | None = None) -> Shape:
    """Declares a value: `shape(Report, name="AuditVerification")`, or the decorator of a class with further fields."""
    return Shape(model, frozenset(hidden), name)


@dataclass(frozen=True)
class Filters:
    """The fields by which a noun is asked; as a decorator it takes the conditions that a class derives from stored fields."""

    record: type[Record]
    names: tuple[str, ...]
    """The fields by which the noun, and all that is nested in them, is filtered, ordered and summed up."""
    derived: Mapping[str, Any] = field_of(default_factory=dict)
    """The `Derived` conditions of the class, by their names."""

    def __call__(self, conditions: type) -> "Filters":
        return replace(self, derived={name: each for name, each in vars(conditions).items() if not name.startswith("_")})


def expose(kind: Any) -> None:
    """Makes the enumerations in a type annotation GraphQL enumerations, with descriptions; again it changes nothing."""
    if isinstance(kind, EnumMeta):
        # Strawberry may have met it in an annotation before, and made an enumeration without a description of it.
        made: Any = kind if "__strawberry_definition__" in vars(kind) else strawberry.enum(kind)
        made.__strawberry_definition__.description = cleandoc(kind.__doc__ or "")
        member: Any
        for value, member in zip(made.__strawberry_definition__.values, kind, strict=True):
            value.description = getattr(member, "description", None)
    for inner in get_args(kind):
        expose(inner)


def named(model: type[BaseModel], what: str) -> frozenset[str]:
    """The fields that a record or a value names in this class variable of its own, such as `ordered`."""
    found: frozenset[str] = getattr(model, what, frozenset())
    return found


def fields_of(model: type[BaseModel]) -> Iterable[tuple[str, Any, str | None]]:
    """The name, type and description of every stored and computed field."""
    for name, stored in model.model_fields.items():
        yield name, bare(stored.annotation), stored.description
    for name, computed in model.model_computed_fields.items():
        yield name, bare(computed.return_type), computed.description


def bare(annotation: Any) -> Any:
    """An annotation as Strawberry reads it: without the constraints of pydantic, and with lists for tuples."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return bare(inside[0])
    if origin in {tuple, list}:
        return list[bare(inside[0])]  # type: ignore[misc]
    if inside and type(None) in inside:
        (one,) = (each for each in inside if each is not type(None))
        return bare(one) | None
    return annotation
