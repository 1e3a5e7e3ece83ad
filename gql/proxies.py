"""Takes the client's address and scheme from the headers of trusted proxies, and from nobody else's.

Uvicorn's `ProxyHeadersMiddleware` takes any text for an address (`unknown`), does not know an IPv4 address that is written as
IPv6, and gives requests over HTTP the scheme of WebSockets.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

Address = IPv4Address | IPv6Address
FOR, PROTO = b"x-forwarded-for", b"x-forwarded-proto"
SECURE = {"http": False, "ws": False, "https": True, "wss": True}
"""The schemes that a proxy can name, and whether they are over TLS."""
_WRITTEN = re.compile(r"\[([^]]+)](?::\d{1,5})?|([\d.]+):\d{1,5}|(.+)")
"""An address as proxies write it: alone, or with a port, which an IPv6 address in brackets can have."""


class Forwarded:
    """Gives a request that a trusted proxy forwards the address and the scheme of the client.

    The client is the right-most address of `X-Forwarded-For` that is no trusted proxy, because each proxy adds on the right from
    whom it has the request, and what stands further left may be made up.
    """

    def __init__(self, app: ASGIApp, proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self.app, self.proxies = app, proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        peer = address_of(scope["client"][0]) if scope.get("client") else None
        if peer and self._trusts(peer):
            if client := self._client(_listed(scope, FOR)):
                scope["client"] = (str(client), 0)
            secure = SECURE.get(next(_listed(scope, PROTO), "").lower())
            if secure is not None:
                scope["scheme"] = ("ws" if scope["type"] == "websocket" else "http") + "s" * secure
        await self.app(scope, receive, send)

    def _client(self, hops: Iterable[str]) -> Address | None:
        """The first that is no proxy, from the nearest on, else the furthest; None if the nearest is no address.

        What a proxy says is believed: so nothing is that stands beyond a text which is no address.
        """
        furthest = None
        for each in hops:
            if (found := address_of(each)) is None:
                break
            furthest = found
            if not self._trusts(found):
                break
        return furthest

    def _trusts(self, address: Address) -> bool:
        return any(address in each for each in self.proxies)


def address_of(text: str) -> Address | None:
    """The address in a text that may name a port too, without its zone, and as IPv4 if it is one; None if there is none."""
    written = _WRITTEN.fullmatch(text)
    try:
        found = ip_address(next(filter(None, written.groups())).partition("%")[0] if written else "")
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _listed(scope: Scope, name: bytes) -> Iterator[str]:
    """The elements of all headers of that name, the last first; empty ones are passed over (RFC 9110 section 5.6.1.2)."""
    for header, value in reversed(scope["headers"]):
        if header == name:
            yield from filter(None, (each.strip() for each in reversed(value.decode("latin-1").split(","))))
