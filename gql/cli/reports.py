"""Prints the results of the commands on the trail, for people or in the JSON of the graph."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from documents.audit.findings import AuditCaveat, Fault, Report
from documents.audit.notes import Checkpoint
from documents.formats.graph import in_graph_terms
from gql.faults import TrailFaulty


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, if that is a terminal; the function takes the number of events read and of all."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("events,"), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda read, of: bar.update(task, advance=read, total=of)


def print_report(report: Report, *, in_json: bool) -> None:
    """Prints a report; TrailFaulty if the report has faults."""
    if in_json:
        typer.echo(json.dumps(in_graph_terms(report), indent=2))
    else:
        for each in report.faults:
            typer.echo(f"{'-' if each.seq is None else each.seq:>9}  {each.kind.name}  {_about(each)}{each.detail}")
        if report.fault_count > len(report.faults):
            typer.echo(f"           and {report.fault_count - len(report.faults):,} faults more")
        typer.echo(f"{_extent(report)}: {'nothing is wrong' if report.valid else _counted(report)}.")
        if AuditCaveat.RECORDS_NOT_COMPARED not in report.caveats:  # else a caveat says so
            typer.echo(f"{report.records_compared:,} records compared with the trail, {report.records_unproven:,} unproven.")
        typer.echo(f"Root of all {report.tree_size:,} up to there: {report.root or 'unknown, as something is missing'}")
        for one in report.restorations:
            lost = f"events {one.lost_from:,} to {one.lost_to:,} of {one.origin_before} are lost"
            typer.echo(f"Restored at {one.seq:,}: {lost}; it goes on as {one.origin}. Reason: {one.reason!r}")
        for caveat in report.caveats:
            typer.echo(f"Not excluded ({caveat.name}): {caveat.description}")
    if not report.valid:
        raise TrailFaulty(f"the trail has {_counted(report)}")


def print_proof(checkpoint: Checkpoint, event: dict[str, Any], *, in_json: bool) -> None:
    if in_json:
        signed = {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root}
        typer.echo(json.dumps({"valid": True, "checkpoint": signed, "event": event}, indent=2))
        return
    typer.echo(f"Proven: event {event['seq']} of {checkpoint.origin} is among the {checkpoint.size:,} that were signed, and says")
    typer.echo(json.dumps(event, indent=2))


def _counted(report: Report) -> str:
    return "1 fault" if report.fault_count == 1 else f"{report.fault_count:,} faults"


def _about(fault: Fault) -> str:
    """The record and the path that a fault is about; empty for a fault of the trail itself."""
    if fault.resource is None:
        return ""
    return " ".join([fault.resource.type, fault.resource.id, *([fault.path] if fault.path else [])]) + ": "


def _extent(report: Report) -> str:
    if report.last is None:
        return "No events"
    return f"{report.events_verified:,} events, {report.first} to {report.last}"
