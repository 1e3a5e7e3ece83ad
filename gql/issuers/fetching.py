"""Asks an issuer: within a time and a size, and without following redirects."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

MOST_BYTES = 1024 * 1024
SECONDS = 5.0
"""The time that an issuer has to answer."""


class NoAnswer(Exception):
    """What an issuer should answer cannot be had, for a reason that the text of this error says."""


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Sends requests to issuers; tests put an app in the place of the network."""

    transport: httpx.AsyncBaseTransport | None = None

    async def get(self, url: str) -> bytes:
        """The body of a 200; NoAnswer for anything else."""
        status, body = await self._asked("GET", url)
        if status != httpx.codes.OK:
            raise NoAnswer(f"{url} answers {status}; redirects are not followed")
        return body

    async def post(self, url: str, form: Mapping[str, str], auth: httpx.BasicAuth | None = None) -> tuple[int, Any]:
        """The status and the JSON that a form is answered with; NoAnswer without an answer, and for a fault of the issuer."""
        status, body = await self._asked("POST", url, data=dict(form), auth=auth)
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
            raise NoAnswer(f"{url} answers {status}")
        return status, json_of(body)

    async def _asked(self, method: str, url: str, **said: Any) -> tuple[int, bytes]:
        # What is compressed can be small on its way and large here.
        body, headers = bytearray(), {"accept": "application/json", "accept-encoding": "identity"}
        tls = True if self.transport else await asyncio.to_thread(_tls)
        # The proxy of the environment is for the world outside; an issuer that an operator configures may be inside.
        client = httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=False, transport=self.transport, verify=tls)
        try:
            async with asyncio.timeout(SECONDS), client, client.stream(method, url, headers=headers, **said) as answer:
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise NoAnswer(f"{url} answers in a compressed form, which was not asked for")
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        raise NoAnswer(f"{url} answers more than {MOST_BYTES:,} bytes")
        except TimeoutError:
            raise NoAnswer(f"{url} did not answer within {SECONDS:.0f} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(f"{url} is out of reach: {type(error).__name__}") from error
        return answer.status_code, bytes(body)


@cache
def _tls() -> ssl.SSLContext:
    """One for the process, because reading the certificates of all authorities takes long."""
    return httpx.create_ssl_context(trust_env=False)


def json_of(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise NoAnswer("the answer is not JSON") from None
