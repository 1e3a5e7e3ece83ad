"""Flagger's webhooks at the gate: what a rollout is told, and that the token in the path is told to nobody."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.examples import BOT, eligible, register
from tests.gating import BYTES, WEIGHTS, ask, gatekeeper, version_path
from tests.operated import READY, started
from tests.service import ADA, ALICE, CAROL, Service

PAYLOAD: dict[str, Any] = {
    "name": "support", "namespace": "models", "phase": "Progressing", "checksum": "85d557f47b",
    "metadata": {"model": BOT["modelId"], "version": BOT["version"]},
}  # fmt: skip
"""What pkg/controller/webhook.go of Flagger sends: the fields of its CanaryWebhookPayload."""
FORGED = f"mag_nobody_{'f' * 43}"


async def calls(service: Service, token: str, metadata: Any = None, **other: Any) -> httpx.Response:
    """As Flagger calls: POST, JSON, and no header of ours."""
    body = PAYLOAD | ({} if metadata is None else {"metadata": metadata}) | other
    return await service.http.post(f"/gate/flagger/{token}", json=body)


async def test_a_rollout_goes_on_with_200_and_halts_with_every_other_status(service: Service) -> None:
    await eligible(service)
    gate = await gatekeeper(service)
    answer = await calls(service, gate.token)
    assert answer.status_code == 200 and answer.json() == (await ask(service, version_path())).json()
    hold = (await service.do("placeHold", CAROL, "hold { holdId }", **BOT, reason="Complaints."))["hold"]
    answer = await calls(service, gate.token)
    assert (answer.status_code, [each["code"] for each in answer.json()["reasons"]]) == (403, ["HELD"])
    await service.do("liftHold", CAROL, **BOT, **hold, reason="Looked at.")
    await service.do("retireModelVersion", **BOT, reason="Nobody needs it.")
    assert (await calls(service, gate.token)).status_code == 403
    answer = await calls(service, gate.token, {"model": "other", "version": "1"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (404, "NOT_FOUND")


async def test_a_rollout_asks_by_digest_and_for_an_environment_too(service: Service) -> None:
    await register(service, artifacts=[WEIGHTS])
    gate = await gatekeeper(service)
    for metadata in ({"sha256": WEIGHTS["sha256"]}, {"sha256": f"sha256:{WEIGHTS['sha256'].upper()}", "environment": "staging"}):
        answer = await calls(service, gate.token, metadata)
        place = metadata.get("environment", "production")
        assert answer.status_code == 403 and answer.json() == (await ask(service, BYTES, environment=place)).json()


@pytest.mark.parametrize(
    "metadata",
    [
        {}, {"model": "a"}, {"version": "1"}, {"model": "a", "version": "1", "sha256": WEIGHTS["sha256"]}, [], "x", 0,
        {"model": "a", "sha256": WEIGHTS["sha256"]}, {"model": 1, "version": "1"}, {"model": "a", "version": "1", "place": "x"},
        {"model": "../a", "version": "1"}, {"model": "a", "version": ""}, {"sha256": "0f"}, {"sha256": ""},
        {"model": "a", "version": "1", "environment": "nowhere"}, {"model": "a", "version": "1", "environment": ""},
    ],
)  # fmt: skip
async def test_metadata_that_does_not_say_what_to_judge_halts_the_rollout(service: Service, metadata: Any) -> None:
    answer = await calls(service, (await gatekeeper(service)).token, metadata)
    error = answer.json()["errors"][0]["extensions"]
    assert (answer.status_code, error["code"]) == (400, "INVALID_INPUT")
    assert error["path"].split(".")[0] in {"metadata", "environment"} and error["problem"]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/json", 400), (b"[]", "application/json", 400), (b"null", "application/json", 400),
        (b'{"metadata": null}', "application/json", 400),
        (b'{"metadata": {"model": "\\ud800", "version": "1"}}', "application/json", 400),
        (b"{}", "text/plain", 415), (b"[" * 100_000, "application/json", 413), (b" " * 2**21, "application/json", 413),
    ],
)  # fmt: skip
async def test_a_body_that_is_none_of_flaggers_halts_the_rollout(service: Service, body: bytes, kind: str, status: int) -> None:
    gate = await gatekeeper(service)
    answer = await service.http.post(f"/gate/flagger/{gate.token}", content=body, headers={"content-type": kind})
    assert answer.status_code == status and answer.json()["errors"][0]["extensions"]["code"] in {
        "INVALID_INPUT",
        "LIMIT_EXCEEDED",
    }


async def test_a_token_that_opens_more_than_the_gate_is_refused_in_a_path_and_told(service: Service) -> None:
    await eligible(service)
    wide = await gatekeeper(service, scopes=["GRAPH", "GATE"])
    graph = await gatekeeper(service, scopes=["GRAPH"])
    probe = await gatekeeper(service, scopes=["GATE", "METRICS"])
    for by in (ALICE, ADA, wide, graph, probe):
        before = await service.size()
        answer = await calls(service, by.token)
        error = answer.json()["errors"][0]["extensions"]
        assert (answer.status_code, error["code"]) == (403, "FORBIDDEN")
        assert error["needs"] == ["a token with the scope GATE alone (createApiToken)"] and "revoke it" in error["problem"]
        (denied,) = [each for each in await service.trail(before) if each["outcome"] == "denied"]
        assert (denied["action"], denied["details"]["facts"]) == ("signIn", {"code": "FORBIDDEN", "scope": "GATE"})
        assert by.token not in str(await service.trail()) and by.token not in answer.text + str(answer.headers)


async def test_a_token_of_nobody_is_refused_counted_and_told_without_its_secret(service: Service) -> None:
    for token in (FORGED, "xyzzy", "mag_y", f"mag_a%2Fb_{'f' * 43}", "%00", "eyJhbGciOiJub25lIn0.e30.", FORGED + "%20"):
        answer = await calls(service, token)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), token
        assert token not in answer.text
    for _ in range(23):
        await calls(service, FORGED)
    answer = await calls(service, FORGED)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    service.later(minutes=1)
    await ask(service, version_path())
    told = [each for each in await service.trail() if each["action"] == "signIn"]
    assert [each["details"]["facts"]["attempts"] for each in told] == [1, 30] and "f" * 43 not in str(told)


async def test_a_header_or_a_cookie_does_not_stand_in_for_the_token_in_the_path(service: Service) -> None:
    await eligible(service)
    for headers in ({"authorization": f"Bearer {ALICE.token}"}, {"cookie": f"magistrate={ALICE.token}"}):
        assert (await service.http.post(f"/gate/flagger/{FORGED}", json=PAYLOAD, headers=headers)).status_code == 401
    gate = await gatekeeper(service)
    answer = await service.http.post(f"/gate/flagger/{gate.token}", json=PAYLOAD, headers={"authorization": f"Bearer {FORGED}"})
    assert answer.status_code == 200  # Flagger sends none, and what a proxy adds is not the caller's


async def test_a_token_in_a_path_is_kept_to_its_models_and_environments(service: Service) -> None:
    await eligible(service)
    gate = await gatekeeper(service, models=["support-*"], environments=["production"])
    assert (await calls(service, gate.token)).status_code == 200
    for metadata in ({"model": "other", "version": "1"}, PAYLOAD["metadata"] | {"environment": "staging"}):
        answer = await calls(service, gate.token, metadata)
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("query", ["environment=staging", "as=metric", "x", "environment=production"])
async def test_a_query_halts_the_rollout_rather_than_being_passed_over(service: Service, query: str) -> None:
    """Whoever says `?environment=staging` would be told of production, and who says `as=metric` would take a no for a yes."""
    await eligible(service)
    gate = await gatekeeper(service)
    answer = await service.http.post(f"/gate/flagger/{gate.token}?{query}", json=PAYLOAD)
    error = answer.json()["errors"][0]["extensions"]
    assert (answer.status_code, error["code"], error["path"]) == (400, "INVALID_INPUT", "query")


async def test_a_token_in_the_place_of_a_name_is_refused_and_not_repeated(service: Service) -> None:
    await eligible(service)
    gate, narrow = await gatekeeper(service), await gatekeeper(service, models=["support-*"])
    for by in (ALICE, narrow):
        for path, at in ((f"/gate/{gate.token}/1.0.0", "model"), (f"/gate/webhook/{gate.token}", "version")):
            answer = await ask(service, path, by)
            error = answer.json()["errors"][0]["extensions"]
            assert (answer.status_code, error["code"], error["path"]) == (400, "INVALID_INPUT", at)
            assert gate.token not in answer.text and "revoked" in error["problem"]
    for metadata in ({"model": gate.token, "version": "1"}, {"model": "a", "version": gate.token}):
        answer = await calls(service, gate.token, metadata)
        assert answer.status_code == 400 and gate.token not in answer.text
    assert gate.token not in str(await service.trail())


@dataclass
class Logged:
    """A server of its own that logs all that it can, into a file."""

    process: subprocess.Popen[str]
    log: Path
    folder: Path
    root: str

    def asked(self, query: str, **variables: Any) -> Any:
        admin = (self.folder / "admin-token").read_text().strip()
        said = {"query": query, "variables": variables}
        return httpx.post(f"{self.root}/graphql", json=said, headers={"authorization": f"Bearer {admin}"}, timeout=30).json()

    def token(self, *scopes: str) -> str:
        mutation = "mutation($input: CreateApiTokenInput!) { createApiToken(input: $input) { token } }"
        holder = {"service": {"name": "rollouts", "mutations": [], "scopes": scopes}}
        return str(self.asked(mutation, input={"name": "rollouts", "holder": holder})["data"]["createApiToken"]["token"])

    def raw(self, request: str) -> str:
        """What the server says to bytes that no client would send."""
        host, port = self.root.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as line:
            line.sendall(request.encode("latin-1"))
            line.settimeout(1)
            with suppress(TimeoutError):
                return line.recv(65536).decode("latin-1")
        return ""


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Logged]:
    log, folder, said = tmp_path / "log", tmp_path / "var", ""
    with log.open("w") as writing:
        process = started({"DATA_DIR": folder, "LOG_LEVEL": "DEBUG", "IDENTITY_SECONDS": 0}, stderr=writing)
        try:
            assert process.stdout
            while not said.endswith(READY) and (line := process.stdout.readline()):
                said += line
            yield Logged(process, log, folder, str(re.findall(r"serves (\S+)/graphql,", said)[0]))
        finally:
            process.terminate()
            process.communicate(timeout=30)


UPGRADE = (
    "host: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "sec-websocket-version: 13\r\n\r\n"
)
METHODS = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")


@pytest.mark.exhaustive
def test_no_log_and_no_event_of_a_running_server_has_a_token_that_stood_in_a_path(logged: Logged) -> None:
    """Right, wrong and malformed tokens, by every method, over a WebSocket, in broken requests, and while the database stands."""
    right, wide = logged.token("GATE"), logged.token("GATE", "GRAPH")
    tokens = {right: 404, wide: 403, FORGED: 401, "secretword": 401, f"mag_x_{'q' * 300}": 401}
    answered, root = "", logged.root
    for token, status in tokens.items():
        hook = f"/gate/flagger/{token}"
        answer = httpx.post(root + hook, json=PAYLOAD, timeout=30)
        assert answer.status_code == status, (token, answer.text)
        answered += answer.text + str(answer.headers)
        broken = httpx.post(root + hook, content=b"{", headers={"content-type": "application/json"}, timeout=30)
        assert broken.status_code == (400 if token == right else status)
        odd = (f"{hook}/", f"/gate/flagger//{token}", f"{hook}?x=%ff", f"/gate%2Fflagger/{token}")
        answers = [*(httpx.post(root + each, json=PAYLOAD, timeout=30) for each in odd), broken]
        answers += [httpx.request(method, root + hook, timeout=30) for method in METHODS]
        answered += "".join(f"{each.text}{each.headers}" for each in answers)
        for line in (f"POST {hook} HTTP/1.1\r\n{UPGRADE}", f"GET {hook} HTTP/1.1\r\n{UPGRADE}", f"POST {hook} HTTP/9.9\r\n\r\n"):
            answered += logged.raw(line)
        answered += logged.raw(f"POST {hook} \x00\r\n\r\n")
    trail = json.dumps(logged.asked("{ auditEvents(last: 100) { nodes { canonical } } }"))
    assert '"signIn' in trail.replace("\\", "")
    engine = int((logged.folder / "engine.pid").read_text())
    os.kill(engine, signal.SIGSTOP)
    try:
        for token in tokens:
            with suppress(httpx.ReadTimeout):  # what is no token needs no look
                httpx.post(f"{root}/gate/flagger/{token}", json=PAYLOAD, timeout=0.5)
    finally:
        os.kill(engine, signal.SIGCONT)
    logged.process.terminate()
    said, _ = logged.process.communicate(timeout=30)
    log = said + logged.log.read_text()
    assert "DEBUG" in log  # it did log all that it can
    for token in tokens:
        for told in (log, answered, trail):
            assert token.split("_", 2)[-1] not in told
