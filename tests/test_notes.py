"""Checkpoints, read and signed twice: by the product, and from the text of C2SP's specifications by another way."""

from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from documents.audit.notes import COSIGNATURE, BadNote, Checkpoint, SigningKey, VerifierKey, opened, trimmed, unverified
from tests.c2sp import checked

ROOT = "0ac5186a91863e8e1d90c8080 14aa89bf5da8fbee1d9f0763 0f0378f68f1ab62".replace(" ", "")
TRAIL = Checkpoint("magistrate.local/0a1b2c3d", 20_852_163, ROOT)
KEY, ANOTHER = SigningKey("magistrate.local/0a1b2c3d", bytes(range(32))), SigningKey("magistrate.local/0a1b2c3d", bytes(32))
NOTE = TRAIL.signed(KEY)


def test_a_checkpoint_verifies_by_the_specifications_read_another_way() -> None:
    for size in (1, 2, 20_852_163, 2**53 - 1):
        trail = Checkpoint(TRAIL.origin, size, ROOT)
        found = checked(trail.signed(KEY).encode(), str(KEY.verifier))
        assert found == (trail.origin.encode(), size, bytes.fromhex(ROOT))
    with pytest.raises(AssertionError):
        checked(NOTE.replace("20852163", "20852164").encode(), str(KEY.verifier))


def test_a_checkpoint_reads_as_it_was_signed_and_spells_its_root_as_the_specification_does() -> None:
    lines = NOTE.split("\n")
    assert lines[:4] == ["magistrate.local/0a1b2c3d", "20852163", "CsUYapGGPo4dkMgIAUqom/Xaj77h2fB2MPA3j2jxq2I=", ""]
    assert len(lines) == 6 and lines[5] == "" and opened(NOTE, [ANOTHER.verifier, KEY.verifier]) == TRAIL


def test_keys_and_signatures_are_those_of_the_go_library_that_the_specification_comes_from() -> None:
    private = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    key = VerifierKey.read(public)
    assert SigningKey.read(private).verifier == key and str(key) == public and SigningKey.read(private).text == private
    assert b64decode(signature)[:4] == key.id and key.has_signed(text, b64decode(signature)[4:])
    with pytest.raises(BadNote, match="no checkpoint"):
        opened(f"{text}\n— PeterNeumann {signature}\n", [key])


def test_any_bit_changed_makes_a_checkpoint_one_that_nobody_signed() -> None:
    note = NOTE.encode()
    for at in range(len(note)):
        other = bytearray(note)
        other[at] ^= 1 << at % 8
        with pytest.raises(BadNote):
            opened(other.decode(errors="replace"), [KEY.verifier])


def resigned(text: str, key: SigningKey = KEY) -> str:
    """Any text, signed as a note is."""
    raw = key.verifier.id + Ed25519PrivateKey.from_private_bytes(key.secret).sign(text.encode())
    return f"{text}\n— {key.name} {b64encode(raw).decode()}\n"


TEXT, SIGNED = TRAIL.text, NOTE.split("\n")[4]


