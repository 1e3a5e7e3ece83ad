"""The command `magistrate` as somebody runs it: a process, with a home of its own, beside a server that runs."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from gql.cli import app
from tests.operated import MAGISTRATE, Operated

PATIENCE = 60.0
NOT_LOADED = {
    "httpx",
    "rich",
    "graphql",
    "strawberry",
    "beanie",
    "motor",
    "pymongo",
    "pydantic",
    "documents",
    "resolvers",
    "yaml",
}
"""What help and completion load nothing of: it takes long."""
LOADED_BY = """
import sys
from gql.cli import main
sys.argv = ["magistrate", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(*{each.partition(".")[0] for each in sys.modules}, sep="\\n", file=sys.stderr)
"""
"""Runs the command, and names what it has loaded on standard error."""


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(each) for each in self.out.splitlines()]


class Desk:
    """Somebody at a shell. What the environment of the tests says of Magistrate does not count here."""

    def __init__(self, home: Path, url: str | None = None, token: str | None = None) -> None:
        self.home, self.url, self.token = home, url, token

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        ours = {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"), "XDG_CACHE_HOME": str(self.home / "cache")}
        known = {"MAGISTRATE_URL": self.url, "MAGISTRATE_TOKEN": self.token}
        left = {name: each for name, each in os.environ.items() if not name.startswith(("MAGISTRATE_", "ACTIONS_"))}
        return left | ours | {name: each for name, each in known.items() if each} | {"NO_COLOR": "1"} | more

    def does(self, *words: str, stdin: str | None = None, **environment: str) -> Done:
        """What `magistrate` does with these words, in this process, which has loaded everything already."""
        before, output = dict(os.environ), CliRunner()
        try:
            os.environ.clear()
            os.environ.update(self.environment(environment))
            with chdir(self.home):
                done = output.invoke(app, words, input=stdin or "")
        finally:
            os.environ.clear()
            os.environ.update(before)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    def runs(self, *words: str, stdin: str | None = None, **environment: str) -> Done:
        """What it does as a process of its own."""
        done = subprocess.run(
            [MAGISTRATE, *words], input=stdin or "", env=self.environment(environment), cwd=self.home,
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def succeeds(self, *words: str, stdin: str | None = None, **environment: str) -> Done:
        done = self.does(*words, stdin=stdin, **environment)
        assert done.code == 0, (done.code, done.err, done.out)
        return done

    def fails(self, code: int, *words: str, stdin: str | None = None, **environment: str) -> Done:
        """Runs a command that has to end so, with one line on standard error and no answer."""
        done = self.does(*words, stdin=stdin, **environment)
        assert done.code == code, (done.code, done.err, done.out)
        assert done.err.count("\n") == 1 and done.out == "", done
        return done


class Office:
    """A running server, with desks for its people."""

    def __init__(self, operated: Operated, home: Path) -> None:
        self.operated, self._home = operated, home

    @property
    def admin(self) -> "Desk":
        return self.desk((self.operated.folder / "admin-token").read_text().strip())

    def desk(self, token: str | None = None) -> Desk:
        """A desk with a home of its own; without a token nobody is signed in there."""
        home = self._home / f"home-{len(list(self._home.iterdir()))}"
        home.mkdir(parents=True)
        return Desk(home, self.operated.url, token)

    def asks(self, token: str, text: str, variables: Mapping[str, Any] | None = None) -> Any:
        body = {"query": text, "variables": variables or {}}
        answer = httpx.post(self.operated.url, json=body, headers={"authorization": f"Bearer {token}"}, timeout=PATIENCE).json()
        assert "errors" not in answer, answer
        return answer["data"]

    def invites(self, user: str, *roles: str, platform: str = "MEMBER") -> str:
        """Registers somebody, and makes the enrolment token."""
        tiers = ["TIER_1_CRITICAL", "TIER_2_IMPORTANT", "TIER_3_STANDARD", "TIER_4_EXPERIMENTAL"]
        person = {
            "userId": user, "name": user.title(), "email": f"{user}@example.org", "department": "ML", "platformRole": platform,
            "roles": list(roles), "authorizedTiers": tiers,
        }  # fmt: skip
        admin = self.admin.token or ""
        self.asks(
            admin,
            "mutation($input: RegisterStakeholderInput!) { registerStakeholder(input: $input) { receipt { seq } } }",
            {"input": person},
        )
        made = self.asks(admin, ENROL, {"input": {"name": "enrolment", "holder": {"userId": user}}})
        return str(made["createApiToken"]["token"])

    def hires(self, user: str, *roles: str, platform: str = "MEMBER") -> Desk:
        """Registers and enrols somebody, who gets a desk."""
        made = self.asks(self.invites(user, *roles, platform=platform), ENROL, {"input": {"name": "desk"}})
        return self.desk(made["createApiToken"]["token"])


ENROL = "mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) { token } }"


class Elsewhere(ThreadingHTTPServer):
    """A server that is none of ours, with the answers that it gives, or makes of a body; `heard` is what it was sent."""

    def __init__(self, answers: list[tuple[int, Any, dict[str, str]]], many: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.answers, self.many, self.heard = answers, many, list[tuple[str, Any, Any]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/graphql"


class _Answers(BaseHTTPRequestHandler):
    server: Elsewhere

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.heard.append((self.path, self.headers, json.loads(body or b"null")))
        status, answer, headers = self.server.answers[0] if self.server.many else self.server.answers.pop(0)
        if callable(answer):
            answer = answer(self.server.heard[-1][2])
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write((answer if isinstance(answer, str) else json.dumps(answer)).encode())

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def answering(*answers: tuple[int, Any, dict[str, str]], many: bool = False) -> Iterator[Elsewhere]:
    with Elsewhere(list(answers), many) as elsewhere:
        thread = threading.Thread(target=elsewhere.serve_forever, args=(0.01,))
        thread.start()
        yield elsewhere
        elsewhere.shutdown()
        thread.join()
