"""Leaves cases out of a run: of each test marked `exhaustive`, `--share N` keeps every Nth case.

A case is kept or left out by its name and those of the other cases of its test, so two runs over the same files choose the same
ones, and so does every process of a run. Without the option nothing is left out. `exhaustive(together=True)` says that the cases
of a test need each other, or something that takes seconds to prepare: they are kept or left out as one.
"""

from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import pytest

LEFT_OUT = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("share")
    group.addoption("--share", type=int, default=1, metavar="N", help="run every Nth case of each test marked `exhaustive`")
    group.addoption("--share-from", type=int, default=0, metavar="K", help="which of the N shares: 0 (the default) to N - 1")


def pytest_configure(config: pytest.Config) -> None:
    of, which = config.option.share, config.option.share_from
    if not 0 <= which < of:
        raise pytest.UsageError(f"--share-from {which} is none of the {of} shares of --share: 0 to {of - 1}")
    config.stash[LEFT_OUT] = 0


def shares(cases: Iterable[str], of: int) -> dict[str, int]:
    """The share that each case of the tests marked `exhaustive` is in, by its node id: 0 to `of` - 1.

    Share 0 has a case of every test that has cases, and no test without: that one is the walk or the kill for which a cheaper
    test runs every time. The order is that of hashes: in the order of a table every Nth row could be of the same column.
    """
    tests = defaultdict[str, list[str]](list)
    found = dict[str, int]()
    for each in cases:
        test, cased, _ = each.partition("[")
        if cased:
            tests[test].append(each)
        else:
            found[each] = 1 + int(_mixed(each), 16) % (of - 1) if of > 1 else 0
    for each_test in tests.values():
        found |= {each: place % of for place, each in enumerate(sorted(each_test, key=_mixed))}
    return found


def _case(item: pytest.Item) -> str | None:
    """What an item is shared out as: of a test whose cases need each other, as the test; None if it is not marked."""
    mark = item.get_closest_marker("exhaustive")
    return None if mark is None else item.nodeid.partition("[")[0] if mark.kwargs.get("together") else item.nodeid


def _mixed(case: str) -> str:
    return sha256(case.encode()).hexdigest()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    of, which = config.option.share, config.option.share_from
    cases = {each.nodeid: case for each in items if (case := _case(each))}
    found = shares({*cases.values()}, of)
    left_out = [each for each in items if each.nodeid in cases and found[cases[each.nodeid]] != which]
    if left_out:
        config.stash[LEFT_OUT] = len(left_out)
        config.hook.pytest_deselected(items=left_out)
        gone = {*left_out}
        items[:] = [each for each in items if each not in gone]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Of a run in several processes each has collected all tests: they tell the one that reports."""
    if (told := getattr(session.config, "workeroutput", None)) is not None:
        told["left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    left_out = getattr(node, "workeroutput", {}).get("left_out", 0)
    node.config.stash[LEFT_OUT] = max(node.config.stash[LEFT_OUT], left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left_out := config.stash[LEFT_OUT]:
        terminalreporter.write_line(
            f"left out {left_out} cases of tests marked exhaustive (--share {config.option.share}): `make test-whole` runs them"
        )
    if profile := config.getoption("--hypothesis-profile", default=None):
        terminalreporter.write_line(f"tests that draw what they try drew as many examples as the profile {profile} says")
