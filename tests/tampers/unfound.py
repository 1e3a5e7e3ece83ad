"""What no verification finds, and why."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from documents.audit import tree
from documents.audit.notes import Checkpoint, SigningKey
from documents.eligibility.rules import RULES
from documents.versions.version import ModelVersion
from tests.tampers.attacks import add, attack
from tests.tampers.held import TOLD, Found, Held, change, decoded, other
from tests.tampers.signed import restored
from tests.trails import Raw

MARK = {"revision": 1, "due_id": f"DUE-{'0' * 32}", "cause": "x", "versions": "{}", "marked_at": datetime(2026, 3, 1, tzinfo=UTC)}
CANNOT_BE_FOUND: dict[str, str] = {}
BOOKKEEPING = "it is bookkeeping that governs nothing, so no event tells of it"


def unfound(collection: str, path: str, value: Any, why: str, called: str = "") -> None:
    """Declares that an alteration of the first document of a collection, or of a new one, cannot be found, and why."""

    def tamper(held: Held) -> Iterable[Found]:
        documents = held.at(collection)
        if path:
            documents = documents or held.at(collection)
            documents += [] if documents else [{"_id": ObjectId()}]
            change(documents[0], path, value)
        else:
            documents.append({"_id": ObjectId(), **value})
        return []

    name = f"{collection}, {called or path or 'a document more'}"
    add("what cannot be found", name, tamper, "all of it")
    CANNOT_BE_FOUND[f"what cannot be found: {name}"] = why


unfound("api_tokens", "last_used_at", datetime(2020, 1, 1, tzinfo=UTC), "the hour of a use governs nothing, and is not told")
for each in TOLD:
    unfound(each.collection, "_id", lambda _: ObjectId(), "the database's own name of a document governs nothing")
unfound("stakeholders", "revision", other, "it counts writes; what a token or a person may do is bound to it by a MAC besides")
unfound("audit_head", "turn", other, "it counts units of work begun, and a count that is off makes no trail of another")
unfound("contents", "kind", "part", "it says where to list a content, whose text alone is what was reviewed")
unfound("contents", "", {"digest": "0" * 64, "kind": "part", "canonical": "{}"}, "no event cites it, so nobody approved it")
UNSEALED = (
    f"{BOOKKEEPING}; it is sealed, and a client that repeats itself is refused by RECORD_UNREADABLE (`tests/test_idempotency.py`)"
)
unfound("idempotency_keys", "payload", {}, UNSEALED)
unfound("idempotency_keys", "", {"claim": "0" * 64}, UNSEALED)
unfound("audit_verifications", "found.fault_count", 7, f"{BOOKKEEPING}; the next run says what is so")
unfound("audit_verification_turns", "number", 7, BOOKKEEPING)
unfound("judgement_turns", "number", 7, BOOKKEEPING)
AGAIN = f"{BOOKKEEPING}; versions are judged once more"
unfound("judgements_due", "", MARK, AGAIN)
COUNTED = "it follows from the records; each whole run of a server counts anew (`tests/test_counts.py`)"
unfound("figure_counts", "sums.all", other, COUNTED)
NO_MARKS: dict[str, Raw] = {
    "with a query that is no JSON": {"versions": "{"}, "with a query that is a list": {"versions": "[]"},
    "with a query that runs code": {"versions": '{"$where": "while (true) {}"}'}, "with a moment that is none": {"marked_at": 7},
    "with an id that is none": {"after": "all"}, "with a number for a query": {"versions": 7}, "with nothing": {},
    "with a choice of no list": {"versions": '{"version": {"$in": 7}}'}, "with a name of none": {"versions": '{"a\\u0000b": 1}'},
}  # fmt: skip
for name, fields in NO_MARKS.items():
    mark = MARK | fields if fields else {}
    unfound("judgements_due", "", mark, f"{BOOKKEEPING}; a document that is no mark is passed over", f"a document {name}")
IN_USE = "seals are checked in use, by a key outside of the database: the row permits nothing (`tests/test_seals.py`)"
for granting in ("stakeholders", "api_tokens"):
    unfound(granting, "mac.value", "0" * 64, IN_USE)
    unfound(granting, "mac.seq", other, IN_USE)
    unfound(granting, "mac", None, IN_USE)
unfound("models", "salts", lambda salts: [*salts, {"path": "x", "salt": "0" * 32}], "a salt of no value hides nothing")
unfound("audit_checkpoints", "signed_at", other, "it says when, and a checkpoint counts by what it signs")


@attack("what cannot be found")
def the_events_after_the_checkpoint_hashed_again(held: Held) -> Iterable[Found]:
    held.events[-1]["action"] = "nothing"
    held.headed()
    return []


@attack("what cannot be found")
def the_stored_checkpoints_without_an_endorsement_deleted(held: Held) -> Iterable[Found]:
    held.at("audit_checkpoints")[:] = [each for each in held.at("audit_checkpoints") if each["endorsement"]]
    return []


@attack("what cannot be found")
def a_checkpoint_by_another_key(held: Held) -> Iterable[Found]:
    head, foreign = held.heads[0], SigningKey(str(held.heads[0]["origin"]), b"e" * 32)
    size, root = int(head["size"]), tree.root(head["edge"])
    said = {"size": size, "root": root, "signed_at": head["last_at"], "verifier_key": str(foreign.verifier), "endorsement": None}
    text = Checkpoint(foreign.name, size, root).signed(foreign)
    held.at("audit_checkpoints").append({"_id": ObjectId(), "revision": 1, **said, "text": text})
    return []


@attack("what cannot be found")
def a_restoration_told_by_nobody(held: Held) -> Iterable[Found]:
    """The records are put back too, all from before the last checkpoint, which an event of its own precedes."""
    own = {"audit_events", "audit_head", "contents", "audit_checkpoints"}
    held.others |= {name: documents for name, documents in decoded(held.backup).items() if name not in own}
    restored(held, behind=1)
    return []


@attack("what cannot be found")
def a_standing_said_to_be_of_older_rules(held: Held) -> Iterable[Found]:
    standing = next(each["standing"] for each in held.records(ModelVersion) if each["standing"]["status"] == "approved")
    standing.update(rules=RULES - 1, status="rejected")
    return []


@attack("what cannot be found")
def a_standing_that_a_mark_names(held: Held) -> Iterable[Found]:
    standing = next(each["standing"] for each in held.records(ModelVersion) if each["standing"]["status"] == "approved")
    standing["status"] = "rejected"
    held.at("judgements_due").append({"_id": ObjectId(), **MARK})
    return []


UNANCHORED = (
    "no checkpoint was kept of them yet, which the caveat AFTER_CHECKPOINT says; the next checkpoint signs them as they are, so "
    "an event that somebody makes before it, with records that fit, is never found"
)
WAITING = (
    "a standing that waits to be judged anew is not compared, which the caveat STANDINGS_WAIT says; the next turn overwrites it "
    "with what the rules make of it"
)
CANNOT_BE_FOUND |= {
    "what cannot be found: the events after the checkpoint hashed again": UNANCHORED,
    "what cannot be found: the stored checkpoints without an endorsement deleted": (
        "they only narrow down an interval; what was kept outside counts"
    ),
    "what cannot be found: a checkpoint by another key": (
        "it proves nothing to whoever names the keys that count, and no server goes on from it (`tests/test_checkpoints.py`)"
    ),
    "what cannot be found: a standing said to be of older rules": WAITING,
    "what cannot be found: a standing that a mark names": WAITING,
    "what cannot be found: a restoration told by nobody": (
        "whether a backup was put back is known on the host alone; the caveat RESTORED says what is lost, and no trusted key "
        "signs under the new name"
    ),
}
