"""The page for browsers: for them alone, from here alone, and on record nowhere."""

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest

from gql import ide
from gql.app import create_app
from tests.chromium import PATIENCE, browsing, with_chromium
from tests.examples import CARD, register, save_card
from tests.service import ALICE, Service
from tests.sockets import served

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


def test_the_page_has_every_example() -> None:
    script = (Path(ide.__file__).parent / "page.js").read_text()
    examples = sorted(Path(__file__).parents[1].joinpath("examples").glob("*.graphql"))
    assert len(examples) > 10
    for each in examples:
        assert each.read_text().splitlines()[-2] in script and operation(each.read_text()) in script, f"make ide: {each.name}"


def operation(text: str) -> str:
    return str(re.findall(r"^query \w+", text, re.MULTILINE)[0])


HIT = "document.title='hit'"
TEXT = f"<img src=x onerror={HIT}><script>{HIT}</script> [here](javascript:{HIT}) and **bold**"


@with_chromium
async def test_chromium_shows_who_is_signed_in_the_examples_and_texts_as_they_read(service: Service, tmp_path: Path) -> None:
    await register(service)
    await save_card(service, card=CARD | {"trainingDataDescription": TEXT})
    async with served(service) as address, browsing(f"http://{address}", tmp_path) as tab:
        await tab.shows("document.querySelector('#token') && !!document.querySelector('.graphiql-container')")
        assert await tab.run("document.querySelector('#who').textContent") == ""
        await tab.run(sign_in("mag_none_" + "x" * 43))
        assert "unknown" in await tab.shows("document.querySelector('#who.refused')?.textContent")
        await tab.run(sign_in(ALICE.token))
        line = await tab.shows("document.querySelector('#who:not(.refused)')?.textContent")
        assert line == "Signed in as Alice (alice), MODEL_OWNER"

        titles = await tab.run("[...document.querySelectorAll('#examples option')].map((each) => each.textContent)")
        assert "What did she decide?" in titles
        for _ in range(2):  # an example can be opened again
            await tab.run(choose(titles.index("What did she decide?")))
            await tab.shows("document.querySelector('.graphiql-query-editor').textContent.includes('DecidedBy')")
            assert await tab.shows("document.querySelector('.graphiql-editor-tool').textContent.includes('userId')")

        asked = '{ modelVersion(modelId: "support-assistant", version: "1.0.0") { card { markdown } said: card { %s } } }'
        async with asyncio.timeout(PATIENCE):
            while await tab.run("document.querySelector('#read').disabled"):
                # Again, because the editor may still be about to show the example that was opened last.
                await tab.run(editing(asked % "markdown: trainingDataDescription"))
                await tab.run("document.querySelector('.graphiql-execute-button').click()")
                await asyncio.sleep(3)
        await tab.run("document.querySelector('#read').click()")
        whole, said = await tab.shows("[...document.querySelectorAll('.texts article div')].map((each) => each.innerHTML)")
        assert "<h1>" in whole and "<table>" in whole
        assert "<strong>bold</strong>" in said and not re.search("<img|<script|href=.javascript", said)
        assert await tab.run("document.title") == "Magistrate"
        assert not [each for each in tab.logged if "Content Security Policy" in each]


def sign_in(token: str) -> str:
    return f"document.querySelector('#token').value = '{token}'; document.querySelector('.bar form').requestSubmit()"


def choose(place: int) -> str:
    picked = "const list = document.querySelector('#examples')"
    return f"(() => {{ {picked}; list.selectedIndex = {place}; list.dispatchEvent(new Event('change', {{bubbles: true}})) }})()"


def editing(text: str) -> str:
    return f"document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue({json.dumps(text)})"
