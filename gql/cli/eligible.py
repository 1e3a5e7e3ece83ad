"""`magistrate eligible`: whether a version, or a file, may run somewhere now. The exit code is the answer."""

import re
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from gql.client import reasons, subjects
from gql.client.commands import Session, command
from gql.client.digests import digest_of
from gql.client.exits import Ended, Exit
from gql.client.subjects import VERSION, unknown_version, version_of

BY_VERSION = f"""
query($modelId: String!, $version: String!, $environment: String!) {{
  modelVersion(modelId: $modelId, version: $version) {{
    verdict(environment: $environment) {{
      eligible modelId version environment reasons {{ {reasons.REASON} }} checkedAt
      dossier {{ scope tier artifacts dependencies card assessment datasheets }}
    }}
  }}
}}
"""
BY_DIGEST = f"""
query($sha256: Hash!, $environment: String!) {{
  eligibility(sha256: $sha256, environment: $environment) {{
    sha256 known eligible reasons {{ {reasons.REASON} }} modelVersion {{ modelId version }}
    holders {{ modelVersion {{ modelId version }} }}
  }}
}}
"""
DIGEST = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")


def add_to(app: typer.Typer) -> None:
    command(app)(eligible)


def eligible(
    session: Session,
    subject: Annotated[str | None, typer.Argument(metavar=f"[{VERSION}]", help="The version.", show_default=False)] = None,
    sha256: Annotated[str | None, typer.Option("--sha256", metavar="DIGEST", help="A file, by its SHA-256.")] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="PATH", help="A local file, whose SHA-256 is taken.")] = None,
    environment: Annotated[str, typer.Option(metavar="NAME", help="Where it is to run.")] = "production",
) -> None:
    """Say whether a version or a file may run somewhere now.

    It ends with 0 if so. It ends with 3 if not, with the reasons and their remedies on standard output, and with 4 if nothing is
    known of it. A file is eligible if a version that holds it is, and no version that holds it is held, rejected or under an open
    critical incident.
    """
    if [subject, sha256, file].count(None) != 2:
        raise Ended(Exit.USAGE, f"say one of {VERSION}, --sha256 and --file", "magistrate eligible --help")
    if subject is not None:
        verdict, named = _of_version(session, subject, environment), subject
    else:
        digest = digest_of(file).sha256 if file is not None else _digest(sha256 or "")
        named = str(file) if file is not None else f"sha256:{digest}"
        verdict = _of_digest(session, digest, named, environment)
    _answer(session, verdict, named, environment)


def _digest(said: str) -> str:
    if not (found := DIGEST.fullmatch(said.strip())):
        raise Ended(Exit.USAGE, f"--sha256 must be 64 hexadecimal digits, and {said!r} is not")
    return found[1].lower()


def _of_version(session: Session, subject: str, environment: str) -> dict[str, Any]:
    model, version = version_of(subject)
    found = session.ask(BY_VERSION, modelId=model, version=version, environment=environment)["modelVersion"]
    if found is None:
        raise unknown_version(subject)
    verdict: dict[str, Any] = found["verdict"]
    return verdict


def _of_digest(session: Session, sha256: str, named: str, environment: str) -> dict[str, Any]:
    found: dict[str, Any] = session.ask(BY_DIGEST, sha256=sha256, environment=environment)["eligibility"]
    if not found["known"]:
        says = f"no version that is registered holds {named}" + ("" if sha256 in named else f" (sha256:{sha256})")
        raise Ended(Exit.UNKNOWN, says, f"magistrate register {VERSION} --artifact {_artifact(named)}", found)
    return found | {"environment": environment}


def _artifact(named: str) -> str:
    return f"URI@{named}" if named.startswith("sha256:") else shlex.quote(named)


def _answer(session: Session, verdict: dict[str, Any], named: str, environment: str) -> None:
    answer = verdict | {"reasons": reasons.with_commands(verdict["reasons"])}
    by_digest = "sha256" in verdict
    if verdict["eligible"]:
        held = f" as {subjects.spelled(verdict['modelVersion'])}" if by_digest else ""
        session.show(answer, f"yes: {named} may run in {environment}{held}")
        return
    told = reasons.lines(verdict["reasons"], about=by_digest)
    session.show(answer, [f"no: {named} may not run in {environment}", *told])
    raise typer.Exit(Exit.NO)
