"""People sign in by what their organisation's issuer signs: found, bound, made, and given what its groups give."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from joserfc.jwk import Key, RSAKey
from starlette.responses import JSONResponse

from documents import arrivals
from documents.access import GovernanceRole, PlatformRole
from documents.audit.trail import AuditHead
from documents.audit.verify import verify
from documents.books import BOOKS
from documents.errors import InvalidInput
from documents.issuers import Issuers
from gql.app import create_app
from gql.cli.recovery import recovering
from gql.exchange import GRANT
from gql.issuers.fetching import Fetcher
from gql.issuers.tokens import TokenVerifier, linked
from tests.examples import BOT, deactivate, read, register
from tests.forged import BAD_SETS, FORGED
from tests.pipelines import GITHUB, RULE
from tests.providers import CORP, ISSUER, Provider
from tests.service import ADA, AUDREY, RITA, Person, Service, mutating, person
from tests.tokens import make, signs_in

GROUPS = [
    {"is": "risk", "roles": ["RISK_MANAGER"], "tiers": ["TIER_1_CRITICAL"]},
    {"is": "stewards", "roles": ["DATA_STEWARD"]},
    {"is": "auditors", "platform_role": "AUDITOR"},
    {"is": "admins", "platform_role": "ADMIN"},
]
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
COLIN = person("colin", GovernanceRole.COMPLIANCE_OFFICER)
BEA = person("bea", platform=PlatformRole.ADMIN)
OWN = "ada.personal@example.org"
RINA: dict[str, Any] = {
    "userId": "rina", "name": "Rina", "email": "rina@example.org", "department": "Risk", "roles": ["RISK_MANAGER"],
    "authorizedTiers": ["TIER_1_CRITICAL"],
}  # fmt: skip
VIEWER = "{ viewer { id } }"
STATE = """query($id: String!) { stakeholder(userId: $id) { name department platformRole roles authorizedTiers
    identity { confirmed basis confirmedBy } bindings { issuer roles } heldHere { platformRole roles } } }"""


@dataclass
class Corp:
    """A service with an issuer of people."""

    service: Service
    provider: Provider

    def configured(self, beside: Sequence[Any] = (), **fields: Any) -> None:
        """Starts the server anew with the issuer configured so, and others `beside`."""
        issuers = Issuers.model_validate({"issuer": [CORP | {"join": True, "group": GROUPS} | fields, *beside]})
        verifier = linked(issuers, lambda: self.service.now, Fetcher(httpx.ASGITransport(self.provider.app)))
        self.service.app = create_app(self.service.settings, lambda: self.service.now, self.service.database, issued=verifier)
        transport = httpx.ASGITransport(self.service.app, client=("192.0.2.1", 9))
        self.service.http = httpx.AsyncClient(transport=transport, base_url="http://test")

    def token(self, user: str, *groups: str, **claims: Any) -> Person:
        """Somebody who speaks by a token of the issuer."""
        return Person(user, self.provider.signs(None, {}, self.service.now, **self.claims(user, *groups) | claims))

    @staticmethod
    def claims(user: str, *groups: str) -> dict[str, Any]:
        return {
            "sub": f"u-{user}", "preferred_username": user, "name": user.title(), "email": f"{user}@example.org",
            "email_verified": True, "department": "Risk", "groups": [*groups],
        }  # fmt: skip

    async def problem(self, by: Person) -> str:
        """Why somebody is not signed in; nothing is written for it but the attempt."""
        before = await self.service.state()
        answer = (await self.service.post(VIEWER, by=by)).json()
        assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED", answer
        assert await self.service.state() == before
        return str(answer["errors"][0]["message"])

    async def state(self, user_id: str) -> Any:
        return (await self.service.ask(STATE, ADA, id=user_id))["stakeholder"]


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[Corp]:
    corp = Corp(await Service.started(server), Provider())
    yield corp
    await corp.service.close()


@pytest.fixture
async def corp(begun: Corp) -> AsyncIterator[Corp]:
    keys = [*begun.provider.keys]
    async with begun.service.put_back():
        begun.configured()
        yield begun
    begun.provider.answers.clear()
    begun.provider.keys[:] = keys


async def test_somebody_who_is_registered_is_bound_by_a_verified_email(corp: Corp) -> None:
    seen = await corp.service.size()
    alice = corp.token("someone-else", email="Alice@Example.org")
    assert await corp.service.ask(VIEWER, alice) == {"viewer": {"id": "alice"}}
    found = await corp.state("alice")
    assert found["identity"] == {"confirmed": False, "basis": None, "confirmedBy": None}
    assert found["bindings"] == [{"issuer": "corp", "roles": []}] and found["roles"] == ["MODEL_OWNER"]
    _, event = await corp.service.trail(seen)  # her token has ended
    assert (event["event_type"], event["action"], event["actor"]) == ("access_granted", "signIn", {"id": "alice", "type": "user"})
    assert (event["details"]["facts"], event["request"]["token"]) == ({"issuer": "corp"}, None)
    assert event["request"]["token_issuer"] == CORP["name"] and "u-someone" not in str(event)
    for _ in range(2):  # afterwards the email and the user name count for nothing
        again = corp.token("someone-else", email="bob@example.org", email_verified=False)
        assert await corp.service.ask(VIEWER, again) == {"viewer": {"id": "alice"}}
    assert await corp.service.size() == seen + 2


async def test_whoever_acts_by_an_issuer_is_told_so(corp: Corp) -> None:
    by = corp.token("alice")
    await corp.service.do("createApiToken", by, "token", name="laptop")
    event = await corp.service.last()
    assert (event["actor"]["id"], event["request"]["token"], event["request"]["token_issuer"]) == ("alice", None, "corp")


async def test_somebody_unknown_is_made_with_what_the_groups_give(corp: Corp) -> None:
    zoe = corp.token("zoe", "risk", "elsewhere")
    assert await corp.service.ask(VIEWER, zoe) == {"viewer": {"id": "zoe"}}
    found = await corp.state("zoe")
    assert (found["name"], found["department"], found["platformRole"]) == ("Zoe", "Risk", "MEMBER")
    assert (found["roles"], found["authorizedTiers"]) == (["RISK_MANAGER"], ["TIER_1_CRITICAL"])
    assert found["heldHere"] == {"platformRole": "MEMBER", "roles": []} and found["identity"]["confirmed"]


async def test_a_mapping_gives_and_takes_only_its_own(corp: Corp) -> None:
    await corp.service.ask(VIEWER, corp.token("alice", "risk"))
    assert (await corp.state("alice"))["roles"] == ["MODEL_OWNER", "RISK_MANAGER"]
    await corp.service.do("updateStakeholder", ADA, userId="alice", roles=["MODEL_OWNER", "RISK_MANAGER", "DATA_STEWARD"])
    await corp.service.ask(VIEWER, corp.token("alice", "stewards"))
    event = await corp.service.last()
    assert (event["event_type"], event["details"]["facts"]) == ("access_revoked", {"issuer": "corp"})
    assert {*(await corp.state("alice"))["roles"]} == {"MODEL_OWNER", "DATA_STEWARD"}
    await corp.service.ask(VIEWER, corp.token("alice"))
    assert {*(await corp.state("alice"))["roles"]} == {"MODEL_OWNER", "DATA_STEWARD"}  # of the second it was given here too
    refusal = await corp.service.refused("updateStakeholder", ADA, userId="alice", roles=["SERVICE"])
    assert refusal["code"] == "INVALID_INPUT"


async def test_a_person_exchanges_nothing_and_is_not_made_by_trying(corp: Corp) -> None:
    form = {"grant_type": GRANT, "subject_token_type": JWT_TYPE, "subject_token": corp.token("zoe", "risk").token}
    answer = await corp.service.http.post("/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert await corp.state("zoe") is None


async def test_whoever_leaves_all_groups_loses_what_they_gave_and_stays_out(corp: Corp) -> None:
    await corp.service.ask(VIEWER, corp.token("zoe", "risk"))
    seen = await corp.service.size()
    refusal = await corp.service.refusal(VIEWER, corp.token("zoe"))
    assert refusal["code"] == "UNAUTHENTICATED"
    revoked, attempt = await corp.service.trail(seen)
    assert (revoked["event_type"], attempt["outcome"]) == ("access_revoked", "denied")
    assert (await corp.state("zoe"))["roles"] == []
    await corp.service.ask(VIEWER, corp.token("zoe", "stewards"))
    assert (await corp.state("zoe"))["roles"] == ["DATA_STEWARD"]


async def refused_and_told(corp: Corp, token: str, says: str) -> None:
    """Whoever sends the token is refused, nothing changes, and the trail tells the attempt without the token."""
    before, seen = await corp.service.state(), await corp.service.size()
    answer = await corp.service.post(VIEWER, by=Person("zoe", token))
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["extensions"]["code"]) == (401, "UNAUTHENTICATED") and says in error["message"], error
    assert await corp.service.state() == before and "data" not in answer.json()
    await told_once(corp, seen, token)


async def told_once(corp: Corp, seen: int, token: str) -> None:
    (event,) = await corp.service.trail(seen)
    assert (event["event_type"], event["action"], event["outcome"]) == ("access_attempt", "signIn", "denied")
    assert (event["actor"]["id"], event["request"]["ip"]) == ("anonymous", "192.0.2.1")
    assert event["details"]["facts"] == {"code": "UNAUTHENTICATED", "attempts": 1}
    assert not any(part in str(event) for part in (token, *token.split(".")) if len(part) > 20)


async def test_an_oversized_token_is_read_nowhere_and_told_where_a_request_may_be_as_long(corp: Corp) -> None:
    seen, before, long = await corp.service.size(), await corp.service.state(), corp.token("zoe", "risk", long="x" * 20_000)
    answer = await corp.service.post(VIEWER, by=long)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (431, "LIMIT_EXCEEDED")
    assert await corp.service.size() == seen
    form = {"grant_type": GRANT, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "subject_token": long.token}
    answer = await corp.service.http.post("/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "more than 16,384 characters" in answer.json()["error_description"] and await corp.service.state() == before
    await told_once(corp, seen, long.token)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_is_refused_and_told(corp: Corp, name: str) -> None:
    forge, says = FORGED[name]

    def signs(key: Key | None = None, header: Mapping[str, Any] = {}, **claims: Any) -> str:
        return corp.provider.signs(key, header, corp.service.now, **corp.claims("zoe", "risk") | claims)

    await refused_and_told(corp, forge(corp.provider, signs, corp.service.now), says)
    assert await corp.service.ask(VIEWER, Person("zoe", signs())) == {"viewer": {"id": "zoe"}}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", BAD_SETS)
async def test_a_token_under_a_set_of_keys_that_is_not_to_be_believed_is_refused_and_told(corp: Corp, name: str) -> None:
    corp.provider.answers["/keys"] = lambda: JSONResponse(BAD_SETS[name](corp.provider))
    await refused_and_told(corp, corp.token("zoe", "risk").token, "corp gives no keys")


@pytest.mark.parametrize("path", ["/keys", "/.well-known/openid-configuration"])
async def test_a_token_of_an_issuer_that_redirects_to_its_keys_is_refused_and_told(corp: Corp, path: str) -> None:
    right = corp.provider.published if path == "/keys" else {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
    corp.provider.redirects(path, "/elsewhere")
    corp.provider.answers["/elsewhere"] = lambda: JSONResponse(right)
    await refused_and_told(corp, corp.token("zoe", "risk").token, "corp gives no keys")


async def test_a_token_without_a_key_id_under_two_keys_is_refused_and_told(corp: Corp) -> None:
    corp.provider.keys.append(RSAKey.generate_key(2048, {"kid": "second"}))
    token = corp.provider.signs(None, {"kid": None}, corp.service.now, **corp.claims("zoe", "risk"))
    await refused_and_told(corp, token, "does not publish")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"email_verified": False}, "does not say that the email is verified"),
        ({"email_verified": "true"}, "does not say that the email is verified"),
        ({"email": None}, "no claim `email`"),
        ({"groups": None}, "no claim `groups`"),
        ({"groups": "risk"}, "no claim `groups`"),
        ({"hasgroups": True}, "left groups out"),
        ({"_claim_names": {"groups": "src1"}}, "left groups out"),
        ({"groups": []}, "gives a role here"),
        ({"groups": ["admins", "risk"]}, "the group admins makes ADMIN, and the group risk gives RISK_MANAGER"),
        ({"preferred_username": None}, "no claim `preferred_username`"),
        ({"preferred_username": "alice"}, "the user id alice is somebody else's"),
        ({"preferred_username": "ALICE"}, "the user id ALICE is somebody else's"),
        ({"preferred_username": "system"}, "user_id is what events call Magistrate"),
        ({"preferred_username": "z o e"}, "`preferred_username` is not one that a person can have"),
        ({"name": "x" * 300}, "`name`"),
        ({"department": None}, "no claim `department`"),
    ],
)
async def test_somebody_unknown_is_refused_and_nothing_is_made(corp: Corp, claims: dict[str, Any], says: str) -> None:
    await refused_and_told(corp, corp.token("zoe", "risk", **claims).token, says)


async def test_who_may_not_join_is_refused(corp: Corp) -> None:
    corp.configured(join=False)
    assert "registers the person first" in await corp.problem(corp.token("zoe", "risk"))
    assert await corp.service.ask(VIEWER, corp.token("alice")) == {"viewer": {"id": "alice"}}


async def test_any_email_of_an_issuer_that_is_trusted_with_it_counts(corp: Corp) -> None:
    corp.configured(trust_email=True)
    assert await corp.service.ask(VIEWER, corp.token("alice", email_verified=None)) == {"viewer": {"id": "alice"}}


async def test_another_subject_with_the_same_email_is_not_the_same_person(corp: Corp) -> None:
    await corp.service.ask(VIEWER, corp.token("alice"))
    assert "signs in by corp under another id" in await corp.problem(corp.token("alice", sub="u-other"))


async def test_another_issuer_under_the_same_name_signs_nobody_in(corp: Corp) -> None:
    """The ids of two issuers may be the same, and mean two people."""
    await corp.service.ask(VIEWER, corp.token("zoe", "admins", sub="7"))
    other = "https://other.example.org"
    corp.configured(issuer=other, jwks="https://id.example.org/keys")
    says = await corp.problem(corp.token("mallory", "admins", sub="7", iss=other))
    assert "zoe signs in by corp at https://id.example.org, and not at https://other.example.org" in says
    assert "under another id" in await corp.problem(corp.token("zoe", "admins", sub="8", iss=other))
    corp.configured()
    assert await corp.service.ask(VIEWER, corp.token("zoe", "admins", sub="7")) == {"viewer": {"id": "zoe"}}


async def test_whoever_is_deactivated_stays_out_however_the_issuer_calls_them(corp: Corp) -> None:
    alice = corp.token("alice", "risk")
    await corp.service.ask(VIEWER, alice)
    await corp.service.do("deactivateStakeholder", ADA, userId="alice")
    assert "alice is not active" in await corp.problem(alice)
    assert "alice is not active" in await corp.problem(corp.token("alice", "stewards"))


async def test_whoever_was_deactivated_before_does_not_come_back_as_somebody_new(corp: Corp) -> None:
    await corp.service.do("deactivateStakeholder", ADA, userId="rita")
    for user_id in ("rita", "rita.smith"):
        assert "rita is not active" in await corp.problem(corp.token(user_id, "risk", email="Rita@example.org"))


@pytest.mark.parametrize(
    ("email", "theirs"),
    [
        ("gus@groß.example", "gus@gross.example"),
        ("gu\u200ds@gross.example", "gus@gross.example"),
        ("\ufb01n@gross.example", "fin@gross.example"),
        ("gus@gross.example", "gus@groß.example"),
    ],
)
async def test_an_email_that_only_looks_like_somebodys_signs_nobody_in(corp: Corp, email: str, theirs: str) -> None:
    await corp.service.do("registerStakeholder", ADA, **ZOE | {"userId": "gus", "email": theirs})
    for groups in (("risk",), ()):
        assert "the email looks like that of gus, and is another" in await corp.problem(
            corp.token("mallory", *groups, email=email)
        )
    assert await corp.service.ask(VIEWER, corp.token("gus-at-corp", email=theirs.replace("example", "Example")))


async def test_a_mapping_makes_nobody_administrator_and_holder_of_a_role(corp: Corp) -> None:
    """Alice owns models by what was given here."""
    assert "alice would be ADMIN and hold MODEL_OWNER" in await corp.problem(corp.token("alice", "admins"))


async def test_the_last_administrator_stays_one_and_comes_in(corp: Corp, caplog: pytest.LogCaptureFixture) -> None:
    await corp.service.ask(VIEWER, corp.token("zoe", "admins"))
    assert (await corp.state("zoe"))["platformRole"] == "ADMIN"
    zoe = corp.token("zoe", "auditors")
    await corp.service.do("deactivateStakeholder", corp.token("zoe", "admins"), userId="admin")
    assert await corp.service.ask(VIEWER, zoe) == {"viewer": {"id": "zoe"}}
    assert "zoe stays an administrator" in caplog.text
    who = '{ stakeholder(userId: "zoe") { platformRole } }'
    assert (await corp.service.ask(who, zoe))["stakeholder"]["platformRole"] == "ADMIN"


async def test_whoever_is_altered_while_signing_in_does_not_stay_the_last_administrator(
    corp: Corp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def altered_first(*given: Any) -> Any:
        await records.update_many({}, {"$set": {"active": False}})
        await records.update_one({"user_id": "zoe"}, {"$set": {"active": True, "platform_role": "admin", "roles": []}})
        return await arrivals.foreseen(*given)

    await corp.service.ask(VIEWER, corp.token("zoe", "risk"))
    records = corp.service.database.collection("stakeholders")
    monkeypatch.setattr("gql.issuers.people.foreseen", altered_first)
    assert (await corp.service.refusal(VIEWER, corp.token("zoe", "stewards")))["code"] == "UNAUTHENTICATED"


async def test_the_host_lets_an_administrator_in_while_the_provider_is_gone(corp: Corp) -> None:
    ursula = corp.token("ursula", "admins")
    await corp.service.ask(VIEWER, ursula)
    corp.configured(issuer="https://elsewhere.example.org")
    assert "not configured" in await corp.problem(ursula)
    text = (
        await recovering("ursula", "The provider is gone.", reseal=False, in_file=False, clock=lambda: corp.service.now)(
            corp.service.settings
        )
    ).token
    by = Person("ursula", text)
    viewer = await corp.service.ask(
        "{ viewer { stakeholder { platformRole heldHere { platformRole } identity { confirmed } } } }", by
    )
    assert viewer["viewer"]["stakeholder"] == {"platformRole": "ADMIN", "heldHere": None, "identity": {"confirmed": False}}
    assert (await corp.service.last())["details"]["facts"]["reason"] == "The provider is gone."
    corp.configured()
    assert await corp.service.ask(VIEWER, corp.token("ursula", "admins"))
    assert "ADMIN and hold RISK_MANAGER" in await corp.problem(corp.token("ursula", "risk"))
    assert (await corp.state("ursula"))["heldHere"]["platformRole"] == "ADMIN"


async def test_whoever_is_bound_is_never_enrolled_by_a_token(corp: Corp) -> None:
    await corp.service.ask(VIEWER, corp.token("zoe", "risk"))
    refusal = await corp.service.refused("createApiToken", ADA, name="for zoe", holder={"userId": "zoe"})
    assert refusal["code"] == "INVALID_STATE" and refusal["from"] == "BOUND", refusal


async def test_two_first_sign_ins_at_once_make_one_person(corp: Corp) -> None:
    seen = await corp.service.size()
    zoe = corp.token("zoe", "risk")
    answers = await asyncio.gather(*(corp.service.ask(VIEWER, zoe) for _ in range(8)))
    assert answers == [{"viewer": {"id": "zoe"}}] * 8
    assert [each["action"] for each in await corp.service.trail(seen)] == ["signIn"]


async def test_an_altered_person_is_not_signed_in_and_not_sealed(corp: Corp) -> None:
    await corp.service.ask(VIEWER, corp.token("alice", "risk"))
    people = corp.service.database.collection("stakeholders")
    await people.update_one({"user_id": "alice"}, {"$set": {"platform_role": "admin", "roles": []}})
    for groups in (("risk",), ("stewards",)):
        assert "unknown, expired or revoked" in await corp.problem(corp.token("alice", *groups))
    await people.update_one({"user_id": "bob"}, {"$set": {"platform_role": "admin", "roles": []}})
    assert "unknown, expired or revoked" in await corp.problem(corp.token("bob"))


async def test_a_planted_binding_lets_nobody_in(corp: Corp) -> None:
    await corp.service.ask(VIEWER, corp.token("zoe", "risk"))
    people = corp.service.database.collection("stakeholders")
    row: Any = await people.find_one({"user_id": "zoe"})
    await people.update_one({"user_id": "alice"}, {"$set": {"bindings": [row["bindings"][0] | {"subject": "u-mallory"}]}})
    assert "unknown, expired or revoked" in await corp.problem(corp.token("mallory", "risk"))


async def test_a_planted_binding_does_not_outlast_the_recovery_of_the_administrator(corp: Corp) -> None:
    """It would be sealed with the rest of the record, and whoever planted it would be the administrator."""
    await corp.service.ask(VIEWER, corp.token("zoe", "risk"))
    people = corp.service.database.collection("stakeholders")
    row: Any = await people.find_one({"user_id": "zoe"})
    await people.update_one({"user_id": "admin"}, {"$set": {"bindings": [row["bindings"][0] | {"subject": "u-mallory"}]}})
    recover = recovering("admin", "Nobody comes in.", reseal=False, in_file=False, clock=lambda: corp.service.now)
    await recover(corp.service.settings)
    assert (await corp.state("admin"))["bindings"] == []
    for address in ("mallory@example.org", "admin@localhost", "unknown@unknown.invalid"):
        mallory = corp.token("mallory", email=address)
        assert (await corp.service.refusal(VIEWER, mallory))["code"] == "UNAUTHENTICATED"


async def test_what_sign_ins_wrote_is_what_the_trail_tells(corp: Corp) -> None:
    for user, groups in (("zoe", ("risk",)), ("alice", ("risk",)), ("alice", ()), ("yan", ("admins",)), ("zoe", ("stewards",))):
        await corp.service.ask(VIEWER, corp.token(user, *groups))
    report = await verify(books=BOOKS)
    assert [str(each) for each in report.faults] == [] and report.records_compared > 7
    state = str(await corp.service.trail())
    assert "u-zoe" not in state and "Zoe" not in state  # personal data are told by salted digests


async def told(corp: Corp, token: str, last: int) -> httpx.Response:
    """The answer to whoever asks by a token from an address of its own."""
    transport = httpx.ASGITransport(corp.service.app, client=(f"192.0.2.{last}", 9))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await http.post("/graphql", json={"query": VIEWER}, headers={"authorization": f"Bearer {token}"})


async def test_thirty_failures_a_minute_are_heard_of_one_issuer_from_wherever_and_valid_tokens_always(corp: Corp) -> None:
    wrong = [corp.token("zoe", "risk", aud="elsewhere", jti=str(each)).token for each in range(32)]
    answers = [await told(corp, each, last % 8) for last, each in enumerate(wrong)]
    assert [each.status_code for each in answers] == [401] * 30 + [429] * 2
    refusal = answers[-1].json()["errors"][0]["extensions"]
    assert (refusal["code"], refusal["limit"], "issuer" in refusal["what"]) == ("LIMIT_EXCEEDED", 30, True)
    forged = corp.token("zoe", "risk").token.rpartition(".")[0] + ".AAAA"
    assert (await told(corp, forged, 9)).status_code == 429
    assert (await told(corp, corp.token("zoe", "risk").token, 9)).status_code == 200
    corp.service.later(minutes=1)
    assert (await told(corp, corp.token("zoe", aud="elsewhere").token, 9)).status_code == 401


async def test_failures_by_issuers_that_are_not_configured_count_for_the_address_alone(corp: Corp) -> None:
    for iss in ("https://other.example.org", None, 7):
        wrong = corp.token("zoe", "risk", iss=iss).token
        assert [(await told(corp, wrong, last)).status_code for last in range(35)] == [401] * 35
        corp.service.later(minutes=1)
    assert (await told(corp, corp.token("zoe", aud="elsewhere").token, 9)).status_code == 401


async def test_a_first_sign_in_ends_every_token_that_somebody_else_may_hold(corp: Corp) -> None:
    """Whoever enrolled as the person before must not be confirmed by the person's own sign-in."""
    early, _ = await make(corp.service, RITA)
    await corp.service.do("registerStakeholder", ADA, **RINA)
    invited, _ = await make(corp.service, ADA, holder={"userId": "rina"})
    seen = await corp.service.size()
    for user in ("rita", "rina"):
        await corp.service.ask(VIEWER, corp.token(user))
    assert [await signs_in(corp.service, each) for each in (RITA, early, invited)] == [False] * 3
    told = [(each["event_type"], each["action"], each["resource"]["type"]) for each in await corp.service.trail(seen)]
    of_token, of_person = ("access_revoked", "signIn", "ApiToken"), ("access_granted", "signIn", "Stakeholder")
    assert told[:5] == [of_token, of_token, of_person, of_token, of_person]
    assert (await corp.service.do("createApiToken", corp.token("rita"), "token", name="laptop"))["token"]


