"""The context of a request: the caller, the time, and the loaders that batch its edges."""

from asyncio import gather, shield
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import inf
from typing import Any, TypeVar

import strawberry
from pydantic import BaseModel
from strawberry.dataloader import DataLoader

from documents.access import Actor
from documents.audit.trail import Request
from documents.errors import NotFound, Refusal
from documents.people import Stakeholder
from documents.store.fields import NOTHING, Fields, both, fields_at
from documents.store.filters import among, to_query
from documents.store.record import Record
from documents.versions.waivers import WAIVER_DAYS
from resolvers.graph.selection import Selected

R = TypeVar("R", bound=Record)
Load = Callable[[list[Any]], Awaitable[Sequence[Any]]]


class Loader(DataLoader[Any, Any]):
    """A DataLoader whose loads survive cancellation.

    When a field fails, graphql-core cancels the fields beside it. A load that they share with other fields must go on.
    """

    def load(self, key: Any) -> Any:
        return shield(super().load(key))

    async def load_all(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """The values of several keys, which wait for one another; like `load`, once for each key."""
        waiting = {key: DataLoader.load(self, key) for key in dict.fromkeys(keys)}
        found = await shield(gather(*waiting.values())) if waiting else ()
        return dict(zip(waiting, found, strict=True))


@dataclass(slots=True)
class Context:
    actor: Actor
    person: Stakeholder | None
    """The person who acts; None for a service."""
    now: datetime
    request: Request
    idempotency_key: str | None = None
    """The value of the header, not yet checked."""
    wants_cost: bool = False
    """Whether the answer has the cost of the operation in its extensions."""
    verifier_key: str | None = None
    """The verifier key of this server; None if it does not sign the trail."""
    waiver_days: int = WAIVER_DAYS
    """For how many days a waiver may be granted at most, by the settings of this server."""
    services: Collection[str] = ()
    """The services as which programs act by the file of issuers."""
    deadline: float = inf
    """The time after which no mutation of the request begins, in seconds of the monotonic clock."""
    again: Callable[[], Awaitable[tuple[Actor, Stakeholder | None]]] | None = None
    """Reads who the caller is anew, Unauthenticated once the credential has ended; None for a caller who did not sign in.

    In an open transaction it only reads. Outside of one a refusal is counted and told, as at the door.
    """
    refused: Refusal | None = None
    """Why the caller, who had signed in, was not let in by a mutation."""
    renewed: Callable[[], Awaitable[tuple[Actor, Stakeholder | None, datetime]]] | None = None
    """Authenticates the caller of a subscription again and returns the current time too; None for other requests."""
    selected: Selected = field(init=False)
    """The stored fields that the operation selects; set when its execution begins."""
    _loaders: dict[Any, Loader] = field(default_factory=dict)

    def one(self, kind: type[R], fields: Fields = None) -> Loader:
        """The loader of records by their keys. `fields` are those to fetch (`asked_of`); None fetches whole records."""
        return self._by_fields(kind, kind.keys, fields, lambda found: found[0] if found else None)

    def many(self, kind: type[R], *by: str, fields: Fields = None) -> Loader:
        """The loader of all records that have the given values in the fields `by`; `fields` as in `one`."""
        return self._by_fields(kind, by, fields, list)

    def loader(self, name: Any, load: Load, key: Callable[[Any], Any] | None = None) -> Loader:
        """The loader of that name, which is made at its first use in the request.

        `load` takes a list of keys and returns their values in the same order; `key` makes a hashable of a key that is none.
        """
        return self._loaders.setdefault(name, Loader(load, cache_key_fn=key))

    @property
    def acting(self) -> Stakeholder:
        """The person who acts, in a mutation as its transaction has it; NotFound for a service."""
        if self.person is None:
            raise NotFound("Stakeholder", self.actor.id)
        return self.person

    async def renew(self) -> None:
        """Updates actor, person and time of a subscription; Unauthenticated once its token has ended."""
        if self.renewed:
            self.actor, self.person, self.now = await self.renewed()

    def remembered(self) -> Callable[[], None]:
        """Returns the function that makes the loaders forget what they will have loaded since now."""
        loaders = {name: (loader, dict(_loaded(loader))) for name, loader in self._loaders.items()}

        def forget() -> None:
            self._loaders = {name: loader for name, (loader, _) in loaders.items()}
            for loader, before in loaders.values():
                _loaded(loader).clear()
                _loaded(loader).update(before)

        return forget

    async def sign_in_again(self) -> None:
        """Updates actor and person to what the database has now; Unauthenticated once the credential has ended."""
        if self.again is None:
            return
        entered = self.actor.entered or self.actor.identity
        try:
            actor, self.person = await self.again()
        except Refusal as refusal:
            self.refused = refusal
            raise
        self.actor = replace(actor, entered=entered)

    def forget(self) -> None:
        """Drops all loaders, because a mutation may have changed what they loaded."""
        self._loaders.clear()

    def _by_fields(self, kind: type[Record], by: tuple[str, ...], fields: Fields, pick: Any) -> Loader:
        async def load(keys: list[tuple[str, ...]]) -> Sequence[Any]:
            found: dict[tuple[str, ...], list[Record]] = {key: [] for key in keys}
            for record in await kind.read(carrying(by, keys), fields=both(fields, fields_at(*by))):
                found[tuple(getattr(record, name) for name in by)].append(record)
            return [pick(found[key]) for key in keys]

        return self.loader((kind, by, id(fields)), load)  # the id stays valid, because the loader keeps a reference to the fields


def _loaded(loader: Loader) -> dict[Any, Any]:
    cache: Any = loader.cache_map
    loaded: dict[Any, Any] = cache.cache_map
    return loaded


def carrying(by: tuple[str, ...], keys: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """The query for records that carry one of `keys` in the fields `by`."""
    return to_query(among(by, keys))


Info = strawberry.Info[Context, None]


def asked_of(info: Info, kind: type[BaseModel]) -> Fields:
    """The fields of `kind` that the resolver of a field has to fetch.

    For a root field these are the fields selected below it. For an edge they are the fields that all edges of the operation
    select of `kind`, because these edges load together.
    """
    path, selected = info.path, info.context.selected
    return (selected.edges if path.prev else selected.roots[str(path.key)]).get(kind, NOTHING)
