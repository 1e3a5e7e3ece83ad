"""Answers on standard output: a table to read, JSON, JSON a line (NDJSON) or CSV. Records are written as they come."""

import csv
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain, islice
from typing import Any, TextIO
from unicodedata import combining, east_asian_width

from gql.client.exits import shown
from gql.client.rows import Lists, Path, columns_of, dotted, rows_of, text

AHEAD = 100  # records that are looked at before the first is written, to find columns and widths
GAP, CUT = "  ", "…"
NARROWEST = 8  # columns of a terminal that a cell keeps
FORMULA = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")
"""With these a text begins that a spreadsheet takes for a formula (OWASP, CSV Injection); the last four are its wide forms."""


class Form(StrEnum):
    """How records are written."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


def colours(stream: TextIO | None = None) -> bool:
    """Whether colour is welcome: on a terminal, unless NO_COLOR is set (no-color.org)."""
    to = stream or sys.stdout
    return to.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write_json(value: Any) -> None:
    """One JSON value: over several lines for a reader, on one for a program."""
    sys.stdout.write(in_json(value, 2 if sys.stdout.isatty() else None) + "\n")


def in_json(value: Any, indent: int | None = None) -> str:
    """JSON without escapes that it does not need; on a terminal no character of it steers that."""
    dumped = json.dumps(value, ensure_ascii=False, indent=indent)
    if dumped.isascii() or not sys.stdout.isatty():
        return dumped
    return "".join(each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1] for each in dumped)


def write(
    records: Iterable[Mapping[str, Any]], form: Form, columns: Sequence[Path] | None = None, *,
    lists: Lists = Lists.JOIN, raw: bool = False,
) -> int:  # fmt: skip
    """Writes records in a form as they come, and says how many there were.

    Without `columns` they are those of the first hundred records. `raw` leaves texts in CSV that a spreadsheet would take for
    formulas as they are; otherwise an apostrophe stands before them.
    """
    counted = _Counted(records)
    if form is Form.JSON:
        _write_array(counted)
    elif form is Form.NDJSON:
        for each in counted:
            sys.stdout.write(in_json(each) + "\n")
    else:
        ahead = list(islice(counted, AHEAD))
        known = list(columns) if columns is not None else columns_of(ahead)
        rows = (row for each in chain(ahead, counted) for row in rows_of(each, known, lists))
        _write_csv(known, rows, raw) if form is Form.CSV else _write_table(known, rows)
    return counted.number


class _Counted:
    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self._records, self.number = iter(records), 0

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for each in self._records:
            self.number += 1
            yield each


def _write_array(records: Iterable[Mapping[str, Any]]) -> None:
    before = "["
    for each in records:
        sys.stdout.write(f"{before}\n{in_json(each)}")
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def _write_csv(columns: Sequence[Path], rows: Iterable[Sequence[Any]], raw: bool) -> None:
    """CSV by RFC 4180, but for the ends of lines, which are those of Unix."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(dotted, columns))
    said = shown if sys.stdout.isatty() else str
    for row in rows:
        writer.writerow(said(text(each) if raw or not isinstance(each, str) else guarded(each)) for each in row)


def guarded(cell: str) -> str:
    """A text that no spreadsheet takes for a formula. Numbers are none, so they stay as they are."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _write_table(columns: Sequence[Path], rows: Iterable[Sequence[Any]]) -> None:
    """Columns are as wide as the first hundred rows need. On a terminal wide ones are cut, so that a row is a line."""
    given = ([shown(text(each)) for each in row] for row in rows)
    ahead = list(islice(given, AHEAD))
    titles = list(map(dotted, columns))
    widths = [max(map(wide, column)) for column in zip(titles, *ahead, strict=True)]
    if terminal := sys.stdout.isatty():
        widths = fitted(widths, shutil.get_terminal_size().columns)
    bold, plain = ("\x1b[1m", "\x1b[0m") if colours() else ("", "")
    sys.stdout.write(f"{bold}{_line(titles, widths, terminal)}{plain}\n")
    for row in chain(ahead, given):
        sys.stdout.write(_line(row, widths, terminal) + "\n")


def _line(cells: Sequence[str], widths: Sequence[int], cut: bool) -> str:
    shortened = [_cut(cell, width) if cut else cell for cell, width in zip(cells, widths, strict=True)]
    padded = [cell + " " * (width - wide(cell)) for cell, width in zip(shortened, widths, strict=True)]
    return GAP.join(padded).rstrip()


def _cut(cell: str, width: int) -> str:
    if wide(cell) <= width:
        return cell
    while cell and wide(cell) > width - 1:
        cell = cell[:-1]
    return cell + CUT


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """Widths that fit into a line of `room` columns if they can: the widest gives first."""
    left = list(widths)
    while left and sum(left) + len(GAP) * (len(left) - 1) > room and max(left) > NARROWEST:
        left[left.index(max(left))] -= 1
    return left


def wide(cell: str) -> int:
    """How many columns of a terminal a text takes (UAX #11)."""
    if cell.isascii():
        return len(cell)
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in cell)