# Whose doing it was that somebody signs in: a binding by an email that was set here confirms nobody.


HELD = """query($id: String!) { stakeholder(userId: $id) { email emailSetBy identity { confirmed confirmedBy }
    bindings { issuer emailSetBy } } }"""
BEN = RINA | {"userId": "ben", "email": "ben@example.org", "platformRole": "ADMIN", "roles": [], "authorizedTiers": []}
YAN, ZOE = (RINA | {"userId": each, "email": f"{each}@example.org"} for each in ("yan", "zoe"))
SEEN = "Seen with the badge."


async def held(corp: Corp, user_id: str) -> Any:
    return (await corp.service.ask(HELD, ADA, id=user_id))["stakeholder"]


async def confirmation(corp: Corp, user_id: str) -> tuple[bool, bool]:
    """Whether somebody is confirmed, and the e-mail address with it."""
    asked = "query($id: String!) { stakeholder(userId: $id) { identity { confirmed emailChecked } } }"
    found = (await corp.service.ask(asked, ADA, id=user_id))["stakeholder"]["identity"]
    return found["confirmed"], found["emailChecked"]


async def rina_with(corp: Corp, email: str, by: Person = ADA) -> None:
    """Rina, whom somebody registered with that address; she has enrolled by a token of Bea's, who is confirmed as Colin is."""
    await corp.service.enrol(COLIN, BEA)
    await corp.service.confirm(ADA, COLIN, BEA)
    await corp.service.do("registerStakeholder", by, **RINA | {"email": email})
    await make(corp.service, (await make(corp.service, BEA, holder={"userId": "rina"}))[0])


