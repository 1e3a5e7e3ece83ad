"""`magistrate admin confirm` as an operator runs it: beside a server and without one."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from documents.errors import InvalidInput
from gql.cli.confirmation import confirming
from tests.operated import Operated
from tests.operators import Done, administers
from tests.service import ADA, CAROL, SECRET_KEY, Service
from tests.tokens import make

ZOE: dict[str, Any] = {
    "userId": "zoe", "name": "Zoe", "email": "zoe@example.org", "department": "Legal", "roles": ["MODEL_OWNER"],
}  # fmt: skip
REASON = "Met in person on the first day."


async def confirm(settings: dict[str, str], *words: str) -> Done:
    return await administers(settings, "confirm", *words)


@pytest.fixture
def settings(service: Service) -> dict[str, str]:
    """The settings of an operator who shares the database of the service."""
    service.written_elsewhere = True
    return {"MONGODB_URI": service.uri, "DATABASE": service.database.name, "SECRET_KEY": SECRET_KEY.text}


async def test_the_host_confirms_somebody_and_the_trail_tells_why_as_the_system(
    service: Service, settings: dict[str, str]
) -> None:
    seen = await service.size()
    assert await confirm(settings, "carol", "--reason", REASON) == Done(
        0, "the identity of carol is confirmed, and the e-mail address carol@example.org\n"
    )  # fmt: skip
    (event,) = await service.trail(seen)
    assert (event["event_type"], event["action"], event["outcome"]) == ("identity_confirmed", "confirmOnHost", "success")
    assert (event["actor"], event["resource"]) == (
        {"id": "system", "type": "system"}, {"type": "Stakeholder", "id": "carol"},
    )  # fmt: skip
    assert {each["path"]: each["to"] for each in event["details"]["changes"]} == {
        "identity.basis": "host", "identity.confirmed": True, "identity.confirmed_at": event["details"]["changes"][2]["to"],
        "identity.confirmed_by": "system", "identity.email_checked": True, "identity.reason": REASON,
    }  # fmt: skip
    asked = '{ stakeholder(userId: "carol") { identity { confirmed basis confirmedBy confirmer { userId } } } }'
    found = (await service.ask(asked, CAROL))["stakeholder"]["identity"]
    assert found == {"confirmed": True, "basis": "HOST", "confirmedBy": "system", "confirmer": None}


async def test_whoever_is_unknown_gone_confirmed_or_not_enrolled_is_refused_and_nothing_changes(
    service: Service, settings: dict[str, str]
) -> None:
    await service.do("registerStakeholder", ADA, **ZOE)
    await service.do("deactivateStakeholder", ADA, userId="david")
    await service.confirm(CAROL)
    seen, before = await service.size(), await service.state()
    refusals = {"nobody": "registered", "david": "deactivated", "carol": "yet", "zoe": "enrolled", "": "registered"}
    for user_id, says in refusals.items():
        done = await confirm(settings, user_id, "--reason", REASON)
        assert done.status == 2 and says in done.said, done
    for reason in ("", "  ", "x" * 20_001, "a\x00b"):
        assert (await confirm(settings, "rita", "--reason", reason)).status == 2
    assert (await confirm(settings, "rita")).status == 2
    assert await service.size() == seen and await service.state() == before


async def test_a_person_enrols_before_the_host_confirms_and_is_enrolled_once(service: Service, settings: dict[str, str]) -> None:
    await service.do("registerStakeholder", ADA, **ZOE)
    invited, _ = await make(service, ADA, holder={"userId": "zoe"})
    assert (await confirm(settings, "zoe", "--reason", REASON)).status == 2
    await make(service, invited)
    assert (await confirm(settings, "zoe", "--reason", REASON)).status == 0
    refused = await service.refused("createApiToken", ADA, name="x", holder={"userId": "zoe"})
    assert (refused["code"], refused["from"]) == ("INVALID_STATE", "ENROLLED")


async def test_two_who_confirm_at_once_confirm_once(service: Service) -> None:
    seen = await service.size()
    done = await asyncio.gather(*(confirming("carol", REASON)(service.settings) for _ in range(2)), return_exceptions=True)
    assert sorted(each if isinstance(each, str) else type(each).__name__ for each in done) == [
        InvalidInput.__name__, "carol@example.org",
    ]  # fmt: skip
    assert len(await service.trail(seen)) == 1


@pytest.mark.exhaustive
async def test_the_command_works_on_the_embedded_database_beside_a_server_and_without_it(tmp_path: Path) -> None:
    var = tmp_path / "var"
    operator = {"DATA_DIR": str(var)}
    assert (await confirm(operator, "admin", "--reason", REASON)).status == 8
    asked = {"query": '{ stakeholder(userId: "admin") { identity { confirmed } } }'}
    with Operated(var) as running:
        assert (await confirm(operator, "admin", "--reason", REASON)).status == 0
        headers = {"authorization": f"Bearer {(var / 'admin-token').read_text().strip()}"}
        async with httpx.AsyncClient(headers=headers, timeout=10) as client:
            answer = (await client.post(running.url, json=asked)).json()
    assert answer["data"]["stakeholder"]["identity"] == {"confirmed": True}
    again = await confirm(operator, "admin", "--reason", REASON)
    assert again.status == 2 and "yet" in again.said
