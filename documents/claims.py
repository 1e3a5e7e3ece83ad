"""What an issuer claims of a person, and what that gives the person here. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from documents.access import GovernanceRole, PlatformRole
from documents.errors import Unauthenticated
from documents.issuers import ClaimNames, Group, Issuer
from documents.risk.scales import RiskTier
from documents.values import Name

MOST_GROUPS, TEXT_LENGTH = 1_000, 500
STANDARD = ClaimNames()
_NAMES = TypeAdapter[str](Name)


class Grants(NamedTuple):
    """What an issuer gives a person. Without a platform role the person is a member by the governance roles."""

    roles: tuple[GovernanceRole, ...] = ()
    tiers: tuple[RiskTier, ...] = ()
    platform_role: PlatformRole | None = None

    @property
    def fits(self) -> bool:
        """Whether a person can hold all of it: whoever is an administrator or an auditor decides nothing."""
        return not (self.roles and self.platform_role in (PlatformRole.ADMIN, PlatformRole.AUDITOR))


class Claimed(NamedTuple):
    """What a token says of a person; a text is empty if the token does not say it."""

    user_id: str
    name: str
    email: str
    email_verified: bool
    department: str
    grants: Grants


def claimed(issuer: Issuer, claims: Mapping[str, Any]) -> Claimed:
    """What the claims of a token say of a person.

    Raises Unauthenticated for groups that are missing or were cut, and for groups that would make somebody an administrator and
    the holder of a governance role: nothing that is given or taken by half a list is right.
    """
    of = issuer.claims
    user_id, name, email = (_text(claims, each) for each in (of.user_id, of.name, of.email))
    # `email_verified` is about `email` (OpenID Connect Core 1.0 section 5.1), and says nothing of another claim.
    verified = issuer.trust_email or (of.email == STANDARD.email and claims.get("email_verified") is True)
    return Claimed(user_id, name, email, verified, _name(claims, of.department), _granted(issuer, claims))


def _text(claims: Mapping[str, Any], name: str) -> str:
    said = claims.get(name)
    return said if isinstance(said, str) and len(said) <= TEXT_LENGTH else ""


def _name(claims: Mapping[str, Any], name: str) -> str:
    """A claim that is the name of something; what is none counts as not said."""
    try:
        return _NAMES.validate_python(_text(claims, name))
    except ValidationError:
        return ""


def _granted(issuer: Issuer, claims: Mapping[str, Any]) -> Grants:
    if not issuer.group:
        return Grants()
    held = _groups(issuer, claims)
    matching = [each for each in issuer.group if each.is_ in held]
    found = Grants(
        tuple(dict.fromkeys(role for each in matching for role in each.roles)),
        tuple(dict.fromkeys(tier for each in matching for tier in each.tiers)),
        _highest(each.platform_role for each in matching),
    )
    if not found.fits:
        raise Unauthenticated(f"{issuer.name}: {_clash(matching)}; nobody is both, so leave one of the groups")
    return found


def _clash(groups: Iterable[Group]) -> str:
    above = next(each for each in groups if each.platform_role in (PlatformRole.ADMIN, PlatformRole.AUDITOR))
    below = next(each for each in groups if each.roles)
    role = above.platform_role.name if above.platform_role else ""
    return f"the group {above.is_} makes {role}, and the group {below.is_} gives {below.roles[0].name}"


def _highest(given: Iterable[PlatformRole | None]) -> PlatformRole | None:
    found = {*given}
    return next((each for each in (PlatformRole.ADMIN, PlatformRole.AUDITOR, PlatformRole.MEMBER) if each in found), None)


def _groups(issuer: Issuer, claims: Mapping[str, Any]) -> frozenset[str]:
    """The groups in a token. Entra leaves out groups that are too many, and says so by `_claim_names` or `hasgroups`."""
    name = issuer.claims.groups
    elsewhere = claims.get("_claim_names")
    if claims.get("hasgroups") or (isinstance(elsewhere, dict) and name in elsewhere):
        raise Unauthenticated(f"{issuer.name} left groups out of the token, because they are too many: have it send fewer")
    said = claims.get(name)
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said) or len(said) > MOST_GROUPS:
        raise Unauthenticated(f"the token has no claim `{name}` with a list of groups: have {issuer.name} send it")
    return frozenset(said)
