"""`magistrate`: what an operator does from a shell. Commands import what they run, so that each is quick to start."""

import sys
from importlib.metadata import version as version_of

import typer

from gql.faults import CannotServe

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="A governance graph for AI models."
)


def main() -> None:
    """The console script; a foreseen fault is one line and an exit code of its own."""
    try:
        app()
    except CannotServe as fault:
        typer.echo(f"magistrate: {fault}", err=True)
        sys.exit(fault.status)


@app.command()
def serve() -> None:
    """Serve until Ctrl+C; the settings are environment variables, MAGISTRATE_PORT and so on."""
    from gql.settings import read_settings
    from gql.supervisor import serve

    serve(read_settings())


@app.command()
def schema() -> None:
    """Print the schema in GraphQL's own language."""
    from gql.schema import build_schema

    typer.echo(build_schema().as_str())


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(version_of("magistrate"))
