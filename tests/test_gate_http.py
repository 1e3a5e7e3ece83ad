"""The gate over HTTP: what it answers whom, in which words, and what it makes of paths that nobody should send."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from starlette.types import Message

from gql.app import create_app
from tests.examples import BOT, EXPERIMENT, REGISTRATION, a_hundred_alike, decide, document, eligible, read, register, submit
from tests.gating import BYTES, OTHER, TRIAL, WEIGHTS, ask, bearer, gatekeeper, no_verdict, version_path
from tests.operations import declare
from tests.service import ADA, ALICE, AUDREY, CAROL, DAVID, RITA, Person, Service
from tests.tokens import enrolment, make
from tests.turns import HELD, TRIES, held_by
from tests.watching import Watched, watching, where

COMMANDS = [
    "audit_events", "audit_events", "audit_head", "contents", "datasheets", "environments", "model_versions", "policies",
    "review_calendar", "rules", "stakeholders",
]  # fmt: skip
"""What a question at the gate reads: once of each, but for the events that prove the registration, and their proof."""
ABOUT = {each: REGISTRATION[each] for each in ("ownerId", "dataStewardId", "purpose", "useCases")}
NOBODY = Person("nobody", f"mag_nobody_{'s' * 43}")


async def approved_with(service: Service, *artifacts: Any) -> None:
    """An eligible version that holds these bytes."""
    await register(service, artifacts=artifacts)
    await document(service)
    await submit(service)
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)


async def test_a_version_that_may_run_is_answered_with_200_and_what_was_judged(service: Service) -> None:
    await eligible(service)
    answer = await ask(service, version_path())
    dossier = await read(service, "standing { dossier { scope tier artifacts dependencies card assessment datasheets } }")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.headers["content-type"] == "application/json; charset=utf-8" and answer.headers["x-request-id"]
    assert answer.json() == BOT | {
        "eligible": True, "environment": "production", "reasons": [], "dossier": dossier["standing"]["dossier"],
        "checkedAt": "2026-03-01T12:00:00.123Z",
    }  # fmt: skip


async def test_a_version_that_may_not_run_is_answered_with_403_and_each_reason_with_its_remedy(service: Service) -> None:
    await register(service)
    answer = await ask(service, version_path())
    said = answer.json()
    assert (answer.status_code, said["eligible"], "errors" in said) == (403, False, False)
    assert "www-authenticate" not in answer.headers  # the caller lacks nothing, the version does
    codes = [each["code"] for each in said["reasons"]]
    assert codes[:4] == ["NOT_SUBMITTED", *["APPROVAL_MISSING"] * 3] and set(codes[4:]) == {"REQUIREMENT_UNMET"}
    first = said["reasons"][0]
    assert first["text"] and first["remedy"] == {
        "mutation": "submitForApproval", "arguments": BOT, "fill": [], "permitted": ["MODEL_OWNER (owner)"],
    }  # fmt: skip


async def test_what_is_not_known_is_answered_with_404_and_becomes_known_by_what_the_answer_says(service: Service) -> None:
    status, unknown = await no_verdict(service, version_path())
    assert (status, unknown["code"], unknown["kind"], unknown["key"]) == (
        404,
        "NOT_FOUND",
        "ModelVersion",
        "support-assistant/1.0.0",
    )
    remedy: dict[str, Any] = unknown["remedy"]
    assert remedy["mutation"] == "registerModel"
    filled: dict[str, Any] = {name: (REGISTRATION | {"name": "A"})[name] for name in remedy["fill"]}
    await service.do(remedy["mutation"], **remedy["arguments"], **filled)
    assert (await ask(service, version_path())).status_code == 403
    status, unknown = await no_verdict(service, version_path(version="2.0.0"))
    assert (status, unknown["remedy"]["mutation"]) == (404, "registerModelVersion")
    status, unknown = await no_verdict(service, BYTES)
    assert (status, unknown["kind"], unknown["key"]) == (404, "Artifact", WEIGHTS["sha256"])
    artifact = unknown["remedy"]["arguments"]["artifacts"][0] | {"kind": "WEIGHTS", "uri": "s3://models/1"}
    assert {*unknown["remedy"]["fill"]} >= {"artifacts.0.kind", "artifacts.0.uri", "modelId", "version"}
    await service.do(unknown["remedy"]["mutation"], **BOT | ABOUT | {"version": "3.0.0"}, artifacts=[artifact])
    assert (await ask(service, BYTES)).status_code == 403


async def test_head_has_the_status_and_the_headers_of_get_and_no_body(service: Service) -> None:
    await eligible(service)
    for path, by in ((version_path(), ALICE), (version_path(version="9"), ALICE), (BYTES, ALICE), (version_path(), None)):
        got, head = [await ask(service, path, by, method) for method in ("GET", "HEAD")]
        assert (head.status_code, head.content) == (got.status_code, b"")
        same = [{k: v for k, v in each.headers.items() if k != "x-request-id"} for each in (got, head)]
        assert same[0] == same[1] and int(head.headers["content-length"]) == len(got.content)


@pytest.mark.parametrize("name", ["prod", "", "PRODUCTION", "a" * 300, "../production", "staging ", "p\u0000", "old", "é"])
async def test_an_environment_that_is_none_is_refused_with_those_that_there_are(service: Service, name: str) -> None:
    await register(service)
    await declare(service, "old")
    await service.do("retireEnvironment", RITA, name="old", reason="Nothing runs there.")
    for path in (version_path(), BYTES):
        status, refused = await no_verdict(service, path, environment=name)
        assert (status, refused["code"], refused["path"]) == (400, "INVALID_INPUT", "environment")
        assert "declared are production, staging" in refused["problem"]


async def test_the_stage_of_the_environment_decides_which_policies_bind(service: Service) -> None:
    await register(service)
    await declare(service, "lab", stage="TEST")
    await register(service, **EXPERIMENT | TRIAL)
    await service.do("submitForApproval", **TRIAL)
    found = {
        (of["modelId"], place): (await ask(service, version_path(**of), environment=place)).json()
        for of in (BOT, TRIAL)
        for place in ("lab", "staging", "production")
    }
    may = {name: [each["code"] for each in said["reasons"]] for name, said in found.items() if name[0] == "trial"}
    assert may == {("trial", "lab"): [], ("trial", "staging"): [], ("trial", "production"): ["EXPERIMENTAL"]}
    assert [found[BOT["modelId"], place]["eligible"] for place in ("lab", "staging", "production")] == [True, False, False]


METRIC: dict[str, Any] = {"as": "metric"}
ROUTES = ["/gate", "/gate/", "/gate/a", "/gate/a/", "/gate//b", "/gate/a/b/c", "/gate/a/b/", "/gate/sha256/", "/gate/a%0A/b/c"]


@pytest.mark.parametrize("path", ROUTES)
async def test_a_path_that_the_gate_does_not_have_is_a_coded_404_that_lists_those_that_it_has(
    service: Service, path: str
) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await ask(service, path, method=method)
        assert answer.status_code == 404 and answer.headers["content-type"].startswith("application/json")
        error = answer.json()["errors"][0]["extensions"]
        assert error["code"] == "INVALID_INPUT" and "GET /gate/sha256/{digest}" in error["problem"]


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        *(("/gate/a/1", each, "GET, HEAD") for each in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS")),
        (BYTES, "POST", "GET, HEAD"),
        (f"/gate/flagger/{ALICE.token}", "GET", "POST"),
        (f"/gate/flagger/{ALICE.token}", "HEAD", "POST"),
    ],
)
async def test_a_method_that_a_path_does_not_take_is_a_coded_405(service: Service, path: str, method: str, allowed: str) -> None:
    answer = await ask(service, path, method=method)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert ALICE.token not in str(answer.headers) + answer.text
    if method != "HEAD":
        assert answer.json()["errors"][0]["extensions"]["code"] == "INVALID_INPUT"


async def sent(service: Service, raw_path: bytes | None, query: bytes = b"", path: str | None = None) -> tuple[int, Any]:
    """The answer to a path byte by byte, as a server hands it over."""
    headers = [(b"authorization", f"Bearer {ALICE.token}".encode())]
    decoded = unquote((raw_path or b"").decode("latin-1"), errors="replace") if path is None else path
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": decoded, "query_string": query, "headers": headers,
        "client": ("192.0.2.1", 9), "scheme": "http", "server": ("test", 80),
    }  # fmt: skip
    if raw_path is not None:
        scope["raw_path"] = raw_path
    answers: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        answers.append(message)

    await service.app(scope, receive, send)
    return answers[0]["status"], json.loads(answers[1]["body"])


@pytest.mark.parametrize("version", ["1.0.0+build.5", "1.0.0@a:b", "v1-rc_1"])
async def test_a_name_is_found_however_its_characters_are_encoded(service: Service, version: str) -> None:
    await register(service, version=version)
    encoded = "".join(f"%{ord(each):02x}" for each in version)
    for said in (version, encoded, encoded.upper()):
        status, answer = await sent(service, f"/gate/support-assistant/{said}".encode())
        assert (status, answer["version"]) == (403, version)
    status, answer = await sent(service, None, path=f"/gate/support-assistant/{version}")  # ASGI servers need not tell it
    assert (status, answer["version"]) == (403, version)


HOSTILE = [
    b"..", b".", b"%2e%2e", b"%2e%2e%2fgraphql", b"a%2Fb", b"%00", b"1%00", b"%0a", b"1%0d%0aSet-Cookie:x", b"%ff%fe", b"%c0%ae",
    b"%ed%a0%80", b"%zz", b"%", b"%2", b"1.0.0%252B5", b"1.0.0%2B5%20", b"$ne", b"%24where", b"{}", b"a" * 201, b"\xc3\xa9",
    b"%20", b"1;v=2", b"*", b"1.0.0%3Fx", b"~root", "é".encode(), b"%EF%BF%BD",
]  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
async def test_a_hostile_part_of_a_path_is_decoded_once_and_refused(service: Service, part: bytes) -> None:
    await register(service, version="1.0.0+5")
    for raw, path in ((b"/gate/support-assistant/" + part, "version"), (b"/gate/" + part + b"/1.0.0", "model")):
        status, answer = await sent(service, raw)
        assert status == 400, answer
        error = answer["errors"][0]["extensions"]
        assert (error["code"], error["path"]) == ("INVALID_INPUT", path)
    status, answer = await sent(service, b"/gate/sha256/" + part)
    assert (status, answer["errors"][0]["extensions"]["path"]) == (400, "digest")


async def test_a_path_without_end_is_refused_before_anything_is_read(service: Service) -> None:
    assert (await sent(service, b"/gate/a/" + b"a" * 20_000))[0] == 414
    assert (await sent(service, b"/gate/a/1", query=b"environment=" + b"a" * 20_000))[0] == 414


@pytest.mark.parametrize(
    "query",
    [
        b"enviroment=staging", b"environment=staging&environment=production", b"environment=staging&x=1", b"environment", b"=",
        b"as=json", b"as=metric&as=metric", b"as=", b"environment=%ff", b"\xff", b"&".join([b"as=metric"] * 50), b"as=metric&&;",
    ],
)  # fmt: skip
async def test_a_query_that_is_not_understood_is_refused_rather_than_half_read(service: Service, query: bytes) -> None:
    await eligible(service)
    status, answer = await sent(service, b"/gate/support-assistant/1.0.0", query)
    assert (status, answer["errors"][0]["extensions"]["code"]) == (400, "INVALID_INPUT")


async def test_a_digest_is_read_as_registries_write_it_and_nothing_else_is_one(service: Service) -> None:
    await approved_with(service, WEIGHTS)
    digest = WEIGHTS["sha256"]
    for said in (digest, digest.upper(), f"sha256:{digest}", f"sha256%3A{digest.upper()}"):
        answer = await ask(service, f"/gate/sha256/{said}")
        assert (answer.status_code, answer.json()["sha256"]) == (200, digest)
    for said in (digest[:-1], f"{digest}0", f"{digest[:-1]}g", f"sha512:{digest}", f"sha256:sha256:{digest}", "sha256:"):
        status, refused = await no_verdict(service, f"/gate/sha256/{said}")
        assert (status, refused["code"], refused["path"]) == (400, "INVALID_INPUT", "digest")


async def test_bytes_may_run_where_a_holder_may_and_no_other_is_held_rejected_or_under_an_incident(service: Service) -> None:
    await approved_with(service, WEIGHTS)
    other = BOT | {"version": "2.0.0"}
    await service.do("registerModelVersion", **other | ABOUT, artifacts=[WEIGHTS])
    said = (await ask(service, BYTES)).json()
    holders = [BOT | {"eligible": True}, other | {"eligible": False}]
    assert (said["eligible"], said["modelId"], said["version"], said["holders"]) == (True, *BOT.values(), holders)
    assert said["dossier"] == (await ask(service, version_path())).json()["dossier"]

    async def stopped(code: str) -> None:
        answer = await ask(service, BYTES)
        (reason,) = answer.json()["reasons"]
        assert (answer.status_code, reason["code"], reason["modelId"], reason["version"]) == (403, code, *other.values())
        assert (await ask(service, version_path())).status_code == 200  # of the version itself nothing is wrong

    hold = (await service.do("placeHold", CAROL, "hold { holdId }", **other, reason="Complaints."))["hold"]
    await stopped("HELD")
    await service.do("liftHold", CAROL, **other, **hold, reason="Looked at.")
    await submit(service, **other)
    await decide(service, CAROL, "REJECTED", **other)
    await stopped("REJECTED")
    incident = {"severity": "CRITICAL", "title": "It insults people."}
    opened = (await service.do("openIncident", CAROL, "incident { incidentId }", **other, **incident))["incident"]
    await service.do("retireModelVersion", **other, reason="Nobody needs it.")
    await stopped("CRITICAL_INCIDENT")  # it outlives the version
    await service.do("resolveIncident", RITA, **opened, text="It was turned off.")
    said = (await ask(service, BYTES)).json()
    assert (said["eligible"], said["holders"]) == (True, [BOT | {"eligible": True}])
    await service.do("retireModelVersion", **BOT, reason="Nobody needs it.")
    said = (await ask(service, BYTES)).json()
    assert (said["eligible"], said["holders"], [each["code"] for each in said["reasons"]]) == (False, [], ["RETIRED"])
    assert said["reasons"][0]["remedy"]["mutation"] == "registerModelVersion"


async def test_a_metric_is_answered_with_200_whatever_the_verdict_and_with_errors_as_ever(service: Service) -> None:
    await register(service)
    answer = await ask(service, version_path(), **METRIC)
    assert (answer.status_code, answer.json()["eligible"]) == (200, False)
    assert answer.json() == (await ask(service, version_path())).json()
    for path, by, status in ((version_path(version="9"), ALICE, 404), (version_path(), NOBODY, 401), (BYTES, ALICE, 404)):
        assert (await no_verdict(service, path, by, **METRIC))[0] == status


async def test_whoever_may_read_may_ask_and_nobody_else(service: Service) -> None:
    await eligible(service)
    for by in (ALICE, AUDREY, ADA, await gatekeeper(service)):
        assert (await ask(service, version_path(), by)).status_code == 200
    for nobody in (None, NOBODY, Person("x", "x")):
        answer = await ask(service, version_path(), nobody)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert (await no_verdict(service, BYTES, nobody))[1]["code"] == "UNAUTHENTICATED"
    before = await service.size()
    enrolling = await enrolment(service, CAROL)
    status, refused = await no_verdict(service, version_path(), enrolling)
    assert (status, refused["code"]) == (403, "FORBIDDEN")
    (denied,) = [each for each in await service.trail(before) if each["outcome"] == "denied"]
    assert (denied["action"], denied["actor"]["id"], denied["resource"]["type"]) == ("gate", CAROL.id, "Query")


async def test_a_token_for_the_gate_alone_opens_the_gate_alone(service: Service) -> None:
    await eligible(service)
    gate = await gatekeeper(service)
    assert (await ask(service, version_path(), gate)).status_code == 200
    answer = await service.post("{ viewer { id } }", by=gate)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (403, 'Bearer error="insufficient_scope"')
    assert (await ask(service, version_path(), await gatekeeper(service, scopes=["GRAPH"]))).status_code == 200
    before = await service.size()
    answer = await ask(service, version_path(), await gatekeeper(service, scopes=["METRICS"]))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (403, 'Bearer error="insufficient_scope"')
    assert answer.json()["errors"][0]["extensions"]["needs"] == ["a token with the scope GATE"]
    (denied,) = [each for each in await service.trail(before) if each["outcome"] == "denied"]
    assert (denied["action"], denied["details"]["facts"]["scope"]) == ("signIn", "GATE")


async def test_a_token_that_is_kept_to_models_and_environments_asks_about_no_others(service: Service) -> None:
    await approved_with(service, WEIGHTS)
    await register(service, **EXPERIMENT | TRIAL, artifacts=[WEIGHTS, OTHER])
    of_bot = await gatekeeper(service, models=["support-*"], environments=["production"])
    of_trial = await gatekeeper(service, models=["trial"])
    of_none = await gatekeeper(service, models=["none"])
    before = await service.size()
    for by, path, place, status in (
        (of_bot, version_path(), "production", 200), (of_bot, version_path(), "staging", None),
        (of_bot, version_path(**TRIAL), "production", None), (of_bot, version_path(modelId="unknown"), "production", None),
        (of_trial, version_path(), "production", None), (of_trial, version_path(**TRIAL), "staging", 403),
        (of_bot, BYTES, "production", 200), (of_bot, BYTES, "staging", None),
        (of_trial, BYTES, "production", None),  # who may run there is not theirs
        (of_none, BYTES, "production", None), (of_bot, f"/gate/sha256/{OTHER['sha256']}", "production", None),
        (of_trial, f"/gate/sha256/{OTHER['sha256']}", "production", 403),
    ):  # fmt: skip
        if status is None:
            found, refused = await no_verdict(service, path, by, environment=place)
            assert (found, refused["code"]) == (403, "FORBIDDEN"), (by, path)
        else:
            answer = await ask(service, path, by, environment=place)
            assert (answer.status_code, answer.json()["eligible"]) == (status, status == 200), (by, path)
    assert len([each for each in await service.trail(before) if each["action"] == "gate"]) == 8
    await service.do("placeHold", CAROL, **TRIAL, reason="Complaints.")
    said = (await ask(service, BYTES, of_bot)).json()  # what stops the bytes stops them for everybody
    assert [(each["code"], each["modelId"]) for each in said["reasons"]] == [("HELD", TRIAL["modelId"])]


async def test_attempts_at_the_gate_and_at_the_graph_count_together(service: Service) -> None:
    for at in range(30):
        answer = await (ask(service, version_path(), NOBODY) if at % 2 else service.post("{ viewer { id } }", by=NOBODY))
        assert answer.status_code == 401
    answer = await ask(service, version_path(), NOBODY)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert answer.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert (await service.post("{ viewer { id } }", by=NOBODY)).status_code == 429
    assert (await ask(service, version_path(), ALICE)).status_code == 404  # whoever has a token comes in
    service.later(minutes=1)
    await ask(service, version_path(), ALICE)
    told = [each["details"]["facts"]["attempts"] for each in await service.trail() if each["action"] == "signIn"]
    assert told == [1, 31]


async def test_a_token_that_is_revoked_opens_the_gate_no_more(service: Service) -> None:
    gate = await gatekeeper(service)
    assert (await ask(service, version_path(), gate)).status_code == 404
    await service.do("revokeApiToken", ADA, tokenId=gate.token.split("_")[1])
    assert (await ask(service, version_path(), gate)).status_code == 401


async def test_the_gate_stores_nothing_and_tells_nothing_of_what_it_allows(service: Service) -> None:
    await eligible(service)
    gate, _ = await make(service, ALICE)
    await ask(service, version_path(), gate)
    state, size = await service.state(), await service.size()
    for path in (version_path(), BYTES, version_path(version="9"), "/gate/x"):
        await ask(service, path, gate)
    assert (await service.state(), await service.size()) == (state, size)


async def test_without_its_database_the_gate_is_not_there_and_says_when_to_come_again() -> None:
    alone = Service("mongodb://127.0.0.1:1/", serverSelectionTimeoutMS=50)
    for path, method in ((version_path(), "GET"), (BYTES, "HEAD"), (f"/gate/flagger/{ALICE.token}", "POST")):
        answer = await ask(alone, path, method=method)
        assert (answer.status_code, answer.headers["retry-after"], answer.headers["cache-control"]) == (503, "2", "no-store")
        assert method == "HEAD" or answer.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    await alone.close()


async def test_a_database_that_goes_away_while_the_gate_reads_is_told_the_same(server: str, service: Service) -> None:
    """The caller is known since a moment ago, so the reads of the question are the first to fail."""
    await eligible(service)
    address, open_ends = urlsplit(server), list[asyncio.StreamWriter]()

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while some := await reader.read(65536):
                writer.write(some)
        writer.close()

    async def carry(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, on = await asyncio.open_connection(address.hostname, address.port)
        open_ends.extend([back, on])
        await asyncio.gather(pipe(near, on), pipe(far, back))

    wire = await asyncio.start_server(carry, "127.0.0.1", 0)
    uri = f"mongodb://127.0.0.1:{wire.sockets[0].getsockname()[1]}/?directConnection=true"
    here = Service(uri, service.database.name)
    here.app = create_app(here.settings.model_copy(update={"limit_seconds": 1}), lambda: here.now, here.database)
    here.http = httpx.AsyncClient(transport=httpx.ASGITransport(here.app), base_url="http://test")
    assert (await ask(here, version_path())).status_code == 200
    wire.close()
    for each in open_ends:
        each.transport.abort()
    answer = await ask(here, version_path())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] in {"UNAVAILABLE", "LIMIT_EXCEEDED"}
    await here.close()


async def test_what_takes_too_long_is_no_verdict(service: Service) -> None:
    await eligible(service)
    hasty = service.settings.model_copy(update={"limit_seconds": 0})
    service.app = create_app(hasty, lambda: service.now, service.database)
    status, answer = await sent(service, b"/gate/support-assistant/1.0.0")
    assert (status, answer["errors"][0]["extensions"]["code"]) == (503, "LIMIT_EXCEEDED")


@pytest.mark.tampers
async def test_a_record_that_nobody_can_read_is_no_verdict(service: Service) -> None:
    await approved_with(service, WEIGHTS)
    await service.database.raw("model_versions").update_one({}, {"$set": {"registered_at": "yesterday"}})
    for path in (version_path(), BYTES, version_path()):
        status, refused = await no_verdict(service, path, **METRIC)
        assert (status, refused["code"]) == (500, "RECORD_UNREADABLE")


async def costs(watched: Watched, path: str, by: Person = RITA) -> list[str]:
    """The collections that a question at the gate costs a command, but for those that sign the caller in."""
    await ask(watched.service, path, by)
    watched.commands.seen.clear()
    await ask(watched.service, path, by)
    return where(watched.commands.seen)


async def test_a_question_costs_a_command_for_each_collection_that_it_touches(server: str, service: Service) -> None:
    await approved_with(service, WEIGHTS)
    async for watched in watching(server, service):
        of_version = sorted(await costs(watched, version_path()))
        assert of_version == COMMANDS
        of_bytes = sorted(await costs(watched, BYTES))
        for number in range(5):
            await service.do("registerModelVersion", **BOT | ABOUT | {"version": f"2.{number}"}, artifacts=[WEIGHTS])
        assert sorted(await costs(watched, BYTES)) == of_bytes == of_version


@pytest.mark.exhaustive
@pytest.mark.parametrize("papers", [True, False])
async def test_a_hundred_holders_are_judged_without_holding_the_loop(service: Service, papers: bool) -> None:
    await (approved_with(service, WEIGHTS) if papers else register(service, artifacts=[WEIGHTS]))
    await a_hundred_alike(service)
    answer = await ask(service, BYTES)
    assert (answer.status_code, len(answer.json()["holders"])) == (200 if papers else 403, 100)
    times = [await held_by(ask(service, BYTES)) for _ in range(TRIES)]
    assert min(times) < HELD, times
    await service.do("registerModelVersion", **BOT | ABOUT | {"version": "2.0.0"}, artifacts=[WEIGHTS])
    status, refused = await no_verdict(service, BYTES)
    assert (status, refused["code"], refused["size"], refused["limit"]) == (422, "LIMIT_EXCEEDED", 101, 100)


async def test_a_page_of_another_origin_reads_no_verdict(service: Service) -> None:
    answer = await service.http.get(version_path(), headers=bearer(ALICE) | {"origin": "https://evil.example.org"})
    assert "access-control-allow-origin" not in answer.headers
