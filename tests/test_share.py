"""Which cases a run leaves out: the same each time, every one in one share, and none without being told."""

import re

import pytest

from tests.share import shares

pytest_plugins = ["pytester"]

TESTS = """
import pytest

@pytest.mark.exhaustive
@pytest.mark.parametrize("first", range(4))
@pytest.mark.parametrize("second", "abcde")
def test_a_table(first, second): pass

@pytest.mark.exhaustive
@pytest.mark.parametrize("only", [0])
def test_of_one_case(only): pass

@pytest.mark.exhaustive
def test_a_walk(): pass

@pytest.mark.exhaustive(together=True)
@pytest.mark.parametrize("page", range(3))
def test_pages_in_order(page): pass

@pytest.mark.parametrize("each", range(3))
def test_what_is_ordinary(each): pass
"""
ORDINARY, ALL = {f"test_what_is_ordinary[{each}]" for each in range(3)}, 28
CASES = [f"test_x.py::test_a_table[{first}-{second}]" for first in "0123" for second in "abcde"]


@pytest.fixture
def tiny(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(test_tiny=TESTS)
    pytester.makeini("[pytest]\nmarkers = exhaustive\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


def run(tiny: pytest.Pytester, *options: str) -> tuple[set[str], str]:
    """The tests that pass, and what is said at the end."""
    done = tiny.runpytest_inprocess("-p", "tests.share", "-p", "no:cacheprovider", "-rp", *options)
    return {*re.findall(r"PASSED test_tiny\.py::(\S+)", done.stdout.str())}, done.stdout.str() + done.stderr.str()


def test_without_a_share_and_in_a_share_of_one_nothing_is_left_out(tiny: pytest.Pytester) -> None:
    for options in ((), ("--share", "1")):
        passed, said = run(tiny, *options)
        assert len(passed) == ALL and "left out" not in said


def test_each_case_is_in_one_share_and_what_is_not_marked_in_all(tiny: pytest.Pytester) -> None:
    runs = [run(tiny, "--share", "4", "--share-from", str(each))[0] for each in range(4)]
    assert all(each >= ORDINARY for each in runs)
    assert sum(len(each - ORDINARY) for each in runs) == len(set[str]().union(*runs) - ORDINARY) == ALL - len(ORDINARY)
    pages = {f"test_pages_in_order[{each}]" for each in range(3)}
    assert [pages & each in (set(), pages) for each in runs] == [True] * 4 and not pages & runs[0]
    assert "test_a_walk" not in runs[0] and "test_of_one_case[0]" in runs[0]
    assert [sum(each.startswith("test_a_table") for each in one) for one in runs] == [5, 5, 5, 5]


def test_a_run_in_several_processes_leaves_out_the_same_and_tells_how_many(tiny: pytest.Pytester) -> None:
    alone, said_alone = run(tiny, "--share", "4", "-n", "0")
    several, said = run(tiny, "--share", "4", "-n", "2")
    assert alone == several
    told = f"left out {ALL - len(alone)} cases of tests marked exhaustive (--share 4): `make test-whole` runs them"
    assert told in said_alone and told in said


def test_a_share_that_is_none_is_refused(tiny: pytest.Pytester) -> None:
    for options in (("--share", "0"), ("--share", "2", "--share-from", "2"), ("--share-from", "-1")):
        passed, said = run(tiny, *options)
        assert not passed and "none of the" in said


@pytest.mark.parametrize("of", [1, 2, 3, 7, 50])
def test_the_share_of_a_case_does_not_depend_on_the_order_of_the_cases(of: int) -> None:
    found = shares(CASES, of)
    assert found == shares(reversed(CASES), of) and found.keys() == {*CASES}
    assert {*found.values()} == {*range(min(of, len(CASES)))}


def test_no_column_of_a_table_is_left_out_because_its_width_is_that_of_the_share() -> None:
    kept = [each for each, share in shares(CASES, 5).items() if share == 0]
    assert len({each[-2] for each in kept}) > 1


@pytest.mark.parametrize("of", [1, 2, 3, 9])
def test_a_test_without_cases_is_in_the_first_share_only_where_that_is_all(of: int) -> None:
    found = shares([f"test_x.py::test_{each}" for each in range(100)], of)
    assert {*found.values()} == ({0} if of == 1 else {*range(1, of)})
