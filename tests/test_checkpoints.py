"""The trail is signed as it grows: in order, once, by one key, and never where it does not go on from what was signed."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from documents.audit import tree
from documents.audit.checkpoints import sign
from documents.audit.notes import Checkpoint, SigningKey, VerifierKey, opened
from documents.audit.trail import AuditHead
from documents.errors import Inconsistent
from gql.app import create_app
from gql.checkpoints import checkpoint, signing_key
from gql.cli import app
from gql.faults import AuditKeyRefused
from gql.settings import Settings
from tests.c2sp import checked
from tests.examples import attach, register
from tests.operated import Operated, eventually, refused
from tests.service import ADA, AUDREY, Service
from tests.trails import Stored

ASKED = "{ auditCheckpoint { text size root signedAt verifierKey } }"
Raw = dict[str, Any]


async def key_of(service: Service) -> SigningKey:
    return SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))


async def signed(service: Service, key: SigningKey | None = None, file: Path | None = None) -> Raw | None:
    """What a turn of the server signs, or finds signed."""
    await checkpoint(key or await key_of(service), service.now, file)
    found: Raw | None = (await service.ask(ASKED, AUDREY))["auditCheckpoint"]
    return found


async def kept(service: Service) -> list[Raw]:
    found: list[Raw] = await service.database.collection("audit_checkpoints").find().sort("size").to_list(None)
    return found


async def test_the_trail_is_signed_as_it_stands_and_once(service: Service) -> None:
    key = await key_of(service)
    assert (await service.ask(ASKED, AUDREY))["auditCheckpoint"] is None and await kept(service) == []
    first = await signed(service)
    head = await AuditHead.require("head")
    assert first and (first["size"], first["root"], first["verifierKey"]) == (head.size, head.root, str(key.verifier))
    assert opened(first["text"], [key.verifier]) == Checkpoint(head.origin, head.size, head.root)
    assert checked(first["text"].encode(), first["verifierKey"]) == (head.origin.encode(), head.size, bytes.fromhex(head.root))
    service.later(minutes=1)
    assert await signed(service) == first and len(await kept(service)) == 1
    assert (await AuditHead.require("head")).turn == head.turn  # what was signed is looked at, and not touched again
    await register(service)
    second = await signed(service)
    assert second and second["size"] > first["size"] and second["signedAt"] > first["signedAt"]
    proof = await service.ask(
        "query($from: BigInt!, $to: BigInt!) { auditConsistencyProof(from: $from, to: $to) { hashes } }", AUDREY,
        **{"from": first["size"], "to": second["size"]},
    )  # fmt: skip
    hashes = proof["auditConsistencyProof"]["hashes"]
    assert tree.verify_consistency(first["size"], second["size"], first["root"], second["root"], hashes)
    assert len(await service.trail()) == second["size"]  # signing is no event


async def test_a_trail_without_events_is_not_signed(service: Service) -> None:
    await service.database.collection("audit_head").update_one({}, {"$set": {"size": 0, "edge": []}})
    assert await signed(service) is None and await kept(service) == []


async def test_processes_that_sign_while_others_write_sign_each_size_once_and_in_order(service: Service) -> None:
    others = [Service(str(service.settings.mongodb_uri), service.database.name) for _ in range(3)]
    key = await key_of(service)
    await register(service)

    async def signs(other: Service) -> None:
        with other.database.bound():
            for _ in range(4):
                await checkpoint(key, other.now)

    await asyncio.gather(*map(signs, others), *(attach(service, title=str(each)) for each in range(12)))
    await signed(service)
    found = await kept(service)
    in_order = sorted(found, key=lambda each: each["_id"].generation_time)
    assert [each["size"] for each in in_order] == sorted({each["size"] for each in found})
    assert [opened(each["text"], [key.verifier]).size for each in found] == [each["size"] for each in found]
    assert found[-1]["size"] == len(await service.trail())
    for each in others:
        await each.close()


def head_rolled_back(stored: Stored) -> None:
    del stored.events[-2:]
    stored.headed()


def tail_written_anew(stored: Stored) -> None:
    head_rolled_back(stored)
    for _ in range(3):
        stored.events.append(
            stored.events[-1] | {"_id": None, "seq": len(stored.events), "event_id": f"AUD-{os.urandom(16).hex()}"}
        )
        del stored.events[-1]["_id"]
    stored.headed()


def everything_hashed_again(stored: Stored) -> None:
    stored.events[2]["outcome"] = "failure"
    stored.headed()


def the_last_event_removed(stored: Stored) -> None:
    del stored.events[-1]


def nothing(stored: Stored) -> None: ...


@pytest.mark.exhaustive
@pytest.mark.tampers
@pytest.mark.parametrize(
    ("tamper", "of_checkpoint"),
    [
        (head_rolled_back, {}), (tail_written_anew, {}), (everything_hashed_again, {}), (the_last_event_removed, {}),
        (nothing, {"root": "0" * 64}), (nothing, {"text": "nothing"}), (nothing, {"verifier_key": "nothing"}),
    ],
)  # fmt: skip
async def test_a_trail_that_does_not_go_on_from_what_was_signed_is_not_signed_and_that_is_told_once(
    service: Service, tamper: Callable[[Stored], None], of_checkpoint: Raw
) -> None:
    await register(service)
    if len(await service.trail()) % 2 == 0:  # of an odd size every later proof needs the event that follows: the one removed
        await attach(service)
    assert await signed(service)
    await attach(service)
    stored = await Stored.of(service)
    tamper(stored)
    await stored.written(service)
    await service.database.collection("audit_checkpoints").update_one({}, {"$set": of_checkpoint or {"revision": 1}})
    before = await kept(service)
    for _ in range(3):
        await checkpoint(await key_of(service), service.now)
    assert await kept(service) == before
    told = [(each["action"], each["outcome"], each["details"]["facts"]["size"]) for each in await service.trail()
            if each["action"] == "signCheckpoint"]  # fmt: skip
    assert told == [("signCheckpoint", "failure", before[0]["size"])]


async def test_another_key_is_told_to_the_trail_before_it_signs(service: Service) -> None:
    first, key = await signed(service), await key_of(service)
    other = SigningKey.made(key.name)
    second = await signed(service, other)
    assert first and second and second["size"] == first["size"] + 1 and second["verifierKey"] == str(other.verifier)
    event = await service.last()
    facts = {"from": str(key.verifier), "to": str(other.verifier), "endorsement": None}
    assert (event["action"], event["actor"]["id"], event["details"]["facts"]) == ("rotateAuditKey", "system", facts)
    assert await signed(service, other) == second
    both = [key.verifier, other.verifier]
    assert [opened(each["text"], both).size for each in await kept(service)] == [first["size"], second["size"]]


async def test_a_stored_checkpoint_by_a_key_of_somebody_else_is_not_continued(service: Service) -> None:
    assert await signed(service)
    await service.do("updateStakeholder", ADA, userId="bob", department="Sales")
    head, seen = await AuditHead.require("head"), await service.size()
    foreign = SigningKey(head.origin, b"e" * 32)
    document = {
        "revision": 1, "size": head.size, "root": head.root, "signed_at": service.now, "verifier_key": str(foreign.verifier),
        "text": Checkpoint(head.origin, head.size, head.root).signed(foreign), "endorsement": None,
    }  # fmt: skip
    await service.database.collection("audit_checkpoints").insert_one(document)
    with service.database.bound(), pytest.raises(Inconsistent, match="to which no event tells of a rotation"):
        await sign(await key_of(service), service.now)
    assert await service.size() == seen


async def test_servers_with_the_key_of_before_and_the_key_of_after_sign_in_turns(service: Service) -> None:
    key, other = await key_of(service), SigningKey.made((await key_of(service)).name)
    for each in (key, other, key, other, other, key):
        await service.do("updateStakeholder", ADA, userId="bob", department=f"Sales {await service.size()}")
        done = await signed(service, each)
        assert done and done["verifierKey"] == str(each.verifier)


KEYS = "{ auditKeys { verifierKey isCurrent checkpoints firstSignedAt lastSignedAt } }"


async def test_the_keys_of_the_trail_are_served_before_they_sign_and_after_they_were_exchanged(service: Service) -> None:
    first, second = await key_of(service), SigningKey((await key_of(service)).name, bytes(32))

    async def served(key: SigningKey | None) -> list[Raw]:
        """What a server answers that has this key."""
        app = create_app(service.settings, lambda: service.now, service.database, key)
        headers = {"authorization": f"Bearer {AUDREY.token}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", headers=headers) as client:
            found: list[Raw] = (await client.post("/graphql", json={"query": KEYS})).json()["data"]["auditKeys"]
            return found

    def told(key: SigningKey, current: bool, *signed: Raw | None) -> Raw:
        at = [each["signedAt"] for each in signed if each] or [None]
        said = {"verifierKey": str(key.verifier), "isCurrent": current, "checkpoints": len(signed)}
        return said | {"firstSignedAt": at[0], "lastSignedAt": at[-1]}

    assert (await served(None), await served(first)) == ([], [told(first, True)])
    one = await signed(service, first)
    service.later(hours=1)
    await register(service)
    two = await signed(service, first)
    assert await served(first) == [told(first, True, one, two)]
    assert await served(second) == [told(second, True), told(first, False, one, two)]
    service.later(hours=1)
    three = await signed(service, second)
    assert await served(second) == [told(second, True, three), told(first, False, one, two)]
    assert await served(None) == [told(second, False, three), told(first, False, one, two)]


async def test_checkpoints_are_appended_to_a_file_each_once_and_with_an_empty_line_behind(
    service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "checkpoints"
    for _ in range(2):
        await signed(service, file=file)
        await signed(service, file=file)
        await register(service) if not await service.database.collection("models").find_one() else await attach(service)
    await signed(service, file=file)
    assert file.read_text() == "".join(f"{each['text']}\n" for each in await kept(service)) and len(await kept(service)) == 3


def asked(running: Operated, query: str = ASKED, field: str = "auditCheckpoint") -> Any:
    headers = {"authorization": f"Bearer {(running.folder / 'admin-token').read_text().strip()}"}
    return httpx.post(running.url, json={"query": query}, headers=headers, timeout=10).json()["data"][field]


@pytest.mark.exhaustive
def test_a_server_makes_its_key_prints_what_verifies_it_and_signs(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    with Operated(tmp_path / "data", WORKERS=2, CHECKPOINT_SECONDS=1, CHECKPOINT_FILE=file) as running:
        key = VerifierKey.read(running.signed_by)
        assert key.name == running.trail and eventually(lambda: asked(running))
        text = asked(running)["text"]
        assert [each["verifierKey"] for each in asked(running, KEYS, "auditKeys")] == [running.signed_by]
        assert opened(text, [key]).origin == running.trail
    kept_key = running.folder / "audit-key"
    assert kept_key.stat().st_mode & 0o777 == 0o600 and SigningKey.read(kept_key.read_text()).verifier == key
    assert file.read_text() == f"{text}\n"


def test_a_key_is_made_for_a_trail_on_the_command_line() -> None:
    run = CliRunner()
    for origin in ("own.example", "own.example/trail"):
        made = run.invoke(app, ["audit", "key", origin])
        assert SigningKey.read(made.stdout).verifier == VerifierKey.read(made.stderr) and made.stdout.count("\n") == 1
        assert SigningKey.read(made.stdout).name == origin
    assert run.invoke(app, ["audit", "key", "own example"]).exit_code == 2


def test_a_key_of_another_trail_is_refused_and_not_shown(server: str, tmp_path: Path) -> None:
    text = SigningKey("elsewhere.example", bytes(32)).text
    code, complaint = refused(DATA_DIR=tmp_path, MONGODB_URI=server, DATABASE="keys", ORIGIN="here.example", AUDIT_KEY=text)
    assert code == 12 and "MAGISTRATE_AUDIT_KEY" in complaint and text not in complaint


def test_a_key_that_is_none_is_refused_and_not_shown() -> None:
    with pytest.raises(AuditKeyRefused, match="MAGISTRATE_AUDIT_KEY") as refusal:
        signing_key(Settings(audit_key=SecretStr("nonsense")), "here.example")
    assert "nonsense" not in str(refusal.value)


@pytest.mark.exhaustive
def test_a_database_of_ones_own_is_signed_with_the_key_of_the_settings(server: str, tmp_path: Path) -> None:
    key = SigningKey("own.example", bytes(32))
    own = {"MONGODB_URI": server, "DATABASE": "own_key", "ORIGIN": "own.example", "AUDIT_KEY": key.text}
    with Operated(tmp_path, **own) as running:
        assert running.signed_by == str(key.verifier) and eventually(lambda: asked(running))
        assert opened(asked(running)["text"], [key.verifier]).origin == "own.example"
    assert not (tmp_path / "audit-key").exists()
