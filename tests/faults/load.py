"""Clients that send mutations of several kinds, each again under its idempotency key until it is answered."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from time import monotonic
from typing import Any

import httpx

from tests.examples import ACCESS_VERIFIED, CARD, EXPERIMENT, REGISTRATION
from tests.journey import TRY_IT
from tests.operations import DORA, TOM
from tests.service import ALICE, BOB, DAVID, Person, mutating

PAUSE, AGAIN = 0.2, 0.05  # seconds: between two mutations of a client at most, and until one is sent again
MODEL: dict[str, Any] = {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId")} | EXPERIMENT
PLAN: dict[str, Any] = TRY_IT | {"impact": TRY_IT["impact"] | {"testingRequired": []}}

JSON = "application/json; charset=utf-8"
AWAY: dict[str, Any] = {"errors": [{"extensions": {"code": "UNAVAILABLE"}}]}

Do = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Sent:
    """A mutation as it is sent, however often; its name is its idempotency key, and the operation that the trail tells."""

    name: str
    mutation: str
    by: Person
    select: str
    input: dict[str, Any]

    async def post(self, http: httpx.AsyncClient, url: str) -> Any:
        query = mutating(self.mutation, self.select).replace("mutation Test", f"mutation {self.name}")
        headers = {"authorization": f"Bearer {self.by.token}", "idempotency-key": self.name}
        answer = await http.post(url, json={"query": query, "variables": {"input": self.input}}, headers=headers)
        if answer.headers["content-type"] != JSON:
            raise Unexpected(f"{self.mutation} {self.name}: {answer.status_code} {answer.headers} {answer.text[:1_000]}")
        return answer.json()


@dataclass(frozen=True)
class Acknowledged:
    """What was answered, and how often it was sent for that."""

    sent: Sent
    receipt: dict[str, Any]
    attempts: int


class Unexpected(AssertionError):
    """A mutation was refused, though nothing was wrong with it."""


class Over(Exception):
    """Nothing more is sent."""


class Load:
    """Clients of one server, and everything that they were answered."""

    def __init__(self, http: httpx.AsyncClient, url: str, seed: int) -> None:
        self.http, self.url, self.dice, self.over = http, url, random.Random(seed), False
        self.acknowledged: list[Acknowledged] = []
        self.answered = 0.0  # when that was sent which was acknowledged last

    def answers(self, at: float) -> bool:
        """Whether something was acknowledged that was sent at that moment or later."""
        return self.answered >= at

    async def client(self, name: str) -> None:
        """Has version after version of a model of its own registered, documented and deployed, until it is over."""
        numbers = count()

        async def do(mutation: str, by: Person, select: str = "", **said: Any) -> Any:
            if self.over:
                raise Over
            await asyncio.sleep(self.dice.uniform(0, PAUSE))
            return await self._acknowledged(Sent(f"{name}_{next(numbers)}", mutation, by, select, said))

        try:
            for each in count():
                await carry(do, {"modelId": name, "version": f"{each}.0.0"}, first=each == 0)
        except Over:
            return

    async def _acknowledged(self, sent: Sent) -> Any:
        attempts, began = 1, monotonic()
        while "errors" in (answer := await self._answer(sent)):
            if answer["errors"][0]["extensions"]["code"] != "UNAVAILABLE":
                raise Unexpected(f"{sent.mutation} {sent.name}: {answer['errors']}")
            await asyncio.sleep(AGAIN)
            attempts, began = attempts + 1, monotonic()
        payload = answer["data"][sent.mutation]
        self.acknowledged.append(Acknowledged(sent, payload["receipt"], attempts))
        self.answered = began
        return payload

    async def _answer(self, sent: Sent) -> Any:
        try:
            return await sent.post(self.http, self.url)
        except httpx.TransportError:
            return AWAY


async def carry(do: Do, it: dict[str, Any], first: bool) -> None:
    """One version from its registration until it runs: the last mutation changes the change, the versions and what runs where."""
    if first:
        await do("registerModel", ALICE, **MODEL, **it, name=it["modelId"])
    else:
        await do("registerModelVersion", ALICE, **MODEL, **it)
    await do("saveModelCard", ALICE, **it, card=CARD | {"license": it["version"]})
    await do("attachEvidence", BOB, **it, **ACCESS_VERIFIED)
    await do("submitForApproval", ALICE, **it)
    plan = PLAN | {"modelId": it["modelId"], "targetVersion": it["version"]}
    change = (await do("createChangeRequest", DORA, "changeRequest { changeId }", **plan))["changeRequest"]
    await do("submitChangeForReview", DORA, **change)
    for who in (ALICE, TOM, DAVID):
        await do("addChangeApproval", who, **change, approved=True)
    await do("startDeployment", DORA, **change)
    await do("completeDeployment", DORA, **change, success=True)
