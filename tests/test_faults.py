"""What a kill during writes leaves: everything acknowledged, nothing by halves, one unbroken trail."""

import asyncio
import os
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.operated import Operated

TOKEN = f"mag_faults_{'f' * 43}"
REGISTER = "mutation($input: RegisterStakeholderInput!) { registerStakeholder(input: $input) { receipt { seq eventHash } } }"
EVENTS = """query($after: String) { auditEvents(first: 100, after: $after, filter: {action: {eq: "registerStakeholder"}}) {
    nodes { seq outcome resource { id } eventHash } pageInfo { hasNextPage endCursor } } }"""
PEOPLE = (
    "query($after: String) { stakeholders(first: 100, after: $after) { nodes { userId } pageInfo { hasNextPage endCursor } } }"
)


def someone(user_id: str) -> dict[str, Any]:
    return {"userId": user_id, "name": "N", "email": "n@example.org", "department": "D", "roles": ["DEPLOYER"]}


class Writer:
    """Registers people one after the other, until it is told to stop, and remembers what was acknowledged."""

    def __init__(self, http: httpx.AsyncClient, url: str, name: str) -> None:
        self.http, self.url, self.name, self.acknowledged, self.stopped = http, url, name, dict[str, int](), False

    async def write(self, enough: int = 500) -> None:
        for number in count():
            if self.stopped or len(self.acknowledged) == enough:
                return
            user_id = f"{self.name}{number}"
            asked = {"query": REGISTER, "variables": {"input": someone(user_id)}}
            try:
                answer = (await self.http.post(self.url, json=asked)).json()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if "errors" not in answer:
                self.acknowledged[user_id] = answer["data"]["registerStakeholder"]["receipt"]["seq"]


def signed_in(token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=30, limits=httpx.Limits(max_connections=200))


async def everything(http: httpx.AsyncClient, url: str, query: str, field: str) -> list[dict[str, Any]]:
    nodes, after = [], None
    while True:
        page = (await http.post(url, json={"query": query, "variables": {"after": after}})).json()["data"][field]
        nodes += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return nodes
        after = page["pageInfo"]["endCursor"]


async def holds(http: httpx.AsyncClient, url: str, acknowledged: dict[str, int]) -> None:
    """Each acknowledged mutation has its event, each event its change, each change its event; the chain verifies."""
    events = [each for each in await everything(http, url, EVENTS, "auditEvents") if each["outcome"] == "SUCCESS"]
    told = {each["resource"]["id"]: each["seq"] for each in events}
    people = {each["userId"] for each in await everything(http, url, PEOPLE, "stakeholders")} - {"admin"}
    assert len(told) == len(events) and people == told.keys()
    assert acknowledged.items() <= told.items()
    verified = await http.post(url, json={"query": "{ auditVerification { valid faults { kind seq detail } } }"})
    assert verified.json()["data"]["auditVerification"] == {"valid": True, "faults": []}


async def test_two_hundred_mutations_at_once_from_two_processes_make_one_chain(server: str, tmp_path: Path) -> None:
    # On a busy machine the last of them waits for longer than a request may take.
    shared = {"MONGODB_URI": server, "DATABASE": "faults", "ADMIN_TOKEN": TOKEN, "LIMIT_SECONDS": 60}
    with Operated(tmp_path / "one", **shared) as one, Operated(tmp_path / "two", **shared) as two:
        assert one.signed_by == "nobody: there is no MAGISTRATE_AUDIT_KEY"
        async with signed_in(TOKEN) as http:
            writers = [Writer(http, each.url, f"{letter}{at}-") for letter, each in (("a", one), ("b", two)) for at in range(100)]
            await asyncio.gather(*[each.write(enough=1) for each in writers])
            acknowledged = acknowledged_to(writers)
            first = min(acknowledged.values())
            assert sorted(acknowledged.values()) == list(range(first, first + 200))
            await holds(http, one.url, acknowledged)


def acknowledged_to(writers: list[Writer]) -> dict[str, int]:
    return {user_id: seq for each in writers for user_id, seq in each.acknowledged.items()}


def the_server(running: Operated) -> int:
    return running.process.pid


def the_engine(running: Operated) -> int:
    return int((running.folder / "engine.pid").read_text())


def the_worker(running: Operated) -> int:
    (worker,) = running.children - {the_engine(running)}
    return worker


@pytest.mark.parametrize("victim", [the_server, the_engine, the_worker])
async def test_a_kill_during_writes_loses_nothing_that_was_acknowledged(
    victim: Callable[[Operated], int], tmp_path: Path
) -> None:
    with Operated(tmp_path) as running:
        async with signed_in((tmp_path / "admin-token").read_text().strip()) as http:
            writers = [Writer(http, running.url, f"w{at}-") for at in range(4)]
            writing = asyncio.gather(*[each.write() for each in writers])
            await asyncio.sleep(0.7)
            before = len(acknowledged_to(writers))
            os.kill(victim(running), signal.SIGKILL)
            if victim is not the_server:  # it goes on by itself
                async with asyncio.timeout(30):
                    await Writer(http, running.url, "later-").write(enough=5)
            for each in writers:
                each.stopped = True
            await writing
    with Operated(tmp_path) as again:
        async with signed_in((tmp_path / "admin-token").read_text().strip()) as http:
            assert before > 5
            await holds(http, again.url, acknowledged_to(writers))
