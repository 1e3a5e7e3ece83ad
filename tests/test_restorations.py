"""A backup that is put back is no fork once it is declared: the trail goes on under another name and says what is lost."""

import asyncio
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.notes import Checkpoint, SigningKey, VerifierKey
from documents.audit.pins import Kept, kept_in
from documents.audit.proofs import prove_inclusion
from documents.audit.restorations import facts_of, restoration_in
from documents.audit.tlogproof import Proof
from documents.audit.trail import AuditHead, _agreeing
from documents.audit.verification import Verifier
from documents.audit.verify import verify
from documents.books import BOOKS
from documents.errors import InvalidInput, TrailNotSound
from gql.checkpoints import Signer, kept_in_file
from gql.cli import app
from gql.cli.recovery import recovering
from gql.cli.restoring import restoring
from gql.cli.trail import Receipt, proving
from gql.faults import TrailFaulty
from gql.firststart import prepare
from gql.verifications import verification
from tests.chains import chained, headed, said
from tests.examples import attach, register
from tests.operated import Operated, eventually
from tests.operators import REGISTER, Operator
from tests.service import AUDREY, Service
from tests.stored import Stored as Backup
from tests.stores.store import Store, load
from tests.trails import Stored

Raw = dict[str, Any]
AFTER, REASON = "restored.example", "The disk failed."
ASKED = """query($from: BigInt! = 0, $to: BigInt, $checkpoint: String, $keys: [String!]) {
    auditVerification(from: $from, to: $to, checkpoint: $checkpoint, keys: $keys) { valid caveats faults { kind seq }
        restorations { seq originBefore origin lostFrom lostTo keptTo reason checkpoint } } }"""


@dataclass
class Lost:
    """A trail of which a backup was put back: some of what was signed is lost."""

    service: Service
    key: SigningKey
    file: Path
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        self.signer = Signer(self.key, self.file)

    @property
    def text(self) -> str:
        return self.file.read_text()

    async def declared(self, text: str | None = None, origin: str = AFTER, reason: str = REASON) -> list[str]:
        work = restoring(self.text if text is None else text, [str(self.key.verifier)], origin, reason, lambda: self.service.now)
        return await work(self.service.settings)

    async def verified(self, *keys: SigningKey, text: str | None = None, **asked: Any) -> Raw:
        given = {"checkpoint": text or self.text, "keys": [str(each.verifier) for each in keys or (self.key,)]} | asked
        found: Raw = (await self.service.ask(ASKED, AUDREY, **given))["auditVerification"]
        return found


def faults(report: Raw) -> list[tuple[str, int | None]]:
    return [(each["kind"], each["seq"]) for each in report["faults"]]


@pytest.fixture
async def lost(service: Service, tmp_path: Path) -> Lost:
    """Signed at three sizes; the backup is of a moment after the second, with two events that no checkpoint covers."""
    key = SigningKey((await AuditHead.require("head")).origin, bytes(range(32)))
    found = Lost(service, key, tmp_path / "kept")
    await register(service)
    assert await found.signer.sign(service.now)
    await attach(service, title="1")
    assert await found.signer.sign(service.now)
    await attach(service, title="2")
    await attach(service, title="3")
    backup = await service.stored()
    for each in "45":
        await attach(service, title=each * 3)
        assert await found.signer.sign(service.now)
    await put_back(service, backup)
    return found


async def put_back(service: Service, backup: Backup) -> None:
    """Puts a backup of the whole database back; the clock goes on."""
    now = service.now
    await service.restore(backup)
    service.now = now


def sizes(text: str) -> list[int]:
    return [int(each.split("\n")[1]) for each in kept_in(text)]


