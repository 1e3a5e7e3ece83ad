"""`magistrate export`: cards, datasheets, dossiers and reports, to a file or to standard output."""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gql.client.commands import Session, command, group
from gql.client.exits import Ended, Exit, shown
from gql.client.subjects import VERSION, unknown_version, version_of

EXPORTED = "text leftOut { path reason }"
CARD = f"""
query($modelId: String!, $version: String!) {{
  modelVersion(modelId: $modelId, version: $version) {{
    card {{ markdown json hugging_face: huggingFace {{ {EXPORTED} }} cyclonedx: cycloneDx {{ {EXPORTED} }} }}
  }}
}}
"""
DATASHEET = f"""
query($datasetId: String!) {{
  datasheet(datasetId: $datasetId) {{ content {{ markdown json hugging_face: huggingFace {{ {EXPORTED} }} }} }}
}}
"""
DOSSIER = """
query($modelId: String!, $version: String!, $environment: String!) {
  modelVersion(modelId: $modelId, version: $version) {
    verdict(environment: $environment) {
      eligible checkedAt environment reasons { code text }
      dossier {
        scope tier artifacts dependencies card assessment datasheets contents { part digest content { kind canonical } }
      }
    }
  }
}
"""
GOVERNANCE = """
query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) { markdown json } }
"""
RISK = "query($modelId: String!, $version: String!) { riskReport(modelId: $modelId, version: $version) { markdown json } }"
AUDIT = """
query($modelId: String, $version: String, $since: DateTime, $until: DateTime) {
  auditReport(modelId: $modelId, version: $version, since: $since, until: $until) { markdown json }
}
"""


class Written(StrEnum):
    """How a report is written."""

    MARKDOWN = "markdown"
    JSON = "json"


class SheetForm(StrEnum):
    """How a datasheet is written."""

    MARKDOWN = "markdown"
    JSON = "json"
    HUGGING_FACE = "hugging-face"


class CardForm(StrEnum):
    """How a card is written."""

    MARKDOWN = "markdown"
    JSON = "json"
    HUGGING_FACE = "hugging-face"
    CYCLONEDX = "cyclonedx"


_VERSION = typer.Argument(metavar=VERSION, show_default=False)
_OUTPUT = typer.Option("--output", "-o", metavar="FILE", help="Where to; without it, or with -, standard output.")
_FORM = typer.Option("--format", help="How it is written.")


def add_to(app: typer.Typer) -> None:
    export = group("Export cards, datasheets, dossiers and reports.")
    for each in (card, datasheet, dossier, report, risk_report, audit_report):
        command(export)(each)
    app.add_typer(export, name="export")


def card(
    session: Session, subject: Annotated[str, _VERSION], form: Annotated[CardForm, _FORM] = CardForm.MARKDOWN,
    output: Annotated[Path | None, _OUTPUT] = None,
) -> None:  # fmt: skip
    """Export the card of a version; what the format cannot say is told on standard error."""
    model, version = version_of(subject)
    found = session.ask(CARD, modelId=model, version=version)["modelVersion"]
    if found is None:
        raise unknown_version(subject)
    if found["card"] is None:
        raise Ended(
            Exit.UNKNOWN, f"{subject} has no card", f"magistrate call saveModelCard --model-id {model} --version {version}"
        )
    _write(session, found["card"][form.replace("-", "_")], output)


def datasheet(
    session: Session,
    dataset: Annotated[str, typer.Argument(metavar="DATASET", show_default=False)],
    form: Annotated[SheetForm, _FORM] = SheetForm.MARKDOWN,
    output: Annotated[Path | None, _OUTPUT] = None,
) -> None:
    """Export the datasheet of a data set; what the format cannot say is told on standard error."""
    found = session.ask(DATASHEET, datasetId=dataset)["datasheet"]
    if found is None:
        raise Ended(Exit.UNKNOWN, f"there is no datasheet {dataset}", "magistrate list datasheets")
    _write(session, found["content"][form.replace("-", "_")], output)


