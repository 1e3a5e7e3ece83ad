"""`magistrate call`: every mutation of the graph, with the fields of its input as options."""

import inspect
import re
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gql.client import files, inputs, printing
from gql.client.commands import Session, runner
from gql.client.exits import Ended, Exit
from gql.client.inputs import EMPTY, Leaf, Mutation

_INPUT = typer.Option("--input", metavar="FILE", help="The input as JSON or YAML, - for standard input; options come over it.")
_SELECT = typer.Option("--select", metavar="FIELDS", help="What to answer with: `modelVersion.status receipt.seq`, or GraphQL.")
_KEY = typer.Option("--key", metavar="KEY", help="The idempotency key, under which it takes effect once; else one is made.")
OWN = ("input_file", "select", "key")


class Mutations(TyperGroup):
    """The commands of all mutations. Each is made when it is asked for."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # typer.Context is the one it has
        return inputs.mutations()

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        found = inputs.mutation(cmd_name)
        return None if found is None else _command(found)

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Lists them without making them, which would take a second."""
        with formatter.section("Mutations"):
            named = [(each, inputs.mutation(each)) for each in inputs.mutations()]
            formatter.write_dl([(name, _first(found.says)) for name, found in named if found])


app = typer.Typer(
    cls=Mutations, no_args_is_help=True, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False,
    help="Send any mutation; the fields of its input are options.",
)  # fmt: skip


@app.callback()
def only_by_name() -> None:
    """Send any mutation; the fields of its input are options.

    Nested fields have dots (--impact.rollback-time 5), lists are repeated, and objects in lists are JSON. [] is the empty list.
    """


def _first(says: str) -> str:
    return says.split("\n\n", maxsplit=1)[0].replace("\n", " ")


def _command(mutation: Mutation) -> Any:
    """The command of one mutation."""
    leaves = mutation.leaves

    def call(session: Session, /, input_file: str | None, select: str | None, key: str | None, **given: Any) -> None:
        fields = files.read_object(input_file) if input_file else {}
        for number, leaf in enumerate(leaves):
            if (said := given[f"f{number}"]) is not None and said != []:
                inputs.put(fields, leaf.path, _value(leaf, said))
        if missing := mutation.missing(fields):
            raise Ended(Exit.USAGE, f"{', '.join(missing)} must be given", f"magistrate call {mutation.name} --help")
        text = mutation.asking(_selection(select) if select else mutation.select)
        printing.write_json(session.graph.change(text, {"input": fields}, key)[mutation.name])

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter("session", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Session)]
    parameters += [
        inspect.Parameter(f"f{at}", keyword, default=None, annotation=_annotation(each)) for at, each in enumerate(leaves)
    ]
    own = zip(OWN, (_INPUT, _SELECT, _KEY), strict=True)
    parameters += [inspect.Parameter(name, keyword, default=None, annotation=Annotated[str | None, each]) for name, each in own]
    call.__doc__ = mutation.says
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    alone = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
    alone.command(mutation.name)(runner(call))
    return typer.main.get_command(alone)


def _annotation(leaf: Leaf) -> Any:
    says = leaf.says.replace("\n", " ") + (" [required]" if leaf.required else "")
    if leaf.is_flag:
        *above, name = leaf.option.removeprefix("--").split(".")
        return Annotated[bool | None, typer.Option(f"{leaf.option}/--{'.'.join([*above, f'no-{name}'])}", help=says)]
    option = typer.Option(leaf.option, metavar=leaf.metavar, help=says, autocompletion=_completing(leaf), show_default=False)
    return Annotated[list[str] | None, option] if leaf.many else Annotated[str | None, option]


def _completing(leaf: Leaf) -> Callable[[str], list[str]] | None:
    if not leaf.values:
        return None

    def values(incomplete: str) -> list[str]:
        return [each for each in leaf.values if each.startswith(incomplete.upper())]

    return values


def _value(leaf: Leaf, said: Any) -> Any:
    if leaf.is_flag:
        return said
    if leaf.many:
        return [] if said == [EMPTY] else [leaf.read(each) for each in said]
    return leaf.read(said)


def _selection(select: str) -> str:
    """GraphQL as it is; and of paths with dots, the GraphQL that they stand for."""
    if "{" in select:
        return select
    paths = [each.split(".") for each in re.split(r"[\s,]+", select.strip()) if each]
    if not paths or not all(re.fullmatch(r"[_A-Za-z]\w*", name) for path in paths for name in path):
        raise Ended(Exit.USAGE, f"{select!r} selects nothing: say modelVersion.status, or GraphQL in braces")
    return " ".join(" { ".join(path) + " }" * (len(path) - 1) for path in paths)