async def test_an_email_that_an_administrator_sets_afterwards_makes_nobody_confirmed(corp: Corp) -> None:
    """Whoever gives a reviewer an own address, and signs in by it, is unconfirmed as that reviewer and in the chain.

    Nor is that mended by the right address: it is not the one by which somebody signs in.
    """
    await rina_with(corp, "rina@example.org")
    await corp.service.do("confirmIdentity", COLIN, userId="rina", note=SEEN, email="Rina@Example.org")
    assert await confirmation(corp, "rina") == (True, True)
    await corp.service.do("updateStakeholder", ADA, userId="rina", email=OWN)
    assert await confirmation(corp, "rina") == (True, False)
    as_rina = corp.token("ada-at-corp", email=OWN.title())
    assert await corp.service.ask(VIEWER, as_rina) == {"viewer": {"id": "rina"}}
    await corp.service.do("updateStakeholder", ADA, userId="rina", email="rina@example.org")
    found = await held(corp, "rina")
    assert found["identity"] == {"confirmed": False, "confirmedBy": None}
    assert found["bindings"] == [{"issuer": "corp", "emailSetBy": ["admin"]}]
    assert (await corp.service.refused("confirmIdentity", ADA, userId="rina", note=SEEN))["code"] == "FORBIDDEN"
    for said in ({}, {"email": "rina@example.org"}, {"email": OWN}):
        refused = await corp.service.refused("confirmIdentity", COLIN, userId="rina", note=SEEN, **said)
        assert refused["code"] == "INVALID_STATE" and "endBinding" in refused["problem"], refused
    with pytest.raises(InvalidInput, match="endBinding"):
        await corp.service.confirm(Person("rina", ""))
    assert await confirmation(corp, "rina") == (False, False)
    await corp.service.do("endBinding", ADA, userId="rina", issuer="corp", reason="It was not hers.")
    await corp.problem(as_rina)
    await corp.service.ask(VIEWER, corp.token("rina"))
    await corp.service.do("confirmIdentity", COLIN, userId="rina", note=SEEN, email="rina@example.org")
    assert (await held(corp, "rina"))["identity"] == {"confirmed": True, "confirmedBy": "colin"}


