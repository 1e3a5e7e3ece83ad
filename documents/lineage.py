"""Lineage: what a version was made from and what was made from it, walked level by level, one database command each."""

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

LINKS, DEPTH = 10_000, 10
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
Edge = tuple[VersionName, Dependency]
Edges = Mapping[VersionName, Sequence[Edge]]
Follow = Callable[[Edge], VersionName | None]


async def dependencies(starts: Sequence[VersionName], depth: int) -> list[list[LineageLink]]:
    """For each version what it depends on, up to so many steps away; nearest first, each dependency once."""
    return _walked(starts, await _edges(starts, depth, _depended_on, _up), depth, _up)


async def dependents(starts: Sequence[VersionName], depth: int) -> list[list[LineageLink]]:
    """For each version what depends on it, likewise."""
    return _walked(starts, await _edges(starts, depth, _depending, _down), depth, _down)


async def alerts(starts: Sequence[VersionName]) -> list[list[UpstreamAlert]]:
    """For each version what is wrong with anything that it depends on, nearest first."""
    edges = await _edges(starts, LINKS, _depended_on, _up)
    upstream = [_distances(each, edges, _up) for each in starts]
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
    """InvalidInput if a governed version that `version` depends on is not there, or depends on it in the end."""
    own = _name(version)
    wanted: dict[VersionName, int] = {}
    for place, each in enumerate(version.depends_on):
        if each.governed == own:
            raise InvalidInput(f"input.dependsOn.{place}", "is the version itself")
        if each.governed:
            wanted.setdefault(each.governed, place)
    # Nothing can depend yet on a version that is being registered.
    edges = await _edges([*wanted], LINKS if version.revision else 1, _depended_on, _up)
    circular = _distances(own, _turned(edges), _down)
    for name, place in wanted.items():
        if name not in edges:
            raise InvalidInput(f"input.dependsOn.{place}", f"does not exist: {name.model_id}/{name.version}")
        if name in circular:
            raise InvalidInput(f"input.dependsOn.{place}", f"depends on {version.key} itself")


async def _edges(
    starts: Sequence[VersionName], depth: int, found: Callable[[set[VersionName]], Awaitable[Edges]], follow: Follow
) -> Edges:
    """The edges of everything up to so many steps away; a version that is not there has none. LimitExceeded beyond 10,000."""
    edges: dict[VersionName, Sequence[Edge]] = {}
    frontier = set(starts)
    for _ in range(depth):
        if not frontier:
            break
        edges |= await found(frontier)
        _bounded(sum(map(len, edges.values())))
        frontier = {name for near in frontier for edge in edges.get(near, ()) if (name := follow(edge)) and name not in edges}
    return edges


def _bounded(links: int) -> None:
    if links > LINKS:
        raise LimitExceeded("the lineage", links, LINKS)


def _walked(starts: Sequence[VersionName], edges: Edges, depth: int, follow: Follow) -> list[list[LineageLink]]:
    """The links up to so many steps away from each start. LimitExceeded beyond 10,000 for all of them together."""
    walks = [_within(depth, _distances(each, edges, follow)) for each in starts]
    _bounded(sum(len(edges.get(name, ())) for walk in walks for name, _ in walk))
    return [[_link(edge, at + 1) for name, at in walk for edge in edges.get(name, ())] for walk in walks]


def _within(depth: int, distances: Mapping[VersionName, int]) -> list[tuple[VersionName, int]]:
    return [(name, at) for name, at in distances.items() if at < depth]


def _link(edge: Edge, depth: int) -> LineageLink:
    return LineageLink(depth=depth, dependent=edge[0], dependency=edge[1])


def _distances(start: VersionName, edges: Edges, follow: Follow) -> dict[VersionName, int]:
    """How many steps away everything is that the edges lead to, nearest first; the start at 0."""
    found, waiting = {start: 0}, deque([start])
    while waiting:
        near = waiting.popleft()
        for edge in edges.get(near, ()):
            if (name := follow(edge)) and name not in found:
                found[name] = found[near] + 1
                waiting.append(name)
    return found


def _turned(edges: Edges) -> Edges:
    """The same edges, by what is depended on."""
    turned: dict[VersionName, list[Edge]] = {}
    for each in chain.from_iterable(edges.values()):
        if name := _up(each):
            turned.setdefault(name, []).append(each)
    return turned


def _up(edge: Edge) -> VersionName | None:
    return edge[1].governed


def _down(edge: Edge) -> VersionName | None:
    return edge[0]


async def _depended_on(names: set[VersionName]) -> Edges:
    found = await ModelVersion.read(_crossed(names), fields=_NAMED)
    return {name: [(name, one) for one in _dependencies(each)] for each in found if (name := _name(each)) in names}


async def _depending(names: set[VersionName]) -> Edges:
    edges: dict[VersionName, list[Edge]] = {each: [] for each in names}
    order = (("model_id", 1), ("version_key", 1))
    found = await ModelVersion.read(_crossed(names, "depends_on.governed."), order, LINKS + 1, _NAMED)
    _bounded(len(found))
    for record in found:
        for each in _dependencies(record):
            if each.governed in names:
                edges[each.governed].append((_name(record), each))
    return edges


def _crossed(names: set[VersionName], at: str = "") -> Raw:
    """By model and by version apart, which an index serves whatever their number; what only crosses them comes with the rest."""
    models, versions = ({getattr(each, field) for each in names} for field in ("model_id", "version"))
    return {f"{at}model_id": {"$in": [*models]}, f"{at}version": {"$in": [*versions]}}


def _name(version: ModelVersion) -> VersionName:
    return VersionName(model_id=version.model_id, version=version.version)


def _dependencies(version: ModelVersion) -> Iterable[Dependency]:
    return map(whole, version.depends_on)
