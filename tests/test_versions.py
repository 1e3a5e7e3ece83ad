"""How versions are numbered, and what becomes of a change to what was changed meanwhile."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from semver import Version

from documents.numbers import version_key
from tests.examples import (
    ACCESS_VERIFIED,
    BOT,
    CARD,
    REVIEW,
    read,
    register,
)
from tests.service import Service


def test_versions_order_by_precedence_and_texts_after_them() -> None:
    # semver.org, 2.0.0, section 11: its examples, one after another.
    stages = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0"
    keys = [version_key(each) for each in [*stages.split(), "2.0.0", "2.1.0", "2.1.1", "10.0.0", "1.0", "nightly", "v1.0.0"]]
    assert keys == sorted(set(keys))
    assert version_key("1.0.0+build.7") == version_key("1.0.0")


def semantic(release: tuple[int, int, int], stages: list[str]) -> str:
    return ".".join(map(str, release)) + (f"-{'.'.join(stages)}" if stages else "")


NUMBERS = st.one_of(st.integers(0, 11), st.integers(10**19, 10**22))
STAGES = st.one_of(NUMBERS.map(str), st.from_regex("[a-zA-Z-][0-9a-zA-Z-]{0,3}", fullmatch=True))
SEMANTIC = st.builds(semantic, st.tuples(NUMBERS, NUMBERS, NUMBERS), st.lists(STAGES, max_size=3))


@settings(deadline=None, database=None)
@given(SEMANTIC, SEMANTIC)
def test_any_two_semantic_versions_order_as_such(one: str, other: str) -> None:
    key, other_key = version_key(one), version_key(other)
    assert (key > other_key) - (key < other_key) == Version.parse(one).compare(other)


async def test_a_change_of_what_was_changed_meanwhile_is_a_conflict(service: Service) -> None:
    await register(service)
    revision = (await read(service, "revision"))["revision"]
    await service.do("saveModelCard", **BOT | {"card": CARD, "expectedRevision": revision})
    stale = BOT | {"expectedRevision": revision}
    mutations: list[tuple[str, dict[str, Any]]] = [
        ("saveModelCard", {"card": {}}), ("createRiskAssessment", {"responses": []}), ("attachEvidence", ACCESS_VERIFIED),
        ("submitForApproval", {}), ("completeReview", REVIEW),
    ]  # fmt: skip
    for mutation, said in mutations:
        refused = await service.refused(mutation, **stale | said)
        assert refused == {
            "code": "CONFLICT", "kind": "ModelVersion", "key": "support-assistant/1.0.0",
            "revision": revision, "storedRevision": revision + 1,
        }  # fmt: skip
