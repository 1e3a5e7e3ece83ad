"""People: who they are, what they answer for, and what they may decide."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase
from typing import ClassVar, Self
from unicodedata import category, normalize

from pydantic import Field

from documents.access import (
    RESERVED,
    GovernanceRole,
    Permission,
    PlatformRole,
    needed_as,
    refuse_involved,
    refuse_second_role,
)
from documents.audit.event import AuditEventType
from documents.bindings import ERASED, NOTHING, Binding, Holding, here_after
from documents.claims import Grants
from documents.errors import AlreadyExists, Forbidden, InvalidInput, InvalidState, NotReady, Unauthenticated
from documents.identities import Identity, IdentityBasis, IdentityMark
from documents.risk.scales import RiskTier
from documents.search import BY_TOKENS, Searchable
from documents.store.fields import fields_at
from documents.store.indexes import index
from documents.store.units import Bearing, current_unit
from documents.values import Email, Key, Moment, Name

ERASED_EMAIL = "erased@erased.invalid"  # what stands in the place of a name and of an address that was erased
UNKNOWN_EMAIL = "unknown@unknown.invalid"  # what stands in the place of an address that nothing proves


class Stakeholder(Searchable):
    """A stakeholder is a person who governs models."""

    keys: ClassVar = ("user_id",)
    bears_on: ClassVar = (Bearing({"standing.accountable_ids": "user_id"}, when=frozenset({"active", "roles"})),)
    event: ClassVar = AuditEventType.ACCESS_GRANTED
    grants_access: ClassVar = True
    private: ClassVar = frozenset({"name", "email", "bindings.*.subject"})
    searched: ClassVar = ("user_id", "name", "department")
    ordered: ClassVar = frozenset({"user_id", "name", "department", "registered_at"})
    grouped: ClassVar = frozenset({"name", "department", "active", "platform_role", "roles", "authorized_tiers"})
    bounded: ClassVar = frozenset({"registered_at"})

    user_id: Key = Field(description="The id that names the person everywhere.")
    name: Name = Field(description="The full name that the person has.")
    email: Email = Field(description="The e-mail address is shown inside the department only.")
    email_set_by: tuple[Key, ...] | None = Field(
        default=None,
        description="The user ids of whoever set the e-mail address here, and of the unconfirmed people who enrolled one another "
        "before; empty if an issuer said it, null if not known.",
    )
    email_set_at: Moment | None = Field(default=None, description="The time the e-mail address was set; null if not known.")
    department: Name = Field(description="The department that the person works in.")
    platform_role: PlatformRole = Field(description="The platform role that the person has.")
    roles: tuple[GovernanceRole, ...] = Field(description="The governance roles that the person holds.")
    authorized_tiers: tuple[RiskTier, ...] = Field(description="The tiers that the person may decide about.")
    active: bool = Field(default=True, description="Whether the person may act.")
    registered_at: Moment = Field(description="The time the person was registered.")
    identity: Identity = Field(default=Identity(), description="The identity says how far it is known who signs in.")
    bindings: tuple[Binding, ...] = Field(default=(), description="The issuers by which the person signs in.")
    held_here: Holding | None = Field(
        default=None,
        description="The holding that was given here; null while no issuer gives anything.",
    )

    collection: ClassVar = "stakeholders"
    indexes: ClassVar = [
        index("registered_at", "_id"), index("department", "registered_at", "_id"), index("bindings.subject"), BY_TOKENS,
    ]  # fmt: skip

    @classmethod
    def register(
        cls,
        user_id: str,
        name: str,
        email: str,
        department: str,
        platform_role: PlatformRole,
        roles: tuple[GovernanceRole, ...],
        authorized_tiers: tuple[RiskTier, ...],
        at: datetime,
        by: Sequence[str] | None = None,
    ) -> Self:
        """A new person, whose e-mail address the first of `by` set.

        InvalidInput if the roles do not fit the platform role, or the id is one that events use for nobody.
        """
        if user_id.lower() in RESERVED:
            raise InvalidInput("user_id", "is what events call Magistrate itself, or whoever has not signed in")
        _fits(platform_role, roles)
        return cls(
            user_id=user_id, name=name, email=email, department=department, platform_role=platform_role,
            roles=tuple(dict.fromkeys(roles)), authorized_tiers=tuple(dict.fromkeys(authorized_tiers)), registered_at=at,
            email_set_by=None if by is None else tuple(by), email_set_at=None if by is None else at,
        )  # fmt: skip

    @classmethod
    def joining(cls, user_id: str, name: str, email: str, department: str, at: datetime) -> Self:
        """Somebody who was not registered and comes by an issuer, and holds nothing yet.

        InvalidInput for an id that events use for nobody, ValidationError for another value that a person cannot have.
        """
        if user_id.lower() in RESERVED:
            raise InvalidInput("user_id", "is what events call Magistrate itself, or whoever has not signed in")
        return cls(
            user_id=user_id, name=name, email=email, department=department, registered_at=at, email_set_by=(), email_set_at=at,
            **dict(NOTHING),
        )  # fmt: skip

    def change(
        self, name: str | None, department: str | None, platform_role: PlatformRole | None,
        roles: tuple[GovernanceRole, ...] | None, authorized_tiers: tuple[RiskTier, ...] | None, active: bool | None,
    ) -> None:  # fmt: skip
        """Changes the fields that are not None; `active` lets the person act again. A lost role or tier is ACCESS_REVOKED.

        Whoever is an administrator no longer is to be confirmed again: an administrator could make others who make him a
        reviewer.
        """
        if active is False:
            raise InvalidInput("active", "ends nothing: to end what a person may do is deactivateStakeholder")
        _is_for_people(platform_role)
        before, administered = self._powers, self.platform_role is PlatformRole.ADMIN
        self.name, self.department = name or self.name, department or self.department
        self._hold(here_after(self._here, self.bindings, platform_role, roles, authorized_tiers))
        self.active = active or self.active
        _fits(self.platform_role, self.roles)
        if administered and self.platform_role is not PlatformRole.ADMIN:
            self.identity = self.identity.unconfirmed
        if before - self._powers:
            self.names_event(AuditEventType.ACCESS_REVOKED)

    def set_email(self, email: str, by: Sequence[str], at: datetime) -> None:
        """Gives the person another e-mail address, which the first of `by` set; one that binds nobody else was set before.

        Whoever checked the address before has not checked this one.
        """
        if not same_address(email, self.email):
            self.email_set_by, self.email_set_at = tuple(by), at
            self.identity = self.identity.with_another_email
            self.bindings = tuple(each.with_another_email for each in self.bindings)
        self.email = email

    @property
    def _here(self) -> Holding:
        """What the person was given here."""
        own = Holding(platform_role=self.platform_role, roles=self.roles, authorized_tiers=self.authorized_tiers)
        return self.held_here or own

    def _hold(self, here: Holding) -> None:
        """Lets the person hold what was given `here` and what issuers give."""
        all_ = here.with_all(self.bindings)
        self.held_here = here if any(each.gives for each in self.bindings) else None
        self.platform_role, self.roles, self.authorized_tiers = all_.platform_role, all_.roles, all_.authorized_tiers

    def bound_by(self, issuer: str) -> Binding | None:
        return next((each for each in self.bindings if each.issuer == issuer), None)

    def must_be_bound_to(self, issuer: str, url: str) -> None:
        """Unauthenticated unless the person signs in by the issuer of that name and URL: a name can become another issuer's."""
        binding = self.bound_by(issuer)
        if binding is None:
            raise Unauthenticated(f"{self.user_id} does not sign in by {issuer}")
        if binding.url != url:
            raise Unauthenticated(f"{self.user_id} signs in by {issuer} at {binding.url}, and not at {url}: endBinding ends that")

    def bind(self, issuer: str, url: str, subject: str, at: datetime) -> None:
        """Lets the person sign in by an issuer from now on; Unauthenticated if another id does.

        That confirms somebody new, of whom the issuer says all. Somebody who was registered is found by an e-mail address that
        was set here: whoever set it may have chosen who signs in, so that only a confirmation by others who checked it counts.
        """
        if self.bound_by(issuer):
            raise Unauthenticated(f"{self.user_id} signs in by {issuer} under another id, until endBinding ends that")
        binding = Binding(issuer=issuer, url=url, subject=subject, bound_at=at, email_set_by=self.email_set_by)
        self.bindings = (*self.bindings, binding)
        if self.was is None:
            reason = f"Signed in by {issuer}."
            self.identity = self.identity.after_confirmation(issuer, IdentityBasis.ISSUER, reason, at, email_checked=True)
        elif binding.is_by_email_of_ours and not self.identity.email_checked:
            self.identity = self.identity.unconfirmed

    @property
    def _setters(self) -> tuple[str, ...]:
        """Whoever set the e-mail addresses by which issuers' people became this one, and the unconfirmed people before."""
        return tuple(dict.fromkeys(one for each in self.bindings for one in each.email_set_by or ()))

    @property
    def mark(self) -> IdentityMark:
        """What is known of the identity now."""
        return self.identity.mark(self._setters)

    def take(self, issuer: str, grants: Grants) -> None:
        """Lets the person hold what an issuer gives now, and no longer what it gave before. What others gave stays.

        Raises Unauthenticated if the person would decide and be an administrator or auditor. A lost role or tier is
        ACCESS_REVOKED.
        """
        before, here, all_ = self._powers, self._here, self.holding(issuer, grants)
        if not Grants(all_.roles, all_.authorized_tiers, all_.platform_role).fits:
            role = all_.roles[0].name
            raise Unauthenticated(
                f"{self.user_id} would be {all_.platform_role.name} and hold {role}: leave the groups of one of both"
            )
        self.bindings = self._given(issuer, grants)
        self._hold(here)
        if before - self._powers:
            self.names_event(AuditEventType.ACCESS_REVOKED)

    def holding(self, issuer: str, grants: Grants) -> Holding:
        """All that the person would hold if an issuer gave that."""
        return self._here.with_all(self._given(issuer, grants))

    def _given(self, issuer: str, grants: Grants) -> tuple[Binding, ...]:
        return tuple(each.giving(grants) if each.issuer == issuer else each for each in self.bindings)

    @property
    def holds_nothing(self) -> bool:
        """Whether neither anybody here nor an issuer gives the person a role."""
        return self.platform_role is PlatformRole.MEMBER and not self.roles

    @property
    def _powers(self) -> frozenset[str]:
        """The roles and tiers that a person can lose; an administrator has the powers of an auditor."""
        reads_all = {PlatformRole.AUDITOR} if self.platform_role is PlatformRole.ADMIN else set()
        return frozenset({self.platform_role, *reads_all, *self.roles, *self.authorized_tiers} - {PlatformRole.MEMBER})

    def deactivate(self) -> None:
        """Ends what the person may do; the record of the person and of past decisions stays."""
        if not self.active:
            raise InvalidState("deactivateStakeholder", "INACTIVE", ["ACTIVE"])
        self.active = False

    def may_be_erased(self) -> None:
        """InvalidState for a person who is active."""
        if self.active:
            raise InvalidState(Permission.ERASE_PERSONAL_DATA.value, "ACTIVE", ["INACTIVE"])

    @property
    def is_erased(self) -> bool:
        return (self.name, self.email) == (ERASED, ERASED_EMAIL)

    def erase(self) -> None:
        """Puts placeholders in the place of the person's name and e-mail address, and of the ids that issuers know."""
        self.name, self.email = ERASED, ERASED_EMAIL
        self.bindings = tuple(each.erased for each in self.bindings)
        self.names_event(AuditEventType.ACCESS_REVOKED)

    def enrol(self, by: str, issuers: Sequence[str], at: datetime) -> None:
        """Notes that the person has a token of their own now, by an enrolment token that `by` made."""
        self.may_enrol()
        self.identity = self.identity.after_enrolment(by, issuers, at)

    def may_enrol(self) -> None:
        """Raises InvalidState unless the person is active, NotReady once they have enrolled."""
        if not self.active:
            raise InvalidState(Permission.CREATE_API_TOKEN.value, "INACTIVE", ["ACTIVE"])
        if self.bindings:
            problem = f"{self.user_id} signs in by {self.bindings[0].issuer}, and is never enrolled by a token"
            raise NotReady(Permission.CREATE_API_TOKEN.value, "BOUND", ["UNENROLLED"], problem)
        if self.identity.enrolled:
            problem = f"{self.user_id} has enrolled; resetEnrolment ends all tokens of the person, who can then enrol again"
            raise NotReady(Permission.CREATE_API_TOKEN.value, "ENROLLED", ["UNENROLLED"], problem)

    def reset_enrolment(self, reason: str, by: str, at: datetime) -> None:
        """Makes the person somebody who has not enrolled, and whose identity is not confirmed; only another person may."""
        refuse_involved(by, {self.user_id}, "would be left without a token", "another ADMIN")
        if not self.identity.enrolled:
            raise InvalidState(Permission.RESET_ENROLMENT.value, "UNENROLLED", ["ENROLLED"])
        self.identity = self.identity.after_reset(reason, by, at)

    def end_binding(self, issuer: str, by: str) -> None:
        """Ends that the person signs in by an issuer, and takes all that the issuer gave; only another person may.

        Raises InvalidInput if the person does not sign in by it. Whoever is an administrator no longer is to be confirmed again.
        """
        refuse_involved(by, {self.user_id}, "would end how they sign in themselves", "another ADMIN")
        if self.bound_by(issuer) is None:
            raise InvalidInput("issuer", f"must be one by which {self.user_id} signs in")
        here, administered = self._here, self.platform_role is PlatformRole.ADMIN
        self.bindings = tuple(each for each in self.bindings if each.issuer != issuer)
        self._hold(here)
        if administered and self.platform_role is not PlatformRole.ADMIN:
            self.identity = self.identity.unconfirmed

    def confirm_identity(self, reason: str, email: str | None, by: "Stakeholder", at: datetime) -> None:
        """Confirms who the person is, by somebody confirmed who has no part in the enrolment; `email` is what they checked.

        NotReady where it is not enough that they know the person, InvalidInput for another e-mail address than the person has.
        """
        if not by.identity.confirmed:
            raise Forbidden(f"the identity of {by.user_id} is not confirmed", ["a confirmed COMPLIANCE_OFFICER or ADMIN"])
        refuse_involved(by.user_id, {self.user_id}, "does not confirm their own identity")
        refuse_involved(by.user_id, self.mark.chain, f"had a part in how {self.user_id} signs in")
        self._may_be_confirmed()
        if (self.identity.enrolled and not self.identity.enrolled_by) or any(each.email_set_by is None for each in self.bindings):
            problem = f"it is not known who let {self.user_id} in: resetEnrolment, or `magistrate admin confirm` on the host"
            raise _cannot_confirm_yet(problem)
        self._must_be_bound_by_this_email()
        if email is not None:
            self._must_have(email, by.user_id)
        elif by_email := [each.issuer for each in self.bindings if each.is_by_email_of_ours]:
            raise _cannot_confirm_yet(
                f"{self.user_id} signs in by {by_email[0]} because of an e-mail address that was set here: say in `email` "
                "which one you checked"
            )
        self.identity = self.identity.after_confirmation(
            by.user_id, IdentityBasis.PERSON, reason, at, email_checked=email is not None
        )

    def _must_have(self, email: str, by: str) -> None:
        """Refuses a check of the e-mail address by whoever set it, or may have, and of another address than the person has."""
        if self.email_set_by is None:
            raise _cannot_confirm_yet(
                f"it is not known who set the e-mail address of {self.user_id}: leave `email` out, or `magistrate admin confirm` "
                "on the host"
            )
        refuse_involved(by, set(self.email_set_by), f"had a part in the e-mail address of {self.user_id}, and does not check it")
        if not same_address(email, self.email):
            raise InvalidInput("email", f"must be the e-mail address that {self.user_id} has here, which is another")

    def _must_be_bound_by_this_email(self) -> None:
        """NotReady if an issuer's person was found by an e-mail address that was set here and is not known any more."""
        for each in self.bindings:
            if each.is_by_email_of_ours and each.email_changed:
                problem = (
                    f"{self.user_id} signs in by {each.issuer} because of an e-mail address that was changed since: endBinding"
                )
                raise _cannot_confirm_yet(problem)

    def confirm_on_host(self, reason: str, by: str, at: datetime) -> None:
        """Confirms who the person is and has the e-mail address, by somebody with access to the host."""
        self._may_be_confirmed()
        self._must_be_bound_by_this_email()
        self.identity = self.identity.after_confirmation(by, IdentityBasis.HOST, reason, at, email_checked=True)

    def recover(self, by: str, at: datetime) -> None:
        """Makes an administrator able to act, by somebody with access to the host; ends what is known of who it is.

        The person is an administrator here from then on, whatever an issuer gives.
        """
        self.active, self.bindings = True, tuple(each.giving(Grants()) for each in self.bindings)
        self._hold(Holding(platform_role=PlatformRole.ADMIN, roles=(), authorized_tiers=self.authorized_tiers))
        self.identity = self.identity.unconfirmed if self.identity.enrolled else self.identity.after_enrolment(by, (), at)

    def forget_entrances(self, by: str, at: datetime) -> None:
        """Ends all by which issuers let somebody in as this person: the bindings, and the e-mail address."""
        here, self.bindings = self._here, ()
        self._hold(here)
        self.set_email(UNKNOWN_EMAIL, (by,), at)

    def _may_be_confirmed(self) -> None:
        """Raises InvalidState unless the person is active, has enrolled or signs in by an issuer, and is not confirmed.

        Whoever has not yet a way to sign in cannot be confirmed: the next enrolment token would be somebody's who is.
        """
        if not self.active or not (self.identity.enrolled or self.bindings) or self.identity.confirmed:
            known = "CONFIRMED" if self.identity.confirmed else "UNENROLLED"
            raise InvalidState(Permission.CONFIRM_IDENTITY.value, known if self.active else "INACTIVE", ["UNCONFIRMED"])

    def holds(self, role: GovernanceRole) -> bool:
        return self.active and role in self.roles

    def may_decide(self, role: GovernanceRole, tier: RiskTier) -> bool:
        return self.holds(role) and tier in self.authorized_tiers

    def must_act_as(
        self, role: GovernanceRole, required: Sequence[GovernanceRole], tier: RiskTier | None, before: Iterable[GovernanceRole]
    ) -> None:
        """Forbidden unless the role is required and held, the tier authorised, and no other role was acted in `before`."""
        who = self.user_id
        if role not in required or not self.holds(role):
            raise Forbidden(f"{who} cannot decide as {role.name}", needed_as(role, required, self.holds))
        if tier and not self.may_decide(role, tier):
            raise Forbidden(f"{who} is not authorised for {tier.name}", [f"authorised for {tier.name}"])
        refuse_second_role(role, who, before)


