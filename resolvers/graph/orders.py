"""What a noun is ordered and grouped by: inputs read off the same description as its filters."""

from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from strawberry import UNSET
from strawberry.types.base import has_object_definition

from documents.errors import InvalidInput, LimitExceeded
from documents.store.pages import By, Order
from documents.store.record import Record
from documents.values import Choice, FreeObject
from resolvers.graph.filters import described, edges_of, index_of, input_named, make_input, names_of
from resolvers.graph.types import bare, expose

ORDERS = 8  # MongoDB sorts by 32 fields


class OrderDirection(Choice):
    """Which way a list is ordered."""

    ASC = "asc", "The least first; what is empty before everything."
    DESC = "desc", "The greatest first; what is empty after everything."


expose(OrderDirection)


def order_of(document: type[Record]) -> Any:
    """The order input over `document`; it has its fields once `describe` was called."""
    return input_named(f"{document.__name__}Order")


def group_of(document: type[Record]) -> Any:
    """The input that groups `document`, likewise."""
    return input_named(f"{document.__name__}GroupBy")


def describe() -> None:
    """Gives the orders and groupings of every described noun their fields, once it has its filters."""
    for document in described():
        _record_order(document)
    for document in described():
        _record_group(document)


def _record_order(model: type[BaseModel]) -> Any:
    """The order input over the single values in `model`; nothing where it has none."""
    name = f"{model.__name__}Order"
    made = input_named(name)
    if not has_object_definition(made):
        named = names_of(model)
        fields: dict[str, tuple[Any, str | None]] = {}
        for each in named:
            stored = model.model_fields[each]
            if (kind := _order_for(bare(stored.annotation))) is not None:
                index = f" {index_of(model, each)}" if issubclass(model, Record) else ""
                fields[each] = kind, f"{stored.description}{index}"
        if not fields:
            return None
        make_input(made, name, f"One field of: {model.__doc__} Enumerations go by the text of their values.", fields)
    return made


def _record_group(document: Any) -> None:
    made = group_of(document)
    if not has_object_definition(made):
        ordered = order_of(document).__strawberry_definition__.fields
        own = {each.python_name: (each.type_annotation.raw_annotation, each.description) for each in ordered}
        across = {each: (order_of(edge.kind), text) for each, (edge, text) in edges_of(document).items()}
        make_input(made, made.__name__, f"One field of, or one edge away from: {document.__doc__}", own | across)


def _order_for(kind: Any) -> Any:
    inside = [each for each in get_args(kind) if each is not NoneType]
    if kind is FreeObject or get_origin(kind) is list:
        return None
    if inside:
        return _order_for(inside[0])
    return _record_order(kind) if isinstance(kind, type) and issubclass(kind, BaseModel) else OrderDirection


def ordered_by(given: Any, default: By, argument: str = "orderBy") -> By:
    """A list of order inputs as the order that they mean; what they leave open goes by `default`, the way of the last."""
    if not given:
        return default
    if len(given) > ORDERS:
        raise LimitExceeded(f"the number of fields in `{argument}`", len(given), ORDERS)
    by = tuple(_order(each, f"{argument}.{at}") for at, each in enumerate(given))
    if len({path for path, _ in by}) < len(by):
        raise InvalidInput(argument, "names a field twice")
    return by + tuple((path, by[-1][1]) for path, _ in default if path not in dict(by))


def _order(given: Any, argument: str) -> Order:
    chosen = [each.python_name for each in given.__strawberry_definition__.fields]
    chosen = [each for each in chosen if getattr(given, each) not in (UNSET, None)]
    if len(chosen) != 1:
        raise InvalidInput(argument, "must name one field; each further field is a further element of the list")
    (name,) = chosen
    value = getattr(given, name)
    if isinstance(value, OrderDirection):
        return name, 1 if value is OrderDirection.ASC else -1
    path, direction = _order(value, argument)
    return f"{name}.{path}", direction
