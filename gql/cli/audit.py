"""`magistrate audit`: the audit trail, for those who need not believe it."""

from pathlib import Path
from typing import Annotated

import typer

from gql.client.commands import group

app = group("The audit trail, for those who need not believe it.")

KEYS = typer.Option(
    "--key",
    metavar="VKEY",
    help="A verifier key of the trail or of a witness, told you by another way than with the checkpoint; any number.",
)
JSON = typer.Option("--json", help="Answer in JSON, as the graph spells it.")


@app.command()
def verify(
    what: Annotated[
        Path | None,
        typer.Argument(
            metavar="[EXPORT]", exists=True, help="The folder of an export, or the file of a proof; without it, the database is."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The checkpoint that you kept, or a file of several: each counts."),
    ] = None,
    key: Annotated[list[str] | None, KEYS] = None,
    entry: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The bytes of the event, for a proof that leaves them out."),
    ] = None,
    in_json: Annotated[bool, JSON] = False,
) -> None:
    """Verify the trail of the database, or of an export, or one event by its proof: these need neither database nor network.

    Ends with 0 if nothing is wrong, with 13 if something is, and says what it cannot exclude.
    """
    from gql.cli import offline, reports

    keys = key or []
    if what is not None and what.is_file():
        if checkpoint is not None:
            raise typer.BadParameter("a proof holds its own", param_hint="--checkpoint")
        reports.print_proof(*offline.prove(what, keys, entry), in_json=in_json)
        return
    if entry is not None:
        raise typer.BadParameter("is for the file of a proof", param_hint="--entry")
    text = None if checkpoint is None else offline.kept_in(checkpoint)
    with reports.progress("verifying") as progress:
        if what is not None:
            report = offline.verify(what, text, keys, progress)
        else:
            from gql.cli import trail

            report = trail.run(trail.verifying(text, keys, progress), migrated=False)
    reports.print_report(report, in_json=in_json)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="A folder that is empty or not there.")],
    first: Annotated[int, typer.Option("--from", min=0, help="The first event.")] = 0,
    last: Annotated[int | None, typer.Option("--to", min=0, help="The last event; without it the newest.")] = None,
    in_json: Annotated[bool, JSON] = False,
) -> None:
    """Write the trail to DIR, to be verified by somebody else and elsewhere; and verify it on the way.

    Ends with 13 if something is wrong with it; it is written all the same.
    """
    from gql.cli import reports, trail

    with reports.progress("exporting") as progress:
        report = trail.run(trail.exporting(folder, first, last, progress), migrated=False)
    reports.print_report(report, in_json=in_json)


@app.command()
def checkpoint() -> None:
    """Sign the trail now, and print the checkpoint; on standard error, what verifies it."""
    from gql.cli import trail

    signed = trail.run(trail.signing())
    typer.echo(signed.text, nl=False)
    typer.echo(signed.verifier_key, err=True)


@app.command()
def prove(receipt: Annotated[str, typer.Argument(help="A receipt in JSON, an event's id (AUD-...), or its number.")]) -> None:
    """Print a proof that the trail holds an event and what it says, which verifies by itself (C2SP tlog-proof).

    Ends with 15 if the event is newer than what was signed last.
    """
    from gql.cli import trail

    typer.echo(trail.run(trail.proving(trail.Receipt.read(receipt))), nl=False)


@app.command()
def restored(
    checkpoint: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="The checkpoints that were kept, some of which the backup does not reach."
        ),
    ],
    key: Annotated[list[str], KEYS],
    origin: Annotated[str, typer.Option(metavar="NAME", help="The name under which the trail goes on; it never bore it before.")],
    reason: Annotated[str, typer.Option(help="Why a backup was put back; the trail tells it.")],
) -> None:
    """Declare that a backup was put back: the trail goes on under another name, and says what is lost.

    Refuses unless the trail is the beginning of what was signed. Run it before anybody works with the restored data, and before
    data of an earlier release are migrated.
    """
    from gql.cli import offline, restoring, trail

    for line in trail.run(restoring.restoring(offline.kept_in(checkpoint), key, origin, reason), migrated=False):
        typer.echo(line)


@app.command()
def key(origin: Annotated[str, typer.Argument(help="The trail's name: MAGISTRATE_ORIGIN, or what the server prints.")]) -> None:
    """Print a new key that signs a trail, for MAGISTRATE_AUDIT_KEY; on standard error, what verifies its signatures."""
    from documents.audit.notes import SigningKey

    try:
        made = SigningKey.made(origin)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="ORIGIN") from error
    typer.echo(made.text)
    typer.echo(made.verifier, err=True)
