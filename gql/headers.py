"""The headers that tell browsers to do no more with an answer than it is for."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
"""What an answer says unless it says something else, as the page for browsers does."""
HSTS = "max-age=63072000; includeSubDomains"  # two years
CORS = "access-control-allow-origin"


class Secured:
    """Adds the headers to every answer over HTTP."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if CORS not in headers:  # else the page of a listed origin may have the answer
                    headers.setdefault("cross-origin-resource-policy", "same-origin")
                if "max-age" not in headers.get("cache-control", ""):  # all but the page for browsers is data
                    headers["cache-control"] = "no-store"
                if scope.get("scheme") == "https":  # over plain HTTP it means nothing (RFC 6797 section 7.2)
                    headers["strict-transport-security"] = HSTS
            await send(message)

        await self.app(scope, receive, secured)
