"""Tells which changes of the served schema break a client of the last release: `python -m tests.schema_changes`.

Each one must be named in the changelog, in the section of the release under way, below a heading that ends with "the schema": by
its schema coordinate (`ModelVersionNumbers.roundNumber`, `Query.models(first:)`), or by a pattern for several
(`ModelVersionKeys.card*`). The schemas of releases are kept in `tests/data/schemas`; a release adds its own, with
`magistrate schema | gzip -n -9 > tests/data/schemas/<version>.graphql.gz`.
"""

import gzip
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import semver
from graphql import GraphQLSchema, build_schema
from graphql.utilities import BreakingChange, find_breaking_changes

from gql.schema import build_schema as build_served

ROOT = Path(__file__).parents[1]
RELEASED, CHANGELOG = ROOT / "tests" / "data" / "schemas", ROOT / "CHANGELOG.md"
COORDINATE = r"@?[\w*]+(?:\.[\w*]+)?(?:\([\w*]+:\))?"
NAMED = rf"`((?=[@*A-Z]){COORDINATE})`"  # types begin with a capital letter
# What stands before the coordinate in the messages of graphql-core.
BEFORE = (
    r"(?:Field |Argument |Enum value |Directive |Standard scalar |A required (?:argument|field) |"
    r".* from (?:union type )?(?=@|\w+\.$))?"
)


def releases() -> Sequence[str]:
    """The versions whose schemas are kept, the latest last."""
    names = [path.name.removesuffix(".graphql.gz") for path in RELEASED.glob("*.graphql.gz")]
    return sorted(names, key=semver.Version.parse)


def released(version: str) -> GraphQLSchema:
    return build_schema(gzip.decompress((RELEASED / f"{version}.graphql.gz").read_bytes()).decode())


def breaking(before: GraphQLSchema, after: GraphQLSchema) -> Mapping[str, str]:
    """What breaks a client of `before`: the message of each change, by the coordinate that it names."""
    return {coordinate_of(each): each.description for each in find_breaking_changes(before, after)}


def coordinate_of(change: BreakingChange) -> str:
    """The part of a schema that a change is about: `Type`, `Type.field`, `Type.field(argument:)` or `@directive`."""
    found = re.match(f"{BEFORE}({COORDINATE})", change.description)
    if found is None:
        raise ValueError(f"no coordinate in: {change.description}")
    return found[1]


def named(changelog: str, known: Sequence[str]) -> list[str]:
    """The coordinates and patterns that the section of the release under way names; none if its version is `known`."""
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    under_way = next((each for each in sections[:1] if each.split()[0].strip("[]") not in known), "")
    return [name for part in _about_the_schema(under_way) for name in re.findall(NAMED, part)]


def _about_the_schema(section: str) -> Iterator[str]:
    for part in re.split(r"^### ", section, flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        if heading.rstrip().endswith("the schema"):
            yield text


def faults(changes: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """The breaking changes that no name or pattern covers, and the names that cover none."""
    unnamed = [told for each, told in changes.items() if not any(fnmatchcase(each, name) for name in names)]
    idle = [f"`{name}` is named, and did not change." for name in names if not any(fnmatchcase(each, name) for each in changes)]
    return unnamed + idle


def main() -> None:
    known = releases()
    changes = breaking(released(known[-1]), build_served()._schema)
    if found := faults(changes, named(CHANGELOG.read_text(), known)):
        print(f"Breaking changes since {known[-1]} that CHANGELOG.md must name:", *found, sep="\n  ")  # noqa: T201
        sys.exit(1)


if __name__ == "__main__":
    main()
