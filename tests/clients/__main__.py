"""Starts a server, enrols a model owner and a data steward, and lets the clients at it: `python -m tests.clients`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from tests.operated import Operated

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "schema.graphql"
REGISTER = "mutation($input: RegisterStakeholderInput!) { registerStakeholder(input: $input) { receipt { seq } } }"
TOKEN = "mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) { token } }"  # noqa: S105
PEOPLE = [
    {"userId": "alice", "name": "Alice", "roles": ["MODEL_OWNER"], "department": "ML", "email": "alice@example.org"},
    {"userId": "bob", "name": "Bob", "roles": ["DATA_STEWARD"], "department": "Data", "email": "bob@example.org"},
]


def main() -> int:
    with TemporaryDirectory() as folder, Operated(Path(folder)) as running:

        def done(token: str, mutation: str, **fields: Any) -> Any:
            headers = {"authorization": f"Bearer {token}"}
            asked = {"query": mutation, "variables": {"input": fields}}
            answer = httpx.post(running.url, json=asked, headers=headers, timeout=10).json()
            assert "errors" not in answer, answer["errors"]
            return answer["data"]

        admin = (running.folder / "admin-token").read_text().strip()
        for each in PEOPLE:
            done(admin, REGISTER, **each, authorizedTiers=["TIER_2_IMPORTANT"])
        enrolment = done(admin, TOKEN, name="enrolment", holder={"userId": "alice"})["createApiToken"]["token"]
        own = done(enrolment, TOKEN, name="clients")["createApiToken"]["token"]
        environment = {"URL": running.url, "TOKEN": own, "COMPILED": str(compiled(Path(folder) / "relay"))}
        tests = sorted(map(str, HERE.glob("*.test.mjs")))
        return subprocess.run(
            ["/usr/bin/env", "node", "--test", "--test-reporter=spec", *tests], env=os.environ | environment, check=False
        ).returncode


def compiled(folder: Path) -> Path:
    """What Relay's compiler makes of its documents; elsewhere, because it puts what it makes under version control."""
    shutil.copytree(HERE / "relay", folder)
    shutil.copy(SCHEMA, folder)
    subprocess.run([HERE / "node_modules" / ".bin" / "relay-compiler"], cwd=folder, check=True)
    return folder / "__generated__"


if __name__ == "__main__":
    sys.exit(main())
