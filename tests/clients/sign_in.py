"""A person signs in by `oidc-provider` in a real browser, at a real server: a part of `make test-clients`.

It is run by `pytest tests/clients/sign_in.py`; its name keeps it out of a run of all tests, which does without Node.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.chromium import browsing, with_chromium
from tests.clients.in_page import STATUS, asked, at, came, clicks, code, cookies, go, listening, signs_in
from tests.clients.oidc_provider import OidcProvider, identity_file
from tests.faults.stand import free_ports
from tests.operated import Operated

HOST = "127.0.0.1"
WHO = "{ viewer { id stakeholder { roles } } }"
REGISTER_PERSON = "mutation($input: RegisterStakeholderInput!) { registerStakeholder(input: $input) { receipt { seq } } }"
REGISTER_MODEL = "mutation($input: RegisterModelInput!) { registerModel(input: $input) { receipt { seq } } }"
CHANGED = 'subscription { modelVersionChanged(modelId: "sorter") { modelId version } }'
LAST = "{ auditEvents(last: 1) { nodes { action actor { id } request { tokenIssuer } } } }"
MODEL = {
    "modelId": "sorter", "version": "1.0.0", "name": "Sorter", "purpose": "Sorts letters", "ownerId": "olga",
    "dataStewardId": "dan",
}  # fmt: skip
DAN = {"userId": "dan", "name": "Dan", "roles": ["DATA_STEWARD"], "department": "Data", "email": "dan@example.org"}
SECRET = "a+b/c %&=:" * 4
"""The secret of a confidential client, of characters that a form and a URL write otherwise (RFC 6749 section 2.3.1)."""


@dataclass(frozen=True)
class Running:
    """A running server, which browsers reach at `server`, and a running provider by which its people sign in."""

    operated: Operated
    provider: OidcProvider
    server: str

    @property
    def names(self) -> tuple[str, str]:
        """The names of the session's cookie and of the one against forgery."""
        prefix = "__Host-" if self.server.startswith("https") else ""
        return f"{prefix}magistrate", f"{prefix}magistrate-csrf"

    def ask_as_administrator(self, query: str, **fields: Any) -> Any:
        token = (self.operated.folder / "admin-token").read_text().strip()
        answer = self._ask(query, {"authorization": f"Bearer {token}"}, **fields)
        assert "errors" not in answer, answer
        return answer["data"]

    def ask_by_cookie(self, session: str, forgery: str, origin: str) -> Any:
        cookie = f"{self.names[0]}={session}"
        return self._ask("{ viewer { id } }", {"cookie": cookie, "origin": origin, "x-magistrate-csrf": forgery})

    def _ask(self, query: str, headers: dict[str, str], **fields: Any) -> Any:
        body = {"query": query, "variables": {"input": fields}}
        return httpx.post(self.operated.url, json=body, headers=headers, timeout=30).json()


