"""Checkpoints read from the text of C2SP's specifications, by another way than the product's."""

from base64 import b64decode
from hashlib import sha256, sha512

# Ed25519 as RFC 8032 section 5.1 has it, over integers: slow, short, and nobody else's.
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]


def added(a: Point, b: Point) -> Point:
    slope = D * a[0] * b[0] * a[1] * b[1] % P
    return (
        (a[0] * b[1] + a[1] * b[0]) * pow(1 + slope, -1, P) % P,
        (a[1] * b[1] + a[0] * b[0]) * pow(1 - slope, -1, P) % P,
    )


def times(factor: int, point: Point) -> Point:
    total: Point = (0, 1)
    while factor:
        total, point, factor = added(total, point) if factor & 1 else total, added(point, point), factor >> 1
    return total


def point_of(encoded: bytes) -> Point:
    y = int.from_bytes(encoded, "little") & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    return (x if x & 1 == encoded[31] >> 7 else P - x), y


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def holds(public: bytes, signature: bytes, message: bytes) -> bool:
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    k = int.from_bytes(sha512(r + public + message).digest(), "little") % ORDER
    return s < ORDER and times(s, BASE) == added(point_of(r), times(k, point_of(public)))


def checked(note: bytes, verifier_key: str) -> tuple[bytes, int, bytes]:
    """Origin, size and root of a checkpoint with one signature, or AssertionError: the specifications, sentence by sentence."""
    name, key_id, key = verifier_key.encode().split(b"+", 2)
    kind_and_public = b64decode(key)
    assert kind_and_public[0] == 1 and len(kind_and_public) == 33
    assert sha256(name + b"\x0a" + kind_and_public).digest()[:4] == bytes.fromhex(key_id.decode())
    end = note.rindex(b"\n\n") + 1  # the text includes its final newline but not the separating blank line
    text, (signature, rest) = note[:end], note[end + 1 :].split(b"\n", 1)
    assert rest == b"" and signature.startswith("— ".encode() + name + b" ")
    raw = b64decode(signature.rsplit(b" ", 1)[1])
    assert raw[:4] == bytes.fromhex(key_id.decode()) and holds(kind_and_public[1:], raw[4:], text)
    origin, size, root, nothing = text.split(b"\n")
    assert nothing == b"" and size == str(int(size)).encode()
    return origin, int(size), b64decode(root)