@pytest.mark.parametrize("first", ["confirmed", "bound"])
async def test_an_email_that_an_administrator_set_before_makes_nobody_confirmed(corp: Corp, first: str) -> None:
    """Colin cannot read the address, and it is not the one that Rina tells him."""
    await rina_with(corp, OWN)
    seen = await corp.service.size()
    if first == "bound":
        await corp.service.ask(VIEWER, corp.token("ada-at-corp", email=OWN))
        refused = await corp.service.refused("confirmIdentity", COLIN, userId="rina", note=SEEN)
        assert refused["code"] == "INVALID_STATE" and "`email`" in refused["problem"], refused
    refused = await corp.service.refused("confirmIdentity", COLIN, userId="rina", note=SEEN, email="rina@example.org")
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.email") and OWN not in str(refused)
    if first == "confirmed":
        await corp.service.do("confirmIdentity", COLIN, userId="rina", note=SEEN)
        assert await confirmation(corp, "rina") == (True, False)
        await corp.service.ask(VIEWER, corp.token("ada-at-corp", email=OWN))
    assert await confirmation(corp, "rina") == (False, False)
    told = str(await corp.service.trail(seen))
    assert OWN not in told and "rina@example.org" not in told


async def test_no_administrator_checks_an_address_that_another_of_their_making_set(corp: Corp) -> None:
    await corp.service.do("registerStakeholder", ADA, **BEN)
    ben, _ = await make(corp.service, (await make(corp.service, ADA, holder={"userId": "ben"}))[0])
    await rina_with(corp, OWN, ben)
    assert (await held(corp, "rina"))["emailSetBy"] == ["ben", "admin", "system"]
    refused = await corp.service.refused("confirmIdentity", ADA, userId="rina", note=SEEN, email=OWN)
    assert refused["code"] == "FORBIDDEN"
    await corp.service.do("confirmIdentity", ADA, userId="rina", note=SEEN)
    await corp.service.ask(VIEWER, corp.token("ada-at-corp", email=OWN))
    assert await confirmation(corp, "rina") == (False, False)
    for email in (OWN, "rina@example.org"):
        assert (await corp.service.refused("confirmIdentity", ADA, userId="rina", note=SEEN, email=email))["code"] == "FORBIDDEN"


