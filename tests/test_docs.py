"""What the documentation shows is what happens: each page is done block by block, on one server that was just started."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import pytest
import typer.main
import yaml
from typer.core import TyperGroup

from documents.errors import Refusal
from documents.values import camel
from documents.versions.lifecycle import VersionStatus
from gql.cli import app
from gql.client.credentials import VARIABLES
from gql.issuers.file import read_issuers
from gql.settings import PREFIX, Settings
from tests.documented import PAGES, READ_ALONE, READ_IN_ORDER, ROOT, Reader, blocks, shown

READ_ELSEWHERE = {"docs/verify.md": "tests/test_audit_commands.py"}
"""Pages that are done on a server of their own."""
OF_CLIENTS = set(VARIABLES)
"""Variables of clients, which the server does not read."""
NOT_IN_THE_SCHEMA = {
    "enableServiceLinks",  # of a pod of Kubernetes
    "operationName",  # a parameter of GraphQL over HTTP
    "restoreTrail",  # the action of an event that no mutation makes
    "rotateAuditKey",  # likewise
    "rotateSecretKey",  # likewise
    "signIn",  # likewise
    "secretHash",  # a field of the stored token, which the graph does not show
    "transactionLifetimeLimitSeconds",  # a setting of MongoDB
}
WORDS = 900


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with Reader.at_home(tmp_path_factory.mktemp("home")) as reader:
        yield reader


@pytest.mark.exhaustive(together=True)  # `make check` runs this file
@pytest.mark.parametrize("page", READ_IN_ORDER)
def test_each_block_of_a_page_is_answered_as_the_page_shows(page: str, reader: Reader) -> None:
    reader.follows(ROOT / page)


@pytest.mark.exhaustive
@pytest.mark.parametrize("page", READ_ALONE)
def test_each_block_of_a_page_for_a_newcomer_is_answered_as_the_page_shows(page: str, tmp_path: Path) -> None:
    with Reader.at_home(tmp_path) as newcomer:
        newcomer.follows(ROOT / page)


def test_every_page_with_anything_to_do_is_read() -> None:
    busy = {name_of(page) for page in PAGES if any(each.is_run for each in blocks(page))}
    assert busy == {*READ_IN_ORDER, *READ_ALONE, *READ_ELSEWHERE}


def test_the_readme_can_be_read_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= WORDS


def test_the_table_of_make_targets_is_complete() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert set(re.findall(r"^\| `make ([a-z-]+)` \|", text, re.MULTILINE)) == make_targets()
    assert (ROOT / ".ci" / "run").exists()


def test_the_folders_that_the_architecture_shows_at_the_top_exist() -> None:
    shown = re.findall(r"^(\w+/)  ", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    assert {"documents/", "resolvers/", "gql/", "tests/"} <= set(shown) and all((ROOT / each).is_dir() for each in shown)


def test_the_changelog_has_a_section_for_this_version() -> None:
    assert re.search(rf"^## \[{re.escape(version('magistrate'))}\] - ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_life_of_a_version_is_drawn_with_its_statuses() -> None:
    (picture,) = re.findall(r"^```mermaid\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"\b[A-Z_]{5,}\b", picture)) == {each.name for each in VersionStatus}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    settings = {f"{PREFIX}{each}".upper() for each in Settings.model_fields}
    assert set(re.findall(rf"\b{PREFIX}[A-Z_]+[A-Z]\b", text)) <= settings | OF_CLIENTS
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= make_targets()
    assert set(re.findall(r"`magistrate ((?:audit )?[a-z][a-z-]*)", text)) <= commands()
    assert not [each for each in linked(text) if not leads_somewhere(page, each)]


def test_the_tests_that_the_threat_model_names_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "threat-model.md").read_text()))
    there = {
        each
        for file in ROOT.glob("tests/test_*.py")
        for each in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    assert named and named <= there


def test_each_identity_file_that_a_page_shows_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "cluster-keys.json").touch()
    files = [text.replace("/etc/magistrate/", f"{tmp_path}/") for _, text in shown("toml")]
    assert files
    for number, text in enumerate(files):
        (tmp_path / f"{number}.toml").write_text(text)
        assert read_issuers(tmp_path / f"{number}.toml").issuer


def test_each_piece_of_yaml_that_a_page_shows_is_yaml() -> None:
    assert all(isinstance(yaml.safe_load(text), dict) for _, text in shown("yaml"))


@pytest.mark.parametrize("page", [each for each in PAGES if each.parent.name != "decisions"], ids=name_of)
def test_the_fields_and_mutations_that_a_page_names_are_in_the_schema(page: Path) -> None:
    refusals = [each for each in Refusal.__subclasses__() if each.__module__ == Refusal.__module__]  # tests have their own
    facts = {camel(name) for each in refusals for name in each.__dataclass_fields__}  # type: ignore[attr-defined]
    known = {*re.findall(r"\w+", (ROOT / "schema.graphql").read_text()), *facts, *NOT_IN_THE_SCHEMA}
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL))
    named = set(chain.from_iterable(re.findall(r"(?<![\w./-])[a-z]+(?:[A-Z][a-z0-9]+)+\b(?![\w./-])", each) for each in spans))
    assert named <= known


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands() -> set[str]:
    """`serve`, `audit`, `audit verify` and so on."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    inner = {f"{name} {each}" for name, part in group.commands.items() if isinstance(part, TyperGroup) for each in part.commands}
    return {*group.commands, *inner}


def linked(text: str) -> list[str]:
    """The links of a page into the repository."""
    return [each for each in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in each]


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether the file is there, and the heading in it, by the anchor that GitHub makes of it."""
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors(target.read_text()))


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
