"""The headers that tell browsers to do no more with an answer than it is for."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
"""What an answer says unless it says something else, as the page for browsers does."""
HSTS = "max-age=63072000; includeSubDomains"  # two years
CORS, CORP, CACHE = b"access-control-allow-origin", b"cross-origin-resource-policy", b"cache-control"
_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


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
                headers = message["headers"] = [*message.get("headers", ())]
                said = dict(headers)
                headers += [each for each in _HEADERS if each[0] not in said]
                if CORS not in said and CORP not in said:  # with the first, the page of a listed origin may have the answer
                    headers.append((CORP, b"same-origin"))
                if b"max-age" not in said.get(CACHE, b""):  # all but the page for browsers is data
                    headers[:] = [*(each for each in headers if each[0] != CACHE), (CACHE, b"no-store")]
                if scope.get("scheme") == "https":  # over plain HTTP it means nothing (RFC 6797 section 7.2)
                    headers.append((b"strict-transport-security", HSTS.encode()))
            await send(message)

        await self.app(scope, receive, secured)
