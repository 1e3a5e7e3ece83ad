"""Somebody at a shell: runs `magistrate` with settings of their own and no others."""

import asyncio
import os
from dataclasses import dataclass
from typing import NamedTuple

from typer.testing import CliRunner, Result

from gql.cli import app
from gql.faults import CannotServe

REGISTER = """mutation { registerStakeholder(input: {
    userId: "alice", name: "Alice", email: "alice@example.org", department: "ML", roles: [MODEL_OWNER]
}) { receipt { seq eventId eventHash treeSize root } } }"""


class Done(NamedTuple):
    status: int
    said: str


@dataclass(frozen=True)
class Operator:
    """Somebody at a shell who gives commands on the trail, with these settings and no others."""

    settings: dict[str, str]

    async def does(self, *words: object) -> Done:
        done, fault = await _run(self.settings, "audit", *map(str, words))
        return Done(fault.status if fault else done.exit_code, done.stdout)

    async def gets(self, *words: object) -> str:
        done = await self.does(*words)
        assert done.status == 0, done
        return done.said


async def administers(settings: dict[str, str], *words: str) -> Done:
    """What `magistrate admin` says to an operator with these settings and no others, and the status that it ends with."""
    done, fault = await _run(settings, "admin", *words)
    return Done(fault.status, str(fault)) if fault else Done(done.exit_code, done.output)


async def _run(settings: dict[str, str], *words: str) -> tuple[Result, CannotServe | None]:
    cleared = {each: None for each in os.environ if each.startswith("MAGISTRATE_")}
    environment = cleared | {f"MAGISTRATE_{name}": value for name, value in settings.items()}
    done = await asyncio.to_thread(CliRunner().invoke, app, words, env=environment)  # it has an event loop of its own
    match done.exception:
        case CannotServe() as fault:
            return done, fault
        case None | SystemExit():
            return done, None
    raise done.exception