async def test_an_address_that_is_set_while_somebody_checks_another_makes_nobody_confirmed(corp: Corp) -> None:
    await rina_with(corp, "rina@example.org")
    checks = 'mutation { confirmIdentity(input: {userId: "rina", note: "x", email: "rina@example.org"}) { receipt { seq } } }'
    sets = f'mutation {{ updateStakeholder(input: {{userId: "rina", email: "{OWN}"}}) {{ receipt {{ seq }} }} }}'
    _, answer = await asyncio.gather(corp.service.post(checks, by=COLIN), corp.service.post(sets, by=ADA))
    assert "errors" not in answer.json()
    await corp.service.ask(VIEWER, corp.token("ada-at-corp", email=OWN))
    assert await confirmation(corp, "rina") == (False, False)


async def test_an_address_is_guessed_at_five_times_a_day_by_whoever_may_not_read_it(corp: Corp) -> None:
    await rina_with(corp, OWN)
    said: dict[str, Any] = {"userId": "rina", "note": SEEN}
    asked, seen = '{ stakeholder(userId: "rina") { email } }', await corp.service.size()
    assert (await corp.service.ask(asked, COLIN))["stakeholder"]["email"] is None
    for number in range(5):
        refused = await corp.service.refused("confirmIdentity", COLIN, **said, email=f"rina{number}@example.org")
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.email")
    for email in ("rina5@example.org", OWN):
        refused = await corp.service.refused("confirmIdentity", COLIN, **said, email=email)
        assert (refused["code"], refused["limit"]) == ("LIMIT_EXCEEDED", 5)
    told = [each["details"]["facts"] for each in await corp.service.trail(seen)]
    assert [each["code"] for each in told] == ["INVALID_INPUT"] * 5 + ["LIMIT_EXCEEDED"] * 2 and "@" not in str(told)
    refused = await corp.service.refused("confirmIdentity", BEA, **said, email="rina@example.org")
    assert refused["code"] == "FORBIDDEN"  # who enrolled her learns nothing
    corp.service.later(days=1)
    await corp.service.do("confirmIdentity", COLIN, **said, email=OWN)
    assert await confirmation(corp, "rina") == (True, True)


