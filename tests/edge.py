"""Where requests come in: what is refused there changes nothing that is stored and tells nothing of the inside."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.examples import register
from tests.journey import sign_in
from tests.service import ALICE, Person, Service

INSIDE = re.compile(
    r"Traceback|File \\?\"|\.py|site-packages|mongo|bson|elemMatch|\$regex|127\.0\.0\.1|<class|<enum| at 0x|[a-z]Error",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Edge:
    """A service with one version, and everything that it stored."""

    service: Service
    stored: dict[str, Any]

    async def refuses(self, query: str, variables: dict[str, Any] | None = None, by: Person = ALICE) -> dict[str, Any]:
        return await self.refused(json.dumps({"query": query, "variables": variables or {}}).encode(), 200, by)

    async def refused(self, body: bytes, status: int, by: Person = ALICE) -> dict[str, Any]:
        """The extensions of the only error; nothing is stored, and nothing told of the inside."""
        answer = await self.sent(body, by)
        assert answer.status_code == status and not INSIDE.search(answer.text), answer.text
        assert await self.service.state() == self.stored
        (error,) = answer.json()["errors"]
        return dict(error["extensions"])

    async def sent(self, body: bytes, by: Person = ALICE) -> httpx.Response:
        headers = {"authorization": f"Bearer {by.token}", "content-type": "application/json"}
        return await self.service.http.post("/graphql", content=body, headers=headers)


@pytest.fixture(scope="module")
async def edge(server: str) -> AsyncIterator[Edge]:
    service = await Service.started(server)
    await register(service)
    await sign_in(service)
    yield Edge(service, await service.state())
    await service.close()
