"""What a resolver knows of the request: who, when, which, and the loaders that batch its edges."""

from asyncio import shield
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any, TypeVar

import strawberry
from pydantic import BaseModel
from strawberry.dataloader import DataLoader

from documents.access import Actor
from documents.audit.trail import Request
from documents.people import Stakeholder
from documents.store.fields import NOTHING, Fields, both, fields_at
from documents.store.filters import among, to_query
from documents.store.record import Record
from resolvers.graph.selection import Selected

R = TypeVar("R", bound=Record)
Load = Callable[[list[Any]], Awaitable[Sequence[Any]]]


class Loader(DataLoader[Any, Any]):
    """When one field fails, GraphQL cancels its neighbours; what they share with others must go on loading."""

    def load(self, key: Any) -> Any:
        return shield(super().load(key))


@dataclass(slots=True)
class Context:
    actor: Actor
    person: Stakeholder | None
    """The actor, if a person."""
    now: datetime
    request: Request
    idempotency_key: str | None = None
    """What the header of that name says, unread."""
    wants_cost: bool = False
    """Whether the answer is to say what it cost."""
    verifier_key: str | None = None
    """What verifies the signatures of the server that answers, if it signs the trail."""
    deadline: float = inf
    """When no mutation of the request begins any more, on the monotonic clock."""
    renewed: Callable[[], Awaitable[tuple[Actor, Stakeholder | None, datetime]]] | None = None
    """Asks again, of what outlives a request, who the actor is and what time it is."""
    selected: Selected = field(init=False)
    """What its operation asks of what is stored; there once the operation is executed."""
    _loaders: dict[Any, Loader] = field(default_factory=dict)

    def one(self, kind: type[R], fields: Fields = None) -> Loader:
        """Loads a record by its keys: all of it for a rule, for the graph what is `asked_of` it."""
        return self._by_fields(kind, kind.keys, fields, lambda found: found[0] if found else None)

    def many(self, kind: type[R], *by: str, fields: Fields = None) -> Loader:
        """Loads the records that carry the given values in the fields `by`, likewise."""
        return self._by_fields(kind, by, fields, list)

    def loader(self, name: Any, load: Load, key: Callable[[Any], Any] | None = None) -> Loader:
        """The request's loader of that name; `load` answers a list of keys in their order, `key` tells them apart."""
        return self._loaders.setdefault(name, Loader(load, cache_key_fn=key))

    async def renew(self) -> None:
        """Brings a request that goes on and on to the present; raises Unauthenticated once its token has ended."""
        if self.renewed:
            self.actor, self.person, self.now = await self.renewed()

    def forget(self) -> None:
        """After a mutation nothing loaded before it is true for certain."""
        self._loaders.clear()

    def _by_fields(self, kind: type[Record], by: tuple[str, ...], fields: Fields, pick: Any) -> Loader:
        async def load(keys: list[tuple[str, ...]]) -> Sequence[Any]:
            found: dict[tuple[str, ...], list[Record]] = {key: [] for key in keys}
            for record in await kind.read(carrying(by, keys), fields=both(fields, fields_at(*by))):
                found[tuple(getattr(record, name) for name in by)].append(record)
            return [pick(found[key]) for key in keys]

        return self.loader((kind, by, id(fields)), load)  # an id that stands, for the loader holds on to the fields


def carrying(by: tuple[str, ...], keys: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """The query for records that carry one of `keys` in the fields `by`."""
    return to_query(among(by, keys))


Info = strawberry.Info[Context, None]


def asked_of(info: Info, kind: type[BaseModel]) -> Fields:
    """What the read of a field is to fetch of `kind`: at the root what is selected there, and deeper all that the edges of the
    operation select of it together, for they load together.
    """
    path, selected = info.path, info.context.selected
    return (selected.edges if path.prev else selected.roots[str(path.key)]).get(kind, NOTHING)