async def test_guesses_that_are_sent_at_once_are_counted_too(corp: Corp) -> None:
    await rina_with(corp, OWN)
    one = 'm%d: confirmIdentity(input: {userId: "rina", note: "x", email: "rina%d@example.org"}) { receipt { seq } }'
    texts = [f"mutation {{ {' '.join(one % (each, each) for each in range(at, at + 3))} }}" for at in range(0, 30, 3)]
    answers = [each.json()["errors"] for each in await asyncio.gather(*(corp.service.post(text, by=COLIN) for text in texts))]
    codes = [each["extensions"]["code"] for errors in answers for each in errors]
    assert sorted(codes) == ["INVALID_INPUT"] * 5 + ["LIMIT_EXCEEDED"] * 25


@pytest.mark.tampers
async def test_a_confirmation_and_a_binding_of_before_have_no_checked_address(corp: Corp) -> None:
    await rina_with(corp, OWN)
    await corp.service.do("confirmIdentity", COLIN, userId="rina", note=SEEN)
    people = corp.service.database.collection("stakeholders")
    await people.update_one({"user_id": "rina"}, {"$unset": {"identity.email_checked": ""}})
    await corp.service.reseal("rina")
    assert await confirmation(corp, "rina") == (True, False)
    await corp.service.ask(VIEWER, corp.token("ada-at-corp", email=OWN))
    assert await confirmation(corp, "rina") == (False, False)
    await people.update_one({"user_id": "rina"}, {"$unset": {"bindings.0.email_changed": ""}})
    await corp.service.reseal("rina")
    await corp.service.do("updateStakeholder", ADA, userId="rina", email="rina@example.org")
    refused = await corp.service.refused("confirmIdentity", COLIN, userId="rina", note=SEEN, email="rina@example.org")
    assert "endBinding" in refused["problem"]


@pytest.mark.tampers
async def test_an_address_of_which_nobody_knows_who_set_it_is_checked_on_the_host_alone(corp: Corp) -> None:
    await rina_with(corp, OWN)
    people = corp.service.database.collection("stakeholders")
    await people.update_one({"user_id": "rina"}, {"$set": {"email_set_by": None, "email_set_at": None}})
    await corp.service.reseal("rina")
    refused = await corp.service.refused("confirmIdentity", COLIN, userId="rina", note=SEEN, email=OWN)
    assert refused["code"] == "INVALID_STATE" and "on the host" in refused["problem"]
    await corp.service.do("confirmIdentity", COLIN, userId="rina", note=SEEN)
    await corp.service.ask(VIEWER, corp.token("ada-at-corp", email=OWN))
    assert await confirmation(corp, "rina") == (False, False)
    await corp.service.confirm(Person("rina", ""))
    assert await confirmation(corp, "rina") == (True, True)


async def test_another_spelling_of_an_email_hides_nobody_who_set_it(corp: Corp) -> None:
    await corp.service.do("registerStakeholder", ADA, **BEN)
    ben = corp.token("ben")
    for email, setter in (("RITA@example.org", "admin"), (OWN, "ben")):
        await corp.service.do("updateStakeholder", ben, userId="rita", email=email)
        assert (await held(corp, "rita"))["emailSetBy"] == [setter, *(["admin"] if setter == "ben" else []), "system"]


async def test_decisions_of_whoever_is_bound_by_an_email_say_who_set_it(corp: Corp) -> None:
    await corp.service.do("registerStakeholder", ADA, **RINA | {"email": OWN, "roles": ["ETHICS_REVIEWER"]})
    await register(corp.service)
    as_rina = corp.token("ada-at-corp", email=OWN)
    await corp.service.do("placeHold", as_rina, **BOT, reason="Stop.")
    mark = "identity { confirmed enrolledBy emailSetBy issuers emailSetter { userId } }"
    ((hold,),) = (await read(corp.service, f"holds {{ {mark} }}")).values()
    assert hold["identity"] == {
        "confirmed": False, "enrolledBy": None, "emailSetBy": "admin", "issuers": ["system"], "emailSetter": {"userId": "admin"},
    }  # fmt: skip
    asked = "query($modelId: String!, $version: String!) { governanceReport(modelId: $modelId, version: $version) { markdown } }"
    page = (await corp.service.ask(asked, AUDREY, **BOT))["governanceReport"]["markdown"]
    assert "unconfirmed, signs in by an e-mail address set by Administrator `admin`" in page


async def test_whoever_is_bound_by_an_email_makes_nobody_whom_its_setter_confirms(corp: Corp) -> None:
    await corp.service.confirm(ADA)
    for each in (BEN, YAN):
        await corp.service.do("registerStakeholder", ADA, **each)
    ben = corp.token("ben")
    await corp.service.do("registerStakeholder", ben, **ZOE)
    assert (await held(corp, "zoe"))["emailSetBy"] == ["ben", "admin"]
    await corp.service.ask(VIEWER, corp.token("zoe"))
    await make(corp.service, (await make(corp.service, ben, holder={"userId": "yan"}))[0])
    for user_id in ("zoe", "yan"):
        assert (await corp.service.refused("confirmIdentity", ADA, userId=user_id, note=SEEN))["code"] == "FORBIDDEN"


