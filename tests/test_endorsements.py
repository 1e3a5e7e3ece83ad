"""A key is followed by another: both sign that it is so, and whoever trusts the first can verify what the second signs."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from documents.audit.endorsements import HEADER, endorsed, endorsement_of, followed
from documents.audit.export import export
from documents.audit.exported import verify_export
from documents.audit.notes import BadNote, SigningKey, opened
from documents.audit.trail import AuditHead
from gql.checkpoints import Signer, checkpoint, previous_keys
from gql.faults import AuditKeyRefused
from gql.settings import Settings
from tests.examples import attach, register
from tests.service import AUDREY, Service
from tests.trails import VERIFICATION

Raw = dict[str, Any]
NAME = "magistrate.local/0a1b2c3d"
ONE, TWO, THREE = (SigningKey(NAME, bytes([each] * 32)) for each in (1, 2, 3))


def test_an_endorsement_is_signed_by_both_keys_and_is_no_checkpoint() -> None:
    note = endorsement_of(ONE, TWO)
    assert endorsed(note) == (ONE.verifier, TWO.verifier)
    assert note.split("\n")[:3] == [HEADER, str(ONE.verifier), str(TWO.verifier)] and note.count("\n— ") == 2
    with pytest.raises(BadNote):
        opened(note, [ONE.verifier, TWO.verifier])


def resigned(text: str, *keys: SigningKey) -> str:
    def line(key: SigningKey) -> str:
        signature = Ed25519PrivateKey.from_private_bytes(key.secret).sign(text.encode())
        return f"— {key.name} {b64encode(key.verifier.id + signature).decode()}"

    return "\n".join([text, *map(line, keys), ""])


TEXT = f"{HEADER}\n{ONE.verifier}\n{TWO.verifier}\n"


@pytest.mark.parametrize(
    "note",
    [
        "", TEXT, resigned(TEXT), resigned(TEXT, ONE), resigned(TEXT, TWO), resigned(TEXT, ONE, ONE), resigned(TEXT, ONE, THREE),
        resigned(TEXT, ONE, TWO)[:-1], endorsement_of(ONE, TWO).replace(str(TWO.verifier), str(THREE.verifier)),
        resigned(f"{HEADER}\n{ONE.verifier}\nnobody\n", ONE, TWO), resigned(f"{TEXT}more\n", ONE, TWO),
        resigned(f"{HEADER} \n{ONE.verifier}\n{TWO.verifier}\n", ONE, TWO),
        resigned(f"{HEADER}\n {ONE.verifier}\n{TWO.verifier}\n", ONE, TWO),
    ],
)  # fmt: skip
def test_what_is_not_signed_by_both_endorses_nobody(note: str) -> None:
    with pytest.raises(BadNote):
        endorsed(note)
    assert followed([ONE.verifier], [note])[0] == [ONE.verifier] and len(followed([ONE.verifier], [note])[1]) == 1


def test_trust_goes_from_a_key_to_its_successors_and_not_back() -> None:
    chain = [endorsement_of(TWO, THREE), endorsement_of(ONE, TWO), endorsement_of(THREE, ONE)]
    everyone = {ONE.verifier, TWO.verifier, THREE.verifier}
    assert set(followed([ONE.verifier], chain[:2])[0]) == everyone  # in whatever order they come
    assert followed([TWO.verifier], chain[:2]) == ([TWO.verifier, THREE.verifier], [])
    assert followed([THREE.verifier], chain[:2]) == ([THREE.verifier], []) and followed([], chain) == ([], [])
    assert set(followed([TWO.verifier], chain)[0]) == everyone  # a circle ends


async def key_of(service: Service, number: int) -> SigningKey:
    return SigningKey((await AuditHead.require("head")).origin, bytes([number] * 32))


KEYS = "{ auditKeys { verifierKey endorsement } }"


async def test_a_key_that_is_exchanged_is_endorsed_and_the_first_then_verifies_everything(
    service: Service, tmp_path: Path
) -> None:
    one, two, three = [await key_of(service, each) for each in (1, 2, 3)]
    await register(service)
    texts = list[str]()
    for number, (key, previous) in enumerate([(one, []), (two, [three, one]), (two, []), (three, [two])]):
        signed = await Signer(key, None, previous).sign(service.now)
        assert signed
        texts.append(signed.text)
        await attach(service, title=str(number))
    told = [each["details"]["facts"] for each in await service.trail() if each["action"] == "rotateAuditKey"]
    assert [(each["from"], each["to"]) for each in told] == [
        (str(one.verifier), str(two.verifier)), (str(two.verifier), str(three.verifier)),
    ]  # fmt: skip
    assert [endorsed(each["endorsement"]) for each in told] == [
        (one.verifier, two.verifier), (two.verifier, three.verifier),
    ]  # fmt: skip
    served = {each["verifierKey"]: each["endorsement"] for each in (await service.ask(KEYS, AUDREY))["auditKeys"]}
    assert served == {
        str(one.verifier): None, str(two.verifier): told[0]["endorsement"], str(three.verifier): told[1]["endorsement"],
    }  # fmt: skip

    await export(tmp_path / "export")
    manifest = json.loads((tmp_path / "export" / "manifest.json").read_text())
    assert manifest["endorsements"] == [each["endorsement"] for each in told]

    async def verified(*keys: SigningKey) -> list[list[str]]:
        text, named = "\n".join(texts), [str(each.verifier) for each in keys]
        online = (await service.ask(VERIFICATION, AUDREY, checkpoint=text, keys=named))["auditVerification"]["faults"]
        offline = verify_export(tmp_path / "export", text, named).faults
        return [[each["kind"] for each in online], [each.kind.name for each in offline]]

    assert await verified(one) == [[], []]
    assert await verified(two) == [["CHECKPOINT_FORGED"]] * 2  # what the key of before signed: name that one too
    assert await verified(three) == [["CHECKPOINT_FORGED"] * 3] * 2 and await verified(two, one) == [[], []]
    collection = service.database.collection("audit_checkpoints")
    forged = endorsement_of(two, three).replace(str(three.verifier), str(SigningKey.made(one.name).verifier))
    await collection.update_one({"verifier_key": str(three.verifier)}, {"$set": {"endorsement": forged}})
    (tmp_path / "export" / "manifest.json").write_text(json.dumps(manifest | {"endorsements": [told[0]["endorsement"], forged]}))
    assert await verified(one) == [["CHECKPOINT_FORGED", "ENDORSEMENT_FORGED"]] * 2
    for stored, found in ((None, []), (7, ["CHECKPOINT_FORGED"])):  # who names the key itself needs no endorsement
        await collection.update_one({"verifier_key": str(three.verifier)}, {"$set": {"endorsement": stored}})
        online = await service.ask(VERIFICATION, AUDREY, checkpoint=texts[-1], keys=[str(three.verifier)])
        assert [each["kind"] for each in online["auditVerification"]["faults"]] == found


async def test_a_key_whose_predecessor_is_not_at_hand_is_endorsed_by_nobody(service: Service) -> None:
    one, two = await key_of(service, 1), await key_of(service, 2)
    await register(service)
    await checkpoint(one, service.now)
    await checkpoint(two, service.now, None, [await key_of(service, 3)])
    assert (await service.last())["details"]["facts"]["endorsement"] is None
    assert {each["endorsement"] for each in (await service.ask(KEYS, AUDREY))["auditKeys"]} == {None}


def test_the_keys_of_before_are_found_where_they_are_kept(tmp_path: Path) -> None:
    assert previous_keys(Settings(data_dir=tmp_path)) == []
    (tmp_path / "audit-key").write_text(THREE.text)
    for number, key in enumerate((ONE, TWO), 1):
        (tmp_path / f"audit-key.{number}").write_text(f"{key.text}\n")
    assert previous_keys(Settings(data_dir=tmp_path)) == [ONE, TWO]
    own = Settings(data_dir=tmp_path, audit_key=SecretStr(THREE.text))
    assert previous_keys(own) == [] == previous_keys(Settings(data_dir=tmp_path, mongodb_uri="mongodb://nowhere/"))
    assert previous_keys(own.model_copy(update={"audit_key_previous": SecretStr(ONE.text)})) == [ONE]
    (tmp_path / "audit-key.old").write_text("whatever an operator keeps there")
    assert previous_keys(Settings(data_dir=tmp_path)) == [ONE, TWO]
    (tmp_path / "audit-key.3").write_text("nonsense")
    with pytest.raises(AuditKeyRefused, match=r"audit-key\.3"):
        previous_keys(Settings(data_dir=tmp_path))
    with pytest.raises(AuditKeyRefused, match="MAGISTRATE_AUDIT_KEY_PREVIOUS") as refusal:
        previous_keys(own.model_copy(update={"audit_key_previous": SecretStr("nonsense")}))
    assert "nonsense" not in str(refusal.value)
