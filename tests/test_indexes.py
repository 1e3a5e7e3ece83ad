"""What says that it is indexed is found by it, and listed in its order page by page, without reading more than is answered."""

import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin
from zlib import crc32

import pytest
from bson import ObjectId
from graphql import get_named_type
from pydantic import BaseModel

from documents.search import TOKENS
from documents.store.record import Record
from documents.store.units import Raw
from documents.values import camel
from tests.examples import register, save_datasheet
from tests.nouns import NOUNS
from tests.schema import QUERIES, SCHEMA
from tests.service import AUDREY, NOW, Service
from tests.watching import Watched, watching

MANY, PAGE = 800, 25
CONNECTIONS = {name: get_named_type(each.type).name for name, each in QUERIES.items() if name != "search"}
LISTS = {kind.removesuffix("Connection"): name for name, kind in CONNECTIONS.items() if kind.endswith("Connection")}

pytestmark = pytest.mark.skipif(
    not shutil.which("secantusd-rs"), reason="only secantusd-rs says truly how many documents it examined"
)


def annotations(kind: type[Record], path: str) -> list[list[Any]]:
    """Of each field on a path its annotation, and what is inside that."""
    found: list[list[Any]] = []
    model: Any = kind
    for step in path.split("."):
        found.append([*inside(model.model_fields[step].annotation)])
        model = next((each for each in found[-1] if isinstance(each, type) and issubclass(each, BaseModel)), None)
    return found


def inside(annotation: Any) -> Iterator[Any]:
    yield getattr(annotation, "__supertype__", annotation)
    for each in get_args(annotation):
        yield from inside(each)


def lists(kind: type[Record], path: str) -> list[bool]:
    """Whether each field on a path is a list."""
    return [any(get_origin(each) is tuple for each in parts) for parts in annotations(kind, path)]


def nested(kind: type[Record], path: str, said: Any) -> Any:
    """`said` of what is at the path, as filters and orders say it."""
    for step, is_list in reversed([*zip(path.split("."), lists(kind, path), strict=True)]):
        said = {camel(step): {"some": said} if is_list else said}
    return said


def is_offered(kind: type[Record], path: str) -> bool:
    asked = SCHEMA.type_map[f"{kind.__name__}Filter"]
    for step in nested_names(nested(kind, path, None)):
        if step not in getattr(asked, "fields", ()):
            return False
        asked = get_named_type(asked.fields[step].type)
    return True


def can_be_null(kind: type[Record], path: str) -> bool:
    """Whether the filter asks of the field whether it is null."""
    asked = SCHEMA.type_map[f"{kind.__name__}Filter"]
    for step in nested_names(nested(kind, path, None)):
        asked = get_named_type(asked.fields[step].type)
    return "isNull" in asked.fields


def nested_names(said: Any) -> Iterator[str]:
    while said:
        ((name, said),) = said.items()
        yield name


INDEXED = [(kind, path) for kind in NOUNS for path in sorted(kind.indexed() - {TOKENS}) if is_offered(kind, path)]


@pytest.fixture(scope="module")
async def shelves(server: str) -> AsyncIterator[Watched]:
    """Many records of every noun, put there past the trail: like the first, but for what is indexed."""
    service = await Service.started(server)
    with service.database.bound():
        await register(service)
        await save_datasheet(service)
    for kind in NOUNS:
        shelf = service.database.raw(kind.collection)
        first = (await shelf.find_one({})) or {}
        indexes = [*(await shelf.index_information()).values()]
        own = {each["key"][-1][0] for each in indexes if each.get("unique")}  # so that no two are the same
        paths = {path for each in indexes for path, _ in each["key"]} - {"_id", TOKENS}
        records = []
        for at in range(1, MANY + 1):
            record = first | {"_id": ObjectId()}
            for path in paths:
                record = placed(record, path, lists(kind, path), value(kind, path, at, path in own))
            records.append(record)
        await shelf.insert_many(records)
    async for watched in watching(server, service):
        yield watched
    await service.close()


