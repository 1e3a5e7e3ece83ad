"""The page for browsers: for them alone, from here alone, and on record nowhere."""

import re

import httpx
import pytest

from gql.app import create_app
from tests.service import ALICE, Service

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
SOURCES = re.compile(r'(?:src|href)="([^"]+)"')


async def browsed(service: Service, path: str = "/graphql", accept: str = BROWSER) -> httpx.Response:
    return await service.http.get(path, headers={"accept": accept})


async def test_a_browser_gets_the_page_and_all_that_it_loads_from_here_and_unasked(service: Service) -> None:
    seen = await service.size()
    page = await browsed(service)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    parts = {each: await browsed(service, f"/{each}", "*/*") for each in SOURCES.findall(page.text)}
    assert parts.keys() == {"graphql/page.css", "graphql/page.js"}
    for each in (page, *parts.values()):
        allowed = each.headers["content-security-policy"].split("; ")
        assert each.status_code == 200 and each.headers["x-content-type-options"] == "nosniff"
        assert {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(allowed)
    assert "<script>" not in page.text and "GraphiQL" in parts["graphql/page.js"].text
    assert await service.trail(seen) == []


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *(("/graphql", each) for each in ("*/*", "application/json", "application/json, text/html")),
        *(("/graphql?query={viewer{id}}", each) for each in ("*/*", BROWSER)),
        ("/graphql/source/page.jsx", BROWSER),
        ("/graphql/__init__.py", BROWSER),
    ],
)
async def test_nothing_else_is_anonymous(service: Service, path: str, accept: str) -> None:
    answer = await browsed(service, path, accept)
    assert answer.status_code == (401 if path.startswith("/graphql?") or path == "/graphql" else 404)


async def test_a_browser_that_asks_by_the_address_is_answered(service: Service) -> None:
    service.http.headers["authorization"] = f"Bearer {ALICE.token}"
    answer = await browsed(service, "/graphql?query={viewer{id}}")
    assert answer.json() == {"data": {"viewer": {"id": "alice"}}}


async def test_an_operator_can_do_without_the_page(service: Service) -> None:
    service.app = create_app(service.settings.model_copy(update={"ide": False}), lambda: service.now, service.database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url="http://test") as shut:
        for path, status in (("/graphql", 401), ("/graphql/page.js", 404)):
            assert (await shut.get(path, headers={"accept": BROWSER})).status_code == status