@pytest.mark.tampers
async def test_a_restored_trail_goes_on_under_another_name_and_says_what_is_lost(lost: Lost, tmp_path: Path) -> None:
    service, size = lost.service, (await AuditHead.require("head")).size
    assert faults(await lost.verified()) == [("TAIL_CUT", size)]
    assert await lost.signer.sign(service.now) is None and "TAIL_CUT" in str(lost.signer.refused)
    told = await lost.declared()
    kept = sizes(lost.text)
    assert told[:3] == [
        f"the trail goes on as {AFTER} from event {size}",
        f"of {lost.key.name}, events {size} to {kept[-1] - 1} are lost",
        f"no checkpoint covers events {kept[1]} to {size - 1}",
    ]
    assert "MAGISTRATE_AUDIT_KEY_PREVIOUS" in told[3]
    event = await service.last()
    assert (event["seq"], event["origin"], event["action"], event["event_type"]) == (
        size,
        AFTER,
        "restoreTrail",
        "system_started",
    )
    assert event["actor"] == {"id": "system", "type": "system"} and event["details"]["facts"] == {
        "origin": lost.key.name, "checkpoint": kept_in(lost.text)[-1], "lost": {"from": size, "to": kept[-1] - 1},
        "kept_to": kept[1], "reason": REASON,
    }  # fmt: skip
    restored = {
        "seq": size, "originBefore": lost.key.name, "origin": AFTER, "lostFrom": size, "lostTo": kept[-1] - 1,
        "keptTo": kept[1], "reason": REASON, "checkpoint": kept_in(lost.text)[-1],
    }  # fmt: skip
    report = await lost.verified()
    assert report["valid"] and report["restorations"] == [restored] and {"RESTORED", "AFTER_CHECKPOINT"} == set(report["caveats"])
    unanchored = await service.ask(ASKED, AUDREY)
    assert unanchored["auditVerification"]["valid"] and "RESTORED" in unanchored["auditVerification"]["caveats"]
    assert await lost.declared() == told and (await AuditHead.require("head")).size == size + 1  # given again, it does no more

    assert await lost.signer.sign(service.now) is None and AFTER in str(lost.signer.refused)  # the key of another name
    new = SigningKey(AFTER, bytes([9] * 32))
    signer = Signer(new, lost.file, [lost.key])
    await attach(service, title="6")
    first = await signer.sign(service.now)
    assert first and first.size == size + 3 and signer.refused is None
    while (await AuditHead.require("head")).size <= kept[-1] + 2:
        await attach(service, title=f"more {(await AuditHead.require('head')).size}")
        assert await signer.sign(service.now)
    assert sizes(lost.text)[:5] == [*kept, first.size] and (await service.trail())[-1]["origin"] == AFTER
    report = await lost.verified()  # the key of before endorses the one of after
    assert report["valid"] and report["caveats"] == ["RESTORED"]
    end = len(await service.trail())
    for first_event, last in ((0, 4), (0, size - 1), (size, end - 1), (size + 1, end - 1), (5, size + 1)):
        asked: Raw = {"from": first_event, "to": last}
        part = await lost.verified(**asked)
        assert part["valid"] and part["restorations"] == [restored], (first_event, last)
    await export(tmp_path / "whole")
    await export(tmp_path / "part", size + 1)
    await export(tmp_path / "begin", 0, size - 1)
    keys = [str(lost.key.verifier)]
    for name in ("whole", "part", "begin"):
        offline = verify_export(tmp_path / name, lost.text, keys)
        assert offline.valid and [each.seq for each in offline.restorations] == [size], name

    async def keeping(whole: bool) -> Kept:
        return await kept_in_file(lost.file, whole=whole)

    for _ in range(2):
        service.later(minutes=5)
        run = await verification(new.verifier, lambda: service.now, 300, keeping)
        assert run and run.found.valid and [each.seq for each in run.found.restorations] == [size]
    for seq in (3, end - 1):  # an event of before is proven by a checkpoint of the name that it bears
        proof = Proof.read(await proving(Receipt.read(str(seq)))(service.settings))
        assert proof.proven([lost.key.verifier, new.verifier])[1]["seq"] == seq
    with pytest.raises(TrailFaulty, match="only an export"):
        await proving(Receipt.read(str(size - 1)))(service.settings)
    assert (await prove_inclusion(size - 1)).tree_size == end


async def names_another_key(service: Service) -> None:
    """Has each seal name a key that is not here, as in a backup of before a change of the secret key."""
    stored = await Stored.of(service)
    stored.heads[0]["mac"] |= {"key_id": "k0"}
    await stored.written(service, sealed=False)
    for name in ("stakeholders", "api_tokens"):
        await service.database.collection(name).update_many({}, {"$set": {"mac.key_id": "k0"}})


