"""Endorsements: a key that signs a trail is followed by another, and both sign a statement of that. Pure: imports no database.

An endorsement is a note of C2SP signed-note with three lines of text (what it is, the verifier key of before, and the verifier
key of after) and a signature by each of the two keys. Its text is no checkpoint, because its second line is no size.
"""

from collections.abc import Iterable, Sequence

from documents.audit.notes import BadNote, SigningKey, VerifierKey, signed_by, signed_note, text_of

HEADER = "magistrate key endorsement v1"


def endorsement_of(before: SigningKey, after: SigningKey) -> str:
    """The statement that `after` follows `before`, signed by both."""
    return signed_note(f"{HEADER}\n{before.verifier}\n{after.verifier}\n", before, after)


def endorsed(note: str) -> tuple[VerifierKey, VerifierKey]:
    """The key of before and the key of after. Raises BadNote unless both signed that the one follows the other."""
    match text_of(note).split("\n"):
        case [header, before, after, ""] if header == HEADER:
            pass
        case _:
            raise BadNote("is no endorsement of a key")
    try:
        keys = VerifierKey.read(before), VerifierKey.read(after)
    except ValueError as error:
        raise BadNote(f"names a key that {error}") from error
    # The keys are compared as texts: the one that is read leaves out spaces around it.
    if (str(keys[0]), str(keys[1])) != (before, after) or any(each.is_witness for each in keys):
        raise BadNote("names a key that signs no trail")
    if not set(keys) <= set(signed_by(note, keys)[1]):
        raise BadNote("is not signed by both keys")
    return keys


def followed(keys: Sequence[VerifierKey], notes: Iterable[str]) -> tuple[list[VerifierKey], list[str]]:
    """The trusted keys and, after them, the keys that they endorsed, directly or through others; and what is wrong with notes."""
    after = dict[VerifierKey, list[VerifierKey]]()
    wrong = []
    for note in notes:
        try:
            one, next_one = endorsed(note)
        except BadNote as bad:
            wrong.append(f"An endorsement of a key {bad}.")
        else:
            after.setdefault(one, []).append(next_one)
    found = dict.fromkeys(keys)
    waiting = list(found)
    while waiting:
        for each in after.get(waiting.pop(), ()):
            if each not in found:
                found[each] = None
                waiting.append(each)
    return list(found), wrong
