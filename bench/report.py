"""Tables of what was measured, for a terminal and in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table as OfRich

Row = Mapping[str, Any]
"""One measurement, as its part returned it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts. The first column says what the others are of."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __rich__(self) -> OfRich:
        table = OfRich(title=self.title)
        for place, column in enumerate(self.columns):
            table.add_column(column, justify="right" if place else "left")
        for row in self.rows:
            table.add_row(*row)
        return table

    @property
    def markdown(self) -> str:
        """The table without its title, every line ended."""
        rule = ["---", *("--:" for _ in self.columns[1:])]
        return "".join(f"| {' | '.join(row)} |\n" for row in (self.columns, rule, *self.rows))


def costs(title: str, of: str, others: Sequence[str], rows: Sequence[Row]) -> Table:
    """The costs of requests to our server and `others`, in microseconds, and the ratios of ours to each of them."""
    versions = ["versions"] if any("versions" in each for each in rows) else []
    columns = [of, *versions, *others, "ours", *(f"ours to {name}" for name in others), "database", "spread"]
    return Table(title, columns, [_costs(each, others, versions) for each in rows])


def _costs(row: Row, others: Sequence[str], versions: Sequence[str]) -> list[str]:
    of, ours = row["costs"], row["costs"]["ours"]
    counts = [f"{row[each]:,}" for each in versions]
    servers = [f"{of[name]['server']:,.0f}" if name in of else "" for name in (*others, "ours")]
    ratios = [f"{of[name]['times']:.2f}" if name in of else "" for name in others]
    return [row["case"], *counts, *servers, *ratios, f"{ours['database']:,.0f}", f"{ours['spread']:.0%}"]
