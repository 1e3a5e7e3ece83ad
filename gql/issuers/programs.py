"""Signs in programs by what their issuer asserts of the run that they belong to."""

from collections.abc import Mapping
from typing import Any

from documents.access import Actor, ActorType, PlatformRole
from documents.errors import Unauthenticated
from documents.issuers import Issuer
from documents.names import is_name_of_person
from documents.workloads import refused, rule_for, run_of
from gql.issuers.tokens import Assertion


async def service_of(assertion: Assertion) -> Actor:
    """The service as which a program acts, with what its rule lists; Unauthenticated for a program that no rule lets in."""
    actor = actor_of(assertion.issuer, assertion.claims)
    if await is_name_of_person(actor.id):
        name = assertion.issuer.name
        raise Unauthenticated(f"the service {actor.id} of {name} has the user id of a person: an operator renames it")
    return actor


def actor_of(issuer: Issuer, claims: Mapping[str, Any]) -> Actor:
    """The service that the rules of an issuer name for a program; Unauthenticated where none lets it in."""
    rule = rule_for(issuer, claims)
    if rule is None:
        raise Unauthenticated(refused(issuer, claims))
    return Actor(
        rule.service, ActorType.AUTOMATED, frozenset({PlatformRole.SERVICE}), token_issuer=run_of(issuer, claims),
        mutations=frozenset(rule.mutations), reach=rule.reach,
    )  # fmt: skip
