"""Lineage: what a version was made from and what was made from it, walked level by level, one database command each."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import Field

from documents.errors import InvalidInput, LimitExceeded
from documents.fields import fields_at
from documents.records import whole
from documents.values import Choice, Value
from documents.versions.dependencies import Dependency, VersionName
from documents.versions.version import ModelVersion

LINKS, DEPTH = 10_000, 10
_NAMED = fields_at("model_id", "version", "depends_on")
_TROUBLE = fields_at("model_id", "version", "retired", "critical_incidents")


class LineageLink(Value):
    """One dependency, and how many steps it is from where the walk began."""

    depth: int = Field(description="1 for what the version itself depends on, or what depends on it.")
    dependent: VersionName = Field(description="The version that depends.")
    dependency: Dependency = Field(description="On what, and how.")


class UpstreamAlertKind(Choice):
    """What is wrong upstream."""

    RETIRED = "retired", "The version was taken out of use."
    CRITICAL_INCIDENT = "critical_incident", "A critical incident of the version is open."


class UpstreamAlert(Value):
    """Something that is wrong with a version that another depends on."""

    kind: UpstreamAlertKind = Field(description="What is wrong.")
    depth: int = Field(description="How many steps away it is, 1 for a direct dependency.")
    on: VersionName = Field(description="The version that it is wrong with.")


Walk = Callable[..., Awaitable[list[list[LineageLink]]]]
Edge = tuple[VersionName, Dependency]
Edges = Mapping[VersionName, Sequence[Edge]]


async def dependencies(starts: Sequence[VersionName], depth: int) -> list[list[LineageLink]]:
    """For each version what it depends on, up to so many steps away; nearest first, each dependency once."""
    edges = await _edges(starts, depth, _depended_on, _up)
    return [_walked(each, edges, depth, _up) for each in starts]


async def dependents(starts: Sequence[VersionName], depth: int) -> list[list[LineageLink]]:
    """For each version what depends on it, likewise."""
    edges = await _edges(starts, depth, _depending, _down)
    return [_walked(each, edges, depth, _down) for each in starts]


async def alerts(starts: Sequence[VersionName]) -> list[list[UpstreamAlert]]:
    """For each version what is wrong with anything that it depends on, nearest first."""
    walks = await dependencies(starts, LINKS)
    governed = {name for links in walks for link in links if (name := link.dependency.governed)}
    if not governed:
        return [[] for _ in starts]
    found = await ModelVersion.read({"$or": [dict(each) for each in governed]}, fields=_TROUBLE)
    trouble = {_name(each): kinds for each in found if (kinds := [*_trouble(each)])}
    return [_alerts(links, trouble) for links in walks]


def _trouble(version: ModelVersion) -> Iterator[UpstreamAlertKind]:
    if version.retired:
        yield UpstreamAlertKind.RETIRED
    if version.critical_incidents:
        yield UpstreamAlertKind.CRITICAL_INCIDENT


def _alerts(links: Sequence[LineageLink], trouble: Mapping[VersionName, Sequence[UpstreamAlertKind]]) -> list[UpstreamAlert]:
    nearest: dict[VersionName, int] = {}
    for link in links:
        if (name := link.dependency.governed) and name in trouble:
            nearest.setdefault(name, link.depth)
    return [UpstreamAlert(kind=kind, depth=depth, on=name) for name, depth in nearest.items() for kind in trouble[name]]


async def refuse_circle(version: ModelVersion) -> None:
    """InvalidInput if a governed version that `version` depends on is not there, or depends on it in the end."""
    own = VersionName(model_id=version.model_id, version=version.version)
    for place, each in enumerate(version.depends_on):
        if each.governed == own:
            raise InvalidInput(f"input.dependsOn.{place}", "is the version itself")
    wanted = {each.governed: place for place, each in reversed([*enumerate(version.depends_on)]) if each.governed}
    edges = await _edges(list(wanted), LINKS, _depended_on, _up)
    for name, place in wanted.items():
        if name not in edges:
            raise InvalidInput(f"input.dependsOn.{place}", f"does not exist: {name.model_id}/{name.version}")
        if any(link.dependency.governed == own for link in _walked(name, edges, LINKS, _up)):
            raise InvalidInput(f"input.dependsOn.{place}", f"depends on {version.key} itself")


async def _edges(
    starts: Sequence[VersionName], depth: int,
    found: Callable[[set[VersionName]], Awaitable[Edges]], follow: Callable[[Edge], VersionName | None],
) -> Edges:  # fmt: skip
    """The edges of everything up to so many steps away; a version that is not there has none. LimitExceeded beyond 10,000."""
    edges: dict[VersionName, Sequence[Edge]] = {}
    frontier = set(starts)
    for _ in range(depth):
        if not frontier:
            break
        edges |= await found(frontier)
        if (held := sum(map(len, edges.values()))) > LINKS:
            raise LimitExceeded("the lineage", held, LINKS)
        frontier = {name for near in frontier for edge in edges.get(near, ()) if (name := follow(edge)) and name not in edges}
    return edges


def _walked(start: VersionName, edges: Edges, depth: int, follow: Callable[[Edge], VersionName | None]) -> list[LineageLink]:
    links: list[LineageLink] = []
    frontier, seen = [start], {start}
    for steps in range(1, depth + 1):
        if not frontier:
            break
        near = [edge for name in frontier for edge in edges.get(name, ())]
        links += [LineageLink(depth=steps, dependent=name, dependency=one) for name, one in near]
        frontier = [*dict.fromkeys(name for edge in near if (name := follow(edge)) and name not in seen)]
        seen |= {*frontier}
    return links


def _up(edge: Edge) -> VersionName | None:
    return edge[1].governed


def _down(edge: Edge) -> VersionName | None:
    return edge[0]


async def _depended_on(names: set[VersionName]) -> Edges:
    found = await ModelVersion.read({"$or": [dict(each) for each in names]}, fields=_NAMED)
    return {_name(each): [(_name(each), one) for one in _dependencies(each)] for each in found}


async def _depending(names: set[VersionName]) -> Edges:
    """In one command by model and by version apart, which an index serves; what only crosses them is left out here."""
    models, versions = ({getattr(each, field) for each in names} for field in ("model_id", "version"))
    crossed = {"depends_on.governed.model_id": {"$in": [*models]}, "depends_on.governed.version": {"$in": [*versions]}}
    edges: dict[VersionName, list[Edge]] = {each: [] for each in names}
    for record in await ModelVersion.read(crossed, (("model_id", 1), ("version_key", 1)), fields=_NAMED):
        for each in _dependencies(record):
            if each.governed in names:
                edges[each.governed].append((_name(record), each))
    return edges


def _name(version: ModelVersion) -> VersionName:
    return VersionName(model_id=version.model_id, version=version.version)


def _dependencies(version: ModelVersion) -> Iterable[Dependency]:
    return map(whole, version.depends_on)
