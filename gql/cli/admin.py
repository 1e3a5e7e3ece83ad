"""`magistrate admin`: what only somebody with access to the host may do."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="What only somebody with access to the host may do.")


@app.callback()
def only_by_name() -> None:
    """What only somebody with access to the host may do."""


@app.command()
def confirm(
    user: Annotated[str, typer.Argument(metavar="USER", help="The user id of an active person who has enrolled.")],
    reason: Annotated[str, typer.Option("--reason", help="How you know that it is this person; the trail tells it.")],
) -> None:
    """Confirm that whoever signs in as USER is that person; beside a running server, or without one.

    Whoever is confirmed and a compliance officer or an administrator can confirm others, by the mutation confirmIdentity.
    """
    from gql.cli import confirmation, trail

    trail.run(confirmation.confirming(user, reason))
    typer.echo(f"the identity of {user} is confirmed")
