"""Sessions of browsers over a provider that changes, goes and comes back: a part of `make test-clients`, as `sign_in.py` is.

The server is in this process, and its clock goes as a test wants.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gql.app import create_app
from resolvers.graph import live
from tests.chromium import browsing, with_chromium
from tests.clients.in_page import STATUS, asked, at, code, cookies, declines, go, signs_in
from tests.clients.oidc_provider import OidcProvider, identity_file
from tests.faults.stand import free_ports
from tests.service import Service
from tests.sockets import Socket, dial, served

WHO = "{ viewer { id stakeholder { roles } } }"
CHANGED = 'subscription { modelVersionChanged(modelId: "none") { modelId } }'


@dataclass
class Corp:
    """A server at `server` whose people sign in by a provider, which is not started yet."""

    provider: OidcProvider
    service: Service
    server: str
    ahead: timedelta = timedelta()

    def later(self, **delta: float) -> None:
        self.ahead += timedelta(**delta)

    def clock(self) -> datetime:
        """The provider's clock is that of the machine; this one goes ahead of it."""
        return datetime.now(UTC) + self.ahead


@asynccontextmanager
async def served_for(service: Service, folder: Path, **asked: str) -> AsyncIterator[Corp]:
    (port,) = free_ports(1)
    provider = OidcProvider(folder / "provider", port, "", **asked)
    corp = Corp(provider, service, "")
    settings = service.settings.model_copy(update={"identity": identity_file(folder, provider.issuer)})
    service.app = create_app(settings, corp.clock, service.database)
    async with served(service) as address:
        corp.server = provider.served = f"http://{address.removesuffix('/graphql')}"
        yield corp


@asynccontextmanager
async def signed_in(corp: Corp) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody whom the provider knows without asking: a client with the cookies, as the pages of the server have them."""
    async with httpx.AsyncClient(base_url=corp.server, follow_redirects=True, timeout=60) as browser:
        page = await browser.get("/sign-in", params={"to": "/healthz"})
        assert page.status_code == 200 and page.url.path == "/healthz", page.text
        browser.headers.update({"origin": corp.server, "x-magistrate-csrf": str(browser.cookies["magistrate-csrf"])})
        yield browser


async def answer_to(browser: httpx.AsyncClient) -> Any:
    return (await browser.post("/graphql", json={"query": WHO})).json()


async def roles(browser: httpx.AsyncClient) -> list[str]:
    answer = await answer_to(browser)
    assert "errors" not in answer, answer
    held: list[str] = answer["data"]["viewer"]["stakeholder"]["roles"]
    return held


async def test_a_session_follows_the_groups_of_the_provider_until_it_is_revoked(service: Service, tmp_path: Path) -> None:
    async with served_for(service, tmp_path, **{"as": "olga"}) as corp:
        provider = corp.provider
        provider.has("olga", "owners")
        with provider:
            async with signed_in(corp) as browser:
                assert await roles(browser) == ["MODEL_OWNER"]
                provider.has("olga", "stewards")
                corp.later(minutes=10)
                assert await roles(browser) == ["MODEL_OWNER"]
                corp.later(minutes=5)
                assert await roles(browser) == ["DATA_STEWARD"]
                provider.has("olga", "owners", "stewards")
                corp.later(minutes=15)  # a refresh token that is used twice ends the session at the provider
                await asyncio.gather(*(roles(browser) for _ in range(10)))
                assert await roles(browser) == ["MODEL_OWNER", "DATA_STEWARD"]
                provider.has("olga")  # no group that gives a role
                corp.later(minutes=15)
                assert code(await answer_to(browser)) == "UNAUTHENTICATED"
            provider.has("olga", "owners")
            async with signed_in(corp) as browser:
                assert await roles(browser) == ["MODEL_OWNER"]
                provider.revoke("olga")
                assert await roles(browser) == ["MODEL_OWNER"]
                corp.later(minutes=15)
                assert code(await answer_to(browser)) == "UNAUTHENTICATED"
                corp.later(minutes=15)
                assert code(await answer_to(browser)) == "UNAUTHENTICATED"


async def test_a_session_outlasts_an_outage_and_a_new_key_of_the_provider(service: Service, tmp_path: Path) -> None:
    async with served_for(service, tmp_path, **{"as": "olga"}) as corp:
        provider = corp.provider
        provider.has("olga", "owners")
        with provider:
            async with signed_in(corp) as browser:
                for ends in (provider.hang, provider.stop):
                    ends()
                    for _ in range(2):
                        corp.later(minutes=15)
                        assert await roles(browser) == ["MODEL_OWNER"]
                provider.has("olga", "stewards")
                provider.start()
                provider.rotate()
                corp.later(minutes=15)
                assert await roles(browser) == ["DATA_STEWARD"]


async def test_a_subscription_ends_with_the_session(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.1)
    async with served_for(service, tmp_path, **{"as": "olga"}) as corp:
        corp.provider.has("olga", "owners")
        with corp.provider:
            async with (
                signed_in(corp) as browser,
                dial(f"{corp.server.removeprefix('http://')}/graphql", **upgrade(browser)) as connection,
            ):
                listener = Socket(connection)
                await listener.send("connection_init", payload={"csrf": browser.headers["x-magistrate-csrf"]})
                assert await listener.heard() == {"type": "connection_ack"}
                await listener.subscribe(CHANGED)
                corp.provider.revoke("olga")
                corp.later(minutes=15)
                assert await listener.code() == "UNAUTHENTICATED"


def upgrade(browser: httpx.AsyncClient) -> dict[str, Any]:
    """What a page's WebSocket is opened with."""
    session = str(browser.cookies["magistrate"])
    return {"additional_headers": {"cookie": f"magistrate={session}"}, "origin": str(browser.base_url)}


