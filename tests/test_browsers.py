"""People sign in with a browser: by the code flow of their issuer, for a session whose cookie no script reads."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey
from pymongo.errors import OperationFailure
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from documents.issuers import Issuers
from documents.tokens import ApiToken
from gql.app import create_app
from gql.credentials import forgery_token
from gql.issuers.fetching import Fetcher
from gql.issuers.tokens import linked
from tests.authorizing import Authorizing
from tests.examples import deactivate
from tests.providers import CORP, ISSUER
from tests.service import ADA, Person, Service
from tests.sockets import Socket, dial, served

HERE = "https://models.example.org"
SESSION, FORGERY = "__Host-magistrate", "__Host-magistrate-csrf"
GROUPS = [{"is": "risk", "roles": ["RISK_MANAGER"], "tiers": ["TIER_1_CRITICAL"]}, {"is": "admins", "platform_role": "ADMIN"}]
RINA = {
    "sub": "u-rina", "preferred_username": "rina", "name": "Rina", "email": "rina@example.org", "email_verified": True,
    "department": "Risk", "groups": ["risk"],
}  # fmt: skip
VIEWER = "{ viewer { id stakeholder { roles } tokens { kind issuedBy expiresAt revokedAt } } }"


@dataclass
class Browsing:
    """A service with an issuer that browsers sign in by, and a browser."""

    service: Service
    provider: Authorizing
    http: httpx.AsyncClient
    app: Starlette = field(default_factory=Starlette)

    def configured(self, settings: dict[str, Any] | None = None, here: str = HERE, **fields: Any) -> None:
        """Starts the server anew with the issuer configured so, and a browser without cookies."""
        said = CORP | {"client_id": "magistrate", "join": True, "group": GROUPS} | fields
        issuers = Issuers.model_validate({"issuer": [said]})
        issued = linked(issuers, lambda: self.service.now, Fetcher(httpx.ASGITransport(self.provider.app)))
        changed = self.service.settings.model_copy(update=settings or {})
        self.app = create_app(changed, lambda: self.service.now, self.service.database, issued=issued)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app, client=("192.0.2.1", 9)), base_url=here)
        self.provider.now = self.service.now

    def later(self, **delta: float) -> None:
        self.service.later(**delta)
        self.provider.now = self.service.now

    async def begin(self, **asked: str) -> str:
        """Where the browser is sent."""
        answer = await self.http.get("/sign-in", params=asked)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def come_back(self, **answer: str) -> httpx.Response:
        return await self.http.get("/sign-in/callback", params=answer)

    async def sign_in(self, **asked: str) -> httpx.Response:
        return await self.come_back(**self.provider.authorizes(await self.begin(**asked)))

    async def ask(self, query: str = VIEWER, headers: dict[str, str] | None = None) -> httpx.Response:
        """A request by the cookie, as a page of this server sends it; `headers` replaces what it sends beside."""
        own = {"origin": str(self.http.base_url).rstrip("/"), "x-magistrate-csrf": self.forgery}
        return await self.http.post("/graphql", json={"query": query}, headers=own if headers is None else headers)

    @property
    def forgery(self) -> str:
        return next((each.value or "" for each in self.http.cookies.jar if each.name.endswith("-csrf")), "")

    async def denied(self) -> int:
        """How many denied sign-ins the trail tells."""
        self.later(minutes=1)
        await self.http.post("/graphql", json={"query": "{ viewer { id } }"}, headers={"authorization": f"Bearer {ADA.token}"})
        told = [each for each in await self.service.trail() if each["action"] == "signIn" and each["outcome"] == "denied"]
        return sum(each["details"]["facts"]["attempts"] for each in told)


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    yield service
    await service.close()


@pytest.fixture
async def browsing(begun: Service) -> AsyncIterator[Browsing]:
    async with begun.put_back():
        made = Browsing(begun, Authorizing(claims=dict(RINA)), httpx.AsyncClient())
        made.configured()
        yield made


def flow_of(state: str) -> str:
    """The name of the cookie of a sign-in that was begun."""
    return f"__Host-magistrate-sign-in-{state[:12]}"


def says(answer: httpx.Response) -> str:
    return answer.text.partition('<p id="says">')[2].partition("</p>")[0]


async def test_a_browser_signs_in_by_the_issuer_for_a_session(browsing: Browsing) -> None:
    place = await browsing.begin(to="/graphql?query=x")
    asked = {name: each[0] for name, each in parse_qs(urlsplit(place).query).items()}
    assert asked["scope"] == "openid profile email" and asked["redirect_uri"] == f"{HERE}/sign-in/callback"
    assert (asked["response_type"], asked["client_id"]) == ("code", "magistrate") and "prompt" not in asked
    answer = await browsing.come_back(**browsing.provider.authorizes(place))
    assert (answer.status_code, answer.headers["location"]) == (303, "/graphql?query=x")
    cookies = {each.partition("=")[0]: each for each in answer.headers.get_list("set-cookie")}
    assert all(each in cookies[SESSION] for each in ("HttpOnly", "Secure", "SameSite=strict", "Path=/", "Max-Age=43200"))
    assert "HttpOnly" not in cookies[FORGERY] and "Secure" in cookies[FORGERY] and "Max-Age=0" in cookies[flow_of(asked["state"])]
    viewer = (await browsing.ask()).json()["data"]["viewer"]
    assert (viewer["id"], viewer["stakeholder"]["roles"]) == ("rina", ["RISK_MANAGER"])
    assert [(each["kind"], each["issuedBy"]) for each in viewer["tokens"]] == [("SESSION", "corp")]
    events = [each for each in await browsing.service.trail() if each["actor"]["id"] == "rina"]
    assert [(each["action"], each["resource"]["type"], each["request"]["token_issuer"]) for each in events] == [
        ("signIn", "Stakeholder", "corp"), ("signIn", "ApiToken", "corp"),
    ]  # fmt: skip


async def test_cookies_of_any_name_are_no_error(browsing: Browsing) -> None:
    odd = [f"__Host-magistrate-sign-in-{each}(=x" for each in "abcdef"]
    for path, status in (("/sign-in", 303), ("/sign-in/callback?state=a(", 401)):
        answer = await browsing.http.get(path, headers={"cookie": "; ".join(odd)})
        assert answer.status_code == status, answer.text


async def test_events_of_a_session_name_it_and_the_issuer_and_its_cookie_is_stored_nowhere(browsing: Browsing) -> None:
    await browsing.sign_in()
    cookie = browsing.http.cookies[SESSION]
    assert (await browsing.ask('mutation { createApiToken(input: {name: "laptop"}) { token } }')).json()["data"]
    request = (await browsing.service.last())["request"]
    assert [request[each] for each in ("token", "token_issuer")] == [cookie.split("_")[1], "corp"]
    everything = f"{await browsing.service.state()}{await browsing.service.trail()}"
    assert cookie.split("_", 2)[2] not in everything and not any(each in everything for each in browsing.provider.refreshable)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "own pages alone"),
        ({"origin": "https://evil.example.org"}, "own pages alone"),
        ({"origin": "null"}, "own pages alone"),
        ({"origin": "http://models.example.org"}, "own pages alone"),
        ({"origin": "https://models.example.org:8443"}, "own pages alone"),
        ({"origin": HERE}, "token against forgery"),
        ({"origin": HERE, "x-magistrate-csrf": "0" * 64}, "token against forgery"),
    ],
    ids=str,
)
async def test_a_cookie_from_another_site_signs_nobody_in(headers: dict[str, str], why: str, browsing: Browsing) -> None:
    await browsing.sign_in()
    before = await browsing.denied()
    sent = {name: browsing.forgery if value == "own" else value for name, value in headers.items()}
    answer = await browsing.ask(headers=sent)
    assert answer.status_code == 401 and why in answer.json()["errors"][0]["message"]
    assert await browsing.denied() == before + 1


async def test_the_token_against_forgery_of_another_session_does_not_count(browsing: Browsing) -> None:
    await browsing.sign_in()
    other = browsing.forgery
    await browsing.sign_in()
    assert other != browsing.forgery
    assert (await browsing.ask(headers={"origin": HERE, "x-magistrate-csrf": other})).status_code == 401
    assert (await browsing.ask()).status_code == 200


async def test_a_session_is_no_bearer_token_and_a_token_is_no_cookie(browsing: Browsing) -> None:
    await browsing.sign_in()
    cookie = browsing.http.cookies[SESSION]
    refused = (await browsing.service.post(VIEWER, by=Person("rina", cookie))).json()["errors"][0]
    assert "counts as its cookie alone" in refused["message"]
    made = (await browsing.ask('mutation { createApiToken(input: {name: "x"}) { token } }')).json()["data"]["createApiToken"]
    browsing.http.cookies.clear()
    browsing.http.cookies.set(SESSION, made["token"], domain="models.example.org")
    answer = await browsing.ask(headers={"origin": HERE, "x-magistrate-csrf": forgery_token(made["token"])})
    assert answer.status_code == 401 and "not that of a session" in answer.json()["errors"][0]["message"]


async def test_a_replayed_answer_and_one_to_another_browser_begin_no_session(browsing: Browsing) -> None:
    before, answer = await browsing.denied(), browsing.provider.authorizes(await browsing.begin())
    kept, name = browsing.http.cookies[flow_of(answer["state"])], flow_of(answer["state"])
    assert (await browsing.come_back(**answer)).status_code == 303
    assert "was not begun in this browser" in says(await browsing.come_back(**answer))
    browsing.http.cookies.set(name, kept, domain="models.example.org")
    assert says(await browsing.come_back(**answer)) == "Corp refuses it: invalid_grant."
    assert await browsing.denied() == before + 2
    mine = browsing.provider.authorizes(await browsing.begin())
    browsing.configured()
    other = browsing.provider.authorizes(await browsing.begin())
    before = await browsing.denied()
    assert "was not begun in this browser" in says(await browsing.come_back(**mine))  # login CSRF
    browsing.http.cookies.set(flow_of(mine["state"]), browsing.http.cookies[flow_of(other["state"])], domain="models.example.org")
    assert "not the one to the sign-in of this browser" in says(await browsing.come_back(**mine))
    assert SESSION not in browsing.http.cookies and await browsing.denied() == before + 2


async def test_two_tabs_sign_in_at_once(browsing: Browsing) -> None:
    one, other = [browsing.provider.authorizes(await browsing.begin(to=f"/graphql?{each}")) for each in "ab"]
    for answer, place in ((one, "/graphql?a"), (other, "/graphql?b")):
        assert (await browsing.come_back(**answer)).headers["location"] == place


async def test_sign_ins_that_were_begun_do_not_fill_the_header_of_requests(browsing: Browsing) -> None:
    for _ in range(12):
        last = await browsing.begin(to=f"/graphql?{'x' * 980}")
    assert len(browsing.http.cookies) == 4
    assert (await browsing.come_back(**browsing.provider.authorizes(last))).status_code == 303
    assert (await browsing.ask()).status_code == 200


async def test_a_sign_in_takes_ten_minutes_at_most(browsing: Browsing) -> None:
    answer = browsing.provider.authorizes(await browsing.begin())
    browsing.later(minutes=10)
    assert "within ten minutes" in says(await browsing.come_back(**answer))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"iss": "https://other.example.org"}, "The answer is not of corp."),
        ({"state": ""}, "This sign-in was not begun in this browser within ten minutes: begin again."),
        ({"error": "access_denied"}, "Corp did not sign you in: access_denied."),
        ({"error": "<script>"}, "Corp did not sign you in: &lt;script&gt;."),
        ({"code": ""}, "The answer of corp has no code."),
        ({"code": "guessed"}, "Corp refuses it: invalid_grant."),
    ],
    ids=str,
)
async def test_a_wrong_answer_begins_no_session_and_is_told(change: dict[str, str], why: str, browsing: Browsing) -> None:
    before = await browsing.denied()
    answer = await browsing.come_back(**browsing.provider.authorizes(await browsing.begin()) | change)
    assert (answer.status_code, says(answer)) == (401, why)
    assert SESSION not in browsing.http.cookies and await browsing.denied() == before + 1


async def test_an_issuer_that_names_itself_in_its_answers_must(browsing: Browsing) -> None:
    browsing.provider.metadata = {"authorization_response_iss_parameter_supported": True}
    browsing.configured()
    answer = browsing.provider.authorizes(await browsing.begin())
    answer.pop("iss")
    before = await browsing.denied()
    assert says(await browsing.come_back(**answer)) == "The answer is not of corp."
    assert SESSION not in browsing.http.cookies and await browsing.denied() == before + 1


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "the answer to another sign-in"),
        ({"nonce": None}, "the answer to another sign-in"),
        ({"aud": "somebody else"}, "another audience"),
        ({"azp": "somebody else"}, "another client"),
        ({"email_verified": False}, "does not say that the email is verified"),
        ({"groups": None}, "no claim `groups`"),
        ({"groups": []}, "gives a role here"),
        ({"exp": 1}, "has expired"),
        ({"sub": None}, "whom it is about"),
    ],
    ids=str,
)
async def test_a_wrong_id_token_begins_no_session_and_is_told(claims: dict[str, Any], why: str, browsing: Browsing) -> None:
    browsing.provider.claims |= claims
    before, state = await browsing.denied(), await browsing.service.state()
    answer = await browsing.sign_in()
    assert answer.status_code == 401 and why in says(answer)
    assert await browsing.service.state() == state and await browsing.denied() == before + 1


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example.org",
        "//evil.example.org",
        "/\\evil.example.org",
        "\\\\evil",
        "javascript:alert(1)",
        "/a\nb",
        "/é",
        "x",
    ],
)
async def test_nobody_is_sent_to_another_server(place: str, browsing: Browsing) -> None:
    assert (await browsing.sign_in(to=place)).headers["location"] == "/graphql"


async def test_a_session_is_a_new_one_each_time(browsing: Browsing) -> None:
    """And a cookie that somebody else planted in the browser opens nothing, before the sign-in and after it."""
    fixed, own = f"mag_fixed_{'s' * 43}", {"origin": HERE, "x-magistrate-csrf": forgery_token(f"mag_fixed_{'s' * 43}")}
    before = await browsing.denied()
    browsing.http.cookies.set(SESSION, fixed, domain="models.example.org")
    assert (await browsing.ask(headers=own)).status_code == 401
    await browsing.sign_in()
    planted = {"cookie": f"{SESSION}={fixed}", **own}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(browsing.app, client=("192.0.2.1", 9)), base_url=HERE) as other:
        assert (await other.post("/graphql", json={"query": VIEWER}, headers=planted)).status_code == 401
    assert await browsing.denied() == before + 2
    first = next(each.value for each in browsing.http.cookies.jar if each.name == SESSION and each.value != fixed)
    browsing.http.cookies.clear()
    await browsing.sign_in()
    assert browsing.http.cookies[SESSION] != first


async def test_signing_out_ends_the_session_here_and_goes_on_to_the_issuer(browsing: Browsing) -> None:
    await browsing.sign_in()
    headers, kept = {"origin": HERE, "x-magistrate-csrf": browsing.forgery}, dict(browsing.http.cookies)
    assert (await browsing.http.post("/sign-out", headers={"origin": HERE})).status_code == 401
    assert (await browsing.ask()).status_code == 200
    answer = await browsing.http.post("/sign-out", headers=headers)
    place, asked = answer.json()["location"].split("?")
    assert place == f"{ISSUER}/end_session_endpoint"
    assert parse_qs(asked) == {"client_id": ["magistrate"], "post_logout_redirect_uri": [f"{HERE}/sign-out"]}
    event = await browsing.service.last()
    assert (event["action"], event["event_type"], event["actor"]["id"]) == ("signOut", "access_revoked", "rina")
    assert SESSION not in browsing.http.cookies
    for name, value in kept.items():
        browsing.http.cookies.set(name, value, domain="models.example.org")
    assert (await browsing.ask(headers=headers)).status_code == 401
    assert (await browsing.http.post("/sign-out", headers=headers)).json() == {"location": "/sign-out"}
    assert (await browsing.http.get("/sign-out")).status_code == 200


async def test_a_session_ends_with_the_person_and_by_being_revoked(browsing: Browsing) -> None:
    await browsing.sign_in()
    token_id = browsing.http.cookies[SESSION].split("_")[1]
    assert (
        await browsing.ask(f'mutation {{ revokeApiToken(input: {{tokenId: "{token_id}"}}) {{ apiToken {{ kind }} }} }}')
    ).json()["data"]
    assert (await browsing.ask()).status_code == 401
    await browsing.sign_in()
    await deactivate(browsing.service, Person("rina", ""))
    assert (await browsing.ask()).status_code == 401


async def test_a_session_lasts_twelve_hours_and_an_hour_where_the_issuer_is_not_asked_again(browsing: Browsing) -> None:
    await browsing.sign_in()
    browsing.later(hours=12, seconds=-1)
    assert (await browsing.ask()).status_code == 200
    browsing.later(seconds=1)
    assert (await browsing.ask()).status_code == 401
    browsing.provider.refreshes = False
    browsing.http.cookies.clear()
    assert "Max-Age=3600" in str((await browsing.sign_in()).headers.get_list("set-cookie"))
    browsing.later(hours=1, seconds=-1)
    assert (await browsing.ask()).status_code == 200
    browsing.later(seconds=1)
    assert (await browsing.ask()).status_code == 401


async def test_the_issuer_is_asked_every_quarter_of_an_hour_and_what_it_says_counts(browsing: Browsing) -> None:
    browsing.provider.claims["groups"] = ["risk"]
    await browsing.sign_in()
    asked = browsing.provider.asked.count("/token_endpoint")
    browsing.later(minutes=15, seconds=-browsing.service.settings.identity_seconds)
    await browsing.ask()
    assert browsing.provider.asked.count("/token_endpoint") == asked
    browsing.provider.claims["groups"] = ["admins"]
    browsing.later(seconds=browsing.service.settings.identity_seconds)
    viewer = (await browsing.ask("{ viewer { stakeholder { platformRole roles } } }")).json()["data"]["viewer"]
    assert viewer["stakeholder"] == {"platformRole": "ADMIN", "roles": []}
    assert browsing.provider.asked.count("/token_endpoint") == asked + 1
    event = await browsing.service.last()
    assert (event["action"], event["event_type"], event["request"]["token_issuer"]) == ("signIn", "access_revoked", "corp")
    browsing.later(minutes=15)
    assert (await browsing.ask()).status_code == 200  # by the refresh token that came with the last answer
    assert browsing.provider.asked.count("/token_endpoint") == asked + 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"refreshable": {}}, "invalid_grant"),
        ({"claims": RINA | {"sub": "u-other", "email": "o@example.org", "preferred_username": "other"}}, "says another person"),
        ({"claims": RINA | {"groups": []}}, "gives a role here"),
        ({"claims": {name: each for name, each in RINA.items() if name != "groups"}}, "no claim `groups`"),
    ],
    ids=["refused", "another person", "no role", "no groups"],
)
async def test_a_session_ends_once_the_issuer_does_not_stand_by_it(change: dict[str, Any], why: str, browsing: Browsing) -> None:
    await browsing.sign_in()
    for name, value in change.items():
        setattr(browsing.provider, name, value)
    browsing.later(minutes=15)
    answer = await browsing.ask()
    assert answer.status_code == 401 and why in answer.json()["errors"][0]["message"]
    told = [each for each in await browsing.service.trail() if each["action"] == "signOut"]
    assert [(each["event_type"], each["actor"]["id"]) for each in told] == [("access_revoked", "rina")]
    browsing.provider.claims, browsing.provider.refreshes = dict(RINA), True
    assert (await browsing.ask()).status_code == 401


async def test_a_session_goes_on_while_its_issuer_is_out_of_reach(browsing: Browsing) -> None:
    await browsing.sign_in()
    browsing.provider.goes()
    browsing.provider.answers["/token_endpoint"] = lambda: Response(status_code=503)
    browsing.later(hours=2)
    assert (await browsing.ask()).status_code == 200
    browsing.provider.answers.clear()
    browsing.later(minutes=15)
    assert (await browsing.ask()).status_code == 200


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"error": "invalid_client"}, 401),
        ({"error": "temporarily_unavailable"}, 400),
        ({"error": "unauthorized_client"}, 400),
        ({"error": ["invalid_grant"]}, 400),
        ({"error": "slow_down"}, 403),
        ({}, 404),
        ({}, 302),
    ],
    ids=str,
)
async def test_a_fault_of_the_provider_ends_no_session(said: dict[str, Any], status: int, browsing: Browsing) -> None:
    await browsing.sign_in()
    browsing.provider.answers["/token_endpoint"] = lambda: JSONResponse(said, status)
    browsing.later(minutes=15)
    assert (await browsing.ask()).status_code == 200
    browsing.provider.answers.clear()
    browsing.provider.claims["groups"] = ["admins"]
    browsing.later(minutes=15)
    viewer = (await browsing.ask("{ viewer { stakeholder { platformRole } } }")).json()["data"]["viewer"]
    assert viewer["stakeholder"]["platformRole"] == "ADMIN"


@pytest.mark.parametrize("error", ["invalid_grant", "access_denied", "interaction_required"])
async def test_a_refusal_of_the_person_ends_the_session(error: str, browsing: Browsing) -> None:
    await browsing.sign_in()
    browsing.provider.answers["/token_endpoint"] = lambda: JSONResponse({"error": error}, 400)
    browsing.later(minutes=15)
    assert f"refuses it: {error}" in (await browsing.ask()).json()["errors"][0]["message"]
    browsing.provider.answers.clear()
    assert (await browsing.ask()).status_code == 401


async def test_a_new_key_that_is_not_looked_for_yet_ends_no_session(browsing: Browsing) -> None:
    await browsing.sign_in()
    browsing.later(minutes=15)
    unknown = browsing.provider.signs(None, {"kid": "unknown"}, browsing.service.now, **RINA)
    assert (await browsing.http.post("/graphql", headers={"authorization": f"Bearer {unknown}"})).status_code == 401
    browsing.provider.keys = [RSAKey.generate_key(2048, {"kid": "second"})]
    assert (await browsing.ask()).status_code == 200
    browsing.later(minutes=15)
    assert (await browsing.ask()).status_code == 200


async def test_a_new_sign_in_says_that_the_issuer_is_out_of_reach(browsing: Browsing) -> None:
    browsing.provider.goes()
    answer = await browsing.http.get("/sign-in")
    assert answer.status_code == 503 and "does not answer as it should" in says(answer)


async def test_a_provider_that_is_away_is_asked_once_a_minute(browsing: Browsing) -> None:
    discovery = "/.well-known/openid-configuration"
    browsing.provider.goes()
    browsing.configured()
    assert [(await browsing.http.get("/sign-in")).status_code for _ in range(5)] == [503] * 5
    assert browsing.provider.asked.count(discovery) == 1
    browsing.provider.answers.clear()
    browsing.later(minutes=1)
    assert (await browsing.http.get("/sign-in")).status_code == 303
    browsing.provider.goes()
    browsing.later(hours=1)
    assert [(await browsing.http.get("/sign-in")).status_code for _ in range(5)] == [303] * 5  # by what is known
    assert browsing.provider.asked.count(discovery) == 3


async def test_guesses_beyond_the_limit_are_not_passed_on_to_the_provider(browsing: Browsing) -> None:
    statuses = [
        (await browsing.come_back(**browsing.provider.authorizes(await browsing.begin()) | {"code": "guess"})).status_code
        for _ in range(33)
    ]
    assert statuses == [401] * 30 + [429] * 3 and browsing.provider.asked.count("/token_endpoint") == 30
    browsing.later(minutes=1)
    assert (await browsing.sign_in()).status_code == 303


async def test_a_session_is_not_renewed_by_another_issuer_that_took_the_name(browsing: Browsing) -> None:
    """It ends before that issuer is sent the refresh token of the first."""
    await browsing.sign_in()
    cookies = browsing.http.cookies
    browsing.configured(issuer="https://other.example.org", jwks=f"{ISSUER}/keys")
    browsing.http.cookies = cookies
    browsing.later(minutes=15)
    asked = len(browsing.provider.asked)
    answer = await browsing.ask()
    assert answer.status_code == 401 and "signs in by corp at https://id.example.org" in answer.text
    assert browsing.provider.asked[asked:] == []


async def test_a_renewal_that_was_altered_or_taken_from_another_session_ends_the_session(browsing: Browsing) -> None:
    tokens = browsing.service.database.client[browsing.service.database.name]["api_tokens"]
    await browsing.sign_in()
    (another,) = await tokens.distinct("renewal", {"kind": "session"})
    for altered in (None, "nonsense", another):
        browsing.http.cookies.clear()
        await browsing.sign_in()
        mine = browsing.http.cookies[SESSION].split("_")[1]
        await tokens.update_one({"token_id": mine}, {"$set": {"renewal": altered}})
        assert "was altered" in (await browsing.ask()).json()["errors"][0]["message"]


async def test_over_plain_http_a_browser_signs_in_on_this_machine_alone(browsing: Browsing) -> None:
    browsing.configured(here="http://127.0.0.1:8000")
    answer = await browsing.sign_in()
    assert "Secure" not in str(answer.headers.get_list("set-cookie")) and (await browsing.ask()).status_code == 200
    browsing.configured(here="http://models.example.org")
    answer = await browsing.http.get("/sign-in")
    assert answer.status_code == 400 and says(answer) == "Browsers sign in over https alone."


async def test_the_page_of_several_issuers_asks_by_which_one(browsing: Browsing) -> None:
    said = await browsing.http.get("/sign-in", headers={"accept": "application/json"})
    assert said.json() == {"issuers": ["corp"], "tokenEntry": True}
    assert (await browsing.http.get("/sign-in?issuer=nobody")).status_code == 404


async def test_a_socket_by_cookie_needs_the_own_origin_and_the_token_against_forgery(browsing: Browsing) -> None:
    browsing.configured(here="http://127.0.0.1")
    await browsing.sign_in()
    cookie, forgery = browsing.http.cookies["magistrate"], browsing.forgery
    browsing.service.app = browsing.app
    async with served(browsing.service) as address:
        own, headers = f"http://{address.removesuffix('/graphql')}", {"cookie": f"magistrate={cookie}"}
        for payload, said in (({"csrf": forgery}, None), ({"csrf": "0" * 64}, 4403), ({}, 4403)):
            async with dial(address, origin=Origin(own), additional_headers=headers) as connection:
                socket = Socket(connection)
                await socket.send("connection_init", payload=payload)
                if said:
                    assert await socket.closed() == said
                else:
                    assert (await socket.heard())["type"] == "connection_ack"
                    await socket.subscribe("{ viewer { id } }")
                    assert (await socket.data())["viewer"]["id"] == "rina"
        for origin in (own.replace("127.0.0.1", "localhost"), "https://evil.example.org"):
            with pytest.raises(InvalidStatus, match="403"):
                async with dial(address, origin=Origin(origin), additional_headers=headers):
                    pass


async def test_a_listed_origin_may_ask_by_token_and_not_by_cookie(browsing: Browsing) -> None:
    other = "https://app.example.org"
    browsing.configured({"allowed_origins": (other,)})
    await browsing.sign_in()
    headers = {"origin": other, "x-magistrate-csrf": browsing.forgery}
    answer = await browsing.ask(headers=headers)
    assert answer.status_code == 401 and "access-control-allow-credentials" not in answer.headers
    browsing.service.app = browsing.app
    async with served(browsing.service) as address:
        sent = {"cookie": f"__Host-magistrate={browsing.http.cookies[SESSION]}"}
        async with dial(address, origin=Origin(other), additional_headers=sent) as connection:
            await Socket(connection).send("connection_init", payload={"csrf": browsing.forgery})
            assert await Socket(connection).closed() == 4403


async def test_events_by_cookie_end_with_the_session(browsing: Browsing) -> None:
    await browsing.sign_in()
    headers = {"origin": HERE, "x-magistrate-csrf": browsing.forgery, "accept": "text/event-stream"}
    answer = await browsing.ask("{ viewer { id } }", headers)
    assert answer.status_code == 200 and '"id":"rina"' in answer.text
    del headers["origin"]
    assert (await browsing.ask("{ viewer { id } }", headers)).status_code == 401


async def test_the_origin_that_the_settings_name_counts_behind_a_proxy(browsing: Browsing) -> None:
    browsing.configured({"public_url": HERE}, here="http://10.0.0.7:8000")
    place = await browsing.begin()
    assert parse_qs(urlsplit(place).query)["redirect_uri"] == [f"{HERE}/sign-in/callback"]
    (name,) = browsing.http.cookies
    kept = {"cookie": f"{name}={browsing.http.cookies[name]}"}  # the browser is at the proxy, over https
    answer = await browsing.http.get("/sign-in/callback", params=browsing.provider.authorizes(place), headers=kept)
    cookies = dict(each.partition(";")[0].split("=", 1) for each in answer.headers.get_list("set-cookie"))
    sent = {"cookie": f"{SESSION}={cookies[SESSION]}", "x-magistrate-csrf": cookies[FORGERY]}
    assert (await browsing.ask(headers=sent | {"origin": HERE})).status_code == 200
    assert (await browsing.ask(headers=sent | {"origin": "http://10.0.0.7:8000"})).status_code == 401


async def test_a_refresh_token_that_was_renewed_is_kept_although_the_transaction_is_repeated(
    browsing: Browsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browsing.sign_in()
    renew, tries = ApiToken.renew, count()

    async def interrupted(token: ApiToken, before: str | None, renewal: str) -> bool:
        kept = await renew(token, before, renewal)
        if next(tries) == 1:  # the first time that the new refresh token is kept
            raise OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]})
        return kept

    monkeypatch.setattr(ApiToken, "renew", interrupted)
    for _ in range(3):
        browsing.later(minutes=15)
        assert (await browsing.ask()).status_code == 200
    assert next(tries) > 4


async def test_two_requests_at_once_ask_the_issuer_once(browsing: Browsing) -> None:
    await browsing.sign_in()
    asked = browsing.provider.asked.count("/token_endpoint")
    browsing.later(minutes=15)
    answers = await asyncio.gather(*(browsing.ask() for _ in range(8)))
    assert {each.status_code for each in answers} == {200}
    assert browsing.provider.asked.count("/token_endpoint") == asked + 1
