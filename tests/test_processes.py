"""`magistrate serve` as an operator meets it: how it starts, what it says when it cannot, what a kill leaves behind."""

import http.client
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from pydantic import SecretStr
from pymongo import MongoClient

from documents.errors import PreviewSchema
from documents.kinds import open_database
from gql.embedded import LISTENING, Engine, find_program
from gql.firststart import prepare
from gql.preflight import alone_in
from gql.settings import Settings
from tests.operated import SECRET_KEY, Operated, eventually, parents, refused

READY_WITHIN = 8.0
KEPT = 5.2  # seconds: the client of these tests, for one, keeps a connection for 5


def processor_seconds(pid: int) -> float:
    """What a process has used so far: unlike the time that it took, this does not grow with what else runs here."""
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    with Operated(tmp_path_factory.mktemp("operated")) as running:
        yield running


def healthy(connection: http.client.HTTPConnection) -> bool:
    connection.request("GET", "/healthz")
    return connection.getresponse().read() == b"ok\n"


@pytest.fixture(scope="module", autouse=True)
def idle(operated: Operated) -> Iterator[tuple[http.client.HTTPConnection, float]]:
    """A connection that was used once, and when: it grows old while other tests run."""
    url = httpx.URL(operated.url)
    with closing(http.client.HTTPConnection(url.host, url.port)) as connection:
        assert healthy(connection)
        yield connection, monotonic()


def test_it_is_ready_in_eight_seconds_and_shows_the_administrators_token_once(operated: Operated) -> None:
    kept = operated.folder / "admin-token"
    assert sum(processor_seconds(each) for each in (operated.process.pid, *operated.children)) < READY_WITHIN
    assert kept.read_text().strip() in operated.said and kept.stat().st_mode & 0o777 == 0o600
    assert operated.viewer() == {"data": {"viewer": {"id": "admin"}}}


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    code, complaint = refused(DATA_DIR=tmp_path, PORT="http")
    assert code == 2 and "MAGISTRATE_PORT" in complaint


def test_a_wrong_file_of_issuers_is_named_with_its_key(tmp_path: Path) -> None:
    file = tmp_path / "identity.toml"
    file.write_text(
        '[[issuer]]\nname = "corp"\nissuer = "https://id.example.org"\naudience = "x"\nkind = "people"\njion = true\n'
    )
    code, complaint = refused(DATA_DIR=tmp_path / "var", IDENTITY=file)
    assert code == 20 and "`issuer[1].jion`" in complaint and complaint.count("\n") <= 1
    code, complaint = refused(DATA_DIR=tmp_path / "var", IDENTITY=tmp_path / "none.toml")
    assert code == 20 and "none.toml" in complaint


def test_a_port_that_is_taken_is_named(operated: Operated, tmp_path: Path) -> None:
    port = httpx.URL(operated.url).port
    code, complaint = refused(DATA_DIR=tmp_path, PORT=port)
    assert code == 3 and f"port {port}" in complaint


def test_a_data_folder_that_cannot_be_written_is_named() -> None:
    code, complaint = refused(DATA_DIR="/dev/null/data")
    assert code == 4 and "/dev/null/data" in complaint


def test_a_data_folder_in_use_names_the_process(operated: Operated) -> None:
    code, complaint = refused(DATA_DIR=operated.folder)
    assert code == 5 and str(operated.process.pid) in complaint
    assert operated.viewer() == {"data": {"viewer": {"id": "admin"}}}


def test_a_database_out_of_reach_is_told_without_its_password(tmp_path: Path) -> None:
    code, complaint = refused(DATA_DIR=tmp_path, MONGODB_URI="mongodb://somebody:secret@127.0.0.1:9/")
    assert code == 6 and "127.0.0.1:9" in complaint and "secret" not in complaint


