"""The forms of what is stored beside the events of a trail: its head, contents and checkpoints. Pure: imports no database.

Whoever writes to the database can store any value in any field. Each function here accepts every value, and none raises.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, Self

from documents.audit.notes import Checkpoint, VerifierKey, opened
from documents.audit.schema import is_content
from documents.canonical import is_sha256, quoted
from documents.store.units import Raw
from documents.values import is_count

HEAD = frozenset({"_id", "revision", "name", "origin", "turn", "size", "last_hash", "last_at", "edge"})
_KIND = re.compile(r"[a-z_]+")
CONTENT = frozenset({"_id", "revision", "digest", "kind", "canonical"})
CHECKPOINT = frozenset({"_id", "revision", "size", "root", "signed_at", "verifier_key", "text", "endorsement"})


def is_text(value: Any) -> bool:
    """Whether a stored value is a text that UTF-8 can express; JavaScript code, for which the driver has a subclass, is none."""
    if type(value) is not str:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def head_problems(head: Raw) -> dict[str, str]:
    """What is wrong with the form of a stored head, its seal left out, by field, each as a sentence."""
    size, last_at, edge = head.get("size"), head.get("last_at"), head.get("edge")
    right = {
        "revision": is_count(head.get("revision")),
        "name": is_text(head.get("name")) and head.get("name") == "head",
        "origin": is_text(head.get("origin")) and head.get("origin") != "",
        "turn": is_count(head.get("turn")),
        "size": is_count(size),
        "last_hash": is_sha256(head.get("last_hash")),
        "last_at": isinstance(last_at, datetime) or (last_at is None and size == 0),
        "edge": isinstance(edge, list) and all(map(is_sha256, edge)),
    }
    wrong = {name: f"Its {name} is {quoted(head.get(name))}, which no head has." for name, fits in right.items() if not fits}
    strange = sorted(name for name in head if name not in HEAD)
    return wrong | {name: f"It has the field {quoted(name)}, which no head has." for name in strange}


def checkpoint_problem(stored: Raw) -> str | None:
    """What is wrong with a stored checkpoint: its form, its signature, or its fields, which must be what was signed."""
    size, root, text, key = (stored.get(name) for name in ("size", "root", "text", "verifier_key"))
    if not (is_count(size) and is_sha256(root) and is_text(text) and is_text(key)):
        return "its size, root, key or text is not of the form that checkpoints have"
    if not isinstance(stored.get("signed_at"), datetime) or not is_count(stored.get("revision")):
        return "its time or revision is not of the form that checkpoints have"
    if not (stored.get("endorsement") is None or is_text(stored["endorsement"])):
        return "its endorsement is not of the form that checkpoints have"
    if strange := sorted(stored.keys() - CHECKPOINT):
        return f"it has the field {quoted(strange[0])}, which no checkpoint has"
    try:
        signer = VerifierKey.read(str(key))
        signed = opened(str(text), [signer])
    except ValueError as error:
        return f"its text {error}"
    if signed != Checkpoint(signer.name, int(size or 0), str(root)):
        return "it is kept beside another size, root or origin than it was signed with"
    return None


class Known(NamedTuple):
    """The contents of some digests: those that are kept as they were, and those that are kept otherwise."""

    kept: set[str]
    altered: set[str]

    @classmethod
    def of(cls, contents: Iterable[Raw]) -> Self:
        """Judges stored contents. A digest with an unaltered and an altered content is altered: a reader may get either."""
        known = cls(set(), set())
        for each in contents:
            if is_sha256(digest := each.get("digest")):
                (known.altered if is_altered(each) else known.kept).add(str(digest))
        known.kept.difference_update(known.altered)
        return known

    def joined(self, other: Self) -> Self:
        """What both know."""
        altered = self.altered | other.altered
        return type(self)((self.kept | other.kept) - altered, altered)


def is_altered(content: Raw) -> bool:
    """Whether a stored content is not what its digest says, or is not of the form that contents have."""
    kind, known = content.get("kind"), content.keys() <= CONTENT
    known = known and type(kind) is str and _KIND.fullmatch(kind) is not None and is_count(content.get("revision"))
    return not (known and is_content(content.get("digest"), content.get("canonical")))
