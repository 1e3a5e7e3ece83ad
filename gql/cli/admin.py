"""`magistrate admin`: what only somebody with access to the host may do."""

from typing import Annotated

import typer

from gql.client.commands import group

app = group("What only somebody with access to the host may do.")


@app.callback()
def only_by_name() -> None:
    """What only somebody with access to the host may do."""


@app.command()
def confirm(
    user: Annotated[str, typer.Argument(metavar="USER", help="The user id of an active person who has enrolled.")],
    reason: Annotated[str, typer.Option("--reason", help="How you know that it is this person; the trail tells it.")],
) -> None:
    """Confirm that whoever signs in as USER is that person; beside a running server, or without one.

    The command says which e-mail address the person has: that it is theirs is confirmed too.

    Whoever is confirmed and a compliance officer or an administrator can confirm others, by the mutation confirmIdentity.
    """
    from gql.cli import confirmation, trail

    email = trail.run(confirmation.confirming(user, reason))
    typer.echo(f"the identity of {user} is confirmed, and the e-mail address {email}")


@app.command("secret-key")
def secret_key() -> None:
    """Print a new key that seals people, tokens and the end of the trail, for MAGISTRATE_SECRET_KEY."""
    from documents.seals import SecretKey

    typer.echo(SecretKey.made().text)


@app.command()
def recover(
    reason: Annotated[str, typer.Option("--reason", help="Why it is needed; the trail tells it.")],
    user: Annotated[
        str | None, typer.Argument(metavar="[USER]", help="An administrator's user id; without it, the one registered longest.")
    ] = None,
    reseal: Annotated[
        bool,
        typer.Option("--reseal", help="After a lost key, seal anew all else that agrees with the trail, and its end."),
    ] = False,
    believe_from: Annotated[
        int | None,
        typer.Option(
            "--believe-from",
            metavar="N",
            help="The first event that no checkpoint covers, once you have looked at those events.",
        ),
    ] = None,
    in_file: Annotated[
        bool, typer.Option("--file", help="Write the token to admin-token in the data folder instead of printing it.")
    ] = False,
) -> None:
    """Make a token for an administrator, after the secret key or the last administrator was lost.

    Works beside a running server, or without one. Says first what of the administrator differs from the trail.
    """
    from gql.cli import recovery, trail

    done = trail.run(recovery.recovering(user, reason, reseal=reseal, in_file=in_file, believe_from=believe_from))
    if reseal:
        end = " and the end of the trail" if done.sealed_end else ""
        typer.echo(f"sealed anew: {done.sealed}{end}; left as they are: {', '.join(done.left) or 'none'}", err=True)
    where = ", in the file admin-token of the data folder" if in_file else ""
    typer.echo(f"{done.user_id} has a new token{where}", err=True)
    if not in_file:
        typer.echo(done.token)
