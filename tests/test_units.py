"""What a unit of work promises: all or nothing, in turn, in one database, and no way around it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pymongo import monitoring

from documents.audit.trail import AuditHead
from documents.errors import LimitExceeded, StaleRevision
from documents.store.units import OutsideUnitOfWork, Unit
from documents.versions.version import ModelVersion
from tests.examples import BOT, DATASHEET, TICKETS, attach, register
from tests.journey import PROOF, every_mutation, mutations, sign_in
from tests.service import AUDREY, BOB, NOW, Person, Service
from tests.wire import DONE, FORGOTTEN, LOST, REFUSED, Wire

KEY = tuple(BOT.values())
VALID = "{ auditVerification { valid } }"


@pytest.fixture
async def version(service: Service) -> ModelVersion:
    await register(service)
    return await ModelVersion.require(*KEY)


async def nothing(unit: Unit) -> None: ...


async def is_valid(service: Service) -> bool:
    return bool((await service.ask(VALID, AUDREY))["auditVerification"]["valid"])


def past_store(version: ModelVersion) -> list[Callable[[], Awaitable[Any]]]:
    """Beanie's own ways to write, which every record inherits."""
    kind, theirs, mine = ModelVersion, {"$set": {"owner_id": "eve"}}, {"model_id": version.model_id}
    return [
        version.insert, version.create, version.save, version.replace, version.delete, lambda: version.update(theirs),
        lambda: kind.insert_one(version), lambda: kind.insert_many([version]), lambda: kind.replace_many([version]),
        kind.delete_all, kind.find(mine).delete, lambda: kind.find(mine).update(theirs), lambda: kind.update_all(theirs),
        lambda: kind.find_one(mine).delete(), lambda: kind.find_one(mine).update(theirs),
        lambda: kind.find_one(mine).upsert(theirs, on_insert=version), lambda: kind.get_motor_collection().insert_one({}),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Accessing the 'model_fields':DeprecationWarning")  # by Beanie, on its way to the write
async def test_nothing_is_written_outside_a_unit_of_work_or_past_store(service: Service, version: ModelVersion) -> None:
    async def refused(*writes: Callable[[], Awaitable[Any]]) -> None:
        for write in writes:
            with pytest.raises(OutsideUnitOfWork):
                await write()

    before = await service.state()
    version.owner_id = "eve"
    await refused(version.store, AuditHead.touch, *past_store(version))
    await service.database.transact(lambda unit: refused(*past_store(version)), service.now)
    assert await service.state() == before


async def test_a_task_that_outlives_its_transaction_writes_nothing(service: Service, version: ModelVersion) -> None:
    committed = asyncio.Event()

    async def late() -> None:
        await committed.wait()
        version.owner_id = "eve"
        await version.store()

    async def work(unit: Unit) -> asyncio.Task[None]:
        return asyncio.create_task(late())

    task = await service.database.transact(work, service.now)
    committed.set()
    with pytest.raises(OutsideUnitOfWork):
        await task


async def test_a_unit_of_work_inside_another_raises_at_once(service: Service) -> None:
    with pytest.raises(RuntimeError, match="inside a unit of work"):
        await asyncio.wait_for(service.database.transact(lambda unit: service.database.transact(nothing, NOW), NOW), 1)


async def test_a_stale_record_is_never_stored(service: Service, version: ModelVersion) -> None:
    again = await ModelVersion.require(*KEY)
    version.owner_id, again.owner_id = "ben", "eve"
    await service.database.transact(lambda unit: version.store(), service.now)
    with pytest.raises(StaleRevision) as stale:
        await service.database.transact(lambda unit: again.store(), service.now)
    assert stale.value.facts == {"kind": "ModelVersion", "key": version.key, "revision": 1, "stored_revision": 2}
    assert (await ModelVersion.require(*KEY)).owner_id == "ben"


async def test_a_record_stored_twice_in_a_unit_is_one_change_from_the_first_to_the_last(
    service: Service, version: ModelVersion
) -> None:
    async def work(unit: Unit) -> list[tuple[Any, Any]]:
        for owner in ("ben", "ben", "eve"):
            version.owner_id = owner
            await version.store()
        await unit.settle()
        return [(each.before and each.before["owner_id"], each.after["owner_id"]) for each in unit.changes]

    assert await service.database.transact(work, service.now) == [("alice", "eve")]
    assert version.revision == 2


async def test_many_mutations_at_once_leave_one_unbroken_trail(service: Service, version: ModelVersion) -> None:
    size = await service.size()
    await asyncio.gather(*[attach(service, title=str(each)) for each in range(20)])
    trail = await service.trail()
    assert [each["seq"] for each in trail] == list(range(size + 20))
    assert len((await ModelVersion.require(*KEY)).evidence) == 20
    assert await is_valid(service)


async def test_two_processes_collide_and_all_succeed(server: str, service: Service, version: ModelVersion) -> None:
    other, size = Service(server, service.database.name), await service.size()
    await asyncio.gather(*[attach(each, title=str(at)) for at in range(6) for each in (service, other)])
    await other.close()
    assert len(await service.trail()) == size + 12
    assert len((await ModelVersion.require(*KEY)).evidence) == 12
    assert await is_valid(service)


async def test_two_apps_share_a_process_and_no_record(server: str, service: Service, version: ModelVersion) -> None:
    other = await Service.started(server)
    missing, there = await asyncio.gather(
        other.refused("submitForApproval", **BOT), service.do("submitForApproval", **BOT, select="modelVersion { status }")
    )
    assert missing["code"] == "NOT_FOUND" and there["modelVersion"] == {"status": "PENDING_APPROVAL"}
    assert (await other.state())["ModelVersion"] == []
    await other.close()


class Watch(monitoring.CommandListener):
    """What the driver sends: the command, its collection, and the transaction that it is part of, if any."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        command, name = event.command, event.command_name
        transaction = (str(command["lsid"]["id"]), command["txnNumber"]) if command.get("autocommit") is False else None
        self.sent.append((name, str(command[name]), transaction))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...
    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


SIGNING_IN = {("aggregate", "api_tokens"), *(("find", each) for each in ("stakeholders", "audit_head", "audit_events"))}


async def test_whatever_a_mutation_reads_and_writes_is_inside_its_one_transaction(server: str, service: Service) -> None:
    watch, done = Watch(), set()
    watched = Service(server, service.database.name, event_listeners=[watch])
    await sign_in(watched)
    watch.sent.clear()
    async for mutation, _ in every_mutation(watched):
        sent = {each: [(name, about) for name, about, part_of in watch.sent if part_of == each] for _, _, each in watch.sent}
        assert set(sent.pop(None, ())) <= SIGNING_IN
        *noting_use, own = sent.values()  # of a token that signs in for the first time
        assert all({about for _, about in each} == {"api_tokens", "1"} for each in noting_use)
        touching, *appending = ("findAndModify", "audit_head"), ("insert", "audit_events"), ("update", "audit_head")
        assert own[0] == touching and own[-3:] == [*appending, ("commitTransaction", "1")]
        assert [each for each in own if each[0] in {"insert", "update", "findAndModify"} and each[1].startswith("audit_")] == [
            touching,
            *appending,
        ]
        done.add(mutation)
        watch.sent.clear()
    assert done == await mutations(watched)
    await watched.close()


@pytest.mark.parametrize("fates", [[LOST], [LOST, LOST], [LOST, LOST, LOST], [FORGOTTEN]], ids="-".join)
async def test_a_commit_whose_answer_is_lost_takes_effect_once_and_its_receipt_is_the_first(
    server: str, service: Service, version: ModelVersion, fates: list[str]
) -> None:
    async def meanwhile() -> None:
        await service.do("saveDatasheet", BOB, **TICKETS, datasheet=DATASHEET)

    await sign_in(service)
    size = await service.size()
    async with Wire(server, *fates, meanwhile=meanwhile).service(service.database.name) as far:
        receipt = (await far.do("attachEvidence", BOB, **BOT, **PROOF))["receipt"]
    first, *others = await service.trail(size)
    assert [each["action"] for each in others] == ["saveDatasheet"] * len(fates)
    assert receipt["eventId"] == first["event_id"] and receipt["treeSize"] == size + 1
    assert len((await ModelVersion.require(*KEY)).evidence) == 1
    assert await is_valid(service)


@pytest.mark.parametrize(("by", "code", "action"), [(BOB, "FORBIDDEN", "submitForApproval"), (None, "UNAUTHENTICATED", "signIn")])
async def test_what_is_denied_is_told_once_though_the_answer_of_the_commit_is_lost(
    server: str, service: Service, version: ModelVersion, by: Person | None, code: str, action: str
) -> None:
    await sign_in(service)
    size = await service.size()
    async with Wire(server, LOST, LOST).service(service.database.name) as far:
        assert (await far.refused("submitForApproval", by, **BOT))["code"] == code
    (event,) = await service.trail(size)
    assert (event["action"], event["outcome"]) == (action, "denied")


async def test_a_commit_that_fails_leaves_a_failure_event_and_nothing_else(
    server: str, service: Service, version: ModelVersion
) -> None:
    await sign_in(service)
    before, size = await service.state(), await service.size()
    async with Wire(server, REFUSED).service(service.database.name) as far:
        assert (await far.refused("attachEvidence", BOB, **BOT, **PROOF))["code"] == "INTERNAL"
    (event,) = await service.trail(size)
    assert (event["action"], event["outcome"]) == ("attachEvidence", "failure")
    assert event["details"] == {"changes": [], "facts": {"code": "INTERNAL"}}
    assert await service.state() == before


@pytest.mark.parametrize(("fates", "outcome"), [([DONE], "success"), ([LOST, LOST], "success"), ([REFUSED], "failure")])
async def test_whoever_hangs_up_while_it_commits_leaves_one_event_that_says_what_became_of_it(
    server: str, service: Service, version: ModelVersion, fates: list[str], outcome: str
) -> None:
    async def hang_up() -> None:
        asking.cancel()
        await asyncio.sleep(0.05)

    await sign_in(service)
    size = await service.size()
    async with Wire(server, *fates, meanwhile=hang_up).service(service.database.name) as far:
        asking = asyncio.create_task(far.do("attachEvidence", BOB, **BOT, **PROOF))
        with pytest.raises(asyncio.CancelledError):
            await asking
        for _ in range(2):  # in turn: after the transaction, and after what is told of it
            await far.database.transact(nothing, service.now)
    await one_event_tells(service, size, outcome)


@pytest.mark.parametrize(("fate", "outcome"), [(DONE, "success"), (REFUSED, "failure")])
async def test_a_process_that_is_made_to_end_while_it_commits_tells_no_failure_of_what_took_effect(
    server: str, service: Service, version: ModelVersion, fate: str, outcome: str
) -> None:
    committing = threading.Event()

    async def until_it_commits() -> None:
        asking = asyncio.create_task(far.do("attachEvidence", BOB, **BOT, **PROOF))
        await asyncio.to_thread(committing.wait)
        assert not asking.done()  # the loop ends now, and cancels whatever goes on

    async def make_it_end() -> None:
        committing.set()
        await asyncio.sleep(0.2)

    await sign_in(service)
    size = await service.size()
    async with Wire(server, fate, meanwhile=make_it_end).service(service.database.name) as far:
        await asyncio.to_thread(asyncio.run, until_it_commits())
    await one_event_tells(service, size, outcome)


@pytest.mark.parametrize("fates", [[LOST, LOST], [FORGOTTEN]], ids="-".join)
async def test_what_took_effect_is_not_refused_though_patience_ends(
    server: str, service: Service, version: ModelVersion, fates: list[str]
) -> None:
    await sign_in(service)
    size = await service.size()
    async with Wire(server, *fates).service(service.database.name) as far:
        far.database.transactions.patience = 0
        receipt = (await far.do("attachEvidence", BOB, **BOT, **PROOF))["receipt"]
    assert receipt["seq"] == size
    await one_event_tells(service, size, "success")


async def one_event_tells(service: Service, of: int, outcome: str) -> None:
    """That after the first `of` events one tells of the attached evidence, or that there is none."""
    (event,) = await service.trail(of)
    assert (event["action"], event["outcome"]) == ("attachEvidence", outcome)
    assert len((await ModelVersion.require(*KEY)).evidence) == (outcome == "success")
    assert await is_valid(service)


async def test_a_record_too_large_is_refused_and_not_stored(service: Service, version: ModelVersion) -> None:
    version.restrictions = ("x" * 20_000,) * 210
    with pytest.raises(LimitExceeded) as refusal:
        await service.database.transact(lambda unit: version.store(), service.now)
    assert refusal.value.limit == 4 * 1024 * 1024 < refusal.value.size
    assert (await ModelVersion.require(*KEY)).restrictions == ()
