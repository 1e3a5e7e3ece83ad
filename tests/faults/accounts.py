"""The books afterwards: what was acknowledged, what the trail tells and what is stored are one and the same."""

import json
import re
from collections import defaultdict
from collections.abc import Sequence

from documents.audit import tree
from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.books import BOOKS
from tests.balanced import unbalanced
from tests.by_hand import Raw
from tests.faults.load import Acknowledged, Load
from tests.faults.stand import Stand
from tests.service import AUDREY, Service
from tests.walking import trail_tells_everything

VERIFICATION = """query($checkpoint: String!, $keys: [String!]!) {
    auditVerification(checkpoint: $checkpoint, keys: $keys) {
        valid eventsVerified recordsCompared recordsUnproven faults { kind seq detail resource { type id } path } } }"""
NOTE, SAMPLE = re.compile(r"(?:[^\n]+\n){3}\n[^\n]+\n"), 100


async def balance(service: Service, acknowledged: Sequence[Acknowledged]) -> None:
    """Each acknowledged mutation has its events, once; each event has its change, and no change is without an event."""
    trail = await service.trail()
    roots, told = roots_of(trail), by_mutation(trail)
    assert told.keys() == {each.sent.name for each in acknowledged}
    for each in acknowledged:
        (events,) = told[each.sent.name].values()
        first, last = events[0], events[-1]
        assert [event["seq"] for event in events] == list(range(first["seq"], last["seq"] + 1)), each
        assert {(event["action"], event["actor"]["id"]) for event in events} == {(each.sent.mutation, each.sent.by.id)}, each
        assert each.receipt == {
            "seq": last["seq"], "eventId": last["event_id"], "eventHash": last["event_hash"], "treeSize": last["seq"] + 1,
            "root": roots[last["seq"]],
        }, each  # fmt: skip
    await trail_tells_everything(service)
    assert await unbalanced(service) == []
    await nothing_else_is_kept(service, trail, acknowledged)


def by_mutation(trail: Sequence[Raw]) -> dict[str, dict[str, list[Raw]]]:
    """The success events of the load's mutations, by their names and then by request."""
    told = defaultdict[str, dict[str, list[Raw]]](lambda: defaultdict(list))
    for event in trail:
        if event["outcome"] == "success" and event["request"]["operation"]:
            told[event["request"]["operation"]][event["request"]["id"]].append(event)
    return told


def roots_of(trail: Sequence[Raw]) -> list[str]:
    """The root of the tree after each event."""
    edge, roots = list[str](), list[str]()
    for size, event in enumerate(trail):
        edge, _ = tree.grow(edge, size, event["event_hash"])
        roots.append(tree.root(edge))
    return roots


async def nothing_else_is_kept(service: Service, trail: Sequence[Raw], acknowledged: Sequence[Acknowledged]) -> None:
    """Nor is there a key that nobody was answered under, or a content that no event and no other content names."""
    state = await service.state()
    kept = [each["receipt"]["event_hash"] for each in state["IdempotencyKey"]]
    assert sorted(kept) == sorted(each.receipt["eventHash"] for each in acknowledged)
    texts = [each["canonical"].decode() for each in trail] + [each["canonical"] for each in state["Content"]]
    named = set(re.findall("[0-9a-f]{64}", json.dumps(texts)))
    assert {each["digest"] for each in state["Content"]} <= named


async def answers_again(load: Load, service: Service) -> None:
    """Whatever was sent more than once, and a sample of the rest, is answered again with its receipt, and not done again."""
    size = len(await service.trail())
    once = [each for each in load.acknowledged if each.attempts == 1]
    for each in [each for each in load.acknowledged if each.attempts > 1] + load.dice.sample(once, min(SAMPLE, len(once))):
        answer = await each.sent.post(load.http, load.url)
        assert answer["data"][each.sent.mutation]["receipt"] == each.receipt, answer
    assert len(await service.trail()) == size


async def verifies(load: Load, stand: Stand) -> int:
    """The chain is whole, and goes on from the checkpoints that were signed meanwhile; how many there are of those."""
    signed = NOTE.findall(stand.checkpoints.read_text())
    await export(stand.folder / "export", books=BOOKS)
    for each in {signed[0], signed[len(signed) // 2], signed[-1]}:
        asked = {"query": VERIFICATION, "variables": {"checkpoint": each, "keys": [stand.verifier_key]}}
        headers = {"authorization": f"Bearer {AUDREY.token}"}
        online = (await load.http.post(load.url, json=asked, headers=headers)).json()["data"]["auditVerification"]
        assert online["valid"] and online["faults"] == [], online
        assert online["recordsCompared"] > 0 and online["recordsUnproven"] == 0, online
        assert (offline := verify_export(stand.folder / "export", each, [stand.verifier_key])).valid, offline
    return len(signed)
