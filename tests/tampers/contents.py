"""Contents that events cite, removed and altered."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from bson import ObjectId

from documents.canonical import canonical, parsed
from documents.contents import ContentKind
from tests.tampers.attacks import add, attack
from tests.tampers.held import Found, Held, change
from tests.trails import Raw

LOST, ALTERED = "CONTENT_MISSING", "CONTENT_ALTERED"


def citing(held: Held, digest: str) -> list[int]:
    """The events whose bytes hold a digest."""
    return [event["seq"] for event in held.events if digest.encode() in event["canonical"]]


def content_of(kind: ContentKind, held: Held) -> Raw:
    """A content of the kind that an event cites."""
    return next(each for each in held.contents if each["kind"] == kind and citing(held, each["digest"]))


def content_removed(kind: ContentKind, held: Held) -> Iterable[Found]:
    held.contents.remove(content := content_of(kind, held))
    return [Found(LOST, seq) for seq in citing(held, content["digest"])]


def content_altered(kind: ContentKind, held: Held) -> Iterable[Found]:
    content = content_of(kind, held)
    value = parsed(content["canonical"].encode())
    content["canonical"] = canonical([value, "and more"]).decode()
    return [Found(ALTERED, seq) for seq in citing(held, content["digest"])]


for each in ContentKind:
    add("contents removed", each.value, partial(content_removed, each), "of each kind")
    add("contents altered", each.value, partial(content_altered, each), "of each kind")

TEXTS: dict[str, Any] = {
    "null": None, "a number": 7, "bytes": b"{}", "a list": ["{}"], "no JSON": "All is well.", "empty": "",
    "with a newline": '{"a":\n1}',
    "another spelling": lambda text: text.replace(",", ", ", 1), "NaN": float("nan"), "an object": {"$ref": "x"},
}  # fmt: skip


def content_stored_as(number: int, value: Any, held: Held) -> Iterable[Found]:
    change(content := [each for each in held.contents if citing(held, each["digest"])][number], "canonical", value)
    return [Found(ALTERED, seq) for seq in citing(held, content["digest"])]


for at, (name, value) in enumerate(TEXTS.items()):
    add("contents altered", f"a text that is {name}", partial(content_stored_as, at, value), "a text that is something else")


@attack("contents altered")
def a_text_that_is_not_there(held: Held) -> Iterable[Found]:
    content = content_of(ContentKind.MODEL_CARD, held)
    del content["canonical"]
    return [Found(ALTERED, seq) for seq in citing(held, content["digest"])]


@attack("contents altered")
def a_digest_that_is_another(held: Held) -> Iterable[Found]:
    content = content_of(ContentKind.MODEL_CARD, held)
    digest, content["digest"] = content["digest"], "0" * 64
    return [Found(LOST, seq) for seq in citing(held, digest)]


@attack("contents altered")
def two_contents_swapped(held: Held) -> Iterable[Found]:
    one, two = content_of(ContentKind.MODEL_CARD, held), content_of(ContentKind.DATASHEET, held)
    one["canonical"], two["canonical"] = two["canonical"], one["canonical"]
    return {Found(ALTERED, seq) for each in (one, two) for seq in citing(held, each["digest"])}


@attack("contents altered")
def an_altered_one_beside_the_honest_one(held: Held) -> Iterable[Found]:
    content = content_of(ContentKind.MODEL_CARD, held)
    held.contents.append(content | {"_id": ObjectId(), "canonical": "{}"})
    return [Found(ALTERED, seq) for seq in citing(held, content["digest"])]


@attack("contents removed")
def all_contents(held: Held) -> Iterable[Found]:
    cited = {seq for each in held.contents for seq in citing(held, each["digest"])}
    held.contents.clear()
    return {Found(LOST, seq) for seq in cited}
