"""Identities: how far it is known that whoever signs in as a person is that person."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Self

from pydantic import Field

from documents.errors import LimitExceeded
from documents.values import LIST_LENGTH, Choice, Key, Moment, Statement, Value


class IdentityBasis(Choice):
    """An identity is confirmed on one of these grounds."""

    HOST = "host", "Somebody with access to the host confirmed it: `magistrate admin confirm`."
    PERSON = "person", "Somebody whose own identity is confirmed confirmed it: `confirmIdentity`."
    ISSUER = "issuer", "An identity provider confirmed it."


class EnrolmentReset(Value):
    """A reset ended an enrolment, so that the person could enrol again."""

    at: Moment = Field(description="The time it was reset.")
    by: Key = Field(description="The user id of whoever reset it.")
    reason: Statement = Field(description="The reason why it was reset.")


class IdentityMark(Value):
    """A mark says what was known of a person's identity at the time of an act."""

    unasked: ClassVar = frozenset({"email_set_by", "issuers"})

    confirmed: bool = Field(description="Whether the identity was confirmed.")
    enrolled_by: Key | None = Field(
        default=None,
        description="The user id of whoever made the enrolment token, `system` for the first start; null if not known.",
    )
    email_set_by: Key | None = Field(
        default=None,
        description="The user id of whoever set the e-mail address by which an identity provider's person became this one.",
    )
    issuers: tuple[Key, ...] = Field(
        default=(),
        description="The unconfirmed people who enrolled one another before the enroller or whoever set the address.",
    )

    @property
    def chain(self) -> tuple[str, ...]:
        """Everybody who may have made it somebody else who signs in: by a token, or by an e-mail address."""
        return tuple(each for each in (self.enrolled_by, self.email_set_by, *self.issuers) if each)


class Identity(Value):
    """An identity says how a person came to sign in, and who confirmed it."""

    unasked: ClassVar = frozenset({"issuers", "reason", "reset"})

    confirmed: bool = Field(default=False, description="Whether somebody other than the enroller and the person confirmed it.")
    enrolled_by: Key | None = Field(
        default=None,
        description="The user id of whoever made the enrolment token, `system` for the first start; null if not known.",
    )
    enrolled_at: Moment | None = Field(default=None, description="The time the person enrolled; null before that.")
    issuers: tuple[Key, ...] = Field(
        default=(), description="The unconfirmed people who enrolled one another before the enroller, nearest first."
    )
    confirmed_by: Key | None = Field(default=None, description="The user id of whoever confirmed it; `system` for the host.")
    confirmed_at: Moment | None = Field(default=None, description="The time it was confirmed.")
    basis: IdentityBasis | None = Field(default=None, description="The ground on which it is confirmed.")
    reason: Statement | None = Field(default=None, description="The reason that was given for the confirmation.")
    email_checked: bool = Field(
        default=False, description="Whether whoever confirmed it has checked the e-mail address that the person has now."
    )
    reset: EnrolmentReset | None = Field(default=None, description="The latest reset of the enrolment; null if there was none.")

    @property
    def enrolled(self) -> bool:
        return self.enrolled_at is not None

    def mark(self, setters: Sequence[str] = ()) -> IdentityMark:
        """What is known now; `setters` are whoever set an e-mail address that bound an issuer's person, and who stand before."""
        issuers = tuple(dict.fromkeys((*self.issuers, *setters[1:])))
        first = setters[0] if setters else None
        return IdentityMark(confirmed=self.confirmed, enrolled_by=self.enrolled_by, email_set_by=first, issuers=issuers)

    def after_enrolment(self, by: str, issuers: Sequence[str], at: datetime) -> Self:
        """The identity of somebody who enrolled by a token of `by`, before whom stand the unconfirmed `issuers`."""
        return type(self)(enrolled_by=by, enrolled_at=at, issuers=tuple(issuers), reset=self.reset)

    def after_confirmation(self, by: str, basis: IdentityBasis, reason: str, at: datetime, *, email_checked: bool) -> Self:
        said = {"confirmed": True, "confirmed_by": by, "confirmed_at": at, "basis": basis, "reason": reason}
        said |= {"email_checked": email_checked}
        return type(self)(**dict(self) | said)

    def after_reset(self, reason: str, by: str, at: datetime) -> Self:
        return type(self)(reset=EnrolmentReset(at=at, by=by, reason=reason))

    @property
    def unconfirmed(self) -> Self:
        """The identity without its confirmation."""
        nothing = dict.fromkeys(("confirmed_by", "confirmed_at", "basis", "reason"))
        return type(self)(**dict(self) | nothing | {"confirmed": False, "email_checked": False})

    @property
    def with_another_email(self) -> Self:
        """The identity of somebody who has an e-mail address now that nobody has checked."""
        return type(self)(**dict(self) | {"email_checked": False})


def issuers_behind(issuer: str, *known: IdentityMark) -> tuple[str, ...]:
    """The unconfirmed chain behind an `issuer` of enrolment tokens, by the marks that are `known` of the issuer, each once.

    Raises LimitExceeded where the chain is too long to be kept: a part of it would let somebody confirm what they made.
    """
    chain = [each for mark in known if not mark.confirmed for each in mark.chain]
    found = tuple(each for each in dict.fromkeys(chain) if each != issuer)
    if len(found) > LIST_LENGTH:
        raise LimitExceeded("the number of unconfirmed people who enrolled one another", len(found), LIST_LENGTH)
    return found
