"""Tokens as those who sign in with them make them and use them."""

from typing import Any

from tests.service import ADA, ALICE, Person, Service

VIEWER = "{ viewer { id mutations stakeholder { userId } tokens { tokenId kind lastUsedAt } } }"
MADE = "token apiToken { tokenId kind holder issuedBy expiresAt revokedAt }"


async def make(service: Service, by: Person, **said: Any) -> tuple[Person, Any]:
    """Whoever signs in with a token that was made just now, and what is said of it."""
    payload = await service.do("createApiToken", by, MADE, **{"name": "laptop"} | said)
    return Person(payload["apiToken"]["holder"], payload["token"]), payload["apiToken"]


async def enrolment(service: Service, of: Person = ALICE) -> Person:
    """Somebody whose enrolment was reset, with the token that an administrator made then."""
    await service.do("resetEnrolment", ADA, userId=of.id, reason="The laptop was lost.")
    return (await make(service, ADA, holder={"userId": of.id}))[0]


async def signs_in(service: Service, who: Person) -> bool:
    status = (await service.post(VIEWER, by=who)).status_code
    assert status in {200, 401}
    return status == 200
