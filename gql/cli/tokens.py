"""`magistrate token`: tokens of one's own, of programs, and those that enrol people."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from gql.client.commands import Session, command, group
from gql.client.exits import Ended, Exit
from gql.client.spelling import kebab

app = group("Make, list and end tokens.")

FIELDS = """tokenId name kind holder ownerId purpose scopes mutations models environments issuedBy createdAt expiresAt revokedAt
lastUsedAt"""
OWN = f"{{ viewer {{ tokens {{ {FIELDS} }} ownedTokens {{ {FIELDS} }} }} }}"
EVERYBODYS = f"{{ apiTokens(orderBy: [{{createdAt: ASC}}]) {{ nodes {{ {FIELDS} }} }} }}"
COLUMNS = ("tokenId", "name", "kind", "holder", "expiresAt", "revokedAt", "lastUsedAt")


@app.callback()
def only_by_name() -> None:
    """Make, list and end tokens."""


@command(app)
def create(
    session: Session,
    name: Annotated[str, typer.Argument(help="What it is for.")],
    enrols: Annotated[str | None, typer.Option("--enrols", metavar="USER", help="Make one that enrols a person, once.")] = None,
    service: Annotated[str | None, typer.Option(metavar="NAME", help="Make one for a program, which events call so.")] = None,
    mutation: Annotated[list[str] | None, typer.Option(help="A mutation that the program may use; any number.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Models that its changes may be about; * is any text.")] = None,
    environment: Annotated[list[str] | None, typer.Option(help="Environments that its changes may be about.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="What it opens: GRAPH, GATE or METRICS; else GRAPH and GATE.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=400, help="For how many days it is good.")] = None,
    purpose: Annotated[str | None, typer.Option(help="Why it is made; the trail tells it.")] = None,
    key: Annotated[str | None, typer.Option(help="The idempotency key; a secret is shown the first time alone.")] = None,
) -> None:
    """Make a token, and print it: it is shown this once."""
    may = {"mutations": [_constant(each) for each in mutation or ()], "scopes": [each.upper() for each in scope or ()]}
    reach = {"models": model or [], "environments": environment or []}
    of_program = {name: each for name, each in (may | reach).items() if each}
    if of_program and service is None:
        hint = f"--{next(iter(of_program))[:-1]}"
        raise typer.BadParameter("is for the token of a program: say --service NAME too", param_hint=hint)
    if enrols and service:
        raise typer.BadParameter("a token enrols a person or serves a program", param_hint="--service")
    fields: dict[str, Any] = {"name": name}
    if enrols:
        fields["holder"] = {"userId": enrols}
    elif service:
        fields["holder"] = {"service": {"name": service, "mutations": []} | of_program}
    if days is not None:
        fields["expiresAt"] = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="milliseconds")
    if purpose is not None:
        fields["purpose"] = purpose
    made = session.change("createApiToken", fields, f"token apiToken {{ {FIELDS} }}", key)
    if not made["token"] and not session.in_json:
        again = f"magistrate token revoke {made['apiToken']['tokenId']}"
        raise Ended(Exit.CONFLICT, "it was made before under this key, and a secret is shown once", again)
    session.tell(f"the token {made['apiToken']['tokenId']} is good until {made['apiToken']['expiresAt']}")
    session.show(made, made["token"])


def _constant(mutation: str) -> str:
    """A mutation as permissions spell it: `saveModelCard` is SAVE_MODEL_CARD."""
    return mutation.upper() if mutation.isupper() else kebab(mutation).upper().replace("-", "_")


@command(app, "list")
def list_(
    session: Session,
    everybody: Annotated[bool, typer.Option("--everybody", help="Those of everybody, for those who may see them.")] = False,
    ended: Annotated[bool, typer.Option("--ended", help="Those too that have ended.")] = False,
) -> None:
    """List the tokens that you hold, and those that you answer for."""
    now = datetime.now(UTC)
    found = _everybodys(session) if everybody else _own(session)
    session.records((each for each in found if ended or _stands(each, now)), COLUMNS)


def _own(session: Session) -> Iterator[dict[str, Any]]:
    viewer = session.ask(OWN)["viewer"]
    yield from {each["tokenId"]: each for each in (*viewer["tokens"], *viewer["ownedTokens"])}.values()


def _everybodys(session: Session) -> Iterator[dict[str, Any]]:
    from gql.client.documents import Document
    from gql.client.paging import Pages

    return Pages(Document(EVERYBODYS)).records(session.graph, {})


def _stands(token: dict[str, Any], now: datetime) -> bool:
    return not token["revokedAt"] and (not token["expiresAt"] or datetime.fromisoformat(token["expiresAt"]) > now)


@command(app)
def revoke(
    session: Session, token_id: Annotated[list[str], typer.Argument(metavar="TOKEN_ID...", help="What `token list` calls it.")]
) -> None:
    """End tokens at once."""
    done = []
    for each in token_id:
        done.append(session.change("revokeApiToken", {"tokenId": each}, f"apiToken {{ {FIELDS} }}"))
        if not session.in_json:
            typer.echo(f"the token {each} has ended")
    if session.in_json:
        session.show(done, "")
