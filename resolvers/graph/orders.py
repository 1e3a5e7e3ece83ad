"""What a noun is ordered by: the fields that records and the values in them name in `ordered`."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from strawberry import UNSET

from documents.errors import InvalidInput, LimitExceeded
from documents.store.pages import By, Order
from documents.store.record import Record
from documents.values import Choice, camel
from resolvers.graph.filters import make_input, single
from resolvers.graph.registry import Registry, pending
from resolvers.graph.types import named

NO_KEYS: Mapping[str, str] = MappingProxyType({})
ORDERS = 8  # MongoDB sorts by 32 fields


class OrderDirection(Choice):
    """A direction says which way a list is ordered."""

    ASC = "asc", "The least comes first, and null before everything."
    DESC = "desc", "The greatest comes first, and null after everything."

    @property
    def sign(self) -> int:
        return 1 if self is OrderDirection.ASC else -1


def order_of(document: type[Record]) -> Any:
    """The order input over `document`, for an annotation."""
    return pending(lambda registry: record_order(registry, document))


def record_order(registry: Registry, model: type[BaseModel]) -> Any:
    """The order input over a record, or over a value that is nested in one."""
    name = f"{model.__name__}Order"

    def make(made: Any) -> None:
        chosen = {
            each: OrderDirection if of is None else record_order(registry, of) for each, of in offered(registry, model, "ordered")
        }
        about = f"An order names one field of the `{model.__name__}`."
        about += f" `{model.__name__}Filter` says which have an index." if issubclass(model, Record) else ""
        make_input(made, name, about, {each: (kind, f"The `{camel(each)}` orders the list.") for each, kind in chosen.items()})

    return registry.once(name, make)


def offered(registry: Registry, model: Any, what: str) -> Iterator[tuple[str, Any]]:
    """The fields that `model` names in the class variable `what`, each with None, and those whose value names any, with it."""
    for name in registry.names_of(model):
        of, listed = single(model.model_fields[name].annotation)
        if name in named(model, what):
            yield name, None
        elif not listed and isinstance(of, type) and issubclass(of, BaseModel) and any(offered(registry, of, what)):
            yield name, of


def ordered_by(given: Any, default: By, argument: str = "orderBy", keyed: Mapping[str, str] = NO_KEYS) -> By:
    """A list of order inputs as the order that they mean; what they leave open goes by `default`, the way of the last.

    `keyed` says by which stored key a field is ordered that does not order by itself.
    """
    if not given:
        return default
    if len(given) > ORDERS:
        raise LimitExceeded(f"the number of fields in `{argument}`", len(given), ORDERS)
    by = tuple(_order(each, f"{argument}.{at}") for at, each in enumerate(given))
    if len({path for path, _ in by}) < len(by):
        raise InvalidInput(argument, "must not name a field twice")
    by = tuple((keyed.get(path, path), direction) for path, direction in by)
    return by + tuple((path, by[-1][1]) for path, _ in default if path not in dict(by))


def _order(given: Any, argument: str) -> Order:
    chosen = [each.python_name for each in given.__strawberry_definition__.fields]
    chosen = [each for each in chosen if getattr(given, each) not in (UNSET, None)]
    if len(chosen) != 1:
        raise InvalidInput(
            argument, f"must name one field; each further field is a further element of `{argument.partition('.')[0]}`"
        )
    (name,) = chosen
    value = getattr(given, name)
    if isinstance(value, OrderDirection):
        return name, 1 if value is OrderDirection.ASC else -1
    path, direction = _order(value, argument)
    return f"{name}.{path}", direction