async def test_whoever_was_confirmed_with_the_email_stays_so(corp: Corp) -> None:
    await rina_with(corp, "rina@example.org")
    await corp.service.confirm(RITA)
    await corp.service.do("confirmIdentity", COLIN, userId="rina", note=SEEN, email="rina@example.org")
    for user_id, by in (("rita", "system"), ("rina", "colin")):
        await corp.service.ask(VIEWER, corp.token(user_id))
        assert (await held(corp, user_id))["identity"] == {"confirmed": True, "confirmedBy": by}
        assert await confirmation(corp, user_id) == (True, True)


async def test_what_the_setter_of_an_email_confirmed_does_not_outlast_the_binding(corp: Corp) -> None:
    """Ada did not enrol Rina, and so may confirm her; but nobody who signs in by an address of Ada's."""
    await rina_with(corp, OWN)
    refused = await corp.service.refused("confirmIdentity", ADA, userId="rina", note=SEEN, email=OWN)
    assert refused["code"] == "FORBIDDEN"
    await corp.service.do("confirmIdentity", ADA, userId="rina", note=SEEN)
    await corp.service.ask(VIEWER, corp.token("ada-at-corp", email=OWN))
    assert (await held(corp, "rina"))["identity"] == {"confirmed": False, "confirmedBy": None}


async def test_whoever_an_issuer_binds_is_confirmed_by_others_though_never_enrolled(corp: Corp) -> None:
    """After a reset, and after having been an administrator too."""
    await corp.service.enrol(COLIN)
    await corp.service.confirm(COLIN)
    await corp.service.do("registerStakeholder", ADA, **BEN)
    for user_id in ("rita", "ben"):
        await corp.service.ask(VIEWER, corp.token(user_id))
    await corp.service.do("resetEnrolment", ADA, userId="rita", reason="The laptop was lost.")
    await corp.service.do("updateStakeholder", ADA, userId="ben", platformRole="MEMBER", roles=["RISK_MANAGER"])
    for user_id in ("rita", "ben"):
        assert (await corp.service.refused("confirmIdentity", ADA, userId=user_id, note=SEEN))["code"] == "FORBIDDEN"
        await corp.service.do("confirmIdentity", COLIN, userId=user_id, note=SEEN, email=f"{user_id}@example.org")
        assert (await held(corp, user_id))["identity"] == {"confirmed": True, "confirmedBy": "colin"}
    await corp.service.do("resetEnrolment", ADA, userId="alice", reason="The laptop was lost.")
    await corp.service.ask(VIEWER, corp.token("alice"))
    await corp.service.confirm(corp.token("alice"))
    assert (await held(corp, "alice"))["identity"] == {"confirmed": True, "confirmedBy": "system"}


@pytest.mark.parametrize("role", ["AUDITOR", "ADMIN"])
async def test_an_administrator_is_made_what_an_issuer_gives_and_no_more(corp: Corp, role: str) -> None:
    await corp.service.do("registerStakeholder", ADA, **BEN)
    await corp.service.ask(VIEWER, corp.token("ben", "auditors"))
    await corp.service.do("updateStakeholder", ADA, userId="ben", platformRole=role, name="Ben B")
    found = await corp.state("ben")
    here = {"AUDITOR": "MEMBER", "ADMIN": "ADMIN"}[role]
    assert (found["platformRole"], found["heldHere"]) == (role, {"platformRole": here, "roles": []})


# Requests that change nothing


