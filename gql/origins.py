"""Cross-origin requests (CORS) from the pages of listed origins, signed in by their bearer token, never by a cookie.

Starlette's middleware answers. It lies around the whole app, so that a page also reads what is refused before routing.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Send

REQUEST_ID = "x-request-id"
EXPOSED = ("Retry-After", "X-Request-Id", "WWW-Authenticate", "Allow")
KEPT = 7200  # seconds that a browser may keep the answer to a preflight; Chromium keeps none longer


class Origins(CORSMiddleware):
    """Lets the pages of these origins send GET and POST with any header, for they are trusted as whoever listed them says."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("*",),
            allow_private_network=True,
            expose_headers=EXPOSED,
            max_age=KEPT,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        if not self.is_allowed_origin(request_headers["origin"]):
            return PlainTextResponse("MAGISTRATE_ALLOWED_ORIGINS does not list this origin\n", 403, {"vary": "Origin"})
        return super().preflight_response(request_headers)

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """Tells the headers to listed origins alone; Starlette's middleware tells every page which headers are exposed."""
        if message["type"] == "http.response.start" and not self.is_allowed_origin(request_headers.get("origin", "")):
            MutableHeaders(scope=message).add_vary_header("Origin")
            await send(message)
        else:
            await super().send(message, send, request_headers)
