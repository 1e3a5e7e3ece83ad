"""What no other user of the machine may read, and no other program may connect to."""

import contextlib
import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from gql.embedded import Engine, find_program
from gql.preflight import alone_in
from gql.private import make_private, write_private
from tests.engines import on_secantusd_py
from tests.operated import Operated, eventually, parents

KNOWN = "known"  # a password that somebody else knows
IGNORES = '[ "$each" = --auth ] || set -- "$@" "$each"'
REFUSES = '[ "$each" = --auth ] && exit 2; set -- "$@" "$each"'


def modes(folder: Path) -> dict[str, int]:
    """The mode of the folder and of everything in it, but for what its server renames or removes meanwhile."""
    found = {}
    for each in (folder, *folder.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            found[str(each.relative_to(folder))] = stat.S_IMODE(each.lstat().st_mode)
    return found


def wide(folder: Path) -> list[str]:
    """What is not its owner's alone."""
    return [name for name, mode in modes(folder).items() if mode & 0o077]


def refuses_strangers(uri: str) -> bool:
    """Whether the database at the URI refuses whoever leaves the user and the password out."""
    with MongoClient[dict[str, object]]("mongodb://" + uri.partition("@")[2]) as client:
        try:
            client["magistrate"]["stakeholders"].find_one({})
        except OperationFailure as refusal:
            return refusal.code == 13
    return False


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operated]:
    """A server that was started without any umask."""
    before = os.umask(0)
    try:
        with Operated(tmp_path_factory.mktemp("open") / "var") as running:
            yield running
    finally:
        os.umask(before)


@pytest.mark.exhaustive
def test_a_data_folder_is_its_owners_alone_whatever_the_umask(operated: Operated) -> None:
    said = modes(operated.folder)
    assert wide(operated.folder) == []
    assert said["."] == said["database"] == 0o700
    for each in ("admin-token", "audit-key", "secret-key", "database-uri", "database/password", "lock", "engine.log"):
        assert said[each] == 0o600, each


def test_another_user_of_the_machine_reads_nothing_of_it(operated: Operated) -> None:
    if os.geteuid():
        pytest.skip("only root can become another user")
    for each in ("admin-token", "database/password", "database-uri"):
        command = [sys.executable, "-c", f"import os; os.setuid(65534); open({str(operated.folder / each)!r})"]
        assert b"PermissionError" in subprocess.run(command, capture_output=True, check=False).stderr


@on_secantusd_py
def test_the_embedded_database_asks_for_a_password_that_its_operator_finds_beside_it(operated: Operated) -> None:
    uri = (operated.folder / "database-uri").read_text().strip()
    assert uri == Engine.running_in(operated.folder) and refuses_strangers(uri)
    with MongoClient[dict[str, object]](uri) as client:
        assert client["magistrate"]["stakeholders"].find_one({"user_id": "admin"})
        assert [each["user"] for each in client.admin["system.users"].find()] == ["magistrate"]


def test_the_password_stands_in_no_process_list_and_in_no_log(operated: Operated) -> None:
    password = (operated.folder / "database" / "password").read_text().strip()
    listed = {
        pid: Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/environ").read_text() for pid in operated.children
    }
    assert len(listed) == 2 and not any(password in each for each in listed.values())
    assert password not in operated.said
    assert not any(password in each.read_text() for each in operated.folder.glob("engine.log*"))


def test_a_database_that_was_killed_comes_back_with_its_password(operated: Operated) -> None:
    uri = Engine.running_in(operated.folder)
    pid = int((operated.folder / "engine.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: pid not in dict(parents()) and len(operated.children) == 2)
    assert eventually(lambda: operated.viewer() == {"data": {"viewer": {"id": "admin"}}})
    assert Engine.running_in(operated.folder) == uri and refuses_strangers(str(uri)) and wide(operated.folder) == []


@pytest.mark.exhaustive
def test_the_uri_is_there_while_the_database_runs_and_the_next_start_knows_the_password(tmp_path: Path) -> None:
    with Engine(tmp_path) as engine:
        first = engine.uri
        assert Engine.running_in(tmp_path) == first
    assert Engine.running_in(tmp_path) is None
    with Engine(tmp_path) as engine, MongoClient[dict[str, object]](engine.uri) as client:
        assert engine.password and f":{engine.password}@" in first and client["any"]["one"].find_one({}) is None
        assert refuses_strangers(engine.uri)


@pytest.mark.exhaustive
def test_a_database_of_an_earlier_release_gets_a_password_and_loses_users_that_are_not_ours(tmp_path: Path) -> None:
    class Open(Engine):
        asks = False

    with Open(tmp_path) as before, MongoClient[dict[str, object]](before.uri) as client:
        client["kept"]["documents"].insert_one({"a": 1})
        for name, database in (("mallory", "admin"), ("trudy", "elsewhere"), ("magistrate", "admin")):
            client[database].command("createUser", name, pwd=KNOWN, roles=["root"])
    with Engine(tmp_path) as engine, MongoClient[dict[str, object]](engine.uri) as client:
        assert client["kept"]["documents"].count_documents({"a": 1}) == 1
        assert [each["user"] for each in client.admin["system.users"].find()] == ["magistrate"] and refuses_strangers(engine.uri)


@pytest.mark.exhaustive
@pytest.mark.parametrize("drops", [IGNORES, REFUSES])
def test_an_engine_that_knows_no_password_serves_with_a_warning(
    tmp_path: Path, drops: str, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "engine"
    program.write_text(f'#!/bin/sh\nall="$*"; set --; for each in $all; do {drops}; done\nexec {find_program(None)} "$@"\n')
    program.chmod(0o755)
    (tmp_path / "var").mkdir()
    with Engine(tmp_path / "var", program) as engine, MongoClient[dict[str, object]](engine.uri) as client:
        assert engine.password is None and client["any"]["one"].find_one({}) is None
    (warning,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert "asks for no password" in warning and "127.0.0.1" in warning and "\n" not in warning
    assert not (tmp_path / "var" / "database" / "password").exists()


def test_a_wide_folder_is_narrowed_once_and_what_is_not_ours_stays(
    tmp_path: Path, open_umask: None, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "var"
    (folder / "database").mkdir(parents=True)
    for name in ("admin-token", "database/one.wt", "notes.txt"):
        (folder / name).write_text("x")
    for _ in range(2):
        with alone_in(folder):
            assert modes(folder) == {
                ".": 0o700, "database": 0o700, "admin-token": 0o600, "database/one.wt": 0o600, "lock": 0o600, "notes.txt": 0o666,
            }  # fmt: skip
    (warning,) = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert "modes narrowed: 4" in warning


def test_a_folder_that_everybody_shares_keeps_its_mode_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tmp_path.chmod(0o1777)
    with alone_in(tmp_path):
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777
    assert "give Magistrate a folder of its own" in caplog.text
    assert make_private(tmp_path) == [tmp_path]


def test_keys_of_before_are_made_private_too(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    for name in ("audit-key", "audit-key.1", "audit-key.12", "secret-key", "secret-key-previous"):
        (folder / name).write_text("x")
        (folder / name).chmod(0o644)
    make_private(folder)
    assert set(modes(folder).values()) == {0o700, 0o600}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o644)
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "admin-token").symlink_to(outside)
    make_private(folder)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path, open_umask: None) -> None:
    write_private(tmp_path / "one", "x")
    assert modes(tmp_path)["one"] == 0o600
