"""Everybody by every kind of credential, each as its holder gets it: by a mutation, an issuer, a browser or an exchange."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import product
from typing import Any

import httpx
from websockets.typing import Origin

from documents.access import Permission
from documents.issuers import Issuers
from documents.tokens import ApiToken, TokenKind
from gql.app import create_app
from gql.credentials import forgery_token
from gql.exchange import GRANT
from gql.issuers.fetching import Fetcher
from gql.issuers.tokens import linked
from tests.authorizing import Authorizing
from tests.examples import on_record
from tests.providers import CORP, ISSUER
from tests.service import ADA, Person, Service, person
from tests.sockets import Socket, dial

CI, HERE = "https://ci.example.org", "http://127.0.0.1"
TOKEN, COOKIE, JWT, ENROLMENT = "a token of one's own", "the cookie of a session", "a JWT of a person", "an enrolment token"
OF_SERVICE, OF_RUN, EXCHANGED = "a token of a service", "a JWT of a program", "an exchanged token"
BY_ROLE, PROGRAMS = (TOKEN, COOKIE, JWT), tuple(product((OF_SERVICE, OF_RUN, EXCHANGED), (True, False)))
SERVICE = "SERVICE"


@dataclass(frozen=True)
class Caller:
    """Somebody of a role who speaks by a kind of credential; of a program, `listed` says whether it lists the mutations."""

    id: str
    role: str
    kind: str
    text: str
    listed: bool = True

    @property
    def headers(self) -> dict[str, str]:
        if self.kind == COOKIE:
            return {"cookie": f"magistrate={self.text}", "origin": HERE, "x-magistrate-csrf": forgery_token(self.text)}
        return {"authorization": f"Bearer {self.text}"}

    @property
    def token_id(self) -> str | None:
        """What events call the token; None for one of an issuer."""
        return None if self.kind in {JWT, OF_RUN} else self.text.split("_")[1]

    async def socket(self, address: str, dialled: AsyncExitStack) -> Socket:
        """A connection that is signed in, which is closed with the others that were dialled."""
        said: dict[str, Any] = {"payload": {"authorization": f"Bearer {self.text}"}}
        options: dict[str, Any] = {}
        if self.kind == COOKIE:
            said = {"payload": {"csrf": forgery_token(self.text)}}
            options["origin"] = Origin(f"http://{address.removesuffix('/graphql')}")
            options["additional_headers"] = {"cookie": f"magistrate={self.text}"}
        socket = Socket(await dialled.enter_async_context(dial(address, **options)))
        await socket.send("connection_init", **said)
        assert await socket.heard() == {"type": "connection_ack"}
        return socket


@dataclass
class Credentials:
    """A service whose people and programs hold credentials of every kind."""

    service: Service
    people: Mapping[str, Person]
    """Somebody of each role."""
    listed: Sequence[str]
    """The mutations that rules list: all that a program may use."""
    provider: Authorizing = field(default_factory=Authorizing)
    held: dict[tuple[str, str, bool], Caller] = field(default_factory=dict)

    async def hand_out(self) -> None:
        self._configure()
        claims = {role: await self._claims(who) for role, who in self.people.items()}
        for role, who in self.people.items():
            self._hold(role, COOKIE, await self._session(claims[role]))
            self._hold(role, JWT, self._signed(**claims[role]))
            # The first sign-in by an issuer ended the token that the person had.
            self._hold(role, TOKEN, (await self._given(who.id, TokenKind.PERSONAL, f"own{who.id}")).token)
            self._hold(role, ENROLMENT, (await self._given(who.id, TokenKind.ENROLMENT, f"enrols{who.id}")).token)
        for listed in (True, False):
            name = "pipeline" if listed else "reader"
            mutations = tuple(Permission) if listed else ()  # a token that no administrator could make
            run = self._signed(iss=CI, sub=name, aud="here", repository=name)
            self._hold(SERVICE, OF_SERVICE, (await self._given(name, TokenKind.SERVICE, name, *mutations)).token, listed, name)
            self._hold(SERVICE, OF_RUN, run, listed, name)
            self._hold(SERVICE, EXCHANGED, await self._exchanged(run), listed, name)
        for each in self.held.values():
            await self.ask(each, "{ viewer { id } }")  # the first use of a token in an hour is noted, and that is no change

    def somebody(self, role: str) -> Person:
        """Somebody of a role, by a token of their own."""
        return replace(self.people[role], token=self.held[role, TOKEN, True].text)

    async def ask(self, by: Caller, query: str, variables: Mapping[str, Any] = {}) -> Any:
        """The answer."""
        said = {"query": query, "variables": dict(variables)}
        return (await self.service.http.post("/graphql", json=said, headers=by.headers)).json()

    def _configure(self) -> None:
        """Starts the server anew with an issuer of people and one of programs."""
        rules = [
            {"claims": {"repository": name}, "service": name, "mutations": mutations}
            for name, mutations in (("pipeline", [*self.listed]), ("reader", []))
        ]
        programs = {"name": "ci", "issuer": CI, "audience": "here", "jwks": f"{ISSUER}/keys", "kind": "workloads", "rule": rules}
        group = [{"is": "none", "roles": ["DEPLOYER"]}]
        issuers = Issuers.model_validate({"issuer": [CORP | {"client_id": "magistrate", "group": group}, programs]})
        self.provider.now, self.provider.refreshes = self.service.now, False
        service, fetcher = self.service, Fetcher(httpx.ASGITransport(self.provider.app))
        issued = linked(issuers, lambda: service.now, fetcher)
        service.app = create_app(service.settings, lambda: service.now, service.database, issued=issued)
        service.http = self._browser()

    def _browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.service.app, client=("192.0.2.1", 9)), base_url=HERE)

    def _hold(self, role: str, kind: str, text: str, listed: bool = True, name: str = "") -> None:
        self.held[role, kind, listed] = Caller(name or self.people[role].id, role, kind, text, listed)

    async def _claims(self, who: Person) -> dict[str, Any]:
        found = await self.service.ask("query($id: String!) { stakeholder(userId: $id) { email } }", ADA, id=who.id)
        said = {"sub": f"u-{who.id}", "preferred_username": who.id, "name": who.id, "department": who.department, "groups": []}
        return said | {"email": found["stakeholder"]["email"], "email_verified": True}

    def _signed(self, **claims: Any) -> str:
        """A token of an issuer, for a day: what is tested moves the clock."""
        expires = int((self.service.now + timedelta(days=1)).timestamp())
        return self.provider.signs(None, {}, self.service.now, exp=expires, **claims)

    async def _session(self, claims: dict[str, Any]) -> str:
        self.provider.claims = claims
        async with self._browser() as browser:
            place = (await browser.get("/sign-in")).headers["location"]
            answer = await browser.get("/sign-in/callback", params=self.provider.authorizes(place))
            assert answer.status_code == 303, answer.text
            return browser.cookies["magistrate"]

    async def _exchanged(self, run: str) -> str:
        form = {"grant_type": GRANT, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": run}
        return str((await self.service.http.post("/token", data=form)).json()["access_token"])

    async def _given(self, holder: str, kind: TokenKind, name: str, *mutations: Permission) -> Person:
        """A token that is stored as if somebody had made it."""
        made = person(name)

        async def grant() -> None:
            token, _ = ApiToken.of(made.token, kind, holder, "test", None, ADA.id, self.service.now)
            token.mutations = mutations
            await token.store()

        with self.service.database.bound():
            await on_record(self.service, grant)
        return made