def _cannot_confirm_yet(problem: str) -> NotReady:
    return NotReady(Permission.CONFIRM_IDENTITY.value, "UNCONFIRMED", ["UNCONFIRMED"], problem)


def _is_for_people(platform_role: PlatformRole | None) -> None:
    if platform_role is PlatformRole.SERVICE:
        raise InvalidInput("platform_role", "is not for people: a service gets a token, from createApiToken")


def _fits(platform_role: PlatformRole, roles: tuple[GovernanceRole, ...]) -> None:
    """InvalidInput unless a member holds a governance role, and an administrator or auditor, who decides nothing, holds none."""
    _is_for_people(platform_role)
    if (platform_role is PlatformRole.MEMBER) is not bool(roles):
        problem = "must name one role or more for a member" if not roles else f"must be empty for an {platform_role}"
        raise InvalidInput("roles", problem)


async def keep_administered(action: str) -> None:
    """InvalidState unless an active administrator is left: without one, nobody could let anybody in.

    Looks only if the unit of work changed one.
    """
    changed = (each.before for each in current_unit(action).changes if isinstance(each.record, Stakeholder))
    if not any(before and before.get("active") and before.get("platform_role") == PlatformRole.ADMIN for before in changed):
        return
    if not await Stakeholder.tally({"platform_role": PlatformRole.ADMIN, "active": True}):
        raise InvalidState(action, "LAST_ADMINISTRATOR", ["ANOTHER_ADMINISTRATOR"])


