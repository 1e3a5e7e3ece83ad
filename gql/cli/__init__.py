"""The command `magistrate`. Each subcommand imports what it runs, so that the others start quickly."""

from typing import Annotated

import typer

from gql import faults
from gql.cli import admin, audit

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="A governance graph for AI models."
)

app.add_typer(admin.app, name="admin")
app.add_typer(audit.app, name="audit")


def main() -> None:
    """The console script. A foreseen fault is told in one line and has an exit code of its own."""
    with faults.ending():
        app()


@app.command()
def serve() -> None:
    """Serve until Ctrl+C; the settings are environment variables, MAGISTRATE_PORT and so on."""
    from gql.settings import read_settings
    from gql.supervisor import serve

    serve(read_settings())


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
def schema() -> None:
    """Print the schema in GraphQL's own language."""
    from gql.schema import build_schema

    typer.echo(build_schema().as_str())


@app.command()
def version() -> None:
    """Print the version."""
    from gql.release import RELEASE

    typer.echo(RELEASE)
