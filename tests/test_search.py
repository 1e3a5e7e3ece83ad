"""Search: by whole words and one that is begun, over what everybody may see, in pages that walk from kind to kind."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.search import LONGEST, MOST, TOKENS, words
from documents.store.units import Unit
from documents.versions.model import Model
from tests.examples import register, save_card, save_datasheet
from tests.service import ADA, STAFF, Service
from tests.watching import watching, where

SEARCH = """
    query(
      $text: String!, $filter: NodeFilter, $orderBy: [NodeOrder!], $first: Int, $after: String, $last: Int, $before: String
    ) {
      search(query: $text, filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        nodes {
          __typename
          ... on Model { modelId } ... on ModelVersion { modelId version } ... on Datasheet { datasetId }
          ... on Policy { policyId } ... on Stakeholder { userId }
        }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
"""


@pytest.fixture(scope="module")
async def shelf(server: str) -> AsyncIterator[Service]:
    """A model with its card, a datasheet, and people and policies as they come."""
    service = await Service.started(server)
    await register(service)
    await save_card(service)
    await save_datasheet(service)
    yield service
    await service.close()


async def hits(service: Service, query: str, **asked: Any) -> list[tuple[str, ...]]:
    """What is found, each by its kind and its key."""
    found = await service.ask(SEARCH, text=query, first=100, **asked)
    return [tuple(each.values()) for each in found["search"]["nodes"]]


MODEL, VERSION = ("Model", "support-assistant"), ("ModelVersion", "support-assistant", "1.0.0")
SHEET, ALICE_HERSELF = ("Datasheet", "support-tickets"), ("Stakeholder", "alice")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("support", [MODEL, VERSION, SHEET]),
        ("supp", [MODEL, VERSION, SHEET]),
        ("SUPPORT assistant", [MODEL, VERSION]),
        ("assistant suppo", [MODEL, VERSION]),
        ("support-assistant", [MODEL, VERSION]),
        ("supp assistant", []),  # only the last word may be begun
        ("upport", []),
        ("retrieval", [VERSION]),  # of its card
        ("closed", [SHEET]),
        ("alice", [ALICE_HERSELF]),
        ("Ethics", [("Policy", "POL-002"), ("Stakeholder", "carol")]),
    ],
)
async def test_every_word_is_held_and_the_last_may_be_begun(shelf: Service, query: str, expected: list[tuple[str, ...]]) -> None:
    assert await hits(shelf, query) == expected


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Straße", ["strasse"]), ("STRASSE", ["strasse"]), ("Müller", ["muller"]), ("Mu\u0308ller", ["muller"]), ("ÉTÉ", ["ete"]),
        ("ﬁle №5", ["file", "no5"]), ("ΌΔΟΣ", ["οδοσ"]), ("İstanbul", ["istanbul"]), ("東京 都", ["東京", "都"]),
        ("gpt-4.1_mini/v2", ["gpt", "4", "1", "mini", "v2"]), ("a b A", ["a", "b"]), ("x" * 50, ["x" * LONGEST]),
        ("$.*{}()'\"", []),
    ],
)  # fmt: skip
def test_words_are_compared_without_case_accents_and_punctuation(text: str, folded: list[str]) -> None:
    assert words([text]) == folded


@given(st.text(st.characters(max_codepoint=127)))
def test_a_text_in_ascii_has_the_words_that_it_has_beside_other_characters(text: str) -> None:
    assert words([f"é {text}"]) == words(["é", text])


async def test_what_is_searched_follows_every_change(service: Service) -> None:
    await register(service, name="Straßenschild", modelId="signs")
    assert await hits(service, "strassen") == [("Model", "signs")]
    model = await Model.require("signs")
    model.name = "Ampel"

    async def rename(unit: Unit) -> None:
        await model.store()

    await service.database.transact(rename, service.now)
    assert await hits(service, "strassen") == [] and await hits(service, "ampel") == [("Model", "signs")]


async def test_the_trail_does_not_tell_of_tokens_and_the_graph_does_not_show_them(shelf: Service) -> None:
    stored = await shelf.database.collection("model_versions").find_one({})
    assert stored and {"support", "assistant", "retrieval"} <= set(stored[TOKENS])
    assert TOKENS.encode() not in b"".join(event["canonical"] for event in await shelf.trail())
    assert "searchTokens" not in str(await shelf.ask("{ __schema { types { fields { name } inputFields { name } } } }"))


@pytest.mark.parametrize("query", ["example", "org", *(f"{each.id}@example.org" for each in STAFF)])
async def test_an_address_finds_nobody(shelf: Service, query: str) -> None:
    assert await hits(shelf, query) == []


async def test_neither_events_nor_tokens_are_found(shelf: Service) -> None:
    event, tokens = await shelf.last(), (await shelf.state())["ApiToken"]
    token = next(each for each in tokens if each["holder"] == ADA.id)  # the others are named as their holders are
    for each in (event["event_id"], event["action"], event["event_type"], event["event_hash"], token["token_id"], token["name"]):
        assert await hits(shelf, each) == []


@pytest.mark.parametrize("query", [".*", "^sup", "$gt", "sup.*", '{"$ne": null}', "\\", "\U0010ffff", "[a-z]+"])
async def test_what_looks_like_a_pattern_or_an_operator_is_words_or_refused(shelf: Service, query: str) -> None:
    if words([query]):
        assert all(kind in {"Model", "ModelVersion", "Datasheet"} for kind, *_ in await hits(shelf, query))
        assert await hits(shelf, query) == await hits(shelf, " ".join(words([query])))
    else:
        refused = await shelf.refusal(SEARCH, text=query, first=1)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "query")


async def test_a_query_too_long_and_a_cursor_from_elsewhere_are_refused(shelf: Service) -> None:
    refused = [
        await shelf.refusal(SEARCH, text="a" * 201, first=1),
        *[await shelf.refusal(SEARCH, text="a", first=1, after=each) for each in ("x", "é", "VmVyc2lvbjox", "TW9kZWw6MQ==")],
        await shelf.refusal(SEARCH, text="a", last=1, before="QXVkaXRFdmVudDo2NTZkOGE3ZjY1NmQ4YTdmNjU2ZDhhN2Y="),
    ]
    assert {each["code"] for each in refused} == {"INVALID_INPUT"}
    assert [each["path"] for each in refused] == ["query", *["after"] * 4, "before"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [MODEL, VERSION, SHEET]),
        ({"kinds": ["DATASHEET", "MODEL"]}, [MODEL, SHEET]),
        ({"kinds": []}, []),
        ({"kinds": None, "models": None}, [MODEL, VERSION, SHEET]),
        ({"kinds": ["POLICY"]}, []),
        ({"models": {"name": {"startsWith": "Un"}}}, [VERSION, SHEET]),
        ({"modelVersions": {"status": {"eq": "DRAFT"}, "owner": {"department": {"contains": "ML"}}}}, [MODEL, VERSION, SHEET]),
        ({"modelVersions": {"owner": {"department": {"eq": "Elsewhere"}}}, "kinds": ["MODEL_VERSION"]}, []),
        ({"datasheets": {"content": {"confidentiality": {"ne": "INTERNAL"}}}}, [MODEL, VERSION]),
    ],
)
async def test_each_kind_meets_conditions_of_its_own(shelf: Service, asked: Any, expected: list[tuple[str, ...]]) -> None:
    assert await hits(shelf, "supp", filter=asked) == expected
    counted = await shelf.ask(SEARCH.replace("pageInfo", "totalCount pageInfo"), text="supp", filter=asked, first=0)
    assert counted["search"]["totalCount"] == len(expected)


@pytest.fixture(scope="module")
async def mixed(server: str) -> AsyncIterator[Service]:
    """Models and their versions, stored in turn, and a datasheet in between."""
    service = await Service.started(server)
    await register(service, modelId="assistant-one")
    await save_datasheet(service, purpose="To support an assistant.")
    await register(service, modelId="assistant-two")
    yield service
    await service.close()


ONE = (("Model", "assistant-one"), ("ModelVersion", "assistant-one", "1.0.0"))
TWO = (("Model", "assistant-two"), ("ModelVersion", "assistant-two", "1.0.0"))
BY_AGE = [*ONE, SHEET, *TWO]
BY_KIND = [ONE[0], TWO[0], ONE[1], TWO[1], SHEET]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ([], BY_KIND),
        ([{"kind": "ASC"}, {"id": "DESC"}], [TWO[0], ONE[0], TWO[1], ONE[1], SHEET]),
        ([{"kind": "DESC"}], BY_KIND[::-1]),
        ([{"kind": "DESC"}, {"id": "ASC"}], [SHEET, ONE[1], TWO[1], ONE[0], TWO[0]]),
        ([{"id": "ASC"}], BY_AGE),
        ([{"id": "DESC"}], BY_AGE[::-1]),
        ([{"id": "DESC"}, {"kind": "ASC"}], BY_AGE[::-1]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
async def test_pages_in_any_order_hold_every_hit_once_from_either_end(
    mixed: Service, by: Any, size: int, expected: list[tuple[str, ...]]
) -> None:
    for end, cursor, at, more in (
        ("first", "after", "endCursor", "hasNextPage"), ("last", "before", "startCursor", "hasPreviousPage")
    ):  # fmt: skip
        seen, asked = list[tuple[str, ...]](), dict[str, Any]({end: size})
        while True:
            page = (await mixed.ask(SEARCH, text="assistant", orderBy=by, **asked))["search"]
            nodes = [tuple(each.values()) for each in page["nodes"]]
            seen = seen + nodes if end == "first" else nodes + seen
            if not page["pageInfo"][more]:
                break
            asked[cursor] = page["pageInfo"][at]
        assert seen == expected


async def test_a_cursor_belongs_to_its_order_and_to_the_kinds_that_are_looked_for(mixed: Service) -> None:
    page = (await mixed.ask(SEARCH, text="assistant", first=1))["search"]
    for asked in ({"orderBy": [{"id": "ASC"}]}, {"filter": {"kinds": ["POLICY"]}}):
        refused = await mixed.refusal(SEARCH, text="assistant", first=1, after=page["pageInfo"]["endCursor"], **asked)
        assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "after")
    refused = await mixed.refusal(SEARCH, text="assistant", first=1, orderBy=[{"kind": "ASC", "id": "ASC"}])
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "orderBy.0")


async def test_a_page_stays_where_it_is_while_others_are_stored(service: Service) -> None:
    await register(service)
    first = (await service.ask(SEARCH, text="support", first=1))["search"]
    await register(service, modelId="support-two")
    rest = (await service.ask(SEARCH, text="support", first=9, after=first["pageInfo"]["endCursor"]))["search"]
    assert [tuple(each.values())[:2] for each in rest["nodes"]] == [
        ("Model", "support-two"), ("ModelVersion", "support-assistant"), ("ModelVersion", "support-two"),
    ]  # fmt: skip


COLLECTIONS = ["models", "model_versions", "datasheets", "policies", "stakeholders", "change_requests", "incidents"]


async def test_a_page_costs_a_command_for_each_kind_that_it_touches(server: str, shelf: Service) -> None:
    async for watched in watching(server, shelf):
        for size, asked in ((1, COLLECTIONS[:2]), (2, COLLECTIONS[:3]), (100, COLLECTIONS)):
            _, commands = await watched.costs(SEARCH, text="supp", first=size)
            assert where(commands) == asked
        counted, commands = await watched.costs('{ search(query: "supp", first: 0) { totalCount } }')
        assert counted["search"] == {"totalCount": 3} and where(commands) == [COLLECTIONS[0], *COLLECTIONS]


async def test_a_search_begins_with_its_rarest_word_in_whatever_order_they_are_said(server: str, service: Service) -> None:
    for at in range(5):
        await register(service, modelId=f"m{at}", useCases=["Answers the questions of customers", f"Zebra {at}"])
    async for watched in watching(server, service):
        for text, first in (
            ("customers zebra 3 answers", "3"),
            ("zebra 3 customers", "3"),
            ("answers 3 custom", "3"),
            ("answers customers m2", {"$gte": "m2", "$lte": "m2\U0010ffff"}),
            ("unheard customers answers", "unheard"),
        ):
            found, commands = await watched.costs(SEARCH, text=text, first=9)
            (searched,) = (each for each in commands if each.get("aggregate") == "model_versions")
            assert searched["pipeline"][0] == {"$match": {TOKENS: first}}, text
            assert len(found["search"]["nodes"]) == ("unheard" not in text), text


async def test_a_long_text_is_found_by_its_first_200_words(service: Service) -> None:
    await register(service, useCases=[" ".join(f"w{each}" for each in range(3_000))])
    (version,) = await service.database.collection("model_versions").find().to_list(None)
    assert len(version[TOKENS]) == MOST
    assert len(await hits(service, "w100")) == 1 and await hits(service, "w2999") == []
