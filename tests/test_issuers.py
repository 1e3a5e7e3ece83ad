"""Issuers: the file that names them, their keys, and which of their tokens are believed."""

import asyncio
import gzip
import json
import re
import ssl
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwe
from joserfc.jwk import JWKRegistry, RSAKey
from starlette.responses import JSONResponse, Response

from documents.access import GovernanceRole, Permission
from documents.errors import Unauthenticated
from documents.issuers import IssuerKind, Issuers
from gql.faults import IdentityRefused
from gql.issuers import fetching, published
from gql.issuers.fetching import Fetcher, NoAnswer
from gql.issuers.file import read_issuers
from gql.issuers.tokens import linked
from tests.forged import BAD_SETS, decoded, encoded, symmetric, unsigned
from tests.providers import AUDIENCE, CORP, ISSUER, NOW, Clock, Provider, elliptic, verifier

FILE = """
[[issuer]]
name = "corp"
issuer = "https://id.example.org"
audience = "magistrate"
kind = "people"
join = true
[[issuer.group]]
is = "model-risk"
roles = ["RISK_MANAGER"]
tiers = ["TIER_1_CRITICAL"]

[[issuer]]
name = "github"
issuer = "https://token.actions.githubusercontent.com"
audience = ["https://models.example.org"]
kind = "workloads"
[[issuer.rule]]
claims = { repository = "acme/*", ref = "refs/heads/main" }
service = "release-pipeline"
mutations = ["startDeployment"]
models = ["acme-*"]
environments = ["production"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "identity.toml"
    path.write_text(text)
    return path


def test_the_file_names_people_and_workloads(tmp_path: Path) -> None:
    people, workloads = read_issuers(written(tmp_path, FILE)).issuer
    assert (people.kind, people.audience, people.algorithms, people.leeway_seconds) == (
        IssuerKind.PEOPLE, ("magistrate",), ("RS256", "ES256"), 30,
    )  # fmt: skip
    assert people.group[0].roles == (GovernanceRole.RISK_MANAGER,) and people.claims.user_id == "preferred_username"
    (rule,) = workloads.rule
    assert (rule.mutations, rule.models, rule.environments) == ((Permission.START_DEPLOYMENT,), ("acme-*",), ("production",))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('kind = "people"', 'kind = "persons"', "`issuer[1].kind`"),
        ('kind = "people"', "", "`issuer[1].kind`"),
        ('audience = "magistrate"', "audience = []", "`issuer[1].audience`"),
        ("join = true", "joins = true", "`issuer[1].joins`"),
        ("join = true", 'algorithms = ["HS256"]', "`issuer[1].algorithms[1]`"),
        ("join = true", 'algorithms = ["none"]', "`issuer[1].algorithms[1]`"),
        ("join = true", "leeway_seconds = 3600", "`issuer[1].leeway_seconds`"),
        ("join = true", 'jwks = "http://id.example.org/keys"', "must be an https:// URL"),
        ("join = true", 'jwks = "ftp://id.example.org/keys"', "must be an https:// URL"),
        ("join = true", 'client_secret_file = "x"', "no `client_id`"),
        ('"https://id.example.org"', '"https://a:b@id.example.org"', "`issuer[1].issuer`"),
        ('"https://id.example.org"', '"https://token.actions.githubusercontent.com"', "two issuers with the issuer"),
        ('"corp"', '"github"', "two issuers with the name github"),
        ('"RISK_MANAGER"', '"Risk manager"', "`issuer[1].group[1].roles[1]` must be one of MODEL_OWNER"),
        ('roles = ["RISK_MANAGER"]', 'roles = ["RISK_MANAGER"]\nplatform_role = "ADMIN"', "ADMIN and a holder of governance"),
        ('roles = ["RISK_MANAGER"]', 'platform_role = "SERVICE"', "a SERVICE"),
        ('"startDeployment"', '"createApiToken"', "`issuer[2].rule[1].mutations[1]` must be a mutation that a service may use"),
        ('kind = "workloads"', 'kind = "workloads"\njoin = true', "has `join`"),
        (
            "[[issuer.rule]]",
            "[[issuer.group]]",
            "`issuer[2].group[1].claims` is no key here; known are is, roles, tiers, platform_role",
        ),
        ("[[issuer]]", "[issuer]", "is not TOML"),
        ("join = true", "joins = true", "`issuer[1].joins` is no key here; known are name, issuer, audience"),
        ("join = true", "joins = true", "[issuer.claims], [[issuer.group]], [[issuer.rule]]"),
        ("join = true", 'join = "yes"', "`issuer[1].join` must be true or false"),
        ("join = true", 'leeway_seconds = "30"', "`issuer[1].leeway_seconds` must be a valid integer"),
        ("join = true", 'jwks = "/etc/keys.json"', "`issuer[1].jwks` must be an https:// URL, or file:///etc/keys.json"),
        ("join = true", 'jwks = "file://etc/keys.json"', "or file:///etc/keys.json"),
        ("join = true", 'jwks = "file:///none/keys.json"', "`issuer[1].jwks` names /none/keys.json, which cannot be read"),
        ("join = true", 'client_id = "m"\nclient_secret_file = "/none"', "`issuer[1].client_secret_file` names /none"),
        ('audience = "magistrate"', "", "`issuer[1].audience` is missing"),
        ('audience = "magistrate"', "audience = 5", "`issuer[1].audience` must be a list"),
        ('"https://id.example.org"', '"https://id.example.org/.well-known/openid-configuration"', "without /.well-known/"),
        ('"https://id.example.org"', '"https://id.example.org "', "`issuer[1].issuer` must be a URL without spaces"),
        ('"https://id.example.org"', '["https://id.example.org"]', "`issuer[1].issuer` must be a text"),
        ('roles = ["RISK_MANAGER"]\n', "", "`issuer[1].group[1]` lets nobody in"),
        ('roles = ["RISK_MANAGER"]\ntiers', 'platform_role = "MEMBER"\ntiers', "`issuer[1].group[1]` lets nobody in"),
        ("[[issuer.group]]", "[issuer.group]", "`issuer[1].group` must be [[issuer.group]]"),
        ("[[issuer.group]]", "[[issuer.claims]]\n[[issuer.group]]", "`issuer[1].claims` must be [issuer.claims]"),
        ("[[issuer.rule]]", "[[issuer.rules]]", "`issuer[2].rules` is no key here"),
        ("models = [", "model = [", "known are claims, service, mutations, models, environments"),
        ('"startDeployment"', '"START_DEPLOYMENT"', "must be a mutation that a service may use: startDeployment"),
        ('"startDeployment"', '"startDeploy"', "must be a mutation that a service may use, and startDeploy is none"),
        ('"release-pipeline"', '"System"', "`issuer[2].rule[1].service` is a name that the trail uses for others"),
        ('ref = "refs/heads/main"', "ref_protected = true", "`issuer[2].rule[1].claims.ref_protected` must be a text"),
        (FILE, "", "`issuer` is missing"),
        (FILE, '[[issuers]]\nname = "corp"', "`issuers` is no key here; known are [[issuer]]"),
        (FILE, '[issuer]\nname = "corp"', "`issuer` must be [[issuer]]"),
    ],
)
def test_a_wrong_file_is_refused_by_the_key_that_is_wrong(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert before in FILE
    with pytest.raises(IdentityRefused) as refused:
        read_issuers(written(tmp_path, FILE.replace(before, after, 1)))
    assert says in str(refused.value) and "\n" not in str(refused.value)


def test_what_can_be_a_list_can_be_one_text(tmp_path: Path) -> None:
    listed = FILE.replace("join = true", 'algorithms = ["RS256"]')
    single = re.sub(r'\["([^"]*)"\]', r'"\1"', listed)
    assert "[" not in single.replace("[[", "") and read_issuers(written(tmp_path, single)) == read_issuers(
        written(tmp_path, listed)
    )


@pytest.mark.parametrize("content", [b"\xff", b"x" * (1024 * 1024 + 1), None])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "identity.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(IdentityRefused, match="cannot be used: it "):
        read_issuers(path)


async def test_a_token_that_the_issuer_signed_for_us_is_believed() -> None:
    provider, clock = Provider(), Clock()
    found = await verifier(provider, clock).verified(provider.signs(groups=["a"]), NOW)
    assert (found.issuer.name, found.subject, found.claims["groups"]) == ("corp", "u-1", ["a"])
    assert provider.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
async def test_one_of_several_audiences_suffices(aud: object) -> None:
    provider = Provider()
    assert await verifier(provider, Clock()).verified(provider.signs(aud=aud), NOW)


SECOND = 1_000_000
AT = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": "https://id.example.org/"}, "not configured"), ({"iss": None}, "not configured"),
        ({"iss": [ISSUER]}, "not configured"), ({"aud": "other"}, "audience"), ({"aud": None}, "audience"),
        ({"aud": {"magistrate": 1}}, "audience"), ({"aud": [["magistrate"]]}, "audience"), ({"exp": None}, "when it expires"),
        ({"exp": AT - 30}, "expired"), ({"exp": "tomorrow"}, "`exp`"), ({"exp": True}, "`exp`"), ({"exp": 1e300}, "`exp`"),
        ({"nbf": AT + 31}, "not valid yet"), ({"iat": AT + 31}, "not valid yet"), ({"sub": None}, "whom"), ({"sub": ""}, "whom"),
        ({"sub": 7}, "whom"), ({"sub": "x" * 256}, "whom"),
    ],
)  # fmt: skip
async def test_a_token_with_other_claims_is_refused(claims: dict[str, Any], says: str) -> None:
    provider = Provider()
    with pytest.raises(Unauthenticated, match=says):
        await verifier(provider, Clock()).verified(provider.signs(**claims), NOW)


@pytest.mark.parametrize("claims", [{"exp": AT - 29}, {"nbf": AT + 30}, {"iat": AT + 30}])
async def test_clocks_may_differ_by_the_leeway(claims: dict[str, Any]) -> None:
    provider = Provider()
    assert await verifier(provider, Clock()).verified(provider.signs(**claims), NOW)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"crit": ["exp"]}, "critical"), ({"crit": [], "b64": False}, "critical"), ({"cty": "JWT"}, "type"),
        ({"typ": "logout+jwt"}, "type"), ({"typ": "application/secevent+jwt"}, "type"), ({"kid": "unknown"}, "does not publish"),
    ],
)  # fmt: skip
async def test_a_token_with_other_headers_is_refused(header: dict[str, Any], says: str) -> None:
    provider = Provider()
    text = provider.signs()
    head = json.loads(decoded(text.split(".")[0])) | header
    with pytest.raises(Unauthenticated, match=says):
        await verifier(provider, Clock()).verified(".".join([encoded(head), *text.split(".")[1:]]), NOW)


async def test_a_token_that_is_not_signed_by_a_key_of_the_issuer_is_refused() -> None:
    provider, clock = Provider(), Clock()
    check = verifier(provider, clock)
    other = RSAKey.generate_key(2048, {"kid": "first"})
    head, claims, signature = provider.signs().split(".")
    for text, says in (
        (provider.signs(other), "signature"),
        (f"{head}.{provider.signs(sub='admin').split('.')[1]}.{signature}", "signature"),
        (f"{head}.{claims}.", "signature"),
        (unsigned(provider.signs()), "otherwise"),
        (f"{encoded({'alg': 'None', 'kid': 'first'})}.{claims}.", "otherwise"),
        (symmetric(provider, provider.signs()), "otherwise"),
        (provider.signs(header={"alg": "PS256"}), "otherwise"),
    ):
        with pytest.raises(Unauthenticated, match=says):
            await check.verified(text, NOW)


async def test_a_key_of_another_type_than_the_algorithm_verifies_nothing() -> None:
    provider = Provider(keys=[RSAKey.generate_key(2048, {"kid": "first"}), elliptic("second")])
    check = verifier(provider, Clock())
    head, claims, signature = provider.signs(provider.keys[1], {"alg": "ES256"}).split(".")
    assert await check.verified(f"{head}.{claims}.{signature}", NOW)
    with pytest.raises(Unauthenticated, match="signature"):
        await check.verified(f"{encoded({'alg': 'ES256', 'kid': 'first'})}.{claims}.{signature}", NOW)


@pytest.mark.parametrize("text", ["", "e.e.e", "eyJ.eyJ.x", "a.b.c.d.e", "eyJhbGciOiJSUzI1NiJ9..x", "é.é.é"])
async def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated, match="no signed JSON Web Token"):
        await verifier(Provider(), Clock()).verified(text, NOW)


async def test_encrypted_oversized_and_ambiguous_tokens_are_refused() -> None:
    provider = Provider()
    check = verifier(provider, Clock())
    encrypted = jwe.encrypt_compact({"alg": "RSA-OAEP", "enc": "A128CBC-HS256"}, "{}", provider.keys[0])
    twice = urlsafe_b64encode(f'{{"iss": "{ISSUER}", "sub": "a", "sub": "b"}}'.encode()).decode().rstrip("=")
    for text, says in (
        (encrypted, "no signed"), (provider.signs(long="x" * 20_000), "more than"),
        (f"{provider.signs().split('.')[0]}.{twice}.x", "no signed"), (f"{encoded([1])}.{encoded({})}.x", "no signed"),
    ):  # fmt: skip
        with pytest.raises(Unauthenticated, match=says):
            await check.verified(text, NOW)


async def test_without_a_key_id_the_only_key_counts() -> None:
    provider = Provider()
    check = verifier(provider, Clock())
    assert await check.verified(provider.signs(header={"kid": None}), NOW)
    provider.keys.append(RSAKey.generate_key(2048, {"kid": "second"}))
    with pytest.raises(Unauthenticated, match="does not publish"):
        await verifier(provider, Clock()).verified(provider.signs(header={"kid": None}), NOW)


async def test_a_new_key_is_looked_for_once_a_minute_at_most() -> None:
    provider, clock = Provider(), Clock()
    check = verifier(provider, clock)
    assert await check.verified(provider.signs(), NOW)
    provider.keys.append(RSAKey.generate_key(2048, {"kid": "second"}))
    seen = len(provider.asked)
    for _ in range(3):
        with pytest.raises(Unauthenticated, match="does not publish"):
            await check.verified(provider.signs(provider.keys[1]), NOW)
    assert len(provider.asked) == seen
    clock.later(minutes=1)
    assert await check.verified(provider.signs(provider.keys[1], at=clock.now), clock.now)
    clock.later(minutes=1)
    for kid in ("a", "b", "c"):
        with pytest.raises(Unauthenticated, match="does not publish"):
            await check.verified(provider.signs(header={"kid": kid}, at=clock.now), clock.now)
    assert len(provider.asked) == seen + 2


async def test_a_provider_that_is_away_stops_only_those_whose_keys_are_not_known() -> None:
    provider, clock = Provider(), Clock()
    check = verifier(provider, clock)
    assert await check.verified(provider.signs(), NOW)
    provider.goes()
    clock.later(hours=30)
    assert await check.verified(provider.signs(at=clock.now), clock.now)
    with pytest.raises(Unauthenticated, match="gives no keys"):
        await check.verified(provider.signs(header={"kid": "new"}, at=clock.now), clock.now)
    fresh = verifier(provider, clock)
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="corp gives no keys"):
            await fresh.verified(provider.signs(at=clock.now), clock.now)
    provider.answers.clear()
    clock.later(minutes=1)
    assert await fresh.verified(provider.signs(at=clock.now), clock.now)


async def test_a_key_that_is_withdrawn_ends_within_an_hour() -> None:
    provider, clock = Provider(), Clock()
    check = verifier(provider, clock)
    withdrawn = provider.keys[0]
    assert await check.verified(provider.signs(), NOW)
    provider.keys[:] = [RSAKey.generate_key(2048, {"kid": "second"})]
    clock.later(hours=1)
    with pytest.raises(Unauthenticated, match="does not publish"):
        await check.verified(provider.signs(withdrawn, at=clock.now), clock.now)


async def test_a_known_key_verifies_at_once_while_the_provider_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, clock, goes_on = Provider(), Clock(), asyncio.Event()
    goes_on.set()

    async def hanging(scope: Any, receive: Any, send: Any) -> None:
        await goes_on.wait()
        await provider.app(scope, receive, send)

    monkeypatch.setattr(published, "SECONDS", 0.05)
    issuers = Issuers.model_validate({"issuer": [CORP]})
    check = linked(issuers, clock, Fetcher(httpx.ASGITransport(hanging)))
    assert await check.verified(provider.signs(), NOW)
    goes_on.clear()
    for delta in ({"hours": 1}, {"minutes": 1}, {"seconds": 1}):
        clock.later(**delta)
        text = provider.signs(at=clock.now)
        async with asyncio.timeout(1):
            assert all(await asyncio.gather(*(check.verified(text, clock.now) for _ in range(5))))
    goes_on.set()


async def test_whoever_disconnects_ends_the_search_for_keys_for_nobody_else() -> None:
    provider, begun, goes_on = Provider(), asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        await goes_on.wait()
        await provider.app(scope, receive, send)

    check = linked(Issuers.model_validate({"issuer": [CORP]}), Clock(), Fetcher(httpx.ASGITransport(slow)))
    first, second = (asyncio.create_task(check.verified(provider.signs(), NOW)) for _ in range(2))
    await begun.wait()
    first.cancel()
    goes_on.set()
    assert await second and provider.asked.count("/keys") == 1


async def test_the_event_loop_reads_no_keys_and_no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    provider, threads = Provider(), dict[str, list[threading.Thread]](keys=[], certificates=[])

    def noted(what: str, does: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any, **kwargs: Any) -> Any:
            threads[what].append(threading.current_thread())
            return does(*args, **kwargs)

        return done

    monkeypatch.setattr(JWKRegistry, "import_key", noted("keys", JWKRegistry.import_key))
    monkeypatch.setattr(httpx, "create_ssl_context", noted("certificates", httpx.create_ssl_context))
    monkeypatch.setattr(ssl, "create_default_context", noted("certificates", ssl.create_default_context))
    fetching._tls.cache_clear()
    assert await verifier(provider, Clock()).verified(provider.signs(), NOW)
    for _ in range(2):
        with pytest.raises(NoAnswer, match="out of reach"):
            await Fetcher().get("https://127.0.0.1:1/keys")
    assert threads["keys"] and threading.main_thread() not in threads["keys"] + threads["certificates"]
    assert len(threads["certificates"]) == 2  # httpx makes one context by the one of the standard library


async def test_what_is_compressed_is_neither_asked_for_nor_read() -> None:
    asked = []

    async def compressing(scope: Any, receive: Any, send: Any) -> None:
        asked.extend(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-encoding", b"gzip")]})
        await send({"type": "http.response.body", "body": gzip.compress(b"0" * 10_000_000)})

    with pytest.raises(NoAnswer, match="compressed"):
        await Fetcher(httpx.ASGITransport(compressing)).get(f"{ISSUER}/keys")
    assert (b"accept-encoding", b"identity") in asked


@pytest.mark.parametrize(
    "odd",
    [{"key_ops": None}, {"key_ops": 5}, {"key_ops": {}}, {"kty": {}}, {"kty": None}, {"n": 5}, {"n": "é"}, {"use": []},
     {"kty": "EC", "crv": [], "x": "AA", "y": "AA"}, {"kty": "OKP", "crv": "X25519", "x": "AAAA"}, {"e": "AQ"}, {"kid": ["odd"]}],
    ids=str,
)  # fmt: skip
async def test_a_key_that_cannot_be_used_does_not_hide_the_others(odd: dict[str, Any]) -> None:
    provider = Provider()
    keys = [provider.published["keys"][0] | {"kid": "odd"} | odd, *provider.published["keys"]]
    provider.answers["/keys"] = lambda: JSONResponse({"keys": keys})
    assert await verifier(provider, Clock()).verified(provider.signs(), NOW)


@pytest.mark.parametrize(
    "claims", [{"sub": "a\ud800"}, {"preferred_username": "\udfffa"}, {"groups": [{"\ud800": 1}]}], ids=ascii
)
async def test_a_token_with_an_unpaired_surrogate_is_refused(claims: dict[str, Any]) -> None:
    provider = Provider()
    with pytest.raises(Unauthenticated, match="no signed JSON Web Token"):
        await verifier(provider, Clock()).verified(provider.signs(**claims), NOW)


@pytest.mark.parametrize("name", BAD_SETS)
async def test_a_set_of_keys_that_is_not_to_be_believed_lets_nobody_in(name: str) -> None:
    provider = Provider()
    provider.answers["/keys"] = lambda: JSONResponse(BAD_SETS[name](provider))
    with pytest.raises(Unauthenticated, match="gives no keys"):
        await verifier(provider, Clock()).verified(provider.signs(), NOW)


async def test_redirects_are_not_followed() -> None:
    for path, elsewhere in (("/keys", "/other"), ("/.well-known/openid-configuration", "/elsewhere")):
        provider = Provider()
        provider.redirects(path, elsewhere)
        provider.answers[elsewhere] = lambda provider=provider: JSONResponse(provider.published)  # type: ignore[misc]
        with pytest.raises(Unauthenticated, match="gives no keys"):
            await verifier(provider, Clock()).verified(provider.signs(), NOW)
        assert elsewhere not in provider.asked


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://other.example.org", "jwks_uri": f"{ISSUER}/keys"}, {"jwks_uri": f"{ISSUER}/keys"}, {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "http://id.example.org/keys"}, {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"}, [],
        "x",
    ],
)  # fmt: skip
async def test_a_discovery_document_that_is_not_to_be_believed_gives_no_keys(said: Any) -> None:
    provider = Provider()
    provider.answers["/.well-known/openid-configuration"] = lambda: JSONResponse(said)
    with pytest.raises(Unauthenticated, match="gives no keys"):
        await verifier(provider, Clock()).verified(provider.signs(), NOW)


async def test_the_keys_can_be_in_a_file_and_at_a_url(tmp_path: Path) -> None:
    provider, file = Provider(), tmp_path / "keys of us.json"
    file.write_text(json.dumps(provider.published))
    assert await verifier(provider, Clock(), jwks=file.as_uri()).verified(provider.signs(), NOW)
    assert provider.asked == []
    assert await verifier(provider, Clock(), jwks=f"{ISSUER}/keys").verified(provider.signs(), NOW)
    assert provider.asked == ["/keys"]
    with pytest.raises(Unauthenticated, match="gives no keys"):
        await verifier(provider, Clock(), jwks=(tmp_path / "none").as_uri()).verified(provider.signs(), NOW)


async def test_an_answer_that_is_no_json_gives_no_keys() -> None:
    provider = Provider()
    provider.answers["/keys"] = lambda: Response(b"<html>")
    with pytest.raises(Unauthenticated, match="gives no keys"):
        await verifier(provider, Clock()).verified(provider.signs(), NOW)
