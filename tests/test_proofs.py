"""What the trail proves to a stranger: that an event is in it, and that it only grew."""

from collections.abc import AsyncIterator
from typing import Any

import pymerkle
import pytest

from documents.audit import tree
from documents.audit.verification import GENESIS
from tests.examples import attach, register
from tests.journey import ANOTHER
from tests.service import AUDREY, Service
from tests.watching import Watched, watching, where

INCLUSION = """query($seq: BigInt!, $size: BigInt) {
    auditInclusionProof(seq: $seq, treeSize: $size) { seq leaf treeSize root hashes } }"""
CONSISTENCY = """query($from: BigInt!, $to: BigInt) {
    auditConsistencyProof(from: $from, to: $to) { fromSize fromRoot toSize toRoot hashes } }"""


@pytest.fixture(scope="module")
async def watched(server: str) -> AsyncIterator[Watched]:
    """A trail of some twenty events, of no size that is a power of two."""
    service = await Service.started(server)
    await register(service)
    for number in range(3):
        await attach(service, title=str(number))
    async for each in watching(server, service):
        yield each
    await service.close()


@pytest.fixture
def trusted(watched: Watched) -> Service:
    return watched.service


async def inclusion(service: Service, seq: int, size: int | None = None) -> Any:
    return (await service.ask(INCLUSION, AUDREY, seq=seq, size=size))["auditInclusionProof"]


async def consistency(service: Service, old: int, size: int | None = None) -> Any:
    return (await service.ask(CONSISTENCY, AUDREY, **{"from": old, "to": size}))["auditConsistencyProof"]


async def another_tree(service: Service) -> Any:
    """What another implementation makes of the bytes of the trail."""
    theirs = pymerkle.InmemoryTree(algorithm="sha256")
    theirs.append_entries([event["canonical"] for event in await service.trail()])
    return theirs


async def test_every_event_is_proven_to_be_in_the_trail(trusted: Service) -> None:
    theirs, trail = await another_tree(trusted), await trusted.trail()
    for size in {1, 2, 7, 8, len(trail) - 1, len(trail)}:
        for seq in range(size):
            found = await inclusion(trusted, seq, size)
            assert (found["seq"], found["leaf"], found["treeSize"]) == (seq, trail[seq]["event_hash"], size)
            assert tree.verify_inclusion(seq, size, found["leaf"], found["hashes"], found["root"])
            proof = theirs.prove_inclusion(seq + 1, size)
            proof.path = [bytes.fromhex(each) for each in (found["leaf"], *found["hashes"])]
            proof.verify(theirs.get_leaf(seq + 1), theirs.get_root(size), seq + 1, size)
            assert found["root"] == theirs.get_root(size).hex()


async def test_every_beginning_of_the_trail_is_proven_to_be_one(trusted: Service) -> None:
    theirs, size = await another_tree(trusted), await trusted.size()
    for old in range(1, size + 1):
        found = await consistency(trusted, old, size)
        roots = found["fromRoot"], found["toRoot"]
        assert (found["fromSize"], found["toSize"]) == (old, size)
        assert tree.verify_consistency(old, size, *roots, found["hashes"])
        theirs.prove_consistency(old, size).verify(*map(bytes.fromhex, roots), old, size)


async def test_without_a_size_it_is_that_of_today_and_a_receipt_is_proven_by_it(service: Service) -> None:
    await register(service)
    receipt = (await service.do("registerModelVersion", **ANOTHER, version="1.1.0"))["receipt"]
    assert (await inclusion(service, receipt["seq"], receipt["treeSize"]))["root"] == receipt["root"]
    await attach(service)
    size = await service.size()
    assert (await inclusion(service, 0))["treeSize"] == (await consistency(service, 1))["toSize"] == size
    grown = await consistency(service, receipt["treeSize"])
    assert grown["fromRoot"] == receipt["root"] and grown["toRoot"] == (await inclusion(service, receipt["seq"]))["root"]


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ((INCLUSION, {"seq": 0, "size": 0}), "treeSize"), ((INCLUSION, {"seq": 0, "size": -1}), "treeSize"),
        ((INCLUSION, {"seq": 0, "size": 10**6}), "treeSize"), ((INCLUSION, {"seq": 3, "size": 3}), "seq"),
        ((INCLUSION, {"seq": -1}), "seq"), ((INCLUSION, {"seq": 2**53 - 1}), "seq"),
        ((CONSISTENCY, {"from": 0}), "from"), ((CONSISTENCY, {"from": -1}), "from"),
        ((CONSISTENCY, {"from": 4, "to": 3}), "from"), ((CONSISTENCY, {"from": 1, "to": 0}), "to"),
        ((CONSISTENCY, {"from": 1, "to": 10**6}), "to"),
    ],
)  # fmt: skip
async def test_what_the_trail_does_not_have_it_does_not_prove(
    trusted: Service, asked: tuple[str, dict[str, int]], path: str
) -> None:
    query, variables = asked
    refused = await trusted.refusal(query, AUDREY, **variables)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)


async def test_a_proof_costs_two_commands_and_a_few_events(watched: Watched) -> None:
    size = await watched.service.size()
    for query, variables in ((INCLUSION, {"seq": 3}), (CONSISTENCY, {"from": 5})):
        _, commands = await watched.costs(query, AUDREY, **variables)
        assert where(commands) == ["audit_head", "audit_events"]
        assert len(commands[1]["filter"]["seq"]["$in"]) <= 2 * size.bit_length()


async def test_where_somebody_altered_what_is_stored_nothing_false_is_proven(service: Service) -> None:
    events, root = service.database.collection("audit_events"), (await inclusion(service, 0))["root"]
    await events.update_one({"seq": 1}, {"$set": {"event_hash": GENESIS}})
    found = await inclusion(service, 0)
    assert not tree.verify_inclusion(0, found["treeSize"], found["leaf"], found["hashes"], root)
    for tamper in ({"$set": {"nodes": "none"}}, {"$unset": {"nodes": 1}}, {"$set": {"nodes": [7, 7, 7]}}):
        await events.update_one({"seq": 3}, tamper)
        for query, variables in ((INCLUSION, {"seq": 4}), (CONSISTENCY, {"from": 4})):
            assert (await service.refusal(query, AUDREY, **variables))["code"] == "INVALID_STATE"
    await events.delete_one({"seq": 3})
    assert await service.refusal(INCLUSION, AUDREY, seq=4) == {"code": "INVALID_STATE", "seq": 3}
