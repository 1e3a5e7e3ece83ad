"""Some of many combinations, chosen so that all pairs of values occur together."""

from collections.abc import Callable, Hashable, Iterable
from itertools import combinations
from typing import Any, TypeVar

Combination = TypeVar("Combination", bound=tuple[Any, ...])
Pairs = frozenset[tuple[tuple[int, Any], ...]]


def pairs_of(*each: tuple[Any, ...]) -> Pairs:
    """The pairs of values that occur together in one of the combinations, each value with its place."""
    return frozenset(pair for values in each for pair in combinations(enumerate(values), 2))


def pairwise(every: Iterable[Combination], costs: Callable[[Combination], Hashable]) -> list[Combination]:
    """Few of the combinations, always the same ones, in which every pair occurs that one of `every` has.

    Greedy: the next one adds the most pairs, and among those is the first that `costs` the same as one that was chosen.
    """
    left, chosen, paid = {each: set(pairs_of(each)) for each in every}, list[Combination](), set[Hashable]()
    while any(left.values()):
        best = max(left, key=lambda each: (len(left[each]), costs(each) in paid))
        chosen.append(best)
        paid.add(costs(best))
        had = pairs_of(best)
        for pairs in left.values():
            pairs.difference_update(had)
    return chosen