def dossier(
    session: Session,
    subject: Annotated[str, _VERSION],
    environment: Annotated[str, typer.Option(metavar="NAME", help="Where it is to run.")] = "production",
    output: Annotated[Path | None, _OUTPUT] = None,
) -> None:
    """Export what approvals are bound to: the digest of each part of a version, and the contents that have these digests.

    Each digest is computed again before anything is written.
    """
    model, version = version_of(subject)
    found = session.ask(DOSSIER, modelId=model, version=version, environment=environment)["modelVersion"]
    if found is None:
        raise unknown_version(subject)
    verdict = found["verdict"]
    for each in verdict["dossier"]["contents"]:
        content = each["content"]
        if content and hashlib.sha256(content["canonical"].encode()).hexdigest() != each["digest"]:
            raise Ended(Exit.FAULT, f"what the server keeps of {each['part']} has another digest than {each['digest']}")
    whole = {"modelId": model, "version": version} | verdict
    _write(session, json.dumps(whole, ensure_ascii=False, indent=2) + "\n", output)


def report(
    session: Session, subject: Annotated[str, _VERSION], form: Annotated[Written, _FORM] = Written.MARKDOWN,
    output: Annotated[Path | None, _OUTPUT] = None,
) -> None:  # fmt: skip
    """Export the governance report of a version."""
    _report(session, subject, GOVERNANCE, "governanceReport", form, output)


def risk_report(
    session: Session, subject: Annotated[str, _VERSION], form: Annotated[Written, _FORM] = Written.MARKDOWN,
    output: Annotated[Path | None, _OUTPUT] = None,
) -> None:  # fmt: skip
    """Export the risk report of a version."""
    _report(session, subject, RISK, "riskReport", form, output)


def _report(session: Session, subject: str, text: str, field: str, form: Written, output: Path | None) -> None:
    model, version = version_of(subject)
    found = session.ask(text, modelId=model, version=version)[field]
    if found is None:
        says = (
            f"there is no version {subject}, or it has no assessment"
            if field == "riskReport"
            else f"there is no version {subject}"
        )
        raise Ended(Exit.UNKNOWN, says, f"magistrate list versions --model {model}")
    _write(session, found[form], output)


def audit_report(
    session: Session,
    of: Annotated[str | None, typer.Option("--model", metavar="MODEL[@VERSION]", help="Of a model or a version.")] = None,
    since: Annotated[str | None, typer.Option(metavar="MOMENT", help="From then on: 2027-03-01T00:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(metavar="MOMENT", help="Until then.")] = None,
    form: Annotated[Written, _FORM] = Written.MARKDOWN,
    output: Annotated[Path | None, _OUTPUT] = None,
) -> None:
    """Export a report on the audit trail."""
    model, version = (version_of(of) if "@" in of else (of, None)) if of else (None, None)
    _write(session, session.ask(AUDIT, modelId=model, version=version, since=since, until=until)["auditReport"][form], output)


def _write(session: Session, exported: Any, output: Path | None) -> None:
    """Writes a text, or an export with what it leaves out."""
    text: str = exported["text"] if isinstance(exported, dict) else exported
    left_out: Sequence[Mapping[str, Any]] = exported["leftOut"] if isinstance(exported, dict) else ()
    for each in left_out:
        session.tell(f"left out: {each['path']}: {each['reason']}")
    if output is not None and str(output) != "-":
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Ended(Exit.USAGE, f"{output} cannot be written: {(error.strerror or str(error)).lower()}") from error
        session.show({"file": str(output), "leftOut": list(left_out)}, "")
    elif session.in_json:
        session.show({"text": text, "leftOut": list(left_out)}, "")
    elif sys.stdout.isatty():
        typer.echo("\n".join(map(shown, text.rstrip("\n").split("\n"))))
    else:  # a file or a program gets the text as it is
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
