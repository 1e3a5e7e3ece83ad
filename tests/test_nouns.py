"""Every noun is built as `docs/add-a-noun.md` says, so that whoever adds one can believe the page."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from graphql import get_named_type

from documents.access import WHO_MAY, Permission
from documents.audit.event import AuditEventType
from documents.kinds import RECORDS
from documents.search import Searchable
from documents.store.record import Record
from documents.values import NAME_LENGTH, BigInt, Value
from gql.schema import PARTS
from resolvers.graph.asked import DERIVED
from resolvers.graph.filters import record_filter, single
from resolvers.search import KINDS
from tests.nouns import NOUNS, UNTOLD
from tests.schema import BUILT, QUERIES, SCHEMA

ROOT, TESTS = Path(__file__).parents[1], Path(__file__).parent
BEANIES = {"id", "revision_id"}


def unique_keys(record: type[Record]) -> set[tuple[str, ...]]:
    """The fields of each unique index."""
    return {each.fields for each in record.all_indexes() if each.unique}


def has_path(kind: Any, path: str) -> bool:
    """Whether a stored record has this dotted path; `*` stands for a place in a list."""
    for step in path.split("."):
        if step == "*":
            continue
        kind = next((each for each in inside(kind) if step in getattr(each, "model_fields", {})), None)
        if kind is None:
            return False
        kind = kind.model_fields[step].annotation
    return True


def inside(annotation: Any) -> list[Any]:
    parts = getattr(annotation, "__args__", ())
    return [annotation, *(each for part in parts for each in inside(part))]


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_says_what_names_it_and_how_the_trail_tells_of_it(record: type[Record]) -> None:
    assert record.keys in unique_keys(record)
    assert record in UNTOLD or record.event in set(AuditEventType)
    told = record.private | record.reviewed | record.cites | record.untold | record.following | record.derived - {"search_tokens"}
    assert [path for path in told if not has_path(record, path)] == []
    assert [name for name, each in record.model_fields.items() if not each.description and name not in BEANIES] == []


@pytest.mark.parametrize("record", [each for each in RECORDS if issubclass(each, Searchable)])
def test_words_are_found_in_texts_that_exist_and_are_for_all(record: type[Searchable]) -> None:
    assert record.searched and all(has_path(record, path) for path in record.searched)
    assert not {"email", "comments", "note"} & {path.split(".")[-1] for path in record.searched}


def test_every_noun_with_words_is_a_kind_that_search_finds_and_filters() -> None:
    assert set(KINDS.values()) == {each for each in RECORDS if issubclass(each, Searchable)}
    asked = {get_named_type(each.type).name for each in SCHEMA.type_map["NodeFilter"].fields.values()}
    assert asked == {"NodeKind", *(f"{each.__name__}Filter" for each in KINDS.values())}


@pytest.mark.parametrize("record", NOUNS)
def test_a_condition_that_the_clock_changes_looks_at_what_is_stored(record: type[Record]) -> None:
    fields = record_filter(BUILT.registry, record).__strawberry_definition__.fields
    assert [each.name for each in fields if DERIVED in each.metadata and not has_path(record, each.metadata[DERIVED].by)] == []


@pytest.mark.parametrize("record", NOUNS)
def test_a_noun_has_a_list_that_is_asked_anything_and_a_look_up(record: type[Record]) -> None:
    name = record.__name__
    lists = [each for each in QUERIES.values() if get_named_type(each.type).name == f"{name}Connection"]
    assert len(lists) == 1 and {"filter", "orderBy", "first", "after", "last", "before"} == lists[0].args.keys()
    assert any(get_named_type(each.type).name == name for each in QUERIES.values())
    assert record in RECORDS


def below(kind: Any) -> Iterator[Any]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


def offers(kind: Any) -> set[str]:
    """Every field that a record or a value names for lists or aggregates."""
    return {*kind.ordered, *kind.grouped, *kind.summed, *kind.bounded, *getattr(kind, "unasked", ())}


DOCUMENTS = [each for base in (Value, Record) for each in below(base) if each.__module__.startswith("documents.")]
OFFERING = sorted({each for each in DOCUMENTS if offers(each)}, key=lambda each: str(each.__qualname__))
SORTS: tuple[Any, ...] = (str, int, float, bool, datetime, date, BigInt)
SUMS: tuple[Any, ...] = (int, float, BigInt)
BOUNDS: tuple[Any, ...] = (int, datetime, date, BigInt)


def lengths(annotation: Any) -> Iterator[int]:
    """The bounds on the length of a text, wherever they stand in an annotation or the metadata of a field."""
    for each in (*getattr(annotation, "metadata", ()), *getattr(annotation, "__metadata__", ())):
        yield from [each.max_length] if hasattr(each, "max_length") else lengths(each)
    for inner in getattr(annotation, "__args__", ()):
        yield from lengths(inner)


@pytest.mark.parametrize("kind", OFFERING)
def test_what_lists_and_aggregates_offer_is_named_and_can_be_sorted_grouped_or_summed_up(kind: Any) -> None:
    """No prose or digest is sorted or grouped by, no list sorted by, no moment grouped by; what is added up is a number."""
    assert offers(kind) <= kind.model_fields.keys()
    for name in kind.ordered | kind.grouped:
        stored = kind.model_fields[name]
        of, listed = single(stored.annotation)
        assert of in SORTS or issubclass(of, Enum), name
        assert not listed or name not in kind.ordered, name
        assert max((*lengths(stored), *lengths(stored.annotation)), default=0) <= NAME_LENGTH, name
    assert not [name for name in kind.grouped if single(kind.model_fields[name].annotation)[0] in {datetime, date, float}]
    assert [name for name in kind.summed if single(kind.model_fields[name].annotation)[0] not in SUMS] == []
    assert [name for name in kind.bounded if single(kind.model_fields[name].annotation)[0] not in BOUNDS] == []
    assert not kind.summed & kind.bounded


def test_every_part_is_assembled() -> None:  # that none knows another is an import contract
    modules = {path.stem for path in (ROOT / "resolvers").glob("*.py")} - {"__init__"}
    assert {id(import_module(f"resolvers.{each}").PART) for each in modules} == {id(each) for each in PARTS}


def test_every_mutation_has_a_permission_of_its_name_and_a_row() -> None:
    mutations = set(SCHEMA.mutation_type.fields)
    reading = {Permission.READ, Permission.READ_TRAIL, Permission.READ_TOKENS}
    assert mutations == {str(each) for each in Permission if each not in reading}
    assert set(WHO_MAY) == set(Permission)


def test_the_page_names_what_there_is() -> None:
    page = (ROOT / "docs" / "add-a-noun.md").read_text()
    named = {each for each in re.findall(r"`((?:documents|resolvers|gql|tests)/[\w/]+\.py)`", page) if "<" not in each}
    assert len(named) >= 5 and [each for each in named if not (ROOT / each).exists()] == []


def test_every_noun_has_tests_of_its_name() -> None:
    nouns = {path.stem for path in (ROOT / "resolvers").glob("*.py")} - {"__init__"}
    assert nouns - {path.stem.removeprefix("test_") for path in TESTS.glob("test_*.py")} == set()


def test_what_tests_share_stands_in_a_module_that_is_no_test() -> None:
    imported = re.compile(r"^\s*(?:from|import) tests\.(test_\w+)", re.MULTILINE)
    everywhere = [*TESTS.rglob("*.py"), *(ROOT / "bench").rglob("*.py")]
    assert {path.name: found for path in everywhere if (found := imported.findall(path.read_text()))} == {}