async def refuse_unknown(named: Mapping[str, str | None]) -> None:
    """InvalidInput at the first path of `named` whose user id is that of no active person; None names nobody."""
    ids = {each for each in named.values() if each is not None}
    found = await Stakeholder.read({"user_id": {"$in": sorted(ids)}, "active": True}, fields=fields_at("user_id")) if ids else []
    active = {each.user_id for each in found}
    for path, user_id in named.items():
        if user_id is not None and user_id not in active:
            raise InvalidInput(path, f"must be the user id of an active person; {user_id} is not")


async def keep_distinct(person: Stakeholder) -> None:
    """Refuses a new person, a new e-mail address or a return by which one person would look like another.

    Raises AlreadyExists for a user id that differs from another one by upper and lower case only, and InvalidInput for the
    e-mail address of another active person. What was stored before this rule is left as it is: `doubles` finds it.
    """
    before = person.was
    arrives = before is None or (person.active and not before["active"])
    if not arrives and before and folded(before["email"]) == folded(person.email):
        return
    others = [each for each in await Stakeholder.read({}, fields=_KNOWN_BY) if each.user_id != person.user_id]
    for each in others:
        if arrives and folded(each.user_id) == folded(person.user_id) and (each.active or before is None):
            raise AlreadyExists("Stakeholder", each.user_id)
    for each in others:
        if person.active and each.active and folded(each.email) == folded(person.email):
            raise InvalidInput("email", f"must be a person's own; it is that of {each.user_id}, who is active")


