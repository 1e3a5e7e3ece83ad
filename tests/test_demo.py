"""`magistrate demo` as somebody meets it in a terminal: on a server of its own, and on one that runs already."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from tests.service import ADMIN_TOKEN, Service

MAGISTRATE = Path(sys.executable).with_name("magistrate")


def started(*arguments: str, **environment: object) -> subprocess.Popen[str]:
    told = os.environ | {"COLUMNS": "100"} | {name: str(value) for name, value in environment.items()}
    command = [str(MAGISTRATE), "demo", *arguments]
    return subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def demo(*arguments: str, **environment: object) -> tuple[int, str, str]:
    """How it ended, what it told and what it found wrong, with single blanks."""
    process = started(*arguments, **environment)
    told, wrong = process.communicate()
    return process.returncode, " ".join(told.split()), " ".join(wrong.split())


@pytest.fixture
async def endpoint(service: Service) -> AsyncIterator[str]:
    """The service over real HTTP."""
    server = uvicorn.Server(uvicorn.Config(service.app, port=0, lifespan="off", ws="none", log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/graphql"
    server.should_exit = True
    await serving


@pytest.mark.exhaustive
def test_it_tells_the_whole_example_on_a_server_of_its_own_and_leaves_nothing_behind(tmp_path: Path) -> None:
    status, told, wrong = demo(TMPDIR=tmp_path, MAGISTRATE_DATABASE="the operator's")  # which is none of the demo's
    assert (status, wrong) == (0, "")
    for telling in (
        "refused UNAUTHENTICATED",
        'tier TIER_2_IMPORTANT, because of the word "customer" in its purpose',
        "overall 6.837 of 25, MEDIUM",
        "eligible false missing the approval of MODEL_OWNER; remedy: submitApproval",
        "POL-003.data-leakage SEC-002 is not assessed createRiskAssessment",
        "Carol Williams ETHICS_REVIEWER STALE CARD, ASSESSMENT, DATASHEETS",
        "eligible true",
        "risk HIGH: approved by MODEL_OWNER, TECH_LEAD, SECURITY_REVIEWER",
        "gate ELIGIBLE",
        "runs model-customer-support-v1 1.0.0",
        "decided 5 times: 3 count, 2 were decided again",
    ):
        assert telling in told
    (verified,), (held,) = re.findall(r"events (\d+), no fault", told), re.findall(r"The trail holds (\d+) events", told)
    assert verified == held
    assert not [*tmp_path.iterdir()]


@pytest.mark.exhaustive
async def test_it_works_on_a_server_that_has_seen_it_before(endpoint: str) -> None:
    for _ in range(2):
        status, told, wrong = await asyncio.to_thread(demo, "--url", endpoint, "--token", ADMIN_TOKEN)
        assert (status, wrong) == (0, "") and f"Speaking to {endpoint}" in told


async def test_the_first_answer_that_differs_ends_it_and_is_named(endpoint: str, service: Service) -> None:
    await service.database.collection("policies").delete_many({})
    status, told, wrong = await asyncio.to_thread(demo, "--url", endpoint, MAGISTRATE_ADMIN_TOKEN=ADMIN_TOKEN)
    assert status == 1 and "submits it" in told and "eligible" not in told
    assert "asked mutation SubmitForApproval, by Alice Smith (model owner)" in wrong
    assert 'expected modelVersion.status = "PENDING_APPROVAL" came modelVersion.status = "APPROVED"' in wrong


async def test_a_token_of_nobody_is_the_first_difference(endpoint: str) -> None:
    status, _, wrong = await asyncio.to_thread(demo, "--url", endpoint, "--token", f"mag_nobody_{'x' * 43}")
    assert status == 1 and "came UNAUTHENTICATED: " in wrong


@pytest.mark.exhaustive
def test_interrupted_it_ends_its_server_and_takes_the_folder_with_it(tmp_path: Path) -> None:
    ours = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # in the background a shell has it ignored, and children inherit
    interrupted = started(TMPDIR=tmp_path)
    signal.signal(signal.SIGINT, ours)
    assert interrupted.stdout
    (url,) = next(found for line in interrupted.stdout if (found := re.findall(r"Speaking to (\S+)", line)))
    interrupted.send_signal(signal.SIGINT)
    interrupted.communicate()
    assert interrupted.returncode == 130 and not [*tmp_path.iterdir()]
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
