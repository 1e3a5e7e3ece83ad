"""`magistrate audit` as an operator runs it: beside a server and without one, on a database of their own, and as a stranger."""

import asyncio
import json
from base64 import b64decode
from pathlib import Path

import httpx
import pytest

from documents.audit.notes import SigningKey
from documents.audit.trail import AuditHead
from gql.checkpoints import checkpoint
from tests.documented import NOT_RUN, ROOT, Shell, blocks
from tests.examples import register
from tests.operated import Operated
from tests.operators import REGISTER, Operator
from tests.service import Service


def as_documented(folder: Path, settings: dict[str, str]) -> str:
    """What the commands of docs/verify.md print in `folder`, pasted one after another."""
    with Shell(folder, settings) as shell:
        return "".join(shell.does(each.text) for each in blocks(ROOT / "docs" / "verify.md") if not each.text.startswith(NOT_RUN))


@pytest.mark.exhaustive
async def test_a_receipt_is_proven_and_the_trail_exported_beside_a_server_and_without_it(tmp_path: Path) -> None:
    var, pinned, proof = tmp_path / "var", tmp_path / "pinned", tmp_path / "mine.tlog-proof"
    operator, stranger = Operator({"DATA_DIR": str(var), "CHECKPOINT_SECONDS": "3600"}), Operator({"DATA_DIR": "/nowhere"})
    with Operated(var, CHECKPOINT_SECONDS=3600) as running:
        headers = {"authorization": f"Bearer {(var / 'admin-token').read_text().strip()}"}
        async with httpx.AsyncClient(headers=headers, timeout=10) as client:
            answer = (await client.post(running.url, json={"query": REGISTER})).json()
        receipt = answer["data"]["registerStakeholder"]["receipt"]
        waits = await operator.does("prove", receipt["eventId"])
        assert waits.status == 15
        said = await asyncio.to_thread(as_documented, tmp_path, {"KEY": running.signed_by, "MAGISTRATE_DATA_DIR": str(var)})
        assert said.startswith(f"{running.signed_by}\n") and said.count("nothing is wrong.") == 3
        assert f"Proven: event 3 of {running.trail}" in said
        proof.write_text(await operator.gets("prove", json.dumps(receipt)))
        assert await operator.gets("prove", receipt["seq"]) == proof.read_text()
        bare, entry = tmp_path / "bare.tlog-proof", tmp_path / "event"
        extra = next(each for each in proof.read_text().split("\n") if each.startswith("extra "))
        bare.write_text(proof.read_text().replace(f"{extra}\n", ""))
        entry.write_bytes(b64decode(extra.removeprefix("extra ")) + b"\n")
        named = ["--key", running.signed_by]
        assert (await stranger.does("verify", bare, *named)).status == 14  # whose bytes are to be hashed?
        assert f'"event_id": "{receipt["eventId"]}"' in await stranger.gets("verify", bare, *named, "--entry", entry)
        assert (await stranger.does("verify", bare, *named, "--entry", bare)).status == 13
        assert (await stranger.does("verify", tmp_path / "trail", "--entry", entry)).status == 2
        for wrong in ({"eventHash": "0" * 64}, {"root": "0" * 64}, {"treeSize": 10**6}):
            assert (await operator.does("prove", json.dumps(receipt | wrong))).status == 13
        assert (await operator.does("prove", "AUD-1")).status == (await operator.does("prove", 10**6)).status == 2
    known = ["--key", running.signed_by]
    proven = json.loads(await stranger.gets("verify", proof, *known, "--json"))
    assert proven["event"]["event_id"] == receipt["eventId"] and proven["checkpoint"]["size"] == receipt["treeSize"]
    assert (await stranger.does("verify", proof, "--key", str(SigningKey.made(running.trail).verifier))).status == 13
    assert (await stranger.does("verify", pinned, *known)).status == 14
    assert (await stranger.does("verify", proof)).status == (await stranger.does("verify", proof, "--key", "nobody")).status == 2
    whole = await stranger.gets("verify", tmp_path / "trail", "--checkpoint", pinned, *known)
    assert "nothing is wrong" in whole and " records compared with the trail" in whole
    await operator.gets("export", tmp_path / "without", "--from", 2)
    part = await stranger.gets("verify", tmp_path / "without", "--checkpoint", tmp_path / "without" / "checkpoint", *known)
    assert "records compared" not in part and "RECORDS_NOT_COMPARED" in part
    assert (tmp_path / "without" / "events.ndjson").read_text() in (tmp_path / "trail" / "events.ndjson").read_text()
    assert json.loads(await operator.gets("verify", "--json"))["eventsVerified"] == receipt["treeSize"]
    assert (await operator.does("export", tmp_path / "trail")).status == 14
    assert (await stranger.does("verify")).status == 8


@pytest.mark.tampers
async def test_commands_that_read_write_nothing_and_end_by_what_they_find(service: Service, tmp_path: Path) -> None:
    await register(service)
    key = SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))
    signed = await checkpoint(key, service.now)
    assert signed
    operator = Operator({"MONGODB_URI": str(service.settings.mongodb_uri), "DATABASE": service.database.name})
    service.written_elsewhere = True
    await service.database.collection("audit_events").drop_index("event_id_1")

    async def stands() -> object:
        names = sorted(await service.database.collections.list_collection_names())
        collections = [service.database.collection(name) for name in names]
        return [(each.name, await each.find().to_list(None), await each.index_information()) for each in collections]

    before = await stands()
    (tmp_path / "kept").write_text(signed.text)
    await operator.gets("verify", "--checkpoint", tmp_path / "kept", "--key", key.verifier)
    await operator.gets("export", tmp_path / "export")
    await operator.gets("prove", 3)
    assert await stands() == before
    assert (await operator.does("checkpoint")).status == 12  # nobody told it a key
    await service.database.collection("audit_events").update_one({"seq": 3}, {"$set": {"outcome": "failure"}})
    faulty = await operator.does("verify", "--json")
    assert faulty.status == 13 and json.loads(faulty.said)["faults"][0]["kind"] == "FIELD_DIFFERS"
    assert (await operator.does("export", tmp_path / "faulty")).status == 13 and (tmp_path / "faulty" / "manifest.json").exists()
    assert (await operator.does("verify", "--key", key.verifier)).status == 2
    await service.database.collection("audit_checkpoints").update_many({}, {"$set": {"size": "many"}})
    assert (await operator.does("prove", 4)).status == 13
    await service.database.collection("audit_head").delete_many({})
    assert (await operator.does("verify")).status == (await operator.does("checkpoint")).status == 13
