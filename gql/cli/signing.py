"""`magistrate login`, `logout` and `whoami`: profiles, and who a token stands for."""

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from gql.client import credentials, printing, profiles
from gql.client.commands import Session, command
from gql.client.credentials import Credential, Place
from gql.client.exits import Ended, Exit
from gql.client.profiles import Profile
from gql.client.transport import Graph

VIEWER = (
    """{ viewer { id mutations stakeholder { name platformRole roles authorizedTiers } tokens { tokenId name expiresAt } } }"""
)
ENROL = "mutation($name: String!) { createApiToken(input: {name: $name}) { token apiToken { tokenId expiresAt } } }"
PERSONAL = "(with a personal token)"  # what an enrolment token lacks for all but one mutation
SOON = timedelta(days=14)


def add_to(app: typer.Typer) -> None:
    command(app)(login)
    command(app)(logout)
    command(app)(whoami)


def login(
    session: Session,
    name: Annotated[
        str | None, typer.Option("--name", help="What the token is called that an enrolment token makes; this machine's name.")
    ] = None,
) -> None:
    """Sign in by a token, and keep it in a profile.

    The token is asked for, or read from standard input or from --token-file. An enrolment token makes a token of your own, which
    is kept. Where people sign in by an issuer, the server's page makes a token (docs/sign-in.md).
    """
    chosen = profiles.named(session.profile or os.environ.get(credentials.PROFILE) or profiles.DEFAULT)
    kept = profiles.read().get(chosen)
    said = session.url or os.environ.get(credentials.URL)
    url = credentials.endpoint(said) if said else kept.url if kept else credentials.HERE
    token = _given(session, url)
    try:
        who = _viewer(url, token, session.timeout)
    except Ended as ended:
        if not any(PERSONAL in each for each in ended.facts.get("needs") or ()):
            raise
        token = _enrolled(url, token, name or _machine(), session.timeout)
        _keep(chosen, Profile(url, token))  # before anything else can fail: the enrolment token is spent
        session.tell("the enrolment token is spent, and the token of your own that it made is kept")
        who = _viewer(url, token, session.timeout)
    _keep(chosen, Profile(url, token, who["id"]))
    if os.environ.get(credentials.TOKEN):
        session.tell(f"magistrate: {credentials.TOKEN} is set, and counts before the profile; try: unset {credentials.TOKEN}")
    answer = {"id": who["id"], "url": url, "profile": chosen}
    session.show(answer, f"{who['id']} at {url} (profile {chosen})")


def _given(session: Session, url: str) -> str:
    if session.token_file is not None:
        return credentials.in_file(session.token_file)
    if not sys.stdin.isatty():
        return credentials.clean(sys.stdin.read(credentials.LONGEST + 1), "standard input")
    asked: str = typer.prompt(f"Token for {url}", hide_input=True, err=True)
    return credentials.clean(asked, "what was typed")


def _viewer(url: str, token: str, timeout: float) -> dict[str, Any]:
    with Graph(_place(url, token), timeout) as graph:
        found: dict[str, Any] = graph.ask(VIEWER)["viewer"]
        return found


def _place(url: str, token: str) -> Place:
    return Place(url, Credential("this sign-in", lambda: token))


def _enrolled(url: str, token: str, name: str, timeout: float) -> str:
    with Graph(_place(url, token), timeout) as graph:
        made = graph.change(ENROL, {"name": name})["createApiToken"]["token"]
    if not made:  # the first answer was lost on its way, and a secret is shown once
        says = "the enrolment token was spent, and the answer with your token was lost: have the enrolment reset and try again"
        raise Ended(Exit.FAULT, says)
    return str(made)


def _machine() -> str:
    import socket

    return socket.gethostname()[:200] or "command line"


def _keep(name: str, profile: Profile) -> None:
    with profiles.changing() as kept:
        kept[name] = profile


def logout(
    session: Session,
    revoke: Annotated[bool, typer.Option("--revoke", help="End the token at the server too.")] = False,
    everywhere: Annotated[bool, typer.Option("--all", help="Forget all profiles.")] = False,
) -> None:
    """Forget a profile and its token."""
    chosen = profiles.named(session.profile or os.environ.get(credentials.PROFILE) or profiles.DEFAULT)
    known = profiles.read()
    leaving = list(known) if everywhere else [each for each in known if each == chosen]
    if not leaving:
        raise Ended(Exit.UNKNOWN, "there is no profile" if everywhere else f"there is no profile {chosen}", "magistrate login")
    for each in leaving:
        if revoke:
            _revoke(known[each], session.timeout)
        with profiles.changing() as kept:
            kept.pop(each, None)
    session.show(leaving, "\n".join(f"the profile {each} is forgotten" for each in leaving))


def _revoke(profile: Profile, timeout: float) -> None:
    text = "mutation($id: String!) { revokeApiToken(input: {tokenId: $id}) { receipt { seq } } }"
    try:
        with Graph(_place(profile.url, profile.token), timeout) as graph:
            graph.change(text, {"id": profile.token_id})
    except Ended as ended:
        if ended.facts.get("code") != "UNAUTHENTICATED":  # then it had ended before
            raise


def whoami(session: Session) -> None:
    """Say who you are at the server, and by what you are signed in."""
    found = session.ask(VIEWER)["viewer"]
    place = session.place
    person, token = found["stakeholder"] or {}, place.token()
    ends = next((each["expiresAt"] for each in found["tokens"] if token.startswith(f"mag_{each['tokenId']}_")), None)
    answer = {
        "id": found["id"], "name": person.get("name"), "platformRole": person.get("platformRole"),
        "roles": person.get("roles", []), "authorizedTiers": person.get("authorizedTiers", []),
        "mutations": found["mutations"], "url": place.url, "source": place.source, "profile": place.profile,
        "tokenExpiresAt": ends,
    }  # fmt: skip
    if ends and datetime.fromisoformat(ends) - datetime.now(UTC) < SOON:
        session.tell(f"magistrate: the token ends at {ends}; try: magistrate token create laptop")
    if session.in_json:
        printing.write_json(answer)
        return
    held = ", ".join([*filter(None, [answer["platformRole"]]), *answer["roles"]]) or ", ".join(found["mutations"]) or "reading"
    lines = {
        "user": found["id"],
        "name": answer["name"],
        "may": held,
        "server": place.url,
        "by": place.source,
        "until": ends,
    }
    session.show(None, "\n".join(f"{name:8}{value}" for name, value in lines.items() if value))
