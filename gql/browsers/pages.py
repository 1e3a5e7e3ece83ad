"""The pages around sign-in: plain HTML and a style sheet; one script, which signs out."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse
from starlette.routing import Route

HERE = Path(__file__).parent
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def page(title: str, says: str, links: Mapping[str, str], status: int = 200, script: str | None = None) -> HTMLResponse:
    """A page with a heading, a sentence and links, each from a text to a place; `script` is a part of this package."""
    listed = "".join(f'<li><a href="{escape(place)}">{escape(text)}</a></li>' for text, place in links.items())
    loaded = f'<script src="/sign-in/{script}" defer></script>' if script else ""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)} - Magistrate</title><link rel="stylesheet" href="/sign-in/page.css">{loaded}</head>'
        f'<body><main><h1>{escape(title)}</h1><p id="says">{escape(says)}</p><ul>{listed}</ul></main></body></html>',
        status,
        headers=HEADERS,
    )


def parts() -> list[Route]:
    """The routes of the style sheet and the script."""

    def part(name: str) -> Route:
        async def answer(request: Request) -> FileResponse:
            return FileResponse(HERE / name, headers=HEADERS | {"cache-control": "max-age=3600"})

        return Route(f"/sign-in/{name}", answer)

    return [part("page.css"), part("sign-out.js")]
