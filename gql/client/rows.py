"""Records as rows: a nested object's fields become dotted columns, and lists are joined in a cell or become further rows."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

Path = tuple[str, ...]
Tree = dict[str, Any]  # of columns: each name leads to a tree of its own, and to none at the end of a path


class Lists(StrEnum):
    """What becomes of a list within a record."""

    JOIN = "join"
    ROWS = "rows"


JOINED = "; "


def dotted(path: Path) -> str:
    return ".".join(path)


def columns_of(records: Iterable[Mapping[str, Any]]) -> list[Path]:
    """The columns that some records have, in the order in which they first come."""
    found: dict[Path, None] = {}
    for each in records:
        found |= dict.fromkeys(_paths(each, ()))
    return list(found)


def _paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, Mapping) and value:
        for name, each in value.items():
            yield from _paths(each, (*path, name))
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for each in value:
            yield from _paths(each, path)
    else:
        yield path


def rows_of(record: Mapping[str, Any], columns: Sequence[Path], lists: Lists) -> Iterator[list[Any]]:
    """The row of a record, or its rows under `Lists.ROWS`: one for each element of its longest list.

    Lists of one record stand side by side, as in DuckDB's `unnest`: a shorter one leaves its cells empty. What is no list stands
    in each row.
    """
    if lists is Lists.ROWS:
        for row in _spread(record, _tree(columns), ()):
            yield [row.get(each) for each in columns]
    else:
        yield [_joined(record, each) for each in columns]


def _joined(record: Any, path: Path) -> Any:
    found = list(_values(record, path))
    if len(found) == 1 and not isinstance(found[0], list):
        return found[0]
    return JOINED.join(text(each) for each in found if each is not None) if found else None


def _values(value: Any, path: Path) -> Iterator[Any]:
    """What stands at the end of a path; of a list each element."""
    if isinstance(value, list):
        for each in value:
            yield from _values(each, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        yield from _values(value.get(path[0]), path[1:])
    else:
        yield None


def _tree(columns: Sequence[Path]) -> Tree:
    tree: Tree = {}
    for path in columns:
        at = tree
        for name in path:
            at = at.setdefault(name, {})
    return tree


def _spread(value: Any, tree: Tree, path: Path) -> list[dict[Path, Any]]:
    single: dict[Path, Any] = {}
    several: list[list[dict[Path, Any]]] = []
    _sort(value, tree, path, single, several)
    height = max(map(len, several), default=1) or 1
    return [
        single | {name: cell for each in several if at < len(each) for name, cell in each[at].items()} for at in range(height)
    ]


def _sort(value: Any, tree: Tree, path: Path, single: dict[Path, Any], several: list[list[dict[Path, Any]]]) -> None:
    """Sorts what stands below a path into single values, and lists of rows."""
    if isinstance(value, list):
        several.append([row for each in value for row in _spread(each, tree, path)])
    elif not tree:
        single[path] = value
    elif isinstance(value, Mapping):
        for name, below in tree.items():
            _sort(value.get(name), below, (*path, name), single, several)


def text(value: Any) -> str:
    """A value as a cell says it; null is empty, and JSON is written as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
