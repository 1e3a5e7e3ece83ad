"""A receipt that proves itself offline: one text with an event's bytes, its inclusion proof and a signed checkpoint.

The form is https://c2sp.org/tlog-proof, with the event's canonical bytes as `extra`. They are hashed to the leaf, so whoever
verifies need not trust them. Pure: imports no database.
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
    """A proof that the tree of a checkpoint holds `entry` at `index`; hashes in hexadecimal, the one nearest the leaf first."""

    index: int
    hashes: tuple[str, ...]
    checkpoint: str
    entry: bytes

    @property
    def text(self) -> str:
        """The proof in the form of C2SP tlog-proof."""
        hashes = "".join(f"{b64encode(bytes.fromhex(each)).decode()}\n" for each in self.hashes)
        return f"{HEADER}\nextra {b64encode(self.entry).decode()}\nindex {self.index}\n{hashes}\n{self.checkpoint}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads the text of a proof, and verifies nothing. Raises BadProof for a text of another form, or without an entry."""
        # The checkpoint holds an empty line too; the first one in the text ends the proof's own lines.
        head, _, checkpoint = text[: LENGTH + 1].partition("\n\n")
        match head.split("\n"):
            case [header, extra, index, *lines] if header == HEADER and (found := _INDEX.fullmatch(index)):
                entry = decoded(extra.removeprefix("extra "))
                hashes = [decoded(each) for each in lines]
                if len(text) <= LENGTH and extra.startswith("extra ") and entry and all(len(each) == 32 for each in hashes):
                    return cls(int(found[1]), tuple(each.hex() for each in hashes), checkpoint, entry)
        raise BadProof(f"is no proof: {HEADER}, the entry, its index and hashes, an empty line, and a checkpoint")

    def proven(self, keys: Iterable[VerifierKey]) -> tuple[Checkpoint, dict[str, Any]]:
        """Verifies the proof, and returns the checkpoint that one of `keys` signed and the event that its tree includes.

        Raises BadNote if no trusted key signed the checkpoint, and BadProof if the tree does not include the event.
        """
        signed = opened(self.checkpoint, keys)
        leaf = tree.leaf_hash(self.entry)
        if not tree.verify_inclusion(self.index, signed.size, leaf, self.hashes, signed.root):
            raise BadProof(f"does not lead from the event to the signed root of {signed.size} events")
        try:
            event = parsed(self.entry)
        except ValueError as error:
            raise BadProof(f"leads to an event that cannot be read: it {error}") from error
        # The event must name the same place and trail, else its bytes could be shown as another event's.
        if not isinstance(event, dict) or (event.get("seq"), event.get("origin")) != (self.index, signed.origin):
            raise BadProof("leads to an event that names another place or another trail")
        return signed, event
