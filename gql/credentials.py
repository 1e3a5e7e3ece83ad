"""What a caller signs in with: the token in the `Authorization` header, or the cookie of a browser's session.

A browser sends cookies with every request, whoever's page made it. So a cookie counts only beside the server's own origin (RFC
6454) and a token against forgery that no form can send and no other page can read.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address

from starlette.requests import HTTPConnection

HEADER, PAYLOAD = "x-magistrate-csrf", "csrf"
"""Where the token against forgery stands: in a header over HTTP, in the payload of `connection_init` over a WebSocket."""
SESSION, FORGERY = "magistrate", "magistrate-csrf"
_SCHEMES = {"ws": "http", "wss": "https"}


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller sent to sign in. `problem` says why the cookie of a session does not count."""

    authorization: str | None = None
    session: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Front:
    """The server as browsers see it; without `public_url` it is where a request was sent to."""

    public_url: str | None = None
    secure_only: bool = False

    def origin(self, caller: HTTPConnection) -> str:
        """The origin of this server's own pages."""
        if self.public_url:
            return self.public_url
        scheme = caller.scope["scheme"]
        return f"{_SCHEMES.get(scheme, scheme)}://{caller.headers.get('host', '')}"

    def is_secure(self, caller: HTTPConnection) -> bool:
        return self.origin(caller).startswith("https://")

    def may_keep_cookies(self, caller: HTTPConnection) -> bool:
        """Whether a cookie cannot be read on its way: over TLS, or on this machine unless the settings say otherwise."""
        return self.is_secure(caller) or (not self.secure_only and _is_this_machine(caller.url.hostname or ""))

    def named(self, name: str, caller: HTTPConnection) -> str:
        """The name of a cookie. Another host cannot set one whose name begins so (RFC 6265bis section 4.1.3.2)."""
        return f"__Host-{name}" if self.is_secure(caller) else name

    def credential(self, caller: HTTPConnection, forgery: str | None) -> Credential:
        """The credential of a request, with the token against forgery that came with it. A header counts before a cookie."""
        authorization = caller.headers.get("authorization")
        session = caller.cookies.get(self.named(SESSION, caller))
        if authorization is not None or session is None:
            return Credential(authorization)
        if not self.may_keep_cookies(caller):
            return Credential(None, session, "a session is used over https alone")
        if caller.headers.get("origin") != self.origin(caller):
            return Credential(None, session, "a session is used from this server's own pages alone: the Origin is not its own")
        if not hmac.compare_digest((forgery or "").encode(), forgery_token(session).encode()):
            return Credential(None, session, f"a session needs the token against forgery, which is sent as `{HEADER}`")
        return Credential(None, session)


def forgery_token(session: str) -> str:
    """The token against forgery that belongs to a session. Whoever knows it does not know the session."""
    return hmac.new(session.encode(), b"csrf", sha256).hexdigest()


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
