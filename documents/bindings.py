"""Bindings: by which issuers a person signs in, and what the person holds because of them. Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import ClassVar, Self

from pydantic import Field

from documents.access import GovernanceRole, PlatformRole
from documents.claims import Grants
from documents.errors import InvalidInput
from documents.risk.scales import RiskTier
from documents.values import Key, Moment, Value

ERASED = "erased"
RANKS = (PlatformRole.MEMBER, PlatformRole.AUDITOR, PlatformRole.ADMIN)


class Binding(Value):
    """A binding says by which issuer a person signs in, and what the issuer's groups give the person."""

    unasked: ClassVar = frozenset({"subject", "email_set_by", "email_changed"})

    issuer: Key = Field(description="The name that the issuer has in the file of issuers.")
    url: str = Field(description="The URL by which the issuer names itself.")
    subject: str = Field(description="The id that the issuer has for the person.")
    bound_at: Moment = Field(description="The time the person first signed in by the issuer.")
    email_set_by: tuple[Key, ...] | None = Field(
        default=None,
        description="The user ids of whoever set the e-mail address by which the issuer's person was found here, and of the "
        "unconfirmed people before; empty for somebody who joined by the issuer, null if not known.",
    )
    email_changed: bool = Field(
        default=False,
        description="Whether the person was given another e-mail address since the issuer's person was found by one.",
    )
    platform_role: PlatformRole | None = Field(default=None, description="The platform role that the issuer's groups give.")
    roles: tuple[GovernanceRole, ...] = Field(default=(), description="The governance roles that the issuer's groups give.")
    authorized_tiers: tuple[RiskTier, ...] = Field(default=(), description="The tiers that the issuer's groups give.")

    @property
    def gives(self) -> bool:
        return bool(self.platform_role or self.roles or self.authorized_tiers)

    @property
    def is_by_email_of_ours(self) -> bool:
        """Whether the issuer's person was found by an e-mail address that somebody here set, or may have."""
        return self.email_set_by != ()

    @property
    def with_another_email(self) -> Self:
        """The binding of a person who has another e-mail address now."""
        return type(self)(**dict(self) | {"email_changed": True})

    @property
    def erased(self) -> Self:
        """The binding without the id, by which nobody signs in any more."""
        return type(self)(**dict(self) | {"subject": ERASED})

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
        ranks = [self.platform_role, *(each.platform_role for each in found if each.platform_role)]
        roles = [*self.roles, *(role for each in found for role in each.roles)]
        tiers = [*self.authorized_tiers, *(tier for each in found for tier in each.authorized_tiers)]
        return type(self)(
            platform_role=max(ranks, key=RANKS.index),
            roles=tuple(dict.fromkeys(roles)),
            authorized_tiers=tuple(dict.fromkeys(tiers)),
        )


def here_after(
    here: Holding,
    bindings: Sequence[Binding],
    platform_role: PlatformRole | None,
    roles: tuple[GovernanceRole, ...] | None,
    tiers: tuple[RiskTier, ...] | None,
) -> Holding:
    """What a person is given here once these are all that the person is to hold; None leaves them as they are.

    What an issuer gives is no gift of ours by being named again. InvalidInput for what leaves out something that an issuer gives.
    """
    for each in bindings:
        if platform_role and each.platform_role and RANKS.index(platform_role) < RANKS.index(each.platform_role):
            raise InvalidInput("platform_role", f"must not be below {each.platform_role.name}, which {each.issuer} gives")
        for path, given, kept in (("roles", each.roles, roles), ("authorized_tiers", each.authorized_tiers, tiers)):
            if missing := [one.name for one in given if kept is not None and one not in kept]:
                raise InvalidInput(path, f"must name {missing[0]}, which {each.issuer} gives, and which its groups alone take")
    foreign = {one for each in bindings for one in (*each.roles, *each.authorized_tiers, each.platform_role) if one}
    mine = {*here.roles, *here.authorized_tiers, here.platform_role}
    own = [one for one in (*(roles or ()), *(tiers or ())) if one in mine or one not in foreign]
    return Holding(
        platform_role=_rank_after(here.platform_role, platform_role, foreign),
        roles=here.roles if roles is None else tuple(dict.fromkeys(one for one in own if isinstance(one, GovernanceRole))),
        authorized_tiers=here.authorized_tiers
        if tiers is None
        else tuple(dict.fromkeys(one for one in own if isinstance(one, RiskTier))),
    )


def _rank_after(here: PlatformRole, wanted: PlatformRole | None, foreign: Collection[object]) -> PlatformRole:
    """The rank that is given here: one that is wanted is, unless an issuer gives it; then no higher one is."""
    if wanted is None or (wanted in foreign and RANKS.index(wanted) > RANKS.index(here)):
        return here
    return PlatformRole.MEMBER if wanted in foreign and wanted is not here else wanted


NOTHING = Holding(platform_role=PlatformRole.MEMBER, roles=(), authorized_tiers=())
"""What was given here to somebody who joined by an issuer."""