@pytest.fixture(params=["a public client over http", "a confidential client over https"])
async def running(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    port, its_port = free_ports(2)
    server, secret = f"http://{HOST}:{port}", None
    settings: dict[str, object] = {"PORT": port}
    async with AsyncExitStack() as held:
        if "https" in request.param:
            server = f"https://{HOST}:{await held.enter_async_context(tls_before(port, tmp_path))}"
            secret, settings["PUBLIC_URL"] = SECRET, server
        provider = OidcProvider(tmp_path / "provider", its_port, server, **({"secret": secret} if secret else {}))
        settings["IDENTITY"] = identity_file(tmp_path, provider.issuer, secret)
        held.enter_context(provider)
        yield Running(held.enter_context(Operated(tmp_path / "data", **settings)), provider, server)


@with_chromium
async def test_a_person_signs_in_works_listens_and_signs_out_by_a_browser_alone(running: Running, tmp_path: Path) -> None:
    server, provider = running.server, running.provider
    provider.has("olga", "owners", name="Olga Ivanova")
    running.ask_as_administrator(REGISTER_PERSON, **DAN)
    async with browsing(f"{server}/graphql", tmp_path / "browser", "--ignore-certificate-errors") as tab:
        await clicks(tab, "a.issuer")
        await signs_in(tab, provider, "olga")
        await tab.shows(at(f"{server}/graphql"))
        line = await tab.shows("document.querySelector('#who:not(.refused)')?.textContent")
        assert line == "Signed in as Olga Ivanova (olga), MODEL_OWNER"
        assert (await tab.run(asked(WHO)))["data"]["viewer"] == {"id": "olga", "stakeholder": {"roles": ["MODEL_OWNER"]}}

        held = await cookies(tab, server)
        assert held.keys() == set(running.names)
        kept, readable = (held[each] for each in running.names)
        assert kept["httpOnly"] and {each["secure"] for each in held.values()} == {server.startswith("https")}
        session, forgery = kept["value"], readable["value"]
        assert await tab.run("document.cookie") == f"{readable['name']}={forgery}"
        assert running.ask_by_cookie(session, forgery, server) == {"data": {"viewer": {"id": "olga"}}}
        assert code(running.ask_by_cookie(session, forgery, provider.issuer)) == "UNAUTHENTICATED"
        assert code(await tab.run(asked(WHO, "'guessed'"))) == "UNAUTHENTICATED"

        await tab.run(listening(CHANGED, "'guessed'"))
        assert (await tab.shows(came("closed")))["code"] == 4403
        await tab.run(listening(CHANGED))
        await tab.shows(came("connection_ack"))
        await asyncio.sleep(1)  # nothing says when a subscription begins
        assert "errors" not in await tab.run(asked(REGISTER_MODEL, **MODEL))
        told = await tab.shows(came("next"))
        assert told["payload"]["data"] == {"modelVersionChanged": {"modelId": "sorter", "version": "1.0.0"}}
        (event,) = running.ask_as_administrator(LAST)["auditEvents"]["nodes"]
        assert event == {"action": "registerModel", "actor": {"id": "olga"}, "request": {"tokenIssuer": "corp"}}

        await clicks(tab, "#sign-out")
        await clicks(tab, "button[value=yes]")  # of the provider, which asks whether its own session ends as well
        await tab.shows(at(f"{server}/sign-out"))
        assert await tab.run(STATUS) == 200 and await tab.run("document.querySelector('main button')") is None
        assert await cookies(tab, server) == {}
        assert code(running.ask_by_cookie(session, forgery, server)) == "UNAUTHENTICATED"

        await clicks(tab, "main a")
        await signs_in(tab, provider, "olga")  # because the provider's session has ended
        await tab.shows(at(f"{server}/graphql"))
        assert (await tab.run(asked(WHO)))["data"]["viewer"]["id"] == "olga"
        assert (await cookies(tab, server))[kept["name"]]["value"] != session

        await go(tab, f"{server}/sign-out")
        await clicks(tab, "main button")
        await clicks(tab, "button[value=yes]")
        await tab.shows(at(f"{server}/sign-out"))
        assert await tab.run("document.cookie") == ""
        assert not [each for each in tab.logged if "Content Security Policy" in each]


@asynccontextmanager
async def tls_before(port: int, folder: Path) -> AsyncIterator[int]:
    """The port of a proxy that ends TLS and passes on what comes, as there is one before a server in life."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # one end has gone
            there = await asyncio.open_connection(HOST, port)
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder / "tls.pem"))
    async with await asyncio.start_server(pass_on, HOST, 0, ssl=context) as listener:
        yield listener.sockets[0].getsockname()[1]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    finally:
        writer.close()


def _certificate(file: Path) -> Path:
    """A key with a certificate that it signed itself, which a browser must be told to ignore."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form) + signed.public_bytes(serialization.Encoding.PEM))
    return file
