"""Checkpoints that were kept outside the database, and the keys that are trusted to sign them. Pure: imports no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Self

from documents.audit.notes import BadNote, Checkpoint, VerifierKey, opened, unverified
from documents.errors import InvalidInput

KEYS = 16  # trusted keys that a caller may name


def trusted(checkpoint: str | None, keys: Sequence[str]) -> list[VerifierKey]:
    """The keys that may have signed `checkpoint`, read from their texts; none if both arguments are absent.

    Raises InvalidInput for a text that is no key, for keys without a checkpoint, and for a checkpoint without keys.
    """
    if checkpoint is None and keys:
        raise InvalidInput("checkpoint", "must be given: it is what the keys verify")
    if checkpoint is not None and not 0 < len(keys) <= KEYS:
        raise InvalidInput("keys", f"must be 1 to {KEYS} trusted keys, one of which signed the checkpoint")
    found = []
    for at, each in enumerate(keys):
        try:
            found.append(VerifierKey.read(each))
        except ValueError as error:
            raise InvalidInput(f"keys.{at}", str(error)) from error
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """Checkpoints that were kept outside the database.

    `signed` are those that `keys` signed, each once, the smallest first. `denied` has a sentence for each that is not trusted.
    Where `keys` is None, the file itself is believed, whoever signed what is in it: a server believes its own.
    """

    signed: tuple[Checkpoint, ...] = ()
    denied: tuple[str, ...] = ()
    keys: tuple[VerifierKey, ...] | None = ()

    @classmethod
    def read(cls, text: str, keys: Sequence[VerifierKey] | None) -> Self:
        """Reads one checkpoint, or a file of several with an empty line after each. Never raises: a bad one is denied."""
        return cls.of(kept_in(text) or [text], keys)

    @classmethod
    def of(cls, notes: Sequence[str], keys: Sequence[VerifierKey] | None) -> Self:
        """The checkpoints that are in these notes."""
        signed, denied = set[Checkpoint](), []
        for number, note in enumerate(notes, 1):
            found = pinned(note, keys)
            if isinstance(found, Checkpoint):
                signed.add(found)
            else:
                denied.append(f"{'It' if len(notes) == 1 else f'Number {number} of {len(notes)}'} {found}.")
        return cls(
            tuple(sorted(signed, key=attrgetter("size", "origin", "root"))), tuple(denied), None if keys is None else tuple(keys)
        )

    @property
    def sizes(self) -> set[int]:
        return {each.size for each in self.signed}

    def trusted(self, note: str) -> Checkpoint | None:
        """The checkpoint of a note that the trail cites, if it is trusted as much as those that were kept."""
        found = pinned(note, self.keys)
        if isinstance(found, BadNote) or (self.keys is None and found not in self.signed):
            return None
        return found


def pinned(note: str, keys: Sequence[VerifierKey] | None) -> Checkpoint | BadNote:
    """The checkpoint that one of `keys` signed, or anybody if that is None; or the reason why the note is not trusted."""
    try:
        found = unverified(note) if keys is None else opened(note, keys)
    except BadNote as bad:
        return bad
    return found if found.size else BadNote("is a checkpoint of an empty trail, which is never signed")


def kept_in(text: str) -> list[str]:
    """The notes in a file that has an empty line after each; a single note is such a file too.

    What lies between two notes is a note of its own, so that it is refused and the others are read. Every character of the text
    that is no line break is in one of the notes.
    """
    notes, waiting = list[str](), ""
    *ended, last = text.split("\n\n")
    for part in (*(f"{each}\n" for each in ended), last):
        block = part.lstrip("\n")
        if not block:
            continue
        # A note has one empty line inside: between its text and its signatures, whose lines begin with a dash (C2SP signed-note).
        if block.startswith("— "):
            notes.append(f"{waiting}\n{part}" if waiting else block)
            waiting = ""
        else:
            notes.extend([waiting] if waiting else [])
            waiting = block
    return [*notes, waiting] if waiting else notes
