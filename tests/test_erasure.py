"""Erasure: what a person was called is gone for good, and the trail is still proven."""

import re
from typing import Any

import bson
import pytest

from documents.audit.verify import verify
from documents.departures import erasing
from documents.salts import salted, salts_in
from documents.store.session import AWARE
from tests.examples import decide, eligible, read, register, submit
from tests.operations import DORA, TOM, approved_change
from tests.service import ADA, ALICE, CAROL, DAVID, Service, stage

NAME, ADDRESS = re.compile("Zebedee|Quux", re.IGNORECASE), "zq@quux.example"
ROUNDS = "closedRounds { round { decisions { reviewerId reviewerName } } } round { decisions { reviewerId reviewerName } }"
REASON = "It was asked for."


@stage
async def decided_everywhere(service: Service) -> None:
    """David, who is called Zebedee Quux, decided in a closed round, in the open one and about a change; then he left."""
    await service.do("updateStakeholder", ADA, userId="david", name="Zebedee Quux", email=ADDRESS)
    await eligible(service)
    await service.enrol(DORA, TOM)
    await approved_change(service)
    await decide(service, DAVID, "REJECTED", comments="No.")
    await submit(service)
    await decide(service, DAVID)
    await service.do("deactivateStakeholder", ADA, userId="david")


async def stored(service: Service) -> str:
    """Everything in the database, events and contents included."""
    documents = service.holdings.now()
    return "".join(str(bson.decode(raw, AWARE)) for all_ in documents.values() for raw in all_)


async def erase(service: Service) -> int:
    """Erases, and returns the number of records that are left."""
    done = await service.do("erasePersonalData", ADA, "left", userId="david", reason=REASON)
    return int(done["left"])


async def test_nothing_that_is_stored_says_what_the_person_was_called_and_the_trail_is_proven(service: Service) -> None:
    await decided_everywhere(service)
    assert NAME.search(await stored(service))
    seen, before = await service.size(), await read(service, ROUNDS)
    assert await erase(service) == 0
    assert not NAME.search(await stored(service))
    found = await read(service, ROUNDS)
    names = {each["reviewerId"]: each["reviewerName"] for each in before["closedRounds"][0]["round"]["decisions"]}
    assert names["david"] == "Zebedee Quux"
    closed = {each["reviewerId"]: each["reviewerName"] for each in found["closedRounds"][0]["round"]["decisions"]}
    assert closed == names | {"david": "erased"}
    assert [each["reviewerName"] for each in found["round"]["decisions"]] == ["erased"]
    changes = await service.ask("{ changeRequests { nodes { approvals { reviewerId reviewerName } } } }")
    said = {each["reviewerId"]: each["reviewerName"] for each in changes["changeRequests"]["nodes"][0]["approvals"]}
    assert said["david"] == "erased" and said["alice"] == "Alice"
    events = await service.trail(seen)
    assert {(each["resource"]["type"], each["event_type"]) for each in events} == {
        ("Stakeholder", "access_revoked"), ("ModelVersion", "model_updated"), ("ChangeRequest", "change_updated"),
    }  # fmt: skip
    assert [each["details"]["facts"] for each in events] == [{"reason": REASON}] * 3
    with service.database.bound():
        assert (await verify()).faults == ()


async def test_placeholders_have_salts_of_their_own_and_are_told(service: Service) -> None:
    await decided_everywhere(service)
    seen = await service.size()
    (before,) = [each for each in (await service.state())["Stakeholder"] if each["user_id"] == "david"]
    await erase(service)
    (after,) = [each for each in (await service.state())["Stakeholder"] if each["user_id"] == "david"]
    was, now = salts_in(before), salts_in(after)
    assert was.keys() == now.keys() == {"name", "email"} and not set(was.values()) & set(now.values())
    (event,) = [each for each in await service.trail(seen) if each["resource"]["type"] == "Stakeholder"]
    told = {each["path"]: each["salted"] for each in event["details"]["changes"]}
    assert told == {path: salted(now[path], after[path]) for path in now}
    assert "erased" not in str([each["details"] for each in await service.trail(seen)])


async def test_a_call_that_erases_some_says_how_many_are_left(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await decided_everywhere(service)
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    assert [await erase(service) for _ in range(3)] == [2, 1, 0]
    refused = await service.refused("erasePersonalData", ADA, userId="david", reason=REASON)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", "input.userId")
    assert not NAME.search(await stored(service))


async def test_only_an_administrator_erases_and_only_of_somebody_who_has_left(service: Service) -> None:
    await register(service)
    before = unused(await service.state())
    for by, user_id, reason, code in (
        (ADA, "david", REASON, "INVALID_STATE"), (CAROL, "david", REASON, "FORBIDDEN"), (ALICE, "alice", REASON, "FORBIDDEN"),
        (ADA, "nobody", REASON, "NOT_FOUND"), (ADA, "david", " ", "INVALID_INPUT"), (None, "david", REASON, "UNAUTHENTICATED"),
    ):  # fmt: skip
        assert (await service.refused("erasePersonalData", by, userId=user_id, reason=reason))["code"] == code, code
    assert unused(await service.state()) == before


def unused(state: dict[str, Any]) -> dict[str, Any]:
    """The state but for when tokens were last used."""
    return state | {"ApiToken": [each | {"last_used_at": None} for each in state["ApiToken"]]}
