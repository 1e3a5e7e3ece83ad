"""Checkpoints as C2SP has them: a tree's size and root in a note that an Ed25519 key signed. Pure: imports no database.

https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from documents.values import MAX_SAFE_INTEGER

ED25519 = b"\x01"  # signed-note, "Signature types"
NOTE_LENGTH, SIGNATURES = 20_000, 16  # a verifier must bound what it reads, and take 16 signatures
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_SIGNATURE = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_UNPRINTABLE = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")


class BadNote(ValueError):
    """A text that is no checkpoint, or is signed by nobody who is trusted."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key: who a note must be signed by."""

    name: str
    public: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """The key whose text is `<name>+<id>+<base64>`; ValueError says what is wrong with it."""
        name, told, encoded = [*text.strip().split("+", 2), "", ""][:3]
        kind, public = (raw := decoded(encoded))[:1], raw[1:]
        if kind != ED25519 or len(public) != 32:
            raise ValueError("is no Ed25519 key: a name, the key's id and the key, with + between them")
        key = cls(_named(name), public)
        if told != key.id.hex():
            raise ValueError("bears another id than its own")
        return key

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def has_signed(self, text: str, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private half of a key, as `PRIVATE+KEY+<name>+<id>+<base64>`: what Go's `sumdb/note` writes and reads."""

    name: str
    secret: bytes

    @classmethod
    def made(cls, name: str) -> Self:
        return cls(_named(name), Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def read(cls, text: str) -> Self:
        """The key that this is the text of; ValueError says what is wrong with it, and not what it says."""
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

    def __repr__(self) -> str:
        return f"SigningKey({self.verifier})"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How many events a trail had, and the root of its tree then, in hexadecimal."""

    origin: str
    size: int
    root: str

    @property
    def text(self) -> str:
        """What is signed: three lines, and no extension lines, which nobody could audit."""
        return f"{self.origin}\n{self.size}\n{b64encode(bytes.fromhex(self.root)).decode()}\n"

    def signed(self, key: SigningKey) -> str:
        """The note: the text, an empty line, and the signature by `key`."""
        signature = Ed25519PrivateKey.from_private_bytes(key.secret).sign(self.text.encode())
        return f"{self.text}\n— {key.name} {b64encode(key.verifier.id + signature).decode()}\n"


def opened(note: str, keys: Iterable[VerifierKey]) -> Checkpoint:
    """What a note says that one of `keys` signed; BadNote if none did, one of them did not, or it is no checkpoint.

    Signatures by other keys are passed over: a key can be rotated, and witnesses may sign as well.
    """
    text, separator, signatures = note.rpartition("\n\n")
    text += "\n"
    if len(note) > NOTE_LENGTH or not separator or not signatures.endswith("\n") or _UNPRINTABLE.search(note):
        raise BadNote("is no signed note: text, an empty line, and signatures")
    known = {(each.name, each.id): each for each in keys}
    trusted = [(known[who], signature) for who, signature in _signatures(signatures[:-1]) if who in known]
    if not trusted:
        raise BadNote("is signed by no key that is trusted")
    if not all(key.has_signed(text, signature) for key, signature in trusted):
        raise BadNote("was not signed by the key that it names")
    return _read(text)


def _signatures(lines: str) -> Iterator[tuple[tuple[str, bytes], bytes]]:
    """Name and id of the key, and the signature, line by line."""
    told = lines.split("\n")
    for line in told:
        found = _SIGNATURE.fullmatch(line)
        raw = decoded(found[2]) if found else b""
        if not found or len(raw) < 5 or len(told) > SIGNATURES:
            raise BadNote("has a line that is no signature, or too many of them")
        yield (found[1], raw[:4]), raw[4:]


def _read(text: str) -> Checkpoint:
    match text.split("\n"):
        case [origin, size, root, ""] if origin and _SIZE.fullmatch(size) and int(size) <= MAX_SAFE_INTEGER:
            if len(raw := decoded(root)) == 32:
                return Checkpoint(origin, int(size), raw.hex())
    raise BadNote("is no checkpoint: an origin, a size and a root, each on a line of its own")


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("names a key by nothing, or with a space or a + in it")
    return name


def decoded(text: str) -> bytes:
    """The bytes of strict, canonical base64 (RFC 4648 section 4); none where it is anything else."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if b64encode(raw).decode() == text else b""
