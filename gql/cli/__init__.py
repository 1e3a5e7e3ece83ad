"""The command `magistrate`. Each subcommand imports what it runs, so that the others start quickly."""

import os
from typing import Annotated

import typer

from gql.cli import (
    admin,
    audit,
    call,
    deciding,
    deploying,
    eligible,
    exporting,
    importing,
    listing,
    overview,
    query,
    registering,
    showing,
    signing,
    tokens,
)
from gql.client.commands import Root, group

app = group("A governance graph for AI models.", add_completion=True, cls=Root)

signing.add_to(app)
query.add_to(app)
registering.add_to(app)
importing.add_to(app)
exporting.add_to(app)
listing.add_to(app)
showing.add_to(app)
deciding.add_to(app)
eligible.add_to(app)
deploying.add_to(app)
overview.add_to(app)
app.add_typer(call.app, name="call")
app.add_typer(tokens.app, name="token")
app.add_typer(admin.app, name="admin")
app.add_typer(audit.app, name="audit")


def main() -> None:
    """The console script. A foreseen fault is told in one line and has an exit code of its own."""
    try:
        app()
    except Exception:
        from gql import faults

        with faults.ending():
            raise


def _say_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def of_all(
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version.")] = False,
) -> None:
    """A governance graph for AI models."""


@app.command()
def serve(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port, in the place of MAGISTRATE_PORT; 0 lets the system choose.")
    ] = None,
) -> None:
    """Serve until Ctrl+C; the settings are environment variables, MAGISTRATE_PORT and so on."""
    from gql.settings import read_settings
    from gql.supervisor import serve
    from gql.variables import check

    if port is not None:
        os.environ["MAGISTRATE_PORT"] = str(port)
    settings = read_settings()
    check(os.environ, hardened=settings.hardened)
    serve(settings)


@app.command("demo")
def play_demo(
    url: Annotated[
        str | None, typer.Option(help="A running server's endpoint, http://.../graphql; without it one is started.")
    ] = None,
    token: Annotated[str | None, typer.Option(envvar="MAGISTRATE_ADMIN_TOKEN", help="The token of its administrator.")] = None,
) -> None:
    """Carry a model version from its registration to where it may be deployed, and check every answer."""
    from gql.cli import demo

    if url is None:
        demo.run()
    elif token is None:
        raise typer.BadParameter("a running server's administrator has one", param_hint="--token")
    else:
        demo.run_on(url, token)


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
) -> None:
    """Bring the data of an earlier release into the form of this one; of the embedded database a copy is made first."""
    from gql.cli import migration

    if dry_run:
        migration.preview()
    else:
        migration.migrate()


@app.command()
def schema(
    mutations: Annotated[
        bool, typer.Option("--mutations", help="Print the mutations alone, in the form that `call` reads.")
    ] = False,
) -> None:
    """Print the schema in GraphQL's own language."""
    from gql.schema import build_schema

    built = build_schema()
    if mutations:
        from gql.mutations import in_json

        typer.echo(in_json(built._schema))
    else:
        typer.echo(built.as_str())


@app.command()
def version() -> None:
    """Print the version."""
    from gql.release import RELEASE

    typer.echo(RELEASE)
