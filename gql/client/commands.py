"""How a client command is declared: a function of a `Session` and of its own options. The options of all are added here.

@command(app)
def whoami(session: Session) -> None: ...
"""

import inspect
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path as File
from typing import Annotated, Any, Concatenate, ParamSpec

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from gql.client import credentials, printing, profiles, transport
from gql.client.exits import Ended, Exit, ending, shown, tell
from gql.client.rows import Path
from gql.client.transport import Graph

P = ParamSpec("P")
NAME = "magistrate"  # whatever the file is called that was started: `python -m magistrate` is the same command
RECEIPT = "receipt { seq eventId }"
TAKEN: Mapping[type, str] = {str: "TEXT", int: "N", float: "NUMBER", File: "FILE"}
SET_OFF = "\n      | "  # before what a text has after a line break


def group(says: str, **options: Any) -> typer.Typer:
    """A group of commands. Help is plain, because what makes it colourful takes longer to load than all else."""
    chosen = {"no_args_is_help": True, "add_completion": False} | options
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, help=says, **chosen)


class Root(TyperGroup):
    """The command itself. What is misused is told in one line, like all else that ends a command."""

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None, complete_var: str | None = None,
        standalone_mode: bool = True, windows_expand_args: bool = True, **extra: Any,
    ) -> Any:  # fmt: skip
        try:
            status = super().main(args, NAME, complete_var, False, windows_expand_args, **extra)
        except TyperException as misuse:
            if not standalone_mode:
                raise
            context = getattr(misuse, "ctx", None)
            if type(misuse).__name__ == "NoArgsIsHelpError":  # its message is the help
                sys.stderr.write(f"{misuse.format_message()}\n")
            else:
                remedy = f"{context.command_path} --help" if context else None
                sys.stderr.write(f"{Ended(Exit.USAGE, misuse.format_message(), remedy).line}\n")
            sys.exit(misuse.exit_code)
        except typer.Abort:
            if not standalone_mode:
                raise
            tell("magistrate: given up")
            sys.exit(Exit.FAULT)
        if standalone_mode:
            sys.exit(status if isinstance(status, int) else Exit.DONE)
        return status


class Session:
    """What a command works with: the server, and the form in which it answers."""

    def __init__(
        self, url: str | None = None, profile: str | None = None, token_file: File | None = None,
        timeout: float = transport.TIMEOUT, in_json: bool = False,
    ) -> None:  # fmt: skip
        self.url, self.profile, self.token_file, self.timeout, self.in_json = url, profile, token_file, timeout, in_json

    @cached_property
    def place(self) -> credentials.Place:
        return credentials.found(self.url, self.profile, self.token_file)

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.place, self.timeout)

    def close(self) -> None:
        if "graph" in vars(self):
            self.graph.close()

    def ask(self, text: str, **variables: Any) -> dict[str, Any]:
        """The data that answer a query; Ended if it is refused."""
        return self.graph.ask(text, variables)

    def change(self, mutation: str, fields: Mapping[str, Any], select: str = "", key: str | None = None) -> dict[str, Any]:
        """The payload of a mutation, with its receipt; `fields` are those of its input, as the graph names them."""
        named = f"{mutation[0].upper()}{mutation[1:]}Input"
        text = f"mutation($input: {named}!) {{ {mutation}(input: $input) {{ {select} {RECEIPT} }} }}"
        payload: dict[str, Any] = self.graph.change(text, {"input": fields}, key)[mutation]
        return payload

    def show(self, value: Any, says: str | Iterable[str]) -> None:
        """Answers with a value under `--json`, and with what it says else, a text or lines; the empty text prints nothing.

        A line may have the words of anybody in it, so where they break it they are set off: else they could pass for lines of
        ours, with a command to paste.
        """
        if self.in_json:
            printing.write_json(value)
        elif says:
            lines = [says] if isinstance(says, str) else says
            typer.echo("\n".join(SET_OFF.join(map(shown, each.split("\n"))) for each in lines))

    def records(self, records: Iterable[Mapping[str, Any]], columns: Sequence[str | Path]) -> None:
        """Answers with records: a table of these columns (`owner.name` is one), or all of each as JSON."""
        paths = [tuple(each.split(".")) if isinstance(each, str) else each for each in columns]
        printing.write(records, printing.Form.JSON if self.in_json else printing.Form.TABLE, paths)

    def tell(self, text: str) -> None:
        """Says something that is not the answer."""
        tell(text)


def _profiles(incomplete: str) -> list[str]:
    """Completes the names of profiles; a file that cannot be read has none."""
    try:
        return [each for each in profiles.read() if each.startswith(incomplete)]
    except Ended:
        return []


_URL = typer.Option("--url", metavar="URL", help="The server, like https://models.example.org [env: MAGISTRATE_URL].")
_PROFILE = typer.Option(
    "--profile", metavar="NAME", help="Who you are there, by `login` [env: MAGISTRATE_PROFILE].", autocompletion=_profiles
)
_TOKEN_FILE = typer.Option("--token-file", metavar="FILE", help="A file with a token; else MAGISTRATE_TOKEN or the profile.")
_TIMEOUT = typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long to wait, and to try again.")
_JSON = typer.Option("--json", help="Answer in JSON, and tell a refusal in JSON too.")


def _common(
    url: Annotated[str | None, _URL] = None,
    profile: Annotated[str | None, _PROFILE] = None,
    token_file: Annotated[File | None, _TOKEN_FILE] = None,
    timeout: Annotated[float, _TIMEOUT] = transport.TIMEOUT,
    in_json: Annotated[bool, _JSON] = False,
) -> None:
    """The options that all client commands have."""


COMMON = list(inspect.signature(_common).parameters.values())


def command(
    app: typer.Typer, name: str | None = None, **settings: Any
) -> Callable[[Callable[Concatenate[Session, P], None]], Callable[Concatenate[Session, P], None]]:
    """Adds a function as a client command, with the options of all: `--url`, `--profile`, `--json` and so on."""

    def added(does: Callable[Concatenate[Session, P], None]) -> Callable[Concatenate[Session, P], None]:
        app.command(name or does.__name__.removesuffix("_").replace("_", "-"), **settings)(runner(does))
        return does

    return added


def _say_what_it_takes(parameter: inspect.Parameter) -> None:
    """Gives an option a word for its value where it has none: help would have a type of Python there, like list[str]."""
    of, *said = typing.get_args(parameter.annotation)
    inner = [one for each in typing.get_args(of) or [of] for one in typing.get_args(each) or [each]]
    word = next((word for kind, word in TAKEN.items() if kind in inner), None)
    for each in said:
        if isinstance(each, typer.models.OptionInfo) and each.metavar is None and word:
            each.metavar = word


def runner(does: Callable[Concatenate[Session, P], None]) -> Callable[..., None]:
    """The function that typer runs: it has the options of all beside its own."""
    _, *own = inspect.signature(does).parameters.values()

    def run(**given: Any) -> None:
        with ending(bool(given["in_json"])):
            session = Session(**{each.name: given.pop(each.name) for each in COMMON})
            try:
                typing.cast("Callable[..., None]", does)(session, **given)
            finally:
                session.close()

    for each in own:
        _say_what_it_takes(each)
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *COMMON)]
    run.__name__, run.__doc__ = does.__name__, does.__doc__
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads the options from
    return run
