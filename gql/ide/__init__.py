"""The page for browsers: GraphiQL, served whole by this server, so that it works without access to the internet.

`make ide` builds page.js and page.css from source/. The page is for anybody; what it sends needs a session or a token.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

HERE = Path(__file__).parent
HEADERS = {
    "cache-control": "max-age=3600",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; font-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "vary": "accept",
    "x-content-type-options": "nosniff",
}


class ForBrowsers:
    """Answers a browser that sends no operation with the page; any other request goes on to `otherwise`."""

    def __init__(self, otherwise: ASGIApp) -> None:
        self.otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (_file("page.html") if _is_browsing(Request(scope)) else self.otherwise)(scope, receive, send)


def parts() -> list[Route]:
    """The routes of the script and the style sheet that the page loads."""

    def part(name: str) -> Route:
        async def answer(request: Request) -> FileResponse:
            return _file(name)

        return Route(f"/graphql/{name}", answer)

    return [part("page.js"), part("page.css")]


def _is_browsing(request: Request) -> bool:
    """Whether an Accept header names HTML and no JSON, as browsers do and programs do not."""
    accept = request.headers.get("accept", "").lower()
    return request.method == "GET" and "query" not in request.query_params and "text/html" in accept and "json" not in accept


def _file(name: str) -> FileResponse:
    return FileResponse(HERE / name, headers=HEADERS)
