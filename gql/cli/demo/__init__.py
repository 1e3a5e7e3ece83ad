"""`magistrate demo`: the worked example over HTTP, as its people; each answer is compared with what it should be."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from time import monotonic

import httpx
import typer
from rich.console import Console

from gql import children
from gql.cli.demo.example import Example
from gql.cli.demo.scene import Differs, Scene
from gql.cli.demo.story import play
from gql.settings import PREFIX

WIDTH = 100
ANSWER_PATIENCE, END_PATIENCE = 30.0, 15.0  # seconds

VERSIONS = "{ modelVersions(last: 3) { nodes { modelId version tier status eligibility { eligible } } } }"


def run_on(url: str, token: str) -> None:
    """Plays the example on a running server, which may have seen it before; Exit(1) at the first answer that differs."""
    console = _console()
    with httpx.Client(timeout=ANSWER_PATIENCE) as http:
        _played(Scene(http, url, console), token, Example(f"-{token_hex(3)}"))
    console.print("\nWhat it holds now, with that token in $TOKEN:")
    headers = """-H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json'"""
    console.print(f"""  curl -s {url} {headers} -d '{{"query": "{VERSIONS}"}}'""", soft_wrap=True)


def run() -> None:
    """Plays the example on a server of its own, and leaves nothing behind; Exit(1) at the first answer that differs."""
    console = _console()
    console.print("Starting a server of its own, over a temporary folder")
    with _own_server() as (url, token), httpx.Client(timeout=ANSWER_PATIENCE, trust_env=False) as http:
        _played(Scene(http, url, console), token, Example())
    console.print("\nNext, on a server that stays, whose data folder is var:")
    console.print("  make run")
    again = f"{sys.argv[0]} demo --url http://127.0.0.1:8000/graphql"
    console.print(f'  {again} --token "$(cat var/admin-token)"', soft_wrap=True)


def _console() -> Console:
    console = Console(highlight=False, markup=False)
    console.width = min(console.width, WIDTH)
    console.print("Magistrate: one model version, from its registration to production", style="bold")
    return console


def _played(scene: Scene, token: str, example: Example) -> None:
    scene.console.print(f"Speaking to {scene.url}", soft_wrap=True)
    scene.tokens[example.administrator] = token
    began = monotonic()
    try:
        events = play(scene, example)
    except Differs as differs:
        _explain(differs)
        raise typer.Exit(1) from differs
    took = monotonic() - began
    scene.console.print(f"\nAll of it came as it should: {scene.requests} requests in {took:.1f} s.", style="bold")
    scene.console.print(f"The trail holds {events} events.")


def _explain(differs: Differs) -> None:
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    console.print("\nIt ends here: an answer is not what it should be.", style="bold red")
    for label, text in (("asked", differs.asked), ("expected", differs.expected), ("came", differs.came)):
        console.print(f"  {label:8}  {text}")


@contextmanager
def _own_server() -> Iterator[tuple[str, str]]:
    """The endpoint of a server over a folder that goes with it, and its administrator's token."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, lambda number, _: sys.exit(128 + number))  # so that what follows a `yield` is done
    # The operator's settings would lead to the operator's data; only the choice of an engine is kept.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) or name == f"{PREFIX}ENGINE"}
    with TemporaryDirectory(prefix="magistrate-demo-", ignore_cleanup_errors=True) as folder:
        chosen = {f"{PREFIX}DATA_DIR": folder, f"{PREFIX}PORT": "0", f"{PREFIX}LOG_LEVEL": "WARNING"}
        command = [sys.executable, "-P", "-m", "magistrate", "serve"]
        server = children.start(command, env=inherited | chosen, stdout=subprocess.PIPE)
        try:
            yield _address(server), (Path(folder) / "admin-token").read_text().strip()
        finally:
            server.terminate()
            children.see_off(server, END_PATIENCE)


def _address(server: subprocess.Popen[bytes]) -> str:
    for line in server.stdout or ():
        if found := re.search(r"http://\S+/graphql", line.decode()):
            return found[0]
    raise typer.Exit(server.wait())  # it has said why
