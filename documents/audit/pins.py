"""Checkpoints that somebody kept outside, and whose signature is trusted. Pure: imports no database."""

from collections.abc import Iterable, Sequence

from documents.audit.notes import BadNote, Checkpoint, VerifierKey, opened
from documents.errors import InvalidInput

KEYS = 16


def trusted(checkpoint: str | None, keys: Sequence[str]) -> list[VerifierKey]:
    """The keys that a checkpoint may be signed by; InvalidInput for one that is none, and for keys or a checkpoint alone."""
    if checkpoint is None and keys:
        raise InvalidInput("checkpoint", "must be given with `keys`: it is what they verify")
    if checkpoint is not None and not 0 < len(keys) <= KEYS:
        raise InvalidInput("keys", f"must be 1 to {KEYS} that are trusted: whose signature the checkpoint bears")
    found = []
    for at, each in enumerate(keys):
        try:
            found.append(VerifierKey.read(each))
        except ValueError as error:
            raise InvalidInput(f"keys.{at}", str(error)) from error
    return found


def pinned(checkpoint: str, keys: Sequence[VerifierKey]) -> Checkpoint | BadNote:
    """What was signed, or why it is not to be trusted; empty lines around it are no part of it."""
    try:
        found = opened(checkpoint.strip("\n") + "\n", keys)
    except BadNote as bad:
        return bad
    return found if found.size else BadNote("is of no events: such a one is never signed")


def those_pinned(texts: Iterable[str], keys: Sequence[VerifierKey]) -> list[Checkpoint]:
    """What was signed, of those of many that are to be trusted."""
    return [each for each in (pinned(text, keys) for text in texts) if isinstance(each, Checkpoint)]


def kept_in(text: str) -> list[str]:
    """The checkpoints of a file to which each was appended, an empty line after each; one alone is a file of one."""
    parts = text.strip("\n").split("\n\n")
    return ["\n\n".join(parts[at : at + 2]) + "\n" for at in range(0, len(parts), 2)]
