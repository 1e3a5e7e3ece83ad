"""Checkpoints in the form of C2SP: the size and root of a tree in a note signed with Ed25519. Pure: imports no database.

https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint and https://c2sp.org/tlog-cosignature
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from documents.values import MAX_SAFE_INTEGER

ED25519, COSIGNATURE = b"\x01", b"\x04"  # C2SP signed-note, "Signature types"
# C2SP signed-note: a verifier bounds what it reads, and accepts 16 signatures. A post-quantum one can have nearly 5 kB.
NOTE_LENGTH, SIGNATURES, NAMED = 200_000, 32, 100  # NAMED: characters of a name in a message
LATEST = 2**63 - 1  # C2SP tlog-cosignature: no timestamp is later
_NAME = re.compile(r"[^\s+]+")  # C2SP signed-note: a key's name has neither white space nor a plus
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")  # C2SP tlog-checkpoint: decimal, without leading zeros
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")  # an em dash, U+2014
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")  # C2SP signed-note: no control character but the newline


class BadNote(ValueError):
    """The text is no checkpoint, or no trusted key signed it."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key, which verifies the signatures of a note, or the cosignatures of a witness if its kind is COSIGNATURE."""

    name: str
    public: bytes
    kind: bytes = ED25519

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads a key from `<name>+<id>+<base64>`. Raises ValueError, which says what is wrong with the text."""
        # Base64 may hold a plus, so at most two are split at; a text with fewer gets empty parts, which are refused below.
        name, told, encoded = [*text.strip().split("+", 2), "", ""][:3]
        kind, public = (raw := decoded(encoded))[:1], raw[1:]
        if kind not in {ED25519, COSIGNATURE} or len(public) != 32:
            raise ValueError("is no Ed25519 key: a name, the key's id and the key, with + between them")
        key = cls(_named(name), public, kind)
        if told != key.id.hex():
            raise ValueError("bears another id than its own")
        return key

    @property
    def id(self) -> bytes:
        """The key id of C2SP signed-note: the first four bytes of SHA-256(name || 0x0A || kind || public key)."""
        return sha256(self.name.encode() + b"\n" + self.kind + self.public).digest()[:4]

    @property
    def is_witness(self) -> bool:
        """Whether it is the key of a witness, which cosigns what another key has signed."""
        return self.kind == COSIGNATURE

    def has_signed(self, text: str, signature: bytes) -> bool:
        """Whether `signature` is this key's Ed25519 signature (RFC 8032) of the text, or its timestamped cosignature."""
        signed = text.encode()
        if self.is_witness:
            # C2SP tlog-cosignature: eight bytes of the time, and a signature of that time and the text.
            at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            if at > LATEST:
                return False
            signed = f"cosignature/v1\ntime {at}\n".encode() + signed
        try:
            _public_key(self.public).verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(self.kind + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key. Its text is `PRIVATE+KEY+<name>+<id>+<base64>`, as Go's `golang.org/x/mod/sumdb/note` has it."""

    name: str
    secret: bytes

    @classmethod
    def made(cls, name: str) -> Self:
        """A new random key. Raises ValueError for a name that is empty, or has white space or a plus."""
        return cls(_named(name), Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads a private key from its text. Raises ValueError, whose message quotes no part of the text: it is a secret."""
        private, kept, name, told, encoded = [*text.strip().split("+", 4), *[""] * 4][:5]
        kind, secret = (raw := decoded(encoded))[:1], raw[1:]
        if (private, kept) != ("PRIVATE", "KEY") or kind != ED25519 or len(secret) != 32:
            raise ValueError("is no Ed25519 signing key: PRIVATE+KEY, a name, the key's id and the key, with + between them")
        key = cls(_named(name), secret)
        if told != key.verifier.id.hex():
            raise ValueError("bears another id than its own")
        return key

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, Ed25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        return f"PRIVATE+KEY+{self.name}+{self.verifier.id.hex()}+{b64encode(ED25519 + self.secret).decode()}"

    def __repr__(self) -> str:  # the dataclass's own would put the secret into logs
        return f"SigningKey({self.verifier})"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint says how many events a trail had, and which root its tree had then, in hexadecimal."""

    origin: str
    size: int
    root: str

    @property
    def text(self) -> str:
        """The text that is signed: three lines. Extension lines (C2SP tlog-checkpoint) are not written, and skipped when read."""
        return f"{self.origin}\n{self.size}\n{b64encode(bytes.fromhex(self.root)).decode()}\n"

    def signed(self, key: SigningKey) -> str:
        """The signed note: the text, an empty line, and the signature by `key`."""
        return signed_note(self.text, key)


def signed_note(text: str, *keys: SigningKey) -> str:
    """The note of a text that ends in a newline: the text, an empty line, and a signature by each of `keys`."""
    lines = []
    for key in keys:
        signature = Ed25519PrivateKey.from_private_bytes(key.secret).sign(text.encode())
        lines.append(f"— {key.name} {b64encode(key.verifier.id + signature).decode()}\n")
    return f"{text}\n{''.join(lines)}"


def opened(note: str, keys: Iterable[VerifierKey]) -> Checkpoint:
    """The checkpoint that a note holds, if at least one of `keys` signed it and each signature of theirs is right.

    Signatures by other keys are ignored (C2SP signed-note): a key can be rotated, and witnesses may sign too. The cosignature of
    a witness among `keys` must be right, and does not stand for the signature of the trail. Raises BadNote if none of `keys`
    signed, if one of their signatures is wrong, and if the text is no checkpoint.
    """
    keys = [*keys]
    text, signers = signed_by(note, keys)
    if all(each.is_witness for each in signers):
        given = {(each.name, each.id) for each in keys}
        others = [f"{who[0][:NAMED]}+{who[1].hex()}" for who, _ in _signatures(_parts(note)[1]) if who not in given]
        by = f", but by {others[0]}: if you trust that key, name it too" if others else ""
        raise BadNote(f"is signed by no key that is trusted{by}")
    return _read(text)


def signed_by(note: str, keys: Iterable[VerifierKey]) -> tuple[str, list[VerifierKey]]:
    """The text of a note, and those of `keys` that signed it. Raises BadNote for no note, and for a wrong signature of theirs."""
    text, signatures = _parts(note)
    known = {(each.name, each.id): each for each in keys}
    trusted = [(known[who], signature) for who, signature in _signatures(signatures) if who in known]
    if not all(key.has_signed(text, signature) for key, signature in trusted):
        raise BadNote("was not signed by the key that it names")
    return text, [key for key, _ in trusted]


def trimmed(note: str, keys: Iterable[VerifierKey]) -> str:
    """A note without the signatures of others than `keys`. Raises BadNote for what is no note."""
    text, signatures = _parts(note)
    known = {(each.name, each.id) for each in keys}
    lines = zip(signatures.split("\n"), _signatures(signatures), strict=True)
    return "\n".join([text, *(line for line, (who, _) in lines if who in known), ""])


def unverified(note: str) -> Checkpoint:
    """The checkpoint that a note holds, whoever signed it. Raises BadNote if it holds none."""
    return _read(text_of(note))


def text_of(note: str) -> str:
    """The text of a note, whoever signed it. Raises BadNote for what is no note."""
    return _parts(note)[0]


def _parts(note: str) -> tuple[str, str]:
    """The text of a note with its last newline, and the lines of its signatures without theirs."""
    text, separator, signatures = note.rpartition("\n\n")
    if len(note) > NOTE_LENGTH or not separator or not signatures.endswith("\n") or _UNPRINTABLE.search(note):
        raise BadNote("is no signed note: text, an empty line, and signatures, each of which ends with a newline")
    return f"{text}\n", signatures[:-1]


@lru_cache(maxsize=64)
def _public_key(raw: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(raw)


def _signatures(lines: str) -> Iterator[tuple[tuple[str, bytes], bytes]]:
    """The key's name and id, and the signature, of each line. Raises BadNote for a line of another form, or too many lines."""
    told = lines.split("\n")
    for line in told:
        found = _SIGNATURE.fullmatch(line)
        raw = decoded(found[2]) if found else b""
        # Four bytes of the key's id come before the signature.
        if not found or len(raw) < 5 or len(told) > SIGNATURES:
            raise BadNote("has a line that is no signature, or too many of them; an empty line stands between two checkpoints")
        yield (found[1], raw[:4]), raw[4:]


def _read(text: str) -> Checkpoint:
    match text.split("\n"):
        # C2SP tlog-checkpoint: lines after the third are extensions, opaque and never empty.
        case [origin, size, root, *more, ""] if origin and all(more) and _SIZE.fullmatch(size) and int(size) <= MAX_SAFE_INTEGER:
            if len(raw := decoded(root)) == 32:
                return Checkpoint(origin, int(size), raw.hex())
    raise BadNote("is no checkpoint: an origin, a size and a root, each on a line of its own")


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("names a key by an empty text, or by one with a space or a +")
    return name


def decoded(text: str) -> bytes:
    """The bytes of canonical base64 (RFC 4648 sections 3.5 and 4); empty bytes for any other text."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if b64encode(raw).decode() == text else b""
