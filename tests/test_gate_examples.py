"""The files in `examples/ci/` as their programs use them: the same calls on the wire, and the shell as a runner runs it."""

import asyncio
import json
import os
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.example_files import EXAMPLES
from tests.examples import BOT, decide, document, register, submit
from tests.gating import WEIGHTS, gatekeeper
from tests.service import ALICE, CAROL, DAVID, Person, Service
from tests.sockets import served

FILES = sorted(EXAMPLES.glob("ci/*/*.yml"))
ACTION = EXAMPLES / "ci/github/action.yml"
GITLAB = EXAMPLES / "ci/gitlab/gate.yml"
ARGO = EXAMPLES / "ci/argo-rollouts/analysis-template.yml"
FLAGGER = EXAMPLES / "ci/flagger/canary.yml"
SERVER = "https://models.example.org"
FORGED = f"mag_nobody_{'f' * 43}"


@dataclass
class Site:
    """A service over a real socket, with a version that may run and one that may not, and a token for the gate."""

    service: Service
    root: str
    gate: Person


@pytest.fixture(scope="module")
async def site(server: str) -> AsyncIterator[Site]:
    service = await Service.started(server)
    with service.database.bound():
        await register(service, artifacts=[WEIGHTS])
        await document(service)
        await submit(service)
        for each in (CAROL, DAVID, ALICE):
            await decide(service, each)
        await register(service, modelId="draft")
        gate = await gatekeeper(service)
        async with served(service) as address:
            yield Site(service, f"http://{address.removesuffix('/graphql')}", gate)
    await service.close()


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_each_file_is_yaml_and_names_no_server_but_the_one_of_the_documentation() -> None:
    assert len(FILES) == 4
    for each in FILES:
        assert isinstance(loaded(each), dict)
        assert set(re.findall(r"https?://[\w.-]+", each.read_text())) <= {SERVER}


