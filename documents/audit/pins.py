"""Checkpoints that were kept outside the database, and the keys that are trusted to sign them. Pure: imports no database."""

from collections.abc import Iterable, Sequence

from documents.audit.notes import BadNote, Checkpoint, VerifierKey, opened
from documents.errors import InvalidInput

KEYS = 16  # trusted keys that a caller may name


def trusted(checkpoint: str | None, keys: Sequence[str]) -> list[VerifierKey]:
    """The keys that may have signed `checkpoint`, read from their texts; none if both arguments are absent.

    Raises InvalidInput for a text that is no key, for keys without a checkpoint, and for a checkpoint without keys.
    """
    if checkpoint is None and keys:
        raise InvalidInput("checkpoint", "must be given with `keys`: it is what they verify")
    if checkpoint is not None and not 0 < len(keys) <= KEYS:
        raise InvalidInput("keys", f"must be 1 to {KEYS} trusted keys, one of which signed the checkpoint")
    found = []
    for at, each in enumerate(keys):
        try:
            found.append(VerifierKey.read(each))
        except ValueError as error:
            raise InvalidInput(f"keys.{at}", str(error)) from error
    return found


def pinned(checkpoint: str, keys: Sequence[VerifierKey]) -> Checkpoint | BadNote:
    """The checkpoint that one of `keys` signed, or the reason why the text is not trusted; line breaks around it are ignored."""
    try:
        found = opened(checkpoint.strip("\n") + "\n", keys)
    except BadNote as bad:
        return bad
    return found if found.size else BadNote("is a checkpoint of an empty trail, which is never signed")


def those_pinned(texts: Iterable[str], keys: Sequence[VerifierKey]) -> list[Checkpoint]:
    """The checkpoints among `texts` that one of `keys` signed; other texts are dropped."""
    return [each for each in (pinned(text, keys) for text in texts) if isinstance(each, Checkpoint)]


def kept_in(text: str) -> list[str]:
    """The texts of the checkpoints in a file that has an empty line after each; a single checkpoint is such a file too."""
    parts = text.strip("\n").split("\n\n")
    # A signed note has one empty line inside, between its text and its signatures, so two parts make one note.
    return ["\n\n".join(parts[at : at + 2]) + "\n" for at in range(0, len(parts), 2)]
