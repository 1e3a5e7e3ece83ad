"""What a noun is ordered by: the fields that records and the values in them name in `ordered`."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from strawberry import UNSET
from strawberry.types.base import has_object_definition

from documents.errors import InvalidInput, LimitExceeded
from documents.store.pages import By, Order
from documents.store.record import Record
from documents.values import Choice, camel
from resolvers.graph.filters import described, input_named, make_input, named, names_of, single
from resolvers.graph.types import expose

ORDERS = 8  # MongoDB sorts by 32 fields


class OrderDirection(Choice):
    """A direction says which way a list is ordered."""

    ASC = "asc", "The least comes first, and null before everything."
    DESC = "desc", "The greatest comes first, and null after everything."


expose(OrderDirection)


def order_of(document: type[Record]) -> Any:
    """The order input over `document`; it has its fields once `describe` was called."""
    return input_named(f"{document.__name__}Order")


def describe() -> None:
    """Gives the orders of every described noun their fields."""
    for document in described():
        _order(document)


def _order(model: type[BaseModel]) -> Any:
    made = input_named(f"{model.__name__}Order")
    if not has_object_definition(made):
        fields = {name: OrderDirection if of is None else _order(of) for name, of in offered(model, "ordered")}
        about = f"An order names one field of the `{model.__name__}`."
        about += f" `{model.__name__}Filter` says which have an index." if issubclass(model, Record) else ""
        described = {name: (kind, f"The `{camel(name)}` orders the list.") for name, kind in fields.items()}
        make_input(made, made.__name__, about, described)
    return made


def offered(model: Any, what: str) -> Iterator[tuple[str, Any]]:
    """The fields that `model` names in the class variable `what`, each with None, and those whose value names any, with it."""
    for name in names_of(model):
        of, listed = single(model.model_fields[name].annotation)
        if name in named(model, what):
            yield name, None
        elif not listed and isinstance(of, type) and issubclass(of, BaseModel) and any(offered(of, what)):
            yield name, of


def ordered_by(given: Any, default: By, argument: str = "orderBy") -> By:
    """A list of order inputs as the order that they mean; what they leave open goes by `default`, the way of the last."""
    if not given:
        return default
    if len(given) > ORDERS:
        raise LimitExceeded("an order", len(given), ORDERS)
    by = tuple(_meant(each, f"{argument}.{at}") for at, each in enumerate(given))
    if len({path for path, _ in by}) < len(by):
        raise InvalidInput(argument, "names a field twice")
    return by + tuple((path, by[-1][1]) for path, _ in default if path not in dict(by))


def _meant(given: Any, argument: str) -> Order:
    chosen = [each.python_name for each in given.__strawberry_definition__.fields]
    chosen = [each for each in chosen if getattr(given, each) not in (UNSET, None)]
    if len(chosen) != 1:
        raise InvalidInput(argument, "must name one field; a further one is a further element")
    (name,) = chosen
    value = getattr(given, name)
    if isinstance(value, OrderDirection):
        return name, 1 if value is OrderDirection.ASC else -1
    path, direction = _meant(value, argument)
    return f"{name}.{path}", direction
