"""A receipt that proves itself offline: one text with an event's bytes, its inclusion proof and a signed checkpoint.

The form is https://c2sp.org/tlog-proof, with the event's canonical bytes as `extra`, which may be left out if they are given
otherwise. They are hashed to the leaf, so whoever verifies need not trust them. Pure: imports no database.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from documents.audit import tree
from documents.audit.notes import Checkpoint, VerifierKey, decoded, opened
from documents.canonical import parsed

HEADER = "c2sp.org/tlog-proof@v1"
LENGTH = 1 << 25  # characters; an event of MongoDB has at most 16 MB, which base64 makes a third longer
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})")


class BadProof(ValueError):
    """The text is no proof, or its hashes do not lead to the root that was signed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that the tree of a checkpoint holds `entry` at `index`; hashes in hexadecimal, the one nearest the leaf first.

    `entry` is None if the text of the proof leaves it out.
    """

    index: int
    hashes: tuple[str, ...]
    checkpoint: str
    entry: bytes | None

    @property
    def text(self) -> str:
        """The proof in the form of C2SP tlog-proof."""
        hashes = "".join(f"{b64encode(bytes.fromhex(each)).decode()}\n" for each in self.hashes)
        extra = "" if self.entry is None else f"extra {b64encode(self.entry).decode()}\n"
        return f"{HEADER}\n{extra}index {self.index}\n{hashes}\n{self.checkpoint}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads the text of a proof, and verifies nothing. Raises BadProof for a text of another form."""
        # The checkpoint holds an empty line too; the first one in the text ends the proof's own lines.
        head, _, checkpoint = text[: LENGTH + 1].partition("\n\n")
        header, *lines = head.split("\n")
        extra = lines.pop(0) if lines and lines[0].startswith("extra ") else None
        entry = None if extra is None else decoded(extra.removeprefix("extra "))
        match lines:
            case [index, *proof] if header == HEADER and (found := _INDEX.fullmatch(index)):
                hashes = [decoded(each) for each in proof]
                if len(text) <= LENGTH and entry != b"" and all(len(each) == 32 for each in hashes):
                    return cls(int(found[1]), tuple(each.hex() for each in hashes), checkpoint, entry)
        raise BadProof(f"is no proof: {HEADER}, the entry if it has one, index and hashes, an empty line, and a checkpoint")

    def proven(self, keys: Iterable[VerifierKey], entry: bytes | None = None) -> tuple[Checkpoint, dict[str, Any]]:
        """Verifies the proof, and returns the checkpoint that one of `keys` signed and the event that its tree includes.

        `entry` has the bytes of the event if the proof leaves them out; they count before those of the proof. Raises BadNote if
        no trusted key signed the checkpoint, and BadProof if the tree does not include the event, or nobody gave its bytes.
        """
        entry = entry or self.entry
        if entry is None:
            raise BadProof("does not hold the bytes of the event: they must be given with it")
        signed = opened(self.checkpoint, keys)
        leaf = tree.leaf_hash(entry)
        if not tree.verify_inclusion(self.index, signed.size, leaf, self.hashes, signed.root):
            raise BadProof(f"does not lead from the event to the signed root of {signed.size} events")
        try:
            event = parsed(entry)
        except ValueError as error:
            raise BadProof(f"leads to an event that cannot be read: it {error}") from error
        # The event must name the same place and trail, else its bytes could be shown as another event's.
        if not isinstance(event, dict) or (event.get("seq"), event.get("origin")) != (self.index, signed.origin):
            raise BadProof("leads to an event that names another place or another trail")
        return signed, event
