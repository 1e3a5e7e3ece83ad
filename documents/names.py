"""Names: what events call people and services by. A name is one actor's, so that nobody acts under the name of somebody else."""

from collections.abc import Collection

from documents.access import RESERVED
from documents.errors import InvalidInput
from documents.people import Stakeholder, folded
from documents.search import TOKENS, words
from documents.store.fields import fields_at
from documents.tokens import ApiToken, TokenKind

_SERVICE = {"kind": TokenKind.SERVICE}


async def refuse_name_of_person(service: str) -> None:
    """Raises InvalidInput for a new service that would look like a person or like Magistrate itself.

    A service that had a token before this rule goes on under its name.
    """
    path = "holder.service.name"
    if await ApiToken.seek(_SERVICE | {"holder": service}, fields_at("holder")):
        return
    if folded(service) in RESERVED:
        raise InvalidInput(path, "is what events call Magistrate itself, or whoever has not signed in")
    for each in await Stakeholder.read({}, fields=fields_at("user_id")):
        if folded(each.user_id) == folded(service):
            raise InvalidInput(path, f"must be a service's own; it is the user id of a person: {each.user_id}")


async def is_name_of_person(service: str) -> bool:
    """Whether a service would act under what looks like the user id of a person, or as Magistrate itself.

    Each request of a program asks it, so only those are compared who share the longest word of the name, by the index of words.
    """
    if folded(service) in RESERVED or await Stakeholder.tally({"user_id": service}):
        return True
    word = max(words([service]), key=len)
    sharing = await Stakeholder.read({TOKENS: word}, fields=fields_at("user_id"))
    return any(folded(each.user_id) == folded(service) for each in sharing)


async def refuse_name_of_service(user_id: str, services: Collection[str]) -> None:
    """Raises InvalidInput for a new person who would look like a service: one of `services`, or one with a token, once or now."""
    for each in [*services, *(token.holder for token in await ApiToken.read(_SERVICE, fields=fields_at("holder")))]:
        if folded(each) == folded(user_id):
            raise InvalidInput("user_id", f"must be a person's own; it is the name of a service: {each}")