async def test_a_provider_that_goes_before_the_code_is_redeemed_is_told_of_in_a_page(service: Service, tmp_path: Path) -> None:
    async with served_for(service, tmp_path, **{"as": "olga"}) as corp:
        corp.provider.has("olga", "owners")
        async with httpx.AsyncClient(timeout=60) as browser:
            with corp.provider:
                page = await browser.get(f"{corp.server}/sign-in")
                while not (place := page.headers["location"]).startswith(f"{corp.server}/sign-in/callback"):
                    page = await browser.get(page.url.join(place))
            page = await browser.get(place)
            assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
            assert "identity provider does not answer" in page.text and "magistrate" not in browser.cookies


@with_chromium
async def test_chromium_signs_in_again_after_a_rotation_and_once_the_provider_is_back(service: Service, tmp_path: Path) -> None:
    async with served_for(service, tmp_path) as corp, browsing(f"{corp.server}/sign-in", tmp_path / "browser") as tab:
        provider, server = corp.provider, corp.server
        provider.has("olga", "owners")
        provider.has("nora")
        await tab.shows(at(f"{server}/sign-in"))  # the provider was never up
        assert await tab.run(STATUS) == 503 and "identity provider does not answer" in await tab.run("document.body.innerText")

        with provider:
            corp.later(minutes=1)
            await go(tab, f"{server}/sign-in")
            await declines(tab, provider)
            await tab.shows(at(f"{server}/sign-in/callback"))
            assert await tab.run(STATUS) == 401 and "access_denied" in await tab.run("document.body.innerText")
            await go(tab, f"{server}/sign-in")
            await signs_in(tab, provider, "nora")  # no group gives her a role
            await tab.shows(at(f"{server}/sign-in/callback"))
            assert (
                await tab.run(STATUS) == 401 and (await cookies(tab, server)).keys() & {"magistrate", "magistrate-csrf"} == set()
            )

            assert await tab.run("document.querySelector('main a').getAttribute('href')") == "/sign-in"
            provider.revoke("nora")  # at the provider she is signed out, so that it asks again
            await go(tab, f"{server}/sign-in?to=/graphql")
            await signs_in(tab, provider, "olga")
            await tab.shows(at(f"{server}/graphql"))
            assert (await tab.run(asked(WHO)))["data"]["viewer"]["id"] == "olga"
            first = (await cookies(tab, server))["magistrate"]["value"]

            provider.rotate()
            corp.later(minutes=1)  # keys are looked for once a minute
            await go(tab, f"{server}/sign-in?issuer=corp&to=/graphql")  # the provider knows her still
            await tab.shows(at(f"{server}/graphql"))
            assert (await tab.run(asked(WHO)))["data"]["viewer"]["id"] == "olga"
            second = (await cookies(tab, server))["magistrate"]["value"]
            assert second != first

        assert (await tab.run(asked(WHO)))["data"]["viewer"]["id"] == "olga"
        with provider:
            await go(tab, f"{server}/sign-in?to=/graphql")
            await tab.shows(at(f"{server}/graphql"))
            assert (await tab.run(asked(WHO)))["data"]["viewer"]["id"] == "olga"
            assert (await cookies(tab, server))["magistrate"]["value"] != second
