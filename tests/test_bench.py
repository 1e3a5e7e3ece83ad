"""What is compared answers alike: each case of the benchmark, tiny and in this process, without a look at the clock."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from bench import beside, data, growth, histories, static
from bench.cases import MUTATIONS, question
from bench.contenders import CONTENDERS
from bench.load import WRITES_EVERY, Mixed, Seen
from bench.measuring import AnswersDiffer, Contender, agree, measured
from bench.processes import post
from bench.questions import QUESTIONS, Question
from bench.stand import ADMIN_TOKEN, SECRET_KEY
from bench.trails import READERS
from documents.audit.export import export
from documents.audit.trail import AuditHead
from documents.books import BOOKS
from documents.kinds import open_database
from documents.store.session import Database
from gql.firststart import prepare
from gql.settings import Settings

VERSIONS, EVENTS = 20, 60
KEY = SecretStr(SECRET_KEY)


@pytest.fixture(scope="module")
async def database(server: str) -> AsyncIterator[Database]:
    settings = Settings(mongodb_uri=server, database="bench", secret_key=KEY, admin_token=SecretStr(ADMIN_TOKEN))
    database = open_database(server, "bench")
    await prepare(settings, database, lambda: data.AT)  # the policies are in force when the versions are registered
    await data.people(database, 3)
    await data.versions(database, 0, VERSIONS)
    yield database
    database.close()


@pytest.fixture(scope="module")
async def apps(server: str, database: Database) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    settings = Settings(mongodb_uri=server, database="bench", secret_key=KEY)
    async with AsyncExitStack() as stack:
        apps: dict[str, Starlette] = {name: app(settings, open_database(server, "bench")) for name, app in CONTENDERS.items()}
        for app in apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        clients = {
            name: httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench") for name, app in apps.items()
        }
        for client in clients.values():
            await stack.enter_async_context(client)
        yield clients


async def sent(client: httpx.AsyncClient, request: bytes) -> bytes:
    """What is answered to the bytes of a request."""
    head, body = request.split(b"\r\n\r\n", 1)
    line, *headers = head.decode().split("\r\n")
    method, path, _ = line.split()
    answer = await client.request(method, path, content=body, headers=dict(each.split(": ", 1) for each in headers))
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.mark.exhaustive(together=True)  # its fixture takes seconds, and `make bench-check` asks the same
@pytest.mark.parametrize("case", QUESTIONS, ids=lambda case: case.name)
async def test_a_question_is_answered_alike_by_all(apps: dict[str, httpx.AsyncClient], case: Question) -> None:
    said = {name: json.loads(await sent(apps[name], question(case, name))) for name in ("bare", "stock", "ours")}
    agree(case.name, said)
    assert all(said["ours"]["data"].values())


@pytest.mark.parametrize("case", static.QUESTIONS, ids=lambda case: case.name)
async def test_a_question_is_answered_alike_from_memory(
    apps: dict[str, httpx.AsyncClient], database: Database, case: Question
) -> None:
    said = {
        "bare": json.loads(await sent(apps["static_bare"], question(case, "bare"))),
        "ours": json.loads(await sent(apps["static"], question(case, "ours"))),
        "peers": {"data": {name: value for name, value in (await static.answers(database)).items() if name in case.text}},
    }
    agree(case.name, said)
    assert all(said["ours"]["data"].values())


async def test_our_answers_from_memory_need_no_database(server: str, database: Database) -> None:
    own = open_database(server, "bench")
    app = static.static(Settings(mongodb_uri=server, database="bench", secret_key=KEY), own)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench") as client:
        requests = [question(case, "ours") for case in static.QUESTIONS]
        before = [await sent(client, each) for each in requests]
        own.close()
        assert [await sent(client, each) for each in requests] == before


@pytest.mark.parametrize("case", MUTATIONS)
async def test_a_mutation_is_answered_alike_by_all_and_ours_alone_tells_of_it(
    apps: dict[str, httpx.AsyncClient], database: Database, case: str
) -> None:
    names, request = MUTATIONS[case]
    trail, told = database.collections["audit_events"], {}
    await sent(apps["ours"], request("ours", 0, 0))  # which notes the first use of a token, too
    said = {}
    for place, name in enumerate(names):
        before = await trail.count_documents({})
        said[name] = json.loads(await sent(apps[name], request(name, place, 1)))
        told[name] = await trail.count_documents({}) - before
    agree(case, said)
    assert told == {name: int(name == "ours") for name in names}


async def test_what_was_hashed_and_what_was_verified_has_one_root(server: str, tmp_path: Path) -> None:
    settings = Settings(mongodb_uri=server, database="bench_trail", secret_key=KEY, admin_token=SecretStr(ADMIN_TOKEN))
    with closing(open_database(server, "bench_trail")) as database:
        await prepare(settings, database, lambda: data.AT)  # the policies are in force when the versions are registered
        size = await told(database)
        await histories.load(database, size, EVENTS)
        with database.bound():
            await export(tmp_path / "export", books=BOOKS)
            roots = {await each(database, tmp_path / "export") for of in READERS.values() for each in of}
            assert roots == {(await AuditHead.require("head")).root}
        assert await told(database) == EVENTS
        stored = [await database.collections[each.collection].count_documents({}) for each in histories.KINDS]
        assert sum(stored) == -(-(EVENTS - size) // histories.STEPS) + 2 and all(stored)  # first start declares two environments


async def told(database: Database) -> int:
    with database.bound():
        return (await AuditHead.require("head")).size


async def test_a_grown_estate_answers_each_question_and_is_counted(server: str) -> None:
    many = growth.MADE + 20
    settings = Settings(mongodb_uri=server, database="bench_growth", secret_key=KEY, admin_token=SecretStr(ADMIN_TOKEN))
    async with AsyncExitStack() as stack:
        database = stack.enter_context(closing(open_database(server, "bench_growth")))
        await prepare(settings, database, lambda: data.AT)
        await data.people(database, 1)
        await data.versions(database, 0, growth.MADE)
        await growth.copies(database, 0, many)
        app = CONTENDERS["ours"](settings, open_database(server, "bench_growth"))
        await stack.enter_async_context(app.router.lifespan_context(app))
        client = await stack.enter_async_context(httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench"))
        told = {
            case: json.loads(await sent(client, post("/graphql", {"query": text}, ADMIN_TOKEN)))["data"]
            for case, text in growth.ASKED.items()
        }
    assert told["total"]["modelVersions"]["totalCount"] == many
    assert sum(each["count"] for each in told["by tier"]["modelVersionAggregates"]) == many
    assert told["dashboard"]["dashboard"]["inventory"]["models"]["count"] == many / data.VERSIONS_A_MODEL
    assert told["one version by key"]["modelVersion"] and len(told["first page"]["modelVersions"]["nodes"]) == 20
    assert told["search by a rare word"]["search"]["totalCount"] == 1


@pytest.mark.parametrize("case", beside.BESIDE)
async def test_what_is_asked_beside_a_small_read_is_answered_or_refused(apps: dict[str, httpx.AsyncClient], case: str) -> None:
    text, variables = beside.BESIDE[case](1)
    answer = json.loads(await sent(apps["ours"], post("/graphql", {"query": text, "variables": variables}, ADMIN_TOKEN)))
    codes = {each["extensions"]["code"] for each in answer.get("errors", ())}
    assert codes <= {"INVALID_INPUT", "LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED"}
    assert codes or answer["data"]


def test_the_growth_of_a_case_is_told_against_its_fewest_versions() -> None:
    costs = [growth.Growth(case, many, 1, many * cost) for many in (10, 30) for case, cost in (("a", 1), ("b", 2))]
    assert [each.times for each in growth.ratios(costs)] == [1, 1, 3, 3]


async def test_contenders_that_say_different_things_are_not_measured() -> None:
    asked = []

    async def ask(number: int) -> bytes:
        asked.append(number)
        return json.dumps({"data": len(asked)}).encode()

    contenders = [Contender(name, ask, lambda: (0.0, 0.0)) for name in ("bare", "ours")]
    with pytest.raises(AnswersDiffer):
        await measured("a case", contenders, 1, 0)
    assert len(asked) == 2


class Asking:
    """Stands for a connection: asks the app in this process."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def ask(self, request: bytes) -> bytes:
        return await sent(self.client, request)


async def test_of_the_mixed_requests_every_fourth_writes_and_all_are_answered(apps: dict[str, httpx.AsyncClient]) -> None:
    mixed, seen, asked = Mixed(VERSIONS), Seen(), 3 * WRITES_EVERY
    for _ in range(asked):
        await seen.ask(Asking(apps["ours"]), *mixed.next(), 0.0)
    assert (len(seen.writes), len(seen.reads), seen.refused) == (3, asked - 3, [])


async def test_a_refusal_that_is_not_about_the_load_ends_it(apps: dict[str, httpx.AsyncClient]) -> None:
    seen = Seen()  # another refusal is a fault of the benchmark
    with pytest.raises(RuntimeError, match="NOT_FOUND"):
        await seen.ask(Asking(apps["ours"]), Mixed(10 * VERSIONS).write().replace(b"model-000000", b"model-999999"), True, 0.0)
    assert (seen.writes, seen.reads, seen.refused) == ([], [], [])
