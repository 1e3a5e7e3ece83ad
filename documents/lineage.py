"""Lineage: what versions depend on, and what depends on them. Each level of a walk takes one database command."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from pydantic import Field

from documents.errors import InvalidInput, LimitExceeded
from documents.store.fields import fields_at
from documents.store.standins import whole
from documents.store.units import Raw
from documents.values import Choice, Value
from documents.versions.dependencies import Dependency, VersionName
from documents.versions.version import ModelVersion

LINKS, DEPTH = 10_000, 10  # dependencies that one walk reads; levels that a client may ask for
_NAMED = fields_at("model_id", "version", "depends_on")
_TROUBLE = fields_at("model_id", "version", "retired", "critical_incidents")


class LineageLink(Value):
    """A link is a dependency that a walk found."""

    depth: int = Field(description="The number of steps that lead to it, 1 if direct.")
    dependent: VersionName = Field(description="The version that depends.")
    dependency: Dependency = Field(description="The dependency says on what it depends, and how.")


class UpstreamAlertKind(Choice):
    """An upstream version is wrong in one of these ways."""

    RETIRED = "retired", "The upstream version was taken out of use."
    CRITICAL_INCIDENT = "critical_incident", "The upstream version has a critical incident that is open."


class UpstreamAlert(Value):
    """An alert says what is wrong upstream."""

    kind: UpstreamAlertKind = Field(description="The kind says what is wrong.")
    depth: int = Field(description="The number of steps that lead to it, 1 if direct.")
    on: VersionName = Field(description="The version that something is wrong with.")


Walk = Callable[..., Awaitable[list[list[LineageLink]]]]
Arc = tuple[VersionName, Dependency]
Arcs = Mapping[VersionName, Sequence[Arc]]
Follow = Callable[[Arc], VersionName | None]


async def dependencies(starts: Sequence[VersionName], depth: int) -> list[list[LineageLink]]:
    """The dependencies of each start, up to `depth` steps away, nearest first, each once. Raises LimitExceeded beyond 10,000."""
    return _walked(starts, await _arcs(starts, depth, _depended_on, _up), depth, _up)


async def dependents(starts: Sequence[VersionName], depth: int) -> list[list[LineageLink]]:
    """The dependents of each start, up to `depth` steps away, nearest first, each once. Raises LimitExceeded beyond 10,000."""
    return _walked(starts, await _arcs(starts, depth, _depending, _down), depth, _down)


async def alerts(starts: Sequence[VersionName]) -> list[list[UpstreamAlert]]:
    """The alerts about the versions that each start depends on, at any distance, nearest first."""
    arcs = await _arcs(starts, LINKS, _depended_on, _up)
    upstream = [_distances(each, arcs, _up) for each in starts]
    governed = {name for each in upstream for name, depth in each.items() if depth}
    if not governed:
        return [[] for _ in starts]
    found = await ModelVersion.read(_crossed(governed), fields=_TROUBLE)
    trouble = {_name(each): kinds for each in found if (kinds := [*_trouble(each)])}
    return [_alerts(each, trouble) for each in upstream]


def _trouble(version: ModelVersion) -> Iterator[UpstreamAlertKind]:
    if version.retired:
        yield UpstreamAlertKind.RETIRED
    if version.critical_incidents:
        yield UpstreamAlertKind.CRITICAL_INCIDENT


def _alerts(
    upstream: Mapping[VersionName, int], trouble: Mapping[VersionName, Sequence[UpstreamAlertKind]]
) -> list[UpstreamAlert]:
    wrong = ((name, depth) for name, depth in upstream.items() if depth and name in trouble)
    return [UpstreamAlert(kind=kind, depth=depth, on=name) for name, depth in wrong for kind in trouble[name]]


async def refuse_circle(version: ModelVersion) -> None:
    """Raises InvalidInput if a dependency of `version` does not exist, or depends on `version`, directly or indirectly."""
    own = _name(version)
    wanted: dict[VersionName, int] = {}
    for index, each in enumerate(version.depends_on):
        if each.governed == own:
            raise InvalidInput(f"depends_on.{index}", "is the version itself")
        if each.governed:
            wanted.setdefault(each.governed, index)
    # No version can depend on one that is only being registered, so one level suffices: to see whether all dependencies exist.
    arcs = await _arcs([*wanted], LINKS if version.revision else 1, _depended_on, _up)
    circular = _distances(own, _turned(arcs), _down)
    for name, index in wanted.items():
        if name not in arcs:
            raise InvalidInput(f"depends_on.{index}", f"does not exist: {name.model_id}/{name.version}")
        if name in circular:
            raise InvalidInput(f"depends_on.{index}", f"depends on {version.key} itself")


async def _arcs(
    starts: Sequence[VersionName], depth: int, found: Callable[[set[VersionName]], Awaitable[Arcs]], follow: Follow
) -> Arcs:
    """The arcs of the versions up to `depth` steps away, by version; an unknown version has no entry.

    Raises LimitExceeded beyond 10,000 arcs.
    """
    arcs: dict[VersionName, Sequence[Arc]] = {}
    frontier = set(starts)
    for _ in range(depth):
        if not frontier:
            break
        arcs |= await found(frontier)
        _bounded(sum(map(len, arcs.values())))
        # A version whose arcs are known is not visited again, so the walk ends even if stored data hold a circle.
        frontier = {name for near in frontier for arc in arcs.get(near, ()) if (name := follow(arc)) and name not in arcs}
    return arcs


def _bounded(links: int) -> None:
    if links > LINKS:
        raise LimitExceeded("the number of links in the lineage", links, LINKS)


def _walked(starts: Sequence[VersionName], arcs: Arcs, depth: int, follow: Follow) -> list[list[LineageLink]]:
    """The links up to `depth` steps away from each start. Raises LimitExceeded beyond 10,000 for all starts together."""
    walks = [_within(depth, _distances(each, arcs, follow)) for each in starts]
    _bounded(sum(len(arcs.get(name, ())) for walk in walks for name, _ in walk))
    return [[_link(arc, at + 1) for name, at in walk for arc in arcs.get(name, ())] for walk in walks]


def _within(depth: int, distances: Mapping[VersionName, int]) -> list[tuple[VersionName, int]]:
    return [(name, at) for name, at in distances.items() if at < depth]


def _link(arc: Arc, depth: int) -> LineageLink:
    return LineageLink(depth=depth, dependent=arc[0], dependency=arc[1])


def _distances(start: VersionName, arcs: Arcs, follow: Follow) -> dict[VersionName, int]:
    """The distance in steps of each version that the arcs lead to from `start`, nearest first; the start's own is 0."""
    found, waiting = {start: 0}, deque([start])
    while waiting:
        near = waiting.popleft()
        for arc in arcs.get(near, ()):
            if (name := follow(arc)) and name not in found:
                found[name] = found[near] + 1
                waiting.append(name)
    return found