async def doubles() -> Mapping[str, tuple[str, ...]]:
    """The active people who look like others, each by user id, with the ids of those others."""
    alike: dict[tuple[str, str], list[str]] = {}
    for each in await Stakeholder.read({"active": True}, [("user_id", 1)], fields=_KNOWN_BY):
        for name in ("user_id", "email"):
            alike.setdefault((name, folded(getattr(each, name))), []).append(each.user_id)
    found: dict[str, dict[str, None]] = {}
    for group in alike.values():
        for who in group:
            found.setdefault(who, {}).update(dict.fromkeys(other for other in group if other != who))
    return {who: tuple(sorted(others)) for who, others in found.items() if others}


_KNOWN_BY = fields_at("user_id", "email", "active")


def same_address(one: str, other: str) -> bool:
    """Whether two e-mail addresses are one: the case of ASCII letters makes no other, and nothing else is left out."""
    return one.translate(_LOWER) == other.translate(_LOWER)


_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def folded(text: str) -> str:
    """The text as it compares with others that look like it: the case, the form and characters that nobody sees make no other."""
    return "".join(each for each in normalize("NFKC", text) if category(each) != "Cf").casefold()


async def holder_of(user_id: str, role: GovernanceRole, path: str) -> Stakeholder:
    """The active person of that id who holds `role`; InvalidInput at `path` if there is none."""
    person = await Stakeholder.wanted(user_id)
    if person is None or not person.holds(role):
        raise InvalidInput(path, f"must be an active stakeholder who holds {role.name}; {user_id} is not")
    return person