@pytest.mark.tampers
async def test_a_backup_of_before_a_change_of_the_secret_key_is_declared_restored(lost: Lost) -> None:
    service = lost.service
    await names_another_key(service)
    with pytest.raises(TrailNotSound, match="set MAGISTRATE_SECRET_KEY_PREVIOUS to that key"):
        await AuditHead.seen()
    await lost.declared()
    assert (await Stored.of(service)).heads[0]["mac"]["key_id"] == "k1"
    await recovering("admin", REASON, reseal=True, in_file=False, clock=lambda: service.now)(service.settings)
    await service.do("createApiToken", select="token", name="laptop")


@pytest.mark.tampers
@pytest.mark.parametrize("named", [False, True], ids=["its own seal", "another key"])
async def test_an_end_that_was_forged_before_it_was_declared_is_not_sealed(lost: Lost, named: bool) -> None:
    """The checkpoints that were kept say nothing of an event after them; the seals of people say that the key is here."""
    stored = await Stored.of(lost.service)
    stored.events[-1] |= {"action": "approveModel", "actor": {"id": "carol", "type": "user"}}
    stored.headed()
    stored.heads[0]["mac"] |= {"key_id": "k0"} if named else {}
    await stored.written(lost.service, sealed=False)
    _agreeing.pop(lost.service.database, None)  # the command is a process of its own
    with pytest.raises(TrailNotSound):
        await lost.declared()
    assert (await Stored.of(lost.service)).heads == stored.heads


@pytest.mark.tampers
async def test_whom_an_event_made_an_administrator_that_no_checkpoint_covered_is_not_sealed_anew(lost: Lost) -> None:
    """Of a backup under another secret key the declaration believes the end, and a recovery people, as the trail tells them."""
    service = lost.service
    stored = await Stored.of(service)
    role = {"path": "platform_role", "from": "member", "to": "admin"}
    stored.events[-1] |= {
        "action": "updateStakeholder", "resource": {"type": "Stakeholder", "id": "alice"},
        "details": {"changes": [role], "facts": {}},
    }  # fmt: skip
    stored.headed()
    await stored.written(service, sealed=False)
    await service.database.collection("stakeholders").update_one({"user_id": "alice"}, {"$set": {"platform_role": "admin"}})
    await names_another_key(service)
    _agreeing.pop(service.database, None)
    await lost.declared()
    done = await recovering(None, REASON, reseal=True, in_file=False, clock=lambda: service.now)(service.settings)
    assert (done.user_id, done.left) == ("admin", ["Stakeholder/alice"])


async def load_anew(service: Service, release: str) -> Store:
    """Puts the backup of before the upgrade back: what a release left, whose checkpoints the key of the test is to follow."""
    for name in await service.database.collections.list_collection_names():
        await service.database.collection(name).drop()
    _agreeing.pop(service.database, None)
    store = await load(service.database.collections, release)
    await service.database.collection("audit_checkpoints").drop()
    return store


