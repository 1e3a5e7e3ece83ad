"""The vectors in `docs/vectors` are what the product makes, and two verifiers say of each what is expected."""

import ast
import json
import sys
from base64 import b64decode
from filecmp import dircmp
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests import stranger
from tests.stranger import notes, values
from tests.stranger.records import Record
from tests.vectors import primitives
from tests.vectors.__main__ import FOLDER
from tests.vectors.made import VECTORS, make, said, verified

PRIMITIVES: dict[str, Any] = json.loads((FOLDER / primitives.FILE).read_text())


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name / "expected.json").read_text())
    return found


@pytest.mark.parametrize("name", VECTORS)
def test_the_product_says_of_a_vector_what_is_expected(name: str) -> None:
    assert said(verified(FOLDER / name)) == expected(name)


@pytest.mark.parametrize("name", VECTORS)
def test_a_verifier_written_from_the_page_alone_finds_the_same_faults(name: str) -> None:
    due = [(each["kind"], each["seq"]) for each in expected(name)["faults"]]
    found = stranger.verified(FOLDER / name)
    assert bool(found) is not expected(name)["valid"] and found[:1] == due[:1]
    assert sorted(map(str, found)) == sorted(map(str, due))


@pytest.mark.exhaustive
async def test_the_vectors_are_those_that_the_product_makes(server: str, tmp_path: Path) -> None:
    await make(server, tmp_path / "vectors")
    primitives.write(tmp_path / "vectors")
    assert differences(dircmp(FOLDER, tmp_path / "vectors")) == [], "run `make vectors`, and read the difference"


def differences(found: dircmp[str]) -> list[str]:
    return [
        *found.left_only,
        *found.right_only,
        *found.diff_files,
        *(each for sub in found.subdirs.values() for each in differences(sub)),
    ]


def test_the_other_verifier_imports_nothing_of_the_product() -> None:
    trees = [ast.parse(each.read_text()) for each in Path(stranger.__file__).parent.glob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    named = [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    named += [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
    foreign = {each.split(".")[0] for each in named if not each.startswith("tests.stranger")}
    assert foreign <= sys.stdlib_module_names | {"cryptography"}


@pytest.mark.parametrize("case", PRIMITIVES["canonical"], ids=lambda case: case["about"])
def test_a_canonical_form_is_the_one_of_the_vector(case: dict[str, Any]) -> None:
    text = bytes.fromhex(case["hex"])
    assert text.decode() == case["text"] and sha256(text).hexdigest() == case["digest"]
    assert values.canonical(values.parsed(text)) == text


@pytest.mark.parametrize("case", PRIMITIVES["numbers"], ids=lambda case: case["json"])
def test_the_form_of_a_number_is_the_one_of_the_vector(case: dict[str, Any]) -> None:
    found = values.loosely_parsed(case["json"].encode())
    if case["canonical"] is None:
        with pytest.raises(ValueError, match=r"."):
            values.canonical(found)
    else:
        assert values.canonical(found).decode() == case["canonical"]


@pytest.mark.parametrize("case", PRIMITIVES["folds"], ids=lambda case: case["about"])
def test_the_fold_comes_to_what_the_vector_says(case: dict[str, Any]) -> None:
    record = Record()
    for each in case["events"]:
        record.take(each)
    contents = {name: text.encode() for name, text in case["contents"].items()}
    found = [list(each) for each in record.differing(case["leaves"], contents)] if record.proven else []
    assert (record.proven, found) == (case["proven"], case["differs"])


def test_the_note_on_the_page_is_one_of_a_vector() -> None:
    page = (FOLDER.parent / "trail-format.md").read_text().split("```text\n")
    (note,) = [each.split("```")[0] for each in page if each.startswith("vectors.example/trail")]
    assert note in (FOLDER / "honest" / "kept").read_text()


def test_trees_nodes_edges_and_roots_are_those_of_the_vectors() -> None:
    edge = list[str]()
    for size, each in enumerate(PRIMITIVES["trees"], 1):
        leaf, completed, left = sha256(bytes([0, size - 1])).hexdigest(), [], size - 1
        assert leaf == PRIMITIVES["leaves"][size - 1]
        while left & 1:
            leaf, left = values.joined(edge.pop(), leaf), left >> 1
            completed.append(leaf)
        edge.append(leaf)
        assert (each["edge"], each["nodes"], each["root"]) == (edge, completed, values.root(edge))


def test_salted_digests_and_notes_are_those_of_the_vectors() -> None:
    for each in PRIMITIVES["salted"]:
        assert sha256(bytes.fromhex(each["salt"]) + each["canonical"].encode()).hexdigest() == each["salted"]
    for each in PRIMITIVES["notes"]:
        assert notes.opened(each["note"], [each["key"]]) == ("vectors.example/trail", each["size"], each["root"])
        assert len(b64decode(each["key"].split("+", 2)[2])) == 33
