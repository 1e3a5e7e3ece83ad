"""`magistrate dashboard`, `report` and `tasks`: where governance stands, what a version is like, and what waits for one."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gql.client import printing, subjects
from gql.client.commands import Session, command
from gql.client.exits import Ended, Exit, shown
from gql.client.remedies import command as remedy_command

DASHBOARD = """{ dashboard {
  asOf
  inventory {
    models { count } versions { count } byRiskTier { tier count } pendingApproval { count } overdueReview { count }
    toBeJudged { count }
  }
  compliance {
    withModelCard { count share } withRiskAssessment { count share } withAllApprovals { count share } policyViolations { count }
  }
  changes {
    open { count } pendingApproval { count } deployedThisMonth { count } rollbacksThisMonth { count } runningMitigations { count }
    lackingReturns { count }
  }
  risk { highRisk { count } unmitigatedRisks { count } acceptedRisks { count } trendingUp { count } }
  expiringTokens { count }
  audit {
    eventsToday { count } policyViolationsThisMonth { count } chainIntegrity { valid verifiedAt unverifiedSince }
    accessAnomalies { count }
  }
} }"""
TASKS = """query($first: Int!) { viewer { stakeholder { tasks(first: $first) {
  complete items { kind modelId version role since due overdue changeId remedy { mutation arguments fill permitted } }
} } } }"""
TASK = ("kind", "version", "role", "since", "due", "command")


class Kind(StrEnum):
    """Which report."""

    GOVERNANCE = "governance"
    RISK = "risk"
    AUDIT = "audit"


def add_to(app: typer.Typer) -> None:
    command(app)(dashboard)
    command(app)(report)
    command(app)(tasks)


def dashboard(session: Session) -> None:
    """Say in figures where governance stands."""
    found = session.ask(DASHBOARD)["dashboard"]
    if session.in_json:
        printing.write_json(found)
    else:
        session.records(({"figure": name, "value": value} for name, value in _figures(found, ())), ["figure", "value"])


def _figures(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """Each figure under its path; a count alone bears the name of what it counts, and what the caller may not see is left out."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _figures(each, path if name == "count" else (*path, name))
    elif isinstance(value, list):
        for each in value:
            yield from _figures(each["count"], (*path, each["tier"]))
    elif value is not None:
        yield ".".join(path), f"{value:.0%}" if path[-1] == "share" else value


def report(
    session: Session,
    of: Annotated[str, typer.Argument(metavar=subjects.VERSION, help="The version.")],
    kind: Annotated[Kind, typer.Option(help="All there is to say of it, its risks, or its events.")] = Kind.GOVERNANCE,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it to a file.")] = None,
) -> None:
    """Print a report of a version, as Markdown to read; as data under --json."""
    version = subjects.version(of)
    field, form = f"{kind}Report", "json" if session.in_json else "markdown"
    asked = f"query($modelId: String!, $version: String!) {{ {field}(modelId: $modelId, version: $version) {{ {form} }} }}"
    found = session.ask(asked, **version)[field]
    if found is None:
        what = "has no risk assessment" if kind is Kind.RISK and _exists(session, version) else "does not exist"
        raise Ended(Exit.UNKNOWN, f"{subjects.spelled(version)} {what}")
    text = str(found[form]).rstrip("\n") + "\n"
    if out is not None:
        _write(out, text)
        session.tell(f"the report is in {out}")
    elif session.in_json or not sys.stdout.isatty():
        sys.stdout.write(text)
    else:
        from rich.console import Console
        from rich.markdown import Markdown

        plain = "\n".join(map(shown, text.split("\n")))
        Console(no_color=not printing.colours()).print(Markdown(plain, hyperlinks=False))


def _exists(session: Session, version: dict[str, str]) -> bool:
    text = "query($modelId: String!, $version: String!) { modelVersion(modelId: $modelId, version: $version) { id } }"
    return session.ask(text, **version)["modelVersion"] is not None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Ended(Exit.USAGE, f"{file} cannot be written: {error.strerror}") from error


def tasks(
    session: Session, first: Annotated[int, typer.Option(min=1, max=100, help="How many, the oldest first.")] = 100
) -> None:
    """List what waits for you, each with the command that does it."""
    person = session.ask(TASKS, first=first)["viewer"]["stakeholder"]
    if person is None:
        raise Ended(Exit.UNKNOWN, "a program has no tasks: this token is the one of a service", "magistrate whoami")
    waiting = [each | {"command": remedy_command(each["remedy"])} for each in person["tasks"]["items"]]
    if not person["tasks"]["complete"]:
        session.tell("magistrate: there may be more tasks than these")
    if session.in_json:
        printing.write_json(waiting)
    elif not waiting:
        session.tell("nothing waits for you")
    else:
        lines = [each | {"version": subjects.spelled(each), "due": _due(each)} for each in waiting]
        session.records(lines, TASK)


def _due(task: dict[str, Any]) -> str | None:
    return f"{task['due']} (overdue)" if task["overdue"] else task["due"]
