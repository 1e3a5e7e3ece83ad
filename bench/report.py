"""Prints the figures as tables."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def show(found: Mapping[str, Any], console: Console) -> None:
    """Prints what `run` of `bench/__main__.py` returned; parts that were not measured are left out."""
    on = found["on"]
    console.print(f"{on['at']} on {on['machine']}, Python {on['python']}, {on['engine']}", highlight=False)
    console.print(", ".join(f"{name} {number}" for name, number in on["packages"].items()), highlight=False)
    if rows := found["mutations"]:
        console.print(_costs("Mutations: processor time a request", ("bare", "unaudited"), rows))
    for rates in found["rates"]:
        console.print(
            f"{rates['clients']} clients write to {rates['processes']} processes at {rates['several']:.0f} mutations a second, "
            f"to one at {rates['one']:.0f}: [bold]{rates['share']:.0%}[/] of one's rate. A mutation takes "
            f"{rates['several_cost']:,.0f} µs of servers and database, with one process {rates['one_costs']:,.0f}."
        )
    if rows := found["load"]:
        console.print(_load(rows))
    if rows := found["questions"]:
        console.print(_costs("Questions: processor time a request", ("bare", "stock"), rows))
    if rows := found["verification"]:
        console.print(_verification(rows))


def _costs(title: str, others: tuple[str, str], rows: list[Any]) -> Table:
    table = Table(title=title, caption="µs of the server, after + of the database; ± the spread of the rounds; ours to each")
    table.add_column("case")
    for name in (*others, "ours"):
        table.add_column(name, justify="right")
    for name in others:
        table.add_column(f"to {name}", justify="right", style="bold")
    for row in rows:
        costs = row["costs"]
        of = f", {row['versions']:,} versions" if "versions" in row else ""
        ratios = [f"{costs[name]['times']:.2f}" if name in costs else "" for name in others]
        table.add_row(row["case"] + of, *(_cost(costs.get(name)) for name in (*others, "ours")), *ratios)
    return table


def _cost(cost: Mapping[str, float] | None) -> str:
    return f"{cost['server']:,.0f} + {cost['database']:,.0f} ±{cost['spread']:.0%}" if cost else ""


def _load(rows: list[Any]) -> Table:
    table = Table(title="64 clients, every fourth request a write", caption="a second; ms at the median and the 99th percentile")
    for name in ("loop", "workers", "lone", "writes", "ms", "of lone", "reads", "ms", "refused, in ms at most"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row["loop"], str(row["workers"]), f"{row['lone']:.0f}", f"{row['writes']:.0f}",
            f"{row['write_median']:.0f}, {row['write_99th']:.0f}", f"[bold]{row['writes'] / row['lone']:.2f}[/]",
            f"{row['reads']:.0f}", f"{row['read_median']:.0f}, {row['read_99th']:.0f}",
            f"{row['refused']}, {row['refusal_longest']:.0f}",
        )  # fmt: skip
    return table


def _verification(rows: list[Any]) -> Table:
    table = Table(title="Verification: processor time an event, and memory at its highest")
    for name in ("of", "events", "read and hashed, µs", "verified, µs", "ratio", "MB to hash", "MB to verify"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            row["of"], f"{row['events']:,}", f"{row['hashed']:.1f}", f"{row['verified']:.1f}", f"[bold]{row['times']:.2f}[/]",
            f"{row['megabytes_hashed']:.0f}", f"{row['megabytes']:.0f}",
        )  # fmt: skip
    return table