@pytest.mark.exhaustive(together=True)  # each migrates a whole store
@pytest.mark.tampers
@pytest.mark.parametrize("attack", [None, "alters", "rewrites"])
async def test_a_backup_of_before_the_upgrade_is_declared_restored_and_migrated_then(
    server: str, tmp_path: Path, attack: str | None
) -> None:
    """It has no seals, so the trail has to verify, and to be the beginning of what the upgraded servers signed."""
    service, file = Service(server), tmp_path / "kept"
    store = await load_anew(service, "0.2.0")
    service.now = store.moment
    settings = service.settings.model_copy(update={"review_days": tuple(store.review_days), "migrate": True})
    origin, _ = await prepare(settings, service.database, clock=lambda: service.now)
    key, after = SigningKey(origin, bytes(range(32))), SigningKey(AFTER, bytes(range(32)))
    own = settings.model_copy(update={"checkpoint_file": file})
    with service.database.bound():
        assert await Signer(key, file).sign(service.now)
    file.write_text(f"{store.checkpoint}\n{file.read_text()}")
    await load_anew(service, "0.2.0")  # the disk fails
    with pytest.raises(TrailNotSound, match=r"TAIL_CUT at [0-9]+.*declare that first, by `magistrate audit restored`"):
        await prepare(own, service.database, clock=lambda: service.now)
    with service.database.bound():
        stored = await Stored.of(service)
        if attack:
            stored.events[-1]["action"] = "approveModel"
            if attack == "rewrites":
                stored.headed()
            await stored.written(service, sealed=False)
        allowed = [str(key.verifier), *store.verifier_keys]
        declared = restoring(file.read_text(), allowed, AFTER, REASON, lambda: service.now)
        if attack:
            with pytest.raises(TrailFaulty, match="FIELD_DIFFERS" if attack == "alters" else "REWRITTEN"):
                await declared(own)
            assert "mac" not in (await Stored.of(service)).heads[0]
        else:
            told = await declared(own)
            assert told[0].startswith(f"the trail goes on as {AFTER} from event ") and await declared(own) == told
            assert await prepare(own, service.database, clock=lambda: service.now) == (AFTER, None)
            signer = Signer(after, file, [key])
            assert await signer.sign(service.now) and signer.refused is None
            report = await verify(limit=None, checkpoint=file.read_text(), keys=[*allowed, str(after.verifier)], books=BOOKS)
            assert report.faults == () and report.records_unproven == 0 and len(report.restorations) == 1
    await service.close()


@pytest.mark.tampers
async def test_a_trail_that_is_no_beginning_of_what_was_signed_is_not_declared_restored(lost: Lost) -> None:
    service, head = lost.service, await AuditHead.require("head")
    notes = kept_in(lost.text)
    for wrong in ({"origin": "with space"}, {"origin": ""}, {"origin": lost.key.name}, {"origin": "x" * 201}, {"reason": " "}):
        with pytest.raises(InvalidInput) as refused:
            await lost.declared(**wrong)
        assert refused.value.path == next(iter(wrong))
    with pytest.raises(InvalidInput, match="shows no loss"):
        await lost.declared("\n".join(notes[:2]))
    other = Checkpoint("elsewhere.example", 99, "0" * 64).signed(lost.key)
    forged = notes[-1].replace("\n— ", "\n— x")
    fork = Checkpoint(lost.key.name, 4, "0" * 64).signed(lost.key)
    for bad, kind in ((other, "CHECKPOINT_OF_ANOTHER_TRAIL"), (forged, "CHECKPOINT_FORGED"), (fork, "REWRITTEN")):
        with pytest.raises(TrailFaulty, match=kind):
            await lost.declared("\n".join([*notes, bad]))
    assert (await AuditHead.require("head")) == head  # nothing of this changed anything
    honest, altered = await Stored.of(service), await Stored.of(service)
    altered.events[2]["outcome"] = "failure"
    altered.headed()
    await altered.written(service)
    with pytest.raises(TrailFaulty, match="REWRITTEN"):
        await lost.declared()
    await honest.written(service)
    size = sizes(lost.text)[2]
    while (await AuditHead.require("head")).size < size:  # somebody worked with it before it was declared
        await attach(service, title=f"again {(await AuditHead.require('head')).size}")
    with pytest.raises(TrailFaulty, match="REWRITTEN"):
        await lost.declared()


@pytest.mark.tampers
async def test_checkpoints_beyond_what_the_restoration_cites_are_a_cut_tail(lost: Lost) -> None:
    size, notes = (await AuditHead.require("head")).size, kept_in(lost.text)
    await lost.declared("\n".join(notes[:-1]))  # whoever declared it did not have the last one
    assert (await lost.verified(text="\n".join(notes[:-1])))["valid"]
    assert faults(await lost.verified()) == [("TAIL_CUT", size)]
    twin = Checkpoint(lost.key.name, sizes(lost.text)[2], "0" * 64).signed(lost.key)  # of the cited size, with another root
    assert faults(await lost.verified(text="\n".join([*notes[:-1], twin]))) == [("TAIL_CUT", size)]


