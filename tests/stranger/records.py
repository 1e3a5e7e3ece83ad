"""The fold, and what it comes to for a stored record."""

import json
from collections.abc import Iterator
from typing import Any

from tests.stranger.values import OTHER, canonical, digest

UNKNOWN, MALFORMED = {"unknown": True}, {"malformed": True}
State = dict[str, tuple[Any, int]]


class Record:
    """The state of a record, as events tell it."""

    def __init__(self) -> None:
        self.leaves: State = {}
        self.last, self.proven = -1, False

    def take(self, event: Any) -> None:
        details, seq = event["details"], event["seq"]
        if details.get("baseline") is True:
            self.leaves, self.proven = {}, True
        elif event["schema"] < 2:
            self.proven = False
        elif self.last < 0:
            self.proven = True
        self.last = seq
        for each in details["changes"]:
            self._put(each["path"], _leaf(each), seq)

    def _put(self, path: str, leaf: Any, seq: int) -> None:
        inside = False  # of a content or an unknown, of which a part is replaced by nothing, too
        for each in (each for each in above(path) if each in self.leaves):
            said, told = self.leaves[each]
            if _is_open(said):
                inside = True
            elif inside:  # a scalar has become an object or a list
                self.leaves[each] = None, told
            else:
                del self.leaves[each]
        for each in _within(path, self.leaves):
            del self.leaves[each]
        if leaf is not None or inside:
            self.leaves[path] = leaf, seq

    def differing(self, stored: dict[str, Any], contents: dict[str, bytes]) -> Iterator[tuple[str, int]]:
        """The paths at which a stored record has other leaves, each with the number of the event that shows it."""
        due = self.resolved(stored, contents)
        unknown = {path for path, (leaf, _) in due.items() if leaf == UNKNOWN}
        for path in sorted(due.keys() | stored.keys()):
            if path in unknown or (path not in due and unknown & {*above(path)}):
                continue
            leaf, seq = due.get(path, (OTHER, self.last))
            if path not in stored or leaf is OTHER or canonical(plain(leaf)) != canonical(plain(stored[path])):
                yield path, seq

    def resolved(self, stored: dict[str, Any], contents: dict[str, bytes]) -> State:
        found: State = {}
        for path in sorted(self.leaves, key=lambda each: each.count(".")):
            leaf, seq = self.leaves[path]
            for each in _within(path, found):
                del found[each]
            parted = any(each.startswith(f"{path}.") for each in self.leaves)
            below = any(each.startswith(f"{path}.") for each in stored)
            if isinstance(leaf, dict) and "content" in leaf and (parted or below):
                value = json.loads(contents[leaf["content"]]) if leaf["content"] in contents else OTHER
                found |= (
                    {path: (UNKNOWN, seq)} if value is OTHER else {at: (part, seq) for at, part in _opened(value, path, stored)}
                )
            elif leaf is not None:
                found[path] = leaf, seq
        return found


def above(path: str) -> list[str]:
    steps = path.split(".")
    return [".".join(steps[:count]) for count in range(1, len(steps))]


def _within(path: str, leaves: State) -> list[str]:
    return [each for each in leaves if each == path or each.startswith(f"{path}.")]


def _is_open(leaf: Any) -> bool:
    return isinstance(leaf, dict) and ("content" in leaf or leaf == UNKNOWN)


def _leaf(change: Any) -> Any:
    if change.get("changed") is True:
        salted = change.get("salted")
        return UNKNOWN if "salted" not in change else salted and {"salted": salted}
    told = change.get("to")
    if isinstance(told, list | dict) and not (isinstance(told, dict) and list(told) in (["content"], ["cites"])):
        return MALFORMED
    nothing = {digest(each) for each in (b"[]", b"{}", b"null")}
    return None if isinstance(told, dict) and told.get("content") in nothing else told


def _opened(value: Any, path: str, stored: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    there = stored.get(path)
    if value is None or value in ([], {}):
        return
    if isinstance(value, dict) and list(value) == ["salted"]:
        if value["salted"] is not None:
            yield path, value
    elif isinstance(there, dict) and "content" in there and not isinstance(value, bool | int | float):
        yield path, {"content": digest(canonical(value))}
    elif isinstance(value, dict | list):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _opened(each, f"{path}.{name}", stored)
    else:
        yield path, value


def plain(leaf: Any) -> Any:
    return leaf["cites"] if isinstance(leaf, dict) and list(leaf) == ["cites"] else leaf
