"""Signs in programs by what their issuer asserts of the run that they belong to."""

from documents.access import Actor, ActorType, PlatformRole
from documents.errors import Unauthenticated
from documents.names import is_name_of_person
from documents.workloads import refused, rule_for, run_of
from gql.issuers.tokens import Assertion


async def service_of(assertion: Assertion) -> Actor:
    """The service as which a program acts, with what its rule lists; Unauthenticated for a program that no rule lets in."""
    issuer, claims = assertion.issuer, assertion.claims
    rule = rule_for(issuer, claims)
    if rule is None:
        raise Unauthenticated(refused(issuer, claims))
    if await is_name_of_person(rule.service):
        raise Unauthenticated(f"the service {rule.service} of {issuer.name} has the user id of a person: an operator renames it")
    return Actor(
        rule.service, ActorType.AUTOMATED, frozenset({PlatformRole.SERVICE}), token_issuer=run_of(issuer, claims),
        mutations=frozenset(rule.mutations), reach=rule.reach,
    )  # fmt: skip
