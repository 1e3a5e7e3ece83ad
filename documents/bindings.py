"""Bindings: by which issuers a person signs in, and what the person holds because of them. Pure."""

from collections.abc import Iterable
from typing import ClassVar, Self

from pydantic import Field

from documents.access import GovernanceRole, PlatformRole
from documents.claims import Grants
from documents.risk.scales import RiskTier
from documents.values import Key, Moment, Value

RANKS = (PlatformRole.MEMBER, PlatformRole.AUDITOR, PlatformRole.ADMIN)


class Binding(Value):
    """A binding says by which issuer a person signs in, and what the issuer's groups give the person."""

    unasked: ClassVar = frozenset({"subject"})

    issuer: Key = Field(description="The name that the issuer has in the file of issuers.")
    subject: str = Field(description="The id that the issuer has for the person.")
    bound_at: Moment = Field(description="The time the person first signed in by the issuer.")
    platform_role: PlatformRole | None = Field(default=None, description="The platform role that the issuer's groups give.")
    roles: tuple[GovernanceRole, ...] = Field(default=(), description="The governance roles that the issuer's groups give.")
    authorized_tiers: tuple[RiskTier, ...] = Field(default=(), description="The tiers that the issuer's groups give.")

    def giving(self, grants: Grants) -> Self:
        """The binding with what the issuer's groups give now."""
        said = {"platform_role": grants.platform_role, "roles": grants.roles, "authorized_tiers": grants.tiers}
        return type(self)(**dict(self) | said)


class Holding(Value):
    """A holding is what a person was given here, beside what issuers give."""

    platform_role: PlatformRole = Field(description="The platform role that was given here.")
    roles: tuple[GovernanceRole, ...] = Field(description="The governance roles that were given here.")
    authorized_tiers: tuple[RiskTier, ...] = Field(description="The tiers that were given here.")

    def with_all(self, bindings: Iterable[Binding]) -> Self:
        """All that a person holds: what was given here, and what each issuer gives."""
        found = [*bindings]
        platform = max((self.platform_role, *(each.platform_role for each in found if each.platform_role)), key=RANKS.index)
        return type(self)(
            platform_role=platform,
            roles=tuple(dict.fromkeys((*self.roles, *(role for each in found for role in each.roles)))),
            authorized_tiers=tuple(
                dict.fromkeys((*self.authorized_tiers, *(t for each in found for t in each.authorized_tiers)))
            ),
        )


NOTHING = Holding(platform_role=PlatformRole.MEMBER, roles=(), authorized_tiers=())
"""What was given here to somebody who joined by an issuer."""