def _turned(arcs: Arcs) -> Arcs:
    """The same arcs, by the version that is depended on."""
    turned: dict[VersionName, list[Arc]] = {}
    for each in chain.from_iterable(arcs.values()):
        if name := _up(each):
            turned.setdefault(name, []).append(each)
    return turned


def _up(arc: Arc) -> VersionName | None:
    """The version that is depended on; None if the dependency is external."""
    return arc[1].governed


def _down(arc: Arc) -> VersionName | None:
    """The version that depends."""
    return arc[0]


async def _depended_on(names: set[VersionName]) -> Arcs:
    found = await ModelVersion.read(_crossed(names), fields=_NAMED)
    return {name: [(name, one) for one in _dependencies(each)] for each in found if (name := _name(each)) in names}


async def _depending(names: set[VersionName]) -> Arcs:
    arcs: dict[VersionName, list[Arc]] = {each: [] for each in names}
    order = (("model_id", 1), ("version_key", 1))
    found = await ModelVersion.read(_crossed(names, "depends_on.governed."), order, LINKS + 1, _NAMED)
    _bounded(len(found))
    for record in found:
        for each in _dependencies(record):
            if each.governed in names:
                arcs[each.governed].append((_name(record), each))
    return arcs


def _crossed(names: set[VersionName], at: str = "") -> Raw:
    """A query for the named versions that an index serves: it lists models and versions apart.

    It also finds other pairs of the listed models and versions, which the caller must drop.
    """
    models, versions = ({getattr(each, field) for each in names} for field in ("model_id", "version"))
    return {f"{at}model_id": {"$in": [*models]}, f"{at}version": {"$in": [*versions]}}


def _name(version: ModelVersion) -> VersionName:
    return VersionName(model_id=version.model_id, version=version.version)


def _dependencies(version: ModelVersion) -> Iterable[Dependency]:
    return map(whole, version.depends_on)