def value(kind: type[Record], path: str, at: int, is_own: bool) -> Any:
    """One of a few values, or one that no other record has."""
    parts = annotations(kind, path)[-1]
    few = crc32(f"{path} {at}".encode()) % 5  # no field goes with another
    if NoneType in parts and not few:
        return None
    if datetime in parts:
        return NOW + timedelta(minutes=at // 3)
    if int in parts or float in parts:
        return 1_000_000 + at if is_own else few
    members = next(([*each] for each in parts if isinstance(each, type) and issubclass(each, Enum)), None)
    text = members[few % len(members)].value if members else f"{at if is_own else few:064}"
    return [text] if lists(kind, path)[-1] else text


def placed(record: Raw, path: str, are_lists: list[bool], said: Any) -> Raw:
    """The record with this at a path; a list on the way has one element."""
    name, _, rest = path.partition(".")
    if not rest:
        return record | {name: said}
    held = record.get(name) or {}
    within = placed(held[0] if isinstance(held, list) else held, rest, are_lists[1:], said)
    return record | {name: [within] if are_lists[0] else within}


async def pages(watched: Watched, kind: type[Record], **asked: Any) -> list[tuple[int, int]]:
    """How many records each of the first three pages answers with, and how many documents were looked at for it."""
    name, explained = LISTS[kind.__name__], watched.service.database.collections.command
    query = f"""query($filter: {kind.__name__}Filter, $orderBy: [{kind.__name__}Order!], $after: String) {{
        {name}(filter: $filter, orderBy: $orderBy, first: {PAGE}, after: $after) {{
            nodes {{ __typename }} pageInfo {{ endCursor hasNextPage }} }} }}"""
    found, cursor = [], None
    for _ in range(3):
        answer, finds = await watched.costs(query, AUDREY, after=cursor, **asked)
        plans = [{each: find[each] for each in ("find", "filter", "sort", "limit")} for find in finds]
        told = [await explained({"explain": each, "verbosity": "executionStats"}) for each in plans]
        looked_at = sum(int(each["executionStats"]["totalDocsExamined"]) for each in told)
        found.append((len(answer[name]["nodes"]), looked_at))
        cursor = answer[name]["pageInfo"]["endCursor"]
        if not answer[name]["pageInfo"]["hasNextPage"]:
            break
    return found


def fit(found: list[tuple[int, int]]) -> bool:
    """Whether each page answered something, and looked at no more than that, give or take a page."""
    return all(answered > 0 and looked_at <= answered + PAGE + 1 for answered, looked_at in found)


@pytest.mark.exhaustive(together=True)  # the shelves that they read are filled once for all; `make test-engine` runs them
@pytest.mark.parametrize(("kind", "path"), INDEXED)
async def test_what_an_indexed_field_is_filtered_by_is_all_that_is_read(shelves: Watched, kind: type[Record], path: str) -> None:
    values = (value(kind, path, at, path in kind.unique | {*kind.keys[-1:]}) for at in range(1, MANY))
    wanted = next(each for each in values if each)
    wanted = wanted[0] if isinstance(wanted, list) else wanted
    members = [each for each in annotations(kind, path)[-1] if isinstance(each, type) and issubclass(each, Enum)]
    said = members[0](wanted).name if members else wanted.isoformat() if isinstance(wanted, datetime) else wanted
    found = await pages(shelves, kind, filter=nested(kind, path, {"eq": said}))
    assert fit(found), found


@pytest.mark.exhaustive(together=True)  # the shelves that they read are filled once for all; `make test-engine` runs them
@pytest.mark.parametrize(("kind", "path"), [each for each in INDEXED if not any(lists(*each))])
async def test_an_indexed_order_is_read_page_by_page_either_way(shelves: Watched, kind: type[Record], path: str) -> None:
    for direction in ("ASC", "DESC"):
        not_null = nested(kind, path, {"isNull": False})
        for wanted in (None, not_null) if can_be_null(kind, path) else (None,):
            found = await pages(shelves, kind, orderBy=[nested(kind, path, direction)], filter=wanted)
            assert len(found) == 3 and fit(found), (direction, wanted, found)
