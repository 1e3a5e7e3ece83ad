"""The tables of docs/speed.md are the committed figures, and the gate compares with them."""

from collections.abc import Sequence
from typing import Any

import pytest

from bench import gate, page
from bench.parts import PARTS, Part
from bench.report import Row, Table, costs

PLACE = "<!-- figures: starts -->\n{}<!-- end of figures: starts -->\n"
TEXT = f"# Speed\n\nBefore.\n\n{PLACE}\nBetween.\n\n<!-- figures: other -->\nKept.\n<!-- end of figures: other -->\n"
ON = {
    "at": "2026-11-30T13:01:00+00:00", "cores": 2, "processor": "a processor", "gigabytes": 24,
    "versions": {"Python": "3.11.7", "motor": "3.7.1"},
}  # fmt: skip


def starts(rows: Sequence[Row]) -> Sequence[Table]:
    return [Table("Starts", ("a start", "s"), [(each["of"], f"{each['seconds']:.1f}") for each in rows])]


async def nothing(_: Any) -> list[dict[str, Any]]:
    return []


PART = {"starts": Part(nothing, starts)}


def of(seconds: float) -> dict[str, Any]:
    return {"starts": {"on": ON, "rows": [{"of": "the first", "seconds": seconds}]}}


def test_tables_are_written_between_their_comments_and_the_prose_stays() -> None:
    table = "| a start | s |\n| --- | --: |\n| the first | 1.5 |\n"
    on = "*Measured on 30 November 2026: 2 cores of a processor, 24 GB; Python 3.11.7, motor 3.7.1.*"
    written = page.rewritten(TEXT.format(""), of(1.5), PART)
    assert written == TEXT.format(f"\n{table}\n{on}\n\n")
    again = page.rewritten(written, of(2.5), PART)
    assert again == written.replace("1.5", "2.5") and page.rewritten(again, of(1.5), PART) == written


@pytest.mark.parametrize("text", ["# Speed\n", TEXT.format("") + PLACE.format(""), "<!-- figures: starts -->\n"])
def test_a_page_without_one_place_for_a_table_is_not_written(text: str) -> None:
    with pytest.raises(ValueError, match="one place for starts"):
        page.rewritten(text, of(1.5), PART)


def test_the_page_shows_the_committed_figures() -> None:
    shown = page.PAGE.read_text()
    assert page.rewritten(shown, page.committed(), PARTS) == shown


def test_figures_are_kept_with_four_digits() -> None:
    assert page.rounded([{"a": 123456.7, "b": (0.0123456, 12345, "1.23456")}]) == [
        {"a": 123500.0, "b": [0.01235, 12345, "1.23456"]}
    ]


def test_a_contender_without_a_case_leaves_its_cells_empty() -> None:
    cost = {"server": 1234.5, "database": 67.8, "spread": 0.123, "times": 1.0, "to_first": 1.0}
    rows = [{"case": "all", "costs": {"bare": cost | {"times": 2.5}, "ours": cost}}, {"case": "one", "costs": {"ours": cost}}]
    assert [[*each] for each in costs("Costs", "case", ["bare"], rows).rows] == [
        ["all", "1,234", "1,234", "2.50", "68", "12%"],
        ["one", "", "1,234", "", "68", "12%"],
    ]


def row(case: str, times: float, **more: Any) -> dict[str, Any]:
    return {"case": case, "costs": {"bare": {"times": times}, "ours": {"times": 1.0}}} | more


def figures(**ratios: float) -> dict[str, Any]:
    """Committed figures in which each checked case costs as much as a bare server, but for these."""
    questions = [row(each, ratios.get(each, 1.0), versions=gate.VERSIONS) for each in gate.CHECKED[:-1]]
    return {
        "questions": {"rows": [*questions, row("list", 99.0, versions=1_000)]},
        "mutations": {"rows": [row(gate.CHECKED[-1], 1.0), {"case": "another", "costs": {"ours": {"times": 1.0}}}]},
    }


def test_the_gate_reads_the_committed_ratios_of_its_own_number_of_versions() -> None:
    assert gate.ratios(figures(list=13.5)) == dict.fromkeys(gate.CHECKED, 1.0) | {"list": 13.5}


def test_every_case_of_the_gate_is_committed() -> None:
    assert gate.ratios(page.committed()).keys() == set(gate.CHECKED)


def test_a_gate_without_a_committed_ratio_says_which() -> None:
    lacking = figures()
    lacking["mutations"]["rows"] = []
    with pytest.raises(ValueError, match=gate.CHECKED[-1]):
        gate.ratios(lacking)


@pytest.mark.parametrize(("now", "is_worse"), [(1.0, False), (2.39, False), (2.4, False), (2.41, True), (9.0, True)])
def test_a_ratio_is_worse_beyond_a_fifth_above_the_committed_one(now: float, is_worse: bool) -> None:
    assert gate.Ratio("list", 2.0, now).is_worse is is_worse


async def checked(*turns: dict[str, float]) -> tuple[list[gate.Ratio], list[list[str]], list[str]]:
    """The ratios after these measurements; the cases that were asked for each time; and what was told."""
    asked, told, left = list[list[str]](), list[str](), iter(turns)

    async def measure(cases: Sequence[str]) -> dict[str, float]:
        asked.append([*cases])
        return next(left)

    return await gate.check({"list": 2.0, "model": 2.0}, measure, told.append), asked, told


async def test_ratios_within_the_bound_are_measured_once() -> None:
    found, asked, told = await checked({"list": 1.0, "model": 2.4})
    assert asked == [["list", "model"]] and not told and not any(each.is_worse for each in found)


async def test_a_ratio_that_is_beyond_once_is_forgiven() -> None:
    found, asked, told = await checked({"list": 3.0, "model": 2.0}, {"list": 2.2})
    assert asked == [["list", "model"], ["list"]] and told == ["once more: list"]
    assert found == [gate.Ratio("list", 2.0, 2.2), gate.Ratio("model", 2.0, 2.0)]


async def test_a_ratio_that_is_beyond_three_times_fails_and_is_named() -> None:
    found, asked, _ = await checked({"list": 3.0, "model": 2.5}, {"list": 3.2, "model": 2.0}, {"list": 3.1})
    assert asked == [["list", "model"], ["list", "model"], ["list"]]
    (worse,) = (each for each in found if each.is_worse)
    assert str(worse) == "list: 3.00 times a bare server, 50% above the committed 2.00"
