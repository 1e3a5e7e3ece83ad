"""The registry of a schema: what the parts of the nouns declare, and the GraphQL types that are made of it.

A document carries the definition of the schema that was built last, because Strawberry looks for it on the class. A schema that
is built keeps its own definitions, so two schemas of different parts can share a process.
"""

from collections.abc import Callable, Iterable
from copy import copy
from enum import EnumMeta
from functools import reduce
from inspect import cleandoc
from operator import or_
from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin

import strawberry
from pydantic import BaseModel
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryContainer, StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from documents.store.record import Record
from resolvers.graph.bounds import Bounded
from resolvers.graph.scalars import SCALARS
from resolvers.graph.types import Filters, Node, NodeType, Part, Shape, expose, fields_of, named

_OF_EVERY_RECORD = frozenset({"id", "revision_id"})  # Beanie's own; `Node.id` takes the place of the first


class Pending:
    """Stands in an annotation for a type that is made when the schema is built."""

    made: ClassVar[Callable[["Registry"], Any]]


def pending(made: Callable[["Registry"], Any]) -> Any:
    """A stand-in for the type that `made` returns.

    With it a field of one noun can name the filter of another noun, whose module it may not import.
    """
    return type("Pending", (Pending,), {"made": staticmethod(made)})


class Registry:
    """The declarations of all parts, by the record or value that they are about, and the types that are made of them."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.shapes: dict[type[BaseModel], Shape] = {}
        self.nodes: dict[str, NodeType] = {}
        """The kinds of record that the query `node` finds, by the names of their classes."""
        self.filters: dict[type[BaseModel], Filters] = {}
        self.definitions: dict[type[BaseModel], StrawberryObjectDefinition] = {}
        """The GraphQL types that are made of records and values."""
        self.memory: dict[str, Any] = {}
        """What generated types are made by, read off the declarations once."""
        self._generated: dict[str, Any] = {}
        listed = [each for part in parts for each in part.types]
        for each in listed:
            self._declare(each)
        for each in [*self.shapes]:
            self._expose(each)

    def once(self, name: str, make: Callable[[Any], None]) -> Any:
        """The generated class of that name. At its first use `make` makes it a GraphQL type, which may refer to itself."""
        if name not in self._generated:
            made = self._generated[name] = type(name, (), {})
            make(made)
        return self._generated[name]

    def names_of(self, model: type[BaseModel]) -> tuple[str, ...]:
        """The fields that `model` is asked by: those that its filters name, else all but those it names in `unasked`."""
        described, unasked = self.filters.get(model), named(model, "unasked")
        return described.names if described else tuple(name for name in model.model_fields if name not in unasked)

    def field(self, declared: StrawberryField) -> StrawberryField:
        """A copy of a declared field with types in place of the stand-ins in its annotations, and bounds of its arguments."""
        resolver = declared.base_resolver
        if resolver is None:
            return declared
        field = copy(declared)
        if answers := declared.type_annotation or resolver.type_annotation:
            field.type_annotation = self._settled(answers)
        field.arguments = [copy(each) for each in declared.arguments]
        for argument in field.arguments:
            argument.type_annotation = self._settled(argument.type_annotation)
        if (bounds := Bounded(field.arguments)).bounds:
            field.extensions = [*field.extensions, bounds]
        return field

    def _settled(self, annotation: StrawberryAnnotation) -> StrawberryAnnotation:
        settled = self._filled_in(annotation.raw_annotation)
        same = settled is annotation.raw_annotation
        return annotation if same else StrawberryAnnotation(settled, namespace=annotation.namespace)

    def _filled_in(self, annotation: Any) -> Any:
        if isinstance(annotation, type) and issubclass(annotation, Pending):
            return annotation.made(self)
        if isinstance(annotation, StrawberryContainer):  # a list or an optional that Strawberry has read from the annotation
            of = self._filled_in(annotation.of_type)
            return annotation if of is annotation.of_type else type(annotation)(of)
        inside = get_args(annotation)
        filled = [self._filled_in(each) for each in inside]
        if all(new is old for new, old in zip(filled, inside, strict=True)):
            return annotation
        return reduce(or_, filled) if get_origin(annotation) in {Union, UnionType} else get_origin(annotation)[*filled]

    def _declare(self, listed: Any) -> None:
        if isinstance(listed, EnumMeta):
            expose(listed)
            return
        if isinstance(listed, Filters):
            if listed.record in self.filters:
                raise TypeError(f"{listed.record.__name__} has filters already")
            self.filters[listed.record] = listed
            return
        shape = listed if isinstance(listed, Shape) else Shape(listed)
        if shape.model in self.shapes:
            raise TypeError(f"{shape.model.__name__} has a shape already")
        self.shapes[shape.model] = shape
        if shape.permit and issubclass(shape.model, Record):
            self.nodes[shape.model.__name__] = NodeType(shape.model, shape.permit)

    def _expose(self, kind: Any) -> None:
        """Makes GraphQL types of the records, values and enumerations in a type annotation, each once."""
        if isinstance(kind, EnumMeta):
            expose(kind)
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in self.definitions:
            self._make(kind)
        for inner in get_args(kind):
            self._expose(inner)

    def _make(self, model: Any) -> None:
        shape = self.shapes.get(model) or Shape(model)
        cls = _class_of(shape)
        hidden = shape.hidden | (_OF_EVERY_RECORD if issubclass(model, Record) else frozenset())
        shown = [each for each in fields_of(model) if each[0] not in hidden | cls.__dict__.keys()]
        for each, kind, description in shown:
            cls.__annotations__[each] = kind
            setattr(cls, each, strawberry.field(description=description))
        made: Any = strawberry.type(cls, name=shape.name or model.__name__, description=cleandoc(model.__doc__ or ""))
        definition = self.definitions[model] = made.__strawberry_definition__
        definition.origin, model.__strawberry_definition__ = model, definition
        for _, kind, _ in shown:
            self._expose(kind)


class Assembled(strawberry.Schema):
    """A schema over the types of a registry."""

    def __init__(self, registry: Registry, **roots: Any) -> None:
        self.registry = registry
        nodes = [each.record for each in registry.nodes.values()]
        super().__init__(types=nodes, config=StrawberryConfig(scalar_map=SCALARS), **roots)

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """The fields of a type, which Strawberry asks for as it adds the type to the schema."""
        return [self.registry.field(each) for each in super().get_fields(type_definition)]


def registry_of(info: strawberry.Info[Any, Any]) -> Registry:
    """The registry of the schema that answers."""
    schema: Any = info.schema
    registry: Registry = schema.registry
    return registry


def _class_of(shape: Shape) -> Any:
    """A class for this registry alone, because Strawberry changes the class that it makes a type of, and its fields."""
    if shape.adds is None:
        return type(shape.model.__name__, (Node,) if shape.permit else (), {"__annotations__": {}})
    kept = {name: each for name, each in vars(shape.adds).items() if name not in {"__dict__", "__weakref__"}}
    fields = {name: copy(each) for name, each in kept.items() if isinstance(each, StrawberryField)}
    return type(shape.adds.__name__, shape.adds.__bases__, kept | fields | {"__annotations__": {}})
