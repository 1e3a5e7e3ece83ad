"""Checkpoints, endorsements of keys, and consistency proofs."""

from base64 import b64decode
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.stranger.values import joined


def kept_in(text: str) -> list[str]:
    parts = [each for each in text.split("\n\n") if each.strip("\n")]
    return ["\n\n".join(parts[at : at + 2]).strip("\n") + "\n" for at in range(0, len(parts), 2)]


def signed_by(note: str, keys: list[str]) -> tuple[str, set[str]] | None:
    """The text of a note, and those of the keys that signed it; None for no note, and for a signature that is wrong."""
    text, _, signatures = note.rpartition("\n\n")
    trusted = {(name, key_id): key for key in keys for name, key_id, _ in [key.split("+", 2)]}
    signed = set[str]()
    for line in signatures.splitlines():
        _, name, encoded = line.split(" ")
        raw = b64decode(encoded)
        if key := trusted.get((name, raw[:4].hex())):
            kind, public = (known := b64decode(key.split("+", 2)[2]))[0], known[1:]
            at, signature = (raw[4:12], raw[12:]) if kind == 4 else (b"", raw[4:])
            cosigned = f"cosignature/v1\ntime {int.from_bytes(at, 'big')}\n" if kind == 4 else ""
            try:
                Ed25519PublicKey.from_public_bytes(public).verify(signature, f"{cosigned}{text}\n".encode())
            except InvalidSignature:
                return None
            signed |= {key} if kind == 1 else set()
    return text, signed


def opened(note: str, keys: list[str]) -> tuple[str, int, str] | None:
    """Origin, size and root of a note that a trusted key signed; None for any other."""
    found = signed_by(note, keys)
    if not found or not found[1]:
        return None
    origin, size, encoded, *_ = found[0].split("\n")
    return (origin, int(size), b64decode(encoded).hex()) if int(size) else None


def endorsed(note: str) -> tuple[str, str] | None:
    """The key of before and the key of after, if both signed that the one follows the other."""
    try:
        header, before, after = note.rpartition("\n\n")[0].split("\n")
        found = signed_by(note, [before, after])
    except ValueError:
        return None
    right = header == "magistrate key endorsement v1" and all(_has_its_id(each) for each in (before, after))
    return (before, after) if right and found and found[1] == {before, after} else None


def _has_its_id(key: str) -> bool:
    name, key_id, encoded = key.split("+", 2)
    return sha256(name.encode() + b"\n" + b64decode(encoded)).hexdigest()[:8] == key_id


def leads(old: int, size: int, old_root: str, new_root: str, proof: list[str]) -> bool:
    """RFC 9162 section 2.1.4.2."""
    path = proof if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    fn, sn, fr = old - 1, size - 1, path[0]
    sr = fr
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    for each in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = joined(each, fr), joined(each, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = joined(sr, each)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (fr, sr) == (old_root, new_root)
