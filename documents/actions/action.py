"""An action: a mutation that concerns a record, and whether it would be accepted. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from documents.access import Actor, GovernanceRole, Permission, must_hold_one
from documents.errors import InvalidInput, Refusal
from documents.people import Stakeholder

Place = tuple[str | None, str | None]
"""The model and the environment that a record is about."""
NOWHERE: Place = (None, None)
R = TypeVar("R")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who would use the mutations, and when."""

    by: Actor
    person: Stakeholder | None
    """The person; None for a service."""
    at: datetime

    @property
    def reviewer(self) -> Stakeholder:
        """The person, where only people may."""
        if self.person is None:
            raise AssertionError(f"{self.by.id} is no person")
        return self.person


@dataclass(frozen=True, slots=True)
class Pick:
    """A value of an argument of the input, and why it would be refused; None if it would be accepted."""

    argument: str
    value: str
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Action:
    """A mutation, and why every input of it would be refused now; None if some input would be accepted."""

    permission: Permission
    refusal: Refusal | None
    picks: tuple[Pick, ...] = ()


Picks = Iterable[Pick] | None
"""The values of arguments on which the answer depends, the most sensible one of each argument first; None if on none."""

Rule = Callable[[R, Asking], Picks]
"""Raises what the mutation would raise first for the record, whatever the rest of its input is."""

Rules = Mapping[Permission, Rule[R]]


def actions(
    rules: Rules[R], asked: Collection[Permission], record: R, asking: Asking, about: Place = NOWHERE
) -> tuple[Action, ...]:
    """The actions of a record that are asked for, in the order of the rules; the record is about what `about` says."""
    return tuple(_action(each, rule, record, asking, about) for each, rule in rules.items() if each in asked)


def _action(permission: Permission, rule: Rule[R], record: R, asking: Asking, about: Place) -> Action:
    try:
        asking.by.needs(permission)
        picks = tuple(rule(record, asking) or ())
        if (refusal := _refusal_of(picks)) is None:
            asking.by.must_reach(*about)  # last, as of every mutation
    except Refusal as refused:
        return Action(permission, _of_input(refused))
    return Action(permission, refusal, picks)


def _refusal_of(picks: Sequence[Pick]) -> Refusal | None:
    """The refusal of the first value of an argument of which every value is refused."""
    accepted = {each.argument for each in picks if each.refusal is None}
    return next((each.refusal for each in picks if each.argument not in accepted), None)


def _of_input(refusal: Refusal) -> Refusal:
    if isinstance(refusal, InvalidInput):
        refusal.argument = "input"  # as the middleware says it of the input of every mutation
    return refusal


def role_picks(
    among: Sequence[GovernanceRole], holds: Callable[[GovernanceRole], bool], nobody: str, may: Callable[[GovernanceRole], object]
) -> Iterator[Pick]:
    """The roles of the caller in which the mutation may be used; Forbidden, with the problem `nobody`, if the caller has none."""
    must_hold_one(among, holds, nobody)
    return _picks("role", [each for each in among if holds(each)], lambda each: each.name, may)


def entry_picks(
    argument: str, entries: Sequence[E], name: Callable[[E], str], lasts: Callable[[E], bool], may: Callable[[E], object]
) -> Iterator[Pick]:
    """The entries of a list that the mutation may be used on, the latest first: those that last, else the latest that did."""
    lasting = [each for each in reversed(entries) if lasts(each)]
    return _picks(argument, lasting or [*entries[-1:]], name, may)


def value_picks(argument: str, values: Iterable[str], may: Callable[[str], object]) -> Iterator[Pick]:
    """The values of an argument that the mutation may be used with."""
    return _picks(argument, values, str, may)


def _picks(argument: str, of: Iterable[E], name: Callable[[E], str], may: Callable[[E], object]) -> Iterator[Pick]:
    for each in of:
        try:
            may(each)
        except Refusal as refusal:
            yield Pick(argument, name(each), _of_input(refusal))
        else:
            yield Pick(argument, name(each), None)
