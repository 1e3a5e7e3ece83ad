"""A program exchanges its issuer's token for one of ours, by RFC 8693."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gql import exchange
from gql.exchange import ACCESS_TOKEN, GRANT
from tests.examples import BOT
from tests.operations import ask_for
from tests.pipelines import RUN, VIEWER, run
from tests.pipelines import begun as begun  # noqa: PLC0414
from tests.pipelines import pipelines as pipelines  # noqa: PLC0414
from tests.providers import Provider
from tests.service import ADA, ALICE, Person, Service

JWT = "urn:ietf:params:oauth:token-type:jwt"
FORM = {"grant_type": GRANT, "subject_token_type": JWT}


@pytest.fixture
async def exchanging(pipelines: tuple[Service, Provider]) -> tuple[Service, str]:
    return pipelines[0], run(*pipelines).token


async def sent(service: Service, form: dict[str, str]) -> tuple[int, Any]:
    answer = await service.http.post("/token", data=form)
    assert (answer.headers["cache-control"], answer.headers["content-type"]) == ("no-store", "application/json")
    return answer.status_code, answer.json()


async def test_what_is_exchanged_does_what_the_rule_lists_for_an_hour(exchanging: tuple[Service, str]) -> None:
    service, jwt = exchanging
    status, said = await sent(service, FORM | {"subject_token": jwt})
    assert status == 200 and said.pop("access_token").startswith("mag_")
    assert said == {"issued_token_type": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600}
    event = await service.last()
    assert (event["event_type"], event["action"], event["actor"]["id"]) == ("access_granted", "exchangeToken", "release-pipeline")
    by = Person("release-pipeline", (await sent(service, FORM | {"subject_token": jwt}))[1]["access_token"])
    await service.do("openIncident", by, **BOT, severity="LOW", title="It failed.")
    event = await service.last()
    assert event["request"]["token_issuer"] == RUN and event["request"]["token"] in by.token
    assert (await service.refused("saveModelCard", by, **BOT, card={}))["code"] == "FORBIDDEN"
    with pytest.raises(AssertionError, match="environment production"):
        await ask_for(service, by=by, environment="production")
    service.later(minutes=59)
    assert await service.ask(VIEWER, by)
    service.later(minutes=1)
    assert (await service.refusal(VIEWER, by))["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"subject_token": "nonsense"}, "invalid_grant"),
        ({"subject_token": "eyJ.eyJ.x"}, "invalid_grant"),
        ({"subject_token": ALICE.token}, "invalid_grant"),
    ],
)
async def test_what_is_wrong_is_an_error_of_oauth(exchanging: tuple[Service, str], change: dict[str, Any], code: str) -> None:
    service, jwt = exchanging
    before = await service.state()
    form = {name: each for name, each in (FORM | {"subject_token": jwt} | change).items() if each is not None}
    status, said = await sent(service, form)
    assert (status, said["error"]) == (400, code) and said["error_description"] and jwt not in str(said)
    after = await service.state()
    used = {"ApiToken"} if change.get("subject_token") == ALICE.token else set[str]()  # its last use is noted
    assert {name for name in before if before[name] != after[name]} <= used


async def test_a_token_of_ours_is_not_exchanged_whatever_its_scope(exchanging: tuple[Service, str]) -> None:
    holder = {"service": {"name": "probe", "mutations": [], "scopes": ["METRICS"]}}
    made = await exchanging[0].do("createApiToken", ADA, "token", name="probe", holder=holder)
    assert (await sent(exchanging[0], FORM | {"subject_token": made["token"]}))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize("body", [b"", b"\xff", b"a=1&a=2", b"x" * 70_000, b"{}"])
async def test_a_body_that_is_no_form_is_refused(exchanging: tuple[Service, str], body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await exchanging[0].http.post("/token", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = await exchanging[0].http.post("/token", json={})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await exchanging[0].http.get("/token")).status_code == 405


async def test_a_form_that_does_not_arrive_is_not_waited_for(
    exchanging: tuple[Service, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "PATIENCE", 0.1)

    async def body() -> AsyncIterator[bytes]:
        yield b"grant_type="
        await asyncio.sleep(30)

    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await exchanging[0].http.post("/token", content=body(), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "did not arrive" in answer.json()["error_description"]


async def test_a_token_lives_400_days_at_most_and_a_service_keeps_to_its_models(exchanging: tuple[Service, str]) -> None:
    service, _ = exchanging
    ends = {"expiresAt": "2027-04-06T12:00:00Z"}
    refusal = await service.refused("createApiToken", ADA, name="long", **ends)
    assert (refusal["code"], refusal["path"]) == ("INVALID_INPUT", "input.expiresAt"), refusal
    holder = {"service": {"name": "ci", "mutations": ["OPEN_INCIDENT"], "models": ["fraud-*"], "environments": ["staging"]}}
    made = await service.do("createApiToken", ADA, "token apiToken { models environments }", name="ci", holder=holder)
    assert made["apiToken"] == {"models": ["fraud-*"], "environments": ["staging"]}
    refusal = await service.refused("openIncident", Person("ci", made["token"]), **BOT, severity="LOW", title="It failed.")
    assert refusal["code"] == "FORBIDDEN"