async def test_what_is_refused_or_changes_nothing_does_not_claim_the_trail(
    corp: Corp, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is sent: an unknown person, one who would hold what nobody holds at once, and the last administrator."""
    await corp.service.ask(VIEWER, corp.token("zoe", "admins"))
    await corp.service.do("deactivateStakeholder", corp.token("zoe", "admins"), userId="admin")
    corp.configured(join=False)
    touch, touched = AuditHead.touch, 0

    async def counted() -> AuditHead:
        nonlocal touched
        touched += 1
        return await touch()

    await corp.service.post(VIEWER, by=corp.token("nobody", "risk"))  # the trail tells of the first failure of a minute
    monkeypatch.setattr(AuditHead, "touch", counted)
    for number in range(3):
        for user, groups in (("nobody", ("risk",)), ("alice", ("admins",))):
            answer = await corp.service.post(VIEWER, by=corp.token(user, *groups, jti=str(number)))
            assert answer.status_code == 401
        await corp.service.ask(VIEWER, corp.token("zoe", "auditors"))
    assert touched == 0 and caplog.text.count("zoe stays an administrator") == 1
    corp.service.later(hours=1)
    await corp.service.ask(VIEWER, corp.token("zoe", "auditors"))
    assert caplog.text.count("zoe stays an administrator") == 2


async def test_nobody_takes_the_name_of_a_service_of_the_file(corp: Corp) -> None:
    """Else the pipeline would be refused from then on."""
    corp.configured(beside=[GITHUB | {"issuer": "https://programs.example.org", "rule": [RULE]}])
    says = await corp.problem(corp.token("Release-Pipeline", "risk"))
    assert "it is the name of a service: release-pipeline" in says, says
    refused = await corp.service.refused("registerStakeholder", ADA, **RINA | {"userId": "release-pipeline"})
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.userId")


# The end of a binding


GONE = "The issuer was renamed."


async def test_the_end_of_a_binding_takes_what_its_issuer_gave_and_every_way_in(corp: Corp) -> None:
    zoe = corp.token("zoe", "admins")
    laptop, _ = await make(corp.service, zoe)
    corp.configured(name="corp2")
    refused = await corp.service.refused("updateStakeholder", ADA, userId="zoe", platformRole="MEMBER", roles=["MODEL_OWNER"])
    assert "which corp gives" in refused["problem"]
    await corp.service.do("updateStakeholder", ADA, userId="zoe", authorizedTiers=["TIER_1_CRITICAL"])
    seen = await corp.service.size()
    await corp.service.do("endBinding", ADA, "uncoveredModels { modelId }", userId="zoe", issuer="corp", reason=GONE)
    found = await corp.state("zoe")
    assert (found["platformRole"], found["roles"], found["bindings"], found["heldHere"]) == ("MEMBER", [], [], None)
    assert found["authorizedTiers"] == ["TIER_1_CRITICAL"] and not found["identity"]["confirmed"]
    of_token, of_zoe = await corp.service.trail(seen)
    assert (of_token["event_type"], of_token["action"], of_token["resource"]["type"]) == (
        "access_revoked", "endBinding", "ApiToken",
    )  # fmt: skip
    assert (of_zoe["event_type"], of_zoe["actor"]["id"], of_zoe["resource"]["id"]) == ("access_revoked", "admin", "zoe")
    assert of_zoe["details"]["facts"] == {"issuer": "corp", "reason": GONE}
    assert not await signs_in(corp.service, laptop)
    assert await corp.service.ask(VIEWER, corp.token("zoe", "risk")) == {"viewer": {"id": "zoe"}}
    assert [str(each) for each in (await verify(books=BOOKS)).faults] == []


async def test_whom_the_issuer_knows_under_another_id_signs_in_after_the_end_of_the_binding(corp: Corp) -> None:
    await corp.service.ask(VIEWER, corp.token("alice", "risk"))
    anew = corp.token("alice", "stewards", sub="u-anew")
    assert "endBinding ends that" in await corp.problem(anew)
    await corp.service.do("endBinding", ADA, userId="alice", issuer="corp", reason="The account was made anew.")
    assert (await corp.state("alice"))["roles"] == ["MODEL_OWNER"]
    assert await corp.service.ask(VIEWER, anew) == {"viewer": {"id": "alice"}}
    assert "under another id" in await corp.problem(corp.token("alice", "risk"))


async def test_a_binding_is_ended_by_another_administrator_and_never_leaves_none(corp: Corp) -> None:
    zoe = corp.token("zoe", "admins")
    await corp.service.ask(VIEWER, zoe)
    refused = await corp.service.refused("endBinding", zoe, userId="zoe", issuer="corp", reason=GONE)
    assert (refused["code"], refused["needs"]) == ("FORBIDDEN", ["another ADMIN"])
    refused = await corp.service.refused("endBinding", ADA, userId="zoe", issuer="elsewhere", reason=GONE)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.issuer")
    twice = """mutation { deactivateStakeholder(input: {userId: "admin"}) { receipt { seq } }
        endBinding(input: {userId: "zoe", issuer: "corp", reason: "x"}) { receipt { seq } } }"""
    answer = (await corp.service.post(twice, by=ADA)).json()
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["UNAUTHENTICATED"]
    assert (await corp.service.ask("{ viewer { stakeholder { platformRole } } }", zoe))["viewer"]["stakeholder"] == {
        "platformRole": "ADMIN",
    }  # fmt: skip


FOR = {
    "a service": 'holder: {service: {name: "ci", mutations: [OPEN_INCIDENT], ownerId: "admin"}}',
    "oneself": "",
    "somebody to enrol": 'holder: {userId: "rina"}',
}
ENDS = {
    "out": 'deactivateStakeholder(input: {userId: "ben"})',
    "no administrator": 'updateStakeholder(input: {userId: "ben", platformRole: MEMBER, roles: [DEPLOYER]})',
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("whom", FOR)
@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("by_issuer", [True, False])
async def test_whoever_is_out_or_has_lost_a_role_by_now_makes_no_token_that_does_more(
    corp: Corp, whom: str, how: str, by_issuer: bool
) -> None:
    """Somebody else may end it while a request of many mutations is under way; here the request does itself."""
    for each in (RINA, BEN):
        await corp.service.do("registerStakeholder", ADA, **each)
    if by_issuer:
        ben = corp.token("ben")
    else:
        ben, _ = await make(corp.service, (await make(corp.service, ADA, holder={"userId": "ben"}))[0])
    await corp.service.ask(VIEWER, ben)
    made = f'createApiToken(input: {{name: "left", {FOR[whom]}}}) {{ token }}'
    text = f"mutation {{ out: {ENDS[how]} {{ receipt {{ seq }} }} made: {made} }}"
    answer = (await corp.service.post(text, by=ben)).json()
    codes = [each["extensions"]["code"] for each in answer.get("errors", ())]
    # A token of one's own does no more than its holder still may.
    left = ["UNAUTHENTICATED"] if how == "out" else [] if whom == "oneself" else ["FORBIDDEN"]
    assert answer["data"]["out"] and codes == left, answer


async def test_a_token_of_an_issuer_is_verified_once_within_the_grace(corp: Corp, monkeypatch: pytest.MonkeyPatch) -> None:
    zoe, verified = corp.token("zoe", "risk"), list[str]()
    await corp.service.ask(VIEWER, zoe)  # makes her: whoever is read while that is written is not remembered
    verify_it = TokenVerifier.verified

    async def counted(self: TokenVerifier, text: str, *said: Any) -> Any:
        verified.append(text)
        return await verify_it(self, text, *said)

    monkeypatch.setattr(TokenVerifier, "verified", counted)
    for times in (1, 1, 2):
        assert await signs_in(corp.service, zoe)
        assert len(verified) == times
        corp.service.later(seconds=corp.service.settings.identity_seconds - 1 if times == 1 else 0)
    await deactivate(corp.service, zoe)
    assert not await signs_in(corp.service, zoe)


async def test_a_token_of_an_issuer_that_expires_within_the_grace_ends_then(corp: Corp) -> None:
    leeway = CORP.get("leeway_seconds", Issuers.model_validate({"issuer": [CORP]}).issuer[0].leeway_seconds)
    zoe = corp.token("zoe", "risk", exp=corp.service.now.timestamp() + 1 - leeway)
    for _ in range(2):
        assert await signs_in(corp.service, zoe)
    corp.service.later(seconds=1)
    assert not await signs_in(corp.service, zoe)


async def test_a_mutation_reads_the_person_of_an_issuer_in_its_own_transaction(corp: Corp) -> None:
    """What another process took since the sign-in permits nothing, and neither does a row that was altered since."""
    other = Service(corp.service.uri, corp.service.database.name)
    zoe = corp.token("zoe", "risk")
    for _ in range(2):
        await corp.service.ask(VIEWER, zoe)
    await deactivate(other, zoe)
    answer = await corp.service.post(mutating("createApiToken", ""), {"input": {"name": "x"}}, by=zoe)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    yan = corp.token("yan", "risk")
    for _ in range(2):
        await corp.service.ask(VIEWER, yan)
    people = corp.service.database.collection("stakeholders")
    await people.update_one({"user_id": "yan"}, {"$set": {"roles": ["risk_manager", "data_steward"]}})
    answer = await corp.service.post(mutating("createApiToken", ""), {"input": {"name": "x"}}, by=yan)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    await other.close()