@pytest.mark.tampers
async def test_a_second_restoration_goes_on_from_the_first(lost: Lost) -> None:
    service = lost.service
    await lost.declared()
    second = SigningKey(AFTER, bytes([9] * 32))
    signer = Signer(second, lost.file, [lost.key])
    assert await signer.sign(service.now)
    backup = await service.stored()
    await attach(service, title="later")
    assert await signer.sign(service.now)
    await put_back(service, backup)
    for used in (AFTER, lost.key.name):
        if used != AFTER:
            with pytest.raises(InvalidInput, match="has not borne"):
                await lost.declared(origin=used)
    await lost.declared(origin="third.example")
    report = await lost.verified()
    assert report["valid"] and [each["origin"] for each in report["restorations"]] == [AFTER, "third.example"]
    (latest,) = report["restorations"][1:]
    assert latest["keptTo"] == latest["seq"] == latest["lostFrom"]  # what was lost before counts for nothing here
    assert await Signer(SigningKey("third.example", bytes([8] * 32)), lost.file, [second]).sign(service.now)
    assert (await lost.verified())["caveats"] == ["RESTORED"]


# What somebody writes to the database who has no key, and what a verification with the file of kept checkpoints says of it.
KEY = SigningKey("magistrate.local/0a1b2c3d", bytes(range(32)))
STRANGER = SigningKey(KEY.name, bytes(32))


def telling(size: int, cited: Checkpoint, note: str, origin: str = AFTER, **more: Any) -> Raw:
    facts = facts_of(cited, note, size, 0, REASON)
    return said(size, origin=origin, action="restoreTrail", actor={"id": "system", "type": "system"}, subject=None,
                resource={"type": "AuditHead", "id": "head"}, details={"changes": [], "facts": facts}, **more)  # fmt: skip


def found(told: list[Raw], *kept: Checkpoint) -> tuple[list[tuple[str, int | None]], set[str]]:
    events = chained(told)
    pins = Kept.read("\n".join(each.signed(KEY) for each in kept), [KEY.verifier]) if kept else Kept()
    verifier = Verifier(marks=pins.sizes)
    verifier.feed(events, {})
    verifier.compare_head(headed(events) | {"origin": told[-1]["origin"]})
    verifier.compare_checkpoints(pins, len(events), {})
    report = verifier.report()
    faults = [(each.kind.name, each.seq) for each in report.faults if each.kind.name != "CONTENT_MISSING"]
    return faults, {each.name for each in report.caveats}


BEGUN = [said(seq) for seq in range(6)]
SIGNED = Checkpoint(KEY.name, 9, "a" * 64)


def test_a_restoration_that_somebody_made_up_is_reported_and_explains_nothing_that_was_kept() -> None:
    honest = [*BEGUN, telling(6, SIGNED, SIGNED.signed(KEY)), said(7, origin=AFTER)]
    assert found(honest) == ([], {"UNANCHORED", "RESTORED"})
    assert found(honest, SIGNED) == ([], {"UNANCHORED", "RESTORED"})
    beyond = Checkpoint(KEY.name, 12, "a" * 64)
    assert found(honest, SIGNED, beyond)[0] == [("TAIL_CUT", 6)]
    for note in (SIGNED.signed(STRANGER), f"{SIGNED.text}\n", SIGNED.signed(KEY).replace("\n9\n", "\n99\n")):
        cited = Checkpoint(KEY.name, 99 if "\n99\n" in note else 9, "a" * 64)
        made_up = [*BEGUN, telling(6, cited, note), said(7, origin=AFTER)]
        faults, caveats = found(made_up, SIGNED)
        assert ("TAIL_CUT", 6) in faults or ("ORIGIN_DIFFERS", 6) in faults, note
        assert "RESTORED" in caveats or ("ORIGIN_DIFFERS", 6) in faults


