"""People and tokens as they lie in the database, altered there directly."""

from typing import Any

from tests.service import ALICE, Person, Service

Row = dict[str, Any]
VIEWER = "{ viewer { id } }"
SECRET = "x" * 43
ONE_MESSAGE = "the token is unknown, expired or revoked"


def people(service: Service) -> Any:
    return service.database.collection("stakeholders")


def tokens(service: Service) -> Any:
    return service.database.collection("api_tokens")


async def row_of(service: Service, user_id: str) -> Row:
    found: Row = await people(service).find_one({"user_id": user_id})
    return found


async def token_of(service: Service, token_id: str) -> Row:
    found: Row = await tokens(service).find_one({"token_id": token_id})
    return found


async def change(service: Service, user_id: str, **fields: Any) -> None:
    await people(service).update_one({"user_id": user_id}, {"$set": fields})


async def change_token(service: Service, token_id: str, **fields: Any) -> None:
    await tokens(service).update_one({"token_id": token_id}, {"$set": fields})


async def put_back(collection: Any, row: Row) -> None:
    await collection.replace_one({"_id": row["_id"]}, row)


async def refused(service: Service, by: Person = ALICE) -> str:
    """The message of the refusal, to whoever asks once nobody is trusted because of an earlier look."""
    service.later(seconds=service.settings.identity_seconds)
    answer = (await service.post(VIEWER, by=by)).json()
    assert answer["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED", "problem": ONE_MESSAGE}
    return str(answer["errors"][0]["message"])