@pytest.mark.parametrize(
    "note",
    [
        "", "\n\n", TEXT, f"{TEXT}\n", NOTE[:-1], NOTE + "\n", NOTE.replace("\n", "\r\n"), NOTE.replace("— ", "- "),
        f"{TEXT}\n{SIGNED}\nmore\n", f"{TEXT}\n{SIGNED} \n", f"{TEXT}\n{SIGNED[:-4]}\n", f"{TEXT}\n" + f"{SIGNED}\n" * 33,
        "x" * 200_000 + NOTE, "\ud800" + NOTE, "\t" + NOTE,
        *(resigned(text) for text in (
            "a\n1\n", f"a\n01\n{b64encode(bytes(32)).decode()}\n", f"a\n-1\n{b64encode(bytes(32)).decode()}\n",
            f"a\n1\n{b64encode(bytes(31)).decode()}\n", f"\n1\n{b64encode(bytes(32)).decode()}\n", f"{TEXT}\nextension\n",
            f"{TEXT}extension\n\nmore\n",
            f"a\n{2**53}\n{b64encode(bytes(32)).decode()}\n", f"a\n1\n{'A' * 42}B=\n", f"\n{TEXT}", f"{TEXT}\n",
        )),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused_whoever_signed_it(note: str) -> None:
    with pytest.raises(BadNote):
        opened(note, [KEY.verifier])


def test_a_checkpoint_by_another_key_or_of_another_name_is_signed_by_nobody_who_is_trusted() -> None:
    for key in (ANOTHER, SigningKey("elsewhere.example", KEY.secret)):
        with pytest.raises(BadNote, match="no key that is trusted"):
            opened(TRAIL.signed(key), [KEY.verifier])
    impostor = b64encode(KEY.verifier.id + b64decode(SIGNED.split(" ")[2])[4:][::-1]).decode()
    with pytest.raises(BadNote, match="not signed by the key"):
        opened(f"{TEXT}\n— {KEY.name} {impostor}\n", [KEY.verifier])


def test_signatures_of_others_beside_ours_are_passed_over_and_a_false_one_of_ours_is_not() -> None:
    witness = resigned(TEXT, SigningKey("witness.example", bytes(32))).split("\n")[4]
    assert opened(f"{TEXT}\n{witness}\n{SIGNED}\n", [KEY.verifier]) == TRAIL
    assert opened(f"{TEXT}\n" + f"{witness}\n" * 15 + f"{SIGNED}\n", [KEY.verifier]) == TRAIL
    false = f"— {KEY.name} {b64encode(KEY.verifier.id + bytes(64)).decode()}"
    with pytest.raises(BadNote, match="not signed by the key"):
        opened(f"{TEXT}\n{SIGNED}\n{false}\n", [KEY.verifier])


READERS: list[Callable[[str], object]] = [VerifierKey.read, SigningKey.read]


@pytest.mark.parametrize(
    "text", ["", "+", "a+b+c", str(KEY.verifier)[:-4], str(KEY.verifier).replace("+", "+0", 1), KEY.text[:-4]]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    for read in READERS:
        with pytest.raises(ValueError, match=r"is no Ed25519|bears another id"):
            read(text)


def test_a_key_that_was_made_is_read_again_and_never_shown() -> None:
    made = SigningKey.made("magistrate.local/0a1b2c3d")
    assert SigningKey.read(f"{made.text}\n") == made != SigningKey.made(made.name)
    assert b64encode(made.secret).decode() not in repr(made) and repr(made.secret) not in repr(made)
    for name in ("", "a b", "a+b", "a\u2003b"):
        with pytest.raises(ValueError, match="names a key"):
            SigningKey.made(name)


@settings(deadline=None, database=None)
@given(st.text(st.characters(codec=None)) | st.text("—+ \n=Aa1").map(lambda text: f"{TEXT}\n— {text}"))
def test_garbage_is_no_checkpoint_and_no_key(text: str) -> None:
    with pytest.raises(BadNote):
        opened(text, [KEY.verifier])
    for read in READERS:
        with pytest.raises(ValueError, match=" "):
            read(text)


def test_notes_have_as_many_and_as_large_signatures_as_the_specification_asks_for() -> None:
    large = b64encode(b"\1\2\3\4" + bytes(5_000)).decode()  # C2SP signed-note: post-quantum ones can have nearly 5 kB
    others = [f"— witness{each}.example {large}" for each in range(15)]
    note = "\n".join([TEXT, *others[:7], SIGNED, *others[7:], ""])
    assert note.count("\n— ") == 16 and len(note) > 100_000 and opened(note, [KEY.verifier]) == TRAIL


def test_extension_lines_are_signed_and_skipped() -> None:
    extended = resigned(f"{TEXT}an extension\n— another, with a dash\n")
    assert opened(extended, [KEY.verifier]) == TRAIL == unverified(extended)
    with pytest.raises(BadNote, match="not signed by the key"):
        opened(extended.replace("an extension", "no extension"), [KEY.verifier])


def test_the_last_newline_of_a_note_is_demanded() -> None:
    for cut in (NOTE[:-1], NOTE[:-1].replace("\n\n", "\n\n\n"), NOTE[:-1] + " \n"):
        with pytest.raises(BadNote):
            opened(cut, [KEY.verifier])


SECRET, AT = Ed25519PrivateKey.from_private_bytes(bytes([7] * 32)), 1_679_315_147
WITNESS = VerifierKey("witness.example.com/w1", SECRET.public_key().public_bytes_raw(), COSIGNATURE)


def cosigned(text: str = TEXT, at: int = AT, told: int | None = None, secret: Ed25519PrivateKey = SECRET) -> str:
    """The line of a witness, as https://c2sp.org/tlog-cosignature has it."""
    signature = secret.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    raw = WITNESS.id + (at if told is None else told).to_bytes(8, "big") + signature
    return f"— {WITNESS.name} {b64encode(raw).decode()}\n"


def test_a_witness_that_is_named_is_verified_and_one_that_is_not_is_passed_over() -> None:
    assert VerifierKey.read(str(WITNESS)) == WITNESS and WITNESS.id != VerifierKey(WITNESS.name, WITNESS.public).id
    keys = [KEY.verifier, WITNESS]
    assert opened(NOTE + cosigned(), keys) == opened(NOTE, keys) == TRAIL  # a witness need not have seen each
    assert checked(NOTE.encode(), str(KEY.verifier))
    later, forged = cosigned(told=AT + 1), cosigned(secret=Ed25519PrivateKey.generate())
    short = f"— {WITNESS.name} {b64encode(WITNESS.id + bytes(9)).decode()}\n"
    for wrong in (later, forged, short, cosigned("another\n"), cosigned(at=2**63), f"{cosigned()}{forged}"):
        with pytest.raises(BadNote, match="not signed by the key"):
            opened(NOTE + wrong, keys)
        assert opened(NOTE + wrong, [KEY.verifier]) == TRAIL


def test_a_witness_alone_is_not_the_trail() -> None:
    with pytest.raises(BadNote, match="no key that is trusted"):
        opened(NOTE + cosigned(), [WITNESS])
    with pytest.raises(BadNote, match="no key that is trusted"):
        opened(f"{TEXT}\n{cosigned()}", [WITNESS, KEY.verifier])


def test_the_cosignature_of_the_specification_has_the_form_that_is_read() -> None:
    raw = b64decode("jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==")
    assert int.from_bytes(raw[4:12], "big") == AT and len(raw) == 4 + 8 + 64


def test_a_note_is_trimmed_to_the_signatures_of_those_who_are_named() -> None:
    assert trimmed(NOTE + cosigned(), [KEY.verifier]) == NOTE and trimmed(NOTE + cosigned(), [WITNESS]) == f"{TEXT}\n{cosigned()}"