async def ran(shell: list[str], script: str, folder: Path, **variables: str) -> tuple[int, str]:
    """The exit code of a script, and what it printed."""
    (folder / "script").write_text(script)
    environment = {"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(folder / "output")} | variables
    process = await asyncio.create_subprocess_exec(*shell, str(folder / "script"), env=environment, stdout=PIPE, stderr=PIPE)
    said, complained = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, (said + complained).decode()


# How GitHub runs a step with `shell: bash`.
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]
YES, NO = BOT | {"eligible": True}, {"modelId": "draft", "version": "1.0.0", "eligible": False}
ASKED: Mapping[str, tuple[dict[str, str], int, Mapping[str, Any] | None]] = {
    "a version that may run": ({"model": BOT["modelId"], "version": BOT["version"]}, 0, YES),
    "bytes that may run": ({"sha256": f"sha256:{WEIGHTS['sha256']}"}, 0, YES),
    "in another environment": ({"model": BOT["modelId"], "version": BOT["version"], "environment": "staging"}, 0, YES),
    "a version that may not run": ({"model": "draft", "version": "1.0.0"}, 1, NO),
    "a version that is not known": ({"model": "draft", "version": "9"}, 2, None),
    "bytes that are not known": ({"sha256": "0" * 64}, 2, None),
    "an environment that is none": ({"model": "draft", "version": "1.0.0", "environment": "a b&as=metric"}, 2, None),
    "an unknown token": ({"model": BOT["modelId"], "version": BOT["version"], "token": FORGED}, 2, None),
    "nothing": ({}, 2, None),
    "too much": ({"model": "a", "version": "1", "sha256": "0" * 64}, 2, None),
    "a path in a name": ({"model": "../graphql", "version": "x"}, 2, None),
    "a command in a name": ({"model": "a", "version": "$(touch pwned)\nx"}, 2, None),
    "a query in a name": ({"model": "draft", "version": "1.0.0?as=metric"}, 2, None),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_the_action_passes_on_a_yes_alone_and_says_what_it_was_told(site: Site, tmp_path: Path, asked: str) -> None:
    given, code, verdict = ASKED[asked]
    (step,) = loaded(ACTION)["runs"]["steps"]
    inputs = loaded(ACTION)["inputs"]
    values = (
        {name: each.get("default", "") for name, each in inputs.items()} | {"url": site.root, "token": site.gate.token} | given
    )
    environment = {name: values[said.removeprefix("${{ inputs.").removesuffix(" }}")] for name, said in step["env"].items()}
    assert "${{" not in step["run"]  # an input that stood in the script could be more script
    found, printed = await ran(BASH, step["run"], tmp_path, **environment)
    assert found == code, printed
    output = (tmp_path / "output").read_text() if (tmp_path / "output").exists() else ""
    told = dict(each.split("=", 1) for each in output.splitlines())
    if verdict is None:
        assert "eligible" not in told and "::error" in printed
    else:
        assert told["eligible"] == str(verdict["eligible"]).lower()
        assert json.loads(told["verdict"]).items() >= verdict.items()
    assert values["token"] not in printed + output


async def test_the_action_sends_the_token_of_the_run_where_it_has_none(site: Site, tmp_path: Path) -> None:
    """GitHub's own end is played here: it answers the runner's request for an OpenID Connect token."""
    asked: list[str] = []

    async def issue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        body = json.dumps({"count": 1, "value": site.gate.token}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(issue, "127.0.0.1", 0) as issuer:
        url = f"http://127.0.0.1:{issuer.sockets[0].getsockname()[1]}/token?api-version=2.0"
        (step,) = loaded(ACTION)["runs"]["steps"]
        environment = dict.fromkeys(step["env"], "") | {
            "GATE_URL": site.root, "GATE_MODEL": BOT["modelId"], "GATE_VERSION": BOT["version"], "GATE_ENVIRONMENT": "production",
            "ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner",
        }  # fmt: skip
        code, printed = await ran(BASH, step["run"], tmp_path, **environment)
    assert code == 0 and f"::add-mask::{site.gate.token}" in printed
    (request,) = asked
    assert request.lower().startswith("get /token?api-version=2.0&audience=http%3a%2f%2f127.0.0.1%3a")
    assert "Authorization: Bearer of-the-runner\r\n" in request


@pytest.mark.parametrize("asked", ASKED)
async def test_the_template_of_gitlab_passes_on_a_yes_alone(site: Site, tmp_path: Path, asked: str) -> None:
    given, code, verdict = ASKED[asked]
    job = loaded(GITLAB)[".magistrate-gate"]
    assert set(job["id_tokens"]) == {"GATE_TOKEN"}
    names = {"model": "MODEL", "version": "VERSION", "sha256": "SHA256", "environment": "PLACE", "token": "GATE_TOKEN"}
    chosen = {names[name]: each for name, each in given.items()}
    variables = job["variables"] | {"GATE_URL": site.root, "GATE_TOKEN": site.gate.token} | chosen
    for shell in (["sh", "-e"], ["bash", "-eo", "pipefail"]):  # its runner takes bash, or sh where there is none
        found, printed = await ran(shell, "\n".join(job["script"]), tmp_path, **variables)
        assert found == code, printed
        if verdict is not None:
            assert json.loads(printed.splitlines()[0]).items() >= verdict.items()
        assert variables["GATE_TOKEN"] not in printed


async def test_neither_script_takes_the_page_of_a_proxy_or_a_dead_server_for_a_yes(site: Site, tmp_path: Path) -> None:
    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nWelcome")
        await writer.drain()
        writer.close()

    (step,) = loaded(ACTION)["runs"]["steps"]
    script, job = step["run"], loaded(GITLAB)[".magistrate-gate"]
    async with await asyncio.start_server(welcome, "127.0.0.1", 0) as proxy:
        port = proxy.sockets[0].getsockname()[1]
        for url in (f"http://127.0.0.1:{port}", "http://127.0.0.1:1"):
            about = {"GATE_URL": url, "GATE_TOKEN": "x"}
            action = dict.fromkeys(step["env"], "") | {"GATE_MODEL": "a", "GATE_VERSION": "1", "GATE_ENVIRONMENT": "production"}
            assert (await ran(BASH, script, tmp_path, **action | about))[0] == 2
            variables = job["variables"] | {"MODEL": "a", "VERSION": "1"}
            assert (await ran(["sh", "-e"], "\n".join(job["script"]), tmp_path, **variables | about))[0] == 2


async def measured(site: Site, **arguments: str) -> str:
    """The phase that Argo's web provider gives a measurement (metricproviders/webmetric/webmetric.go, release 1.9)."""
    template = loaded(ARGO)
    (metric,) = template["spec"]["metrics"]
    web = metric["provider"]["web"]
    values = {each["name"]: each.get("value") for each in template["spec"]["args"]} | {"token": site.gate.token} | arguments

    def filled(text: str) -> str:
        return re.sub(r"{{ *args\.([\w-]+) *}}", lambda name: str(values[name[1]]), text)

    assert web.keys() == {"url", "timeoutSeconds", "headers", "jsonPath"}  # so the method is GET
    headers = {each["key"]: filled(each["value"]) for each in web["headers"]}
    async with httpx.AsyncClient(timeout=web["timeoutSeconds"]) as client:
        answer = await client.get(filled(web["url"]).replace(SERVER, site.root), headers=headers)
    if not 200 <= answer.status_code < 300:
        return "Error"
    name = re.fullmatch(r"{\$\.(\w+)}", web["jsonPath"])
    assert name and metric["successCondition"] == "result == true"
    return "Successful" if answer.json()[name[1]] is True else "Failed"


async def test_an_analysis_of_argo_succeeds_on_a_yes_fails_on_a_no_and_errs_without_a_verdict(site: Site) -> None:
    bot = {"model": BOT["modelId"], "version": BOT["version"]}
    assert await measured(site, **bot) == "Successful"
    assert await measured(site, **bot, environment="staging") == "Successful"
    assert await measured(site, model="draft", version="1.0.0") == "Failed"
    for odd in ({"token": FORGED}, {"version": "9"}, {"environment": "nowhere"}, {"version": "1.0.0?x=/"}):
        assert await measured(site, **bot | odd) == "Error"


async def called(site: Site, hook: Mapping[str, Any], token: str) -> str | None:
    """What holds a canary back when Flagger calls a hook, as pkg/controller/webhook.go does; None for nothing."""
    url = hook["url"].replace(SERVER, site.root).replace("${MAGISTRATE_GATE_TOKEN}", token)
    payload = {"name": "support-assistant", "namespace": "models", "phase": "Progressing", "checksum": "85d557f47b"}
    headers = {"content-type": "application/json", "user-agent": "Go-http-client/1.1", "accept-encoding": "gzip"}
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.post(url, content=json.dumps(payload | {"metadata": hook["metadata"]}).encode(), headers=headers)
    return answer.text if answer.status_code > 202 else None


async def test_a_canary_of_flagger_begins_and_is_promoted_while_the_version_may_run(site: Site) -> None:
    hooks = loaded(FLAGGER)["spec"]["analysis"]["webhooks"]
    assert [each["type"] for each in hooks] == ["confirm-rollout", "confirm-promotion"]
    for hook in hooks:
        assert hook["metadata"] == {"model": BOT["modelId"], "version": BOT["version"], "environment": "production"}
        assert await called(site, hook, site.gate.token) is None
        told = await called(site, hook | {"metadata": {"model": "draft", "version": "1.0.0"}}, site.gate.token)
        assert told is not None and json.loads(told)["eligible"] is False
        for token in (FORGED, ALICE.token):
            told = await called(site, hook, token)
            assert told is not None and token not in told and "errors" in json.loads(told)