@pytest.mark.exhaustive
def test_a_database_without_transactions_is_refused(tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.write_text(f'#!/bin/sh\nexec {find_program(None)} "$@" --standalone\n')
    alone.chmod(0o755)
    with Engine(tmp_path, alone) as engine:
        code, complaint = refused(DATA_DIR=tmp_path / "data", MONGODB_URI=engine.uri)
    assert code == 7 and "replica set" in complaint


@pytest.mark.exhaustive
def test_data_of_a_later_release_are_left_alone(server: str, tmp_path: Path) -> None:
    with MongoClient[dict[str, object]](server) as client:
        client["later"]["migrations"].insert_one({"number": 99})
        code, complaint = refused(DATA_DIR=tmp_path, MONGODB_URI=server, DATABASE="later")
        assert code == 8 and "schema 99," in complaint and client["later"].list_collection_names() == ["migrations"]


async def test_data_of_a_preview_are_left_alone(server: str) -> None:
    database = open_database(server, "preview")
    await database.collection("migrations").insert_one({"number": 1})
    with pytest.raises(PreviewSchema):
        await prepare(Settings(mongodb_uri=server, secret_key=SecretStr(SECRET_KEY)), database)
    assert await database.collections.list_collection_names() == ["migrations"]
    database.close()


def test_a_missing_engine_says_what_to_install(tmp_path: Path) -> None:
    code, complaint = refused(DATA_DIR=tmp_path, ENGINE="/nowhere/secantusd-rs")
    assert code == 9 and "/nowhere/secantusd-rs" in complaint and "magistrate[embedded]" in complaint


def test_an_engine_that_ends_at_start_has_the_last_word(tmp_path: Path) -> None:
    program = tmp_path / "engine"
    program.write_text("#!/bin/sh\necho starting\necho the disk is full\nexit 1\n")
    program.chmod(0o755)
    code, complaint = refused(DATA_DIR=tmp_path, ENGINE=program)
    assert code == 10 and "the disk is full" in complaint and "starting" not in complaint


@pytest.mark.exhaustive
def test_an_engine_without_its_parent_is_ended_before_the_next_start(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        command = engine.process.args
    with (tmp_path / "orphan.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as orphan:
        try:
            assert eventually(lambda: LISTENING.search((tmp_path / "orphan.log").read_text()))
            (tmp_path / "engine.pid").write_text(str(orphan.pid))
            with Engine(tmp_path):
                assert orphan.wait(timeout=5) == 0
        finally:
            orphan.kill()  # a test that failed would wait for it without end


@pytest.mark.exhaustive
def test_an_engine_takes_no_settings_from_where_it_happens_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secantusd.toml").write_text("[server]\nstandalone = true\n")
    monkeypatch.chdir(tmp_path)
    with Engine(tmp_path) as engine, MongoClient[dict[str, object]](engine.uri) as client:
        assert "setName" in client.admin.command("hello")


def test_an_idle_connection_is_kept_for_longer_than_clients_keep_one(idle: tuple[http.client.HTTPConnection, float]) -> None:
    connection, since = idle
    ours = connection.sock
    sleep(max(0.0, since + KEPT - monotonic()))
    assert healthy(connection) and connection.sock is ours


def test_a_killed_engine_and_a_killed_worker_come_back(operated: Operated) -> None:
    killed = operated.children
    for each in killed:
        os.kill(each, signal.SIGKILL)
    assert eventually(lambda: len(operated.children - killed) == 2)
    assert eventually(lambda: operated.viewer() == {"data": {"viewer": {"id": "admin"}}})


def test_a_second_start_finds_what_the_first_left_and_killed_leaves_no_process_and_no_lock(
    operated: Operated,
) -> None:
    first, children = operated, operated.children
    first.end()
    assert first.process.returncode == 0 and len(children) == 2 and not children & dict(parents()).keys()
    with Operated(first.folder) as second:
        assert second.trail == first.trail and second.signed_by == first.signed_by
        assert "token" not in second.said.replace("admin-token", "")
        assert second.viewer() == {"data": {"viewer": {"id": "admin"}}}
        children = second.children
        second.process.kill()
        assert len(children) == 2 and eventually(lambda: not children & dict(parents()).keys())
    with alone_in(first.folder), Engine(first.folder) as engine, MongoClient[dict[str, object]](engine.uri) as client:
        assert client["magistrate"]["audit_events"].find_one({"seq": 0})
