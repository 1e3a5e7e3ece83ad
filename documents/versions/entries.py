"""The lists that a version nests: how they grow, and how one entry of them changes."""

from collections.abc import Callable, Sized
from typing import TypeVar

from documents.errors import LimitExceeded, NotFound
from documents.values import LIST_LENGTH

T = TypeVar("T")


def longer(what: str, entries: tuple[T, ...], one: T) -> tuple[T, ...]:
    """The entries and one more; LimitExceeded beyond 200, which the record could not be read with."""
    refuse_full(what, entries)
    return (*entries, one)


def refuse_full(what: str, entries: Sized) -> None:
    """LimitExceeded if there are 200 entries, and so there is no place for another one."""
    if len(entries) >= LIST_LENGTH:
        raise LimitExceeded(f"the number of {what}", len(entries) + 1, LIST_LENGTH)


def changed(entries: tuple[T, ...], key: str, identity: str, change: Callable[[T], T]) -> tuple[T, ...]:
    """The entries, with the one of that id replaced by what `change` makes of it; NotFound without one."""
    for index, each in enumerate(entries):
        if getattr(each, key) == identity:
            return (*entries[:index], change(each), *entries[index + 1 :])
    raise NotFound(key.removesuffix("_id").capitalize(), identity)
