"""Trails made from nothing but what the specification of events says: no database, no product."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from documents.audit import tree
from documents.audit.verification import GENESIS
from documents.canonical import canonical, digest

Raw = dict[str, Any]
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CARD = {"limitations": ["It has never seen a winter."]}
CONTENTS = {digest(CARD): canonical(CARD).decode()}


def said(seq: int, **more: Any) -> Raw:
    """What one event tells, but for its link."""
    return {
        "seq": seq,
        "schema": 1,
        "origin": "magistrate.local/0a1b2c3d",
        "event_id": f"AUD-{seq:032x}",
        "event_type": "model_updated",
        "outcome": "success",
        "occurred_at": START + timedelta(seconds=seq),
        "actor": {"id": "alice", "type": "user"},
        "resource": {"type": "ModelVersion", "id": "bot/1.0.0"},
        "subject": {"model_id": "bot", "version": "1.0.0"} if seq % 2 else None,
        "action": "saveModelCard",
        "details": {
            "changes": [{"path": "card", "from": None, "to": {"content": digest(CARD)}}, {"path": "risk", "from": 1, "to": 0.5}],
            "facts": {},
        },
        "request": {"id": "REQ-1", "ip": None, "token": "tok", "token_issuer": "alice", "operation": None},
        **more,
    }


def chained(told: Iterable[Raw]) -> list[Raw]:
    """Events as they would be stored, each linked to the one before and hashed."""
    events: list[Raw] = []
    edge: list[str] = []
    for size, fields in enumerate(told):
        linked = {**fields, "previous_hash": events[-1]["event_hash"] if events else GENESIS}
        text = canonical(linked)
        leaf = tree.leaf_hash(text)
        edge, nodes = tree.grow(edge, size, leaf)
        events.append({"_id": size, **linked, "event_hash": leaf, "nodes": nodes, "canonical": text})
    return events


def honest(size: int = 9) -> list[Raw]:
    return chained(said(seq) for seq in range(size))


def headed(events: Sequence[Raw]) -> Raw:
    edge: list[str] = []
    for size, event in enumerate(events):
        edge, _ = tree.grow(edge, size, event["event_hash"])
    last = events[-1] if events else {"event_hash": GENESIS, "occurred_at": None}
    end = {"size": len(events), "last_hash": last["event_hash"], "last_at": last["occurred_at"], "edge": edge}
    return {"name": "head", "origin": "magistrate.local/0a1b2c3d", "turn": 40, "revision": 1, **end}