def test_another_name_without_such_an_event_is_a_fault() -> None:
    cited = SIGNED.signed(KEY)
    good = telling(6, SIGNED, cited)
    facts = good["details"]["facts"]
    wrong: list[Raw] = [
        said(6, origin=AFTER),
        good | {"action": "restore"},
        good | {"outcome": "failure"},
        good | {"actor": {"id": "alice", "type": "user"}},
        good | {"resource": {"type": "AuditHead", "id": "tail"}},
        *(
            good | {"details": {"changes": [], "facts": facts | other}}
            for other in (
                {"origin": "elsewhere.example"}, {"lost": {"from": 5, "to": 8}}, {"lost": {"from": 6, "to": 9}}, {"lost": None},
                {"kept_to": 7}, {"kept_to": -1}, {"kept_to": True, "lost": {"from": True, "to": 8}}, {"checkpoint": "nothing"},
                {"checkpoint": Checkpoint("elsewhere.example", 9, "a" * 64).signed(KEY)}, {"reason": 7}, {"reason": None},
            )
        ),
        telling(6, Checkpoint(KEY.name, 6, "a" * 64), Checkpoint(KEY.name, 6, "a" * 64).signed(KEY)),  # nothing is lost
    ]  # fmt: skip
    for each in wrong:
        assert found([*BEGUN, each])[0] == [("ORIGIN_DIFFERS", 6)], each
    assert found([*BEGUN, good])[0] == []
    again = telling(7, Checkpoint(AFTER, 9, "a" * 64), Checkpoint(AFTER, 9, "a" * 64).signed(KEY), origin=KEY.name)
    assert found([*BEGUN, good, again])[0] == [("ORIGIN_DIFFERS", 7)]  # back to a name of before: which trail would that be?
    assert restoration_in({}) is None and restoration_in(good | {"seq": "6"}) is None


@pytest.mark.exhaustive
def test_a_backup_is_put_back_and_the_trail_goes_on_with_a_key_that_the_old_one_endorses(tmp_path: Path) -> None:
    var, backup, file = tmp_path / "var", tmp_path / "backup", tmp_path / "kept"
    settings = {"DATA_DIR": str(var), "CHECKPOINT_FILE": str(file)}
    operator = Operator(settings)

    def does(*words: object) -> Any:
        return asyncio.run(operator.does(*words))

    with Operated(var, CHECKPOINT_FILE=file, CHECKPOINT_SECONDS=1) as running:
        key, origin = running.signed_by, running.trail
        assert eventually(file.exists)
    shutil.copytree(var, backup)
    with Operated(var, CHECKPOINT_FILE=file, CHECKPOINT_SECONDS=1) as running:
        answer = running_ask(running, REGISTER)
        size = answer["registerStakeholder"]["receipt"]["treeSize"]
        assert eventually(lambda: sizes(file.read_text())[-1] >= size)
    shutil.rmtree(var)
    shutil.copytree(backup, var)
    with Operated(var, CHECKPOINT_FILE=file, CHECKPOINT_SECONDS=1) as running:
        assert eventually(lambda: "NOT SOUND" in running.ask_readyz())
        assert does("verify", "--checkpoint", file, "--key", key).status == 13
        assert does("restored", "--checkpoint", file, "--key", key, "--origin", "a b", "--reason", REASON).status == 2
        told = does("restored", "--checkpoint", file, "--key", key, "--origin", AFTER, "--reason", REASON)
        assert told.status == 0 and f"the trail goes on as {AFTER}" in told.said and (var / "audit-key.1").exists()
        new = told.said.split("it signs with ")[1].strip()
        assert VerifierKey.read(new).name == AFTER
    before = len(kept_in(file.read_text()))
    with Operated(var, CHECKPOINT_FILE=file, CHECKPOINT_SECONDS=1) as running:
        assert (running.trail, running.signed_by) == (AFTER, new)
        assert eventually(lambda: len(kept_in(file.read_text())) > before)
        assert eventually(lambda: "no fault" in running.ask_readyz())
        verified = does("verify", "--checkpoint", file, "--key", key)
        assert verified.status == 0 and f"of {origin} are lost; it goes on as {AFTER}." in verified.said
        assert does("export", tmp_path / "export").status == 0
        report = json.loads(does("verify", tmp_path / "export", "--checkpoint", file, "--key", key, "--json").said)
        assert report["valid"] and report["restorations"][0]["origin"] == AFTER and "RESTORED" in report["caveats"]
    assert CliRunner().invoke(app, ["audit", "restored", "--help"]).exit_code == 0


def running_ask(running: Operated, query: str) -> Any:
    headers = {"authorization": f"Bearer {(running.folder / 'admin-token').read_text().strip()}"}
    return httpx.post(running.url, json={"query": query}, headers=headers, timeout=30).json()["data"]
