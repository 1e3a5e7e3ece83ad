"""Issuers: who signs tokens for people and programs outside of Magistrate, and what their claims mean here. Pure.

The names are those of the file that `MAGISTRATE_IDENTITY` names.
"""

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from documents.access import RESERVED, WHO_MAY, GovernanceRole, Permission, PlatformRole
from documents.reach import ALL, Reach
from documents.risk.scales import RiskTier
from documents.values import Choice, Key, Names

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric signatures alone (RFC 7518 section 3.1, RFC 8037): whoever can verify a symmetric one can forge it."""


def _named(kind: type[Choice]) -> Any:
    """A choice by the name that the graph uses."""

    def read(given: object) -> object:
        found = kind.__members__.get(given) if isinstance(given, str) else None
        if found is None:
            raise ValueError(f"must be one of {', '.join(kind.__members__)}")
        return found

    return BeforeValidator(read)


def _listed(given: object) -> object:
    return [given] if isinstance(given, str) else given


def _mutation(given: object) -> object:
    known = [each for each, who in WHO_MAY.items() if PlatformRole.SERVICE in who and each is not Permission.READ]
    found = next((each for each in known if each == given), None)
    if found is None:
        meant = next((f": {each}" for each in known if each.name == given), "")
        raise ValueError(f"must be a mutation that a service may use{meant or f', and {given} is none'}")
    return found


def _program(given: str) -> str:
    if given.lower() in RESERVED:
        raise ValueError("is a name that the trail uses for others")
    return given


def secure(given: str) -> str:
    """The URL, which must be https://, or http:// on this machine. Raises ValueError, which says what it must be."""
    if any(each.isspace() for each in given):
        raise ValueError("must be a URL without spaces")
    parts = urlsplit(given)
    local = parts.hostname == "localhost" or _is_loopback(parts.hostname or "")
    if not parts.hostname or parts.scheme not in ("https", "http") or (parts.scheme == "http" and not local):
        raise ValueError("must be an https:// URL; http:// is for this machine alone")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be a URL without a query, a fragment and a password")
    return given


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _place(given: str) -> str:
    if given.startswith(("/", "file:")) and not given.startswith(FILE):
        raise ValueError(f"must be an https:// URL, or {FILE}{given.removeprefix('file:').lstrip('/')}")
    return given if given.startswith(FILE) else secure(given)


def _issuer(given: str) -> str:
    if "/.well-known/" in given:
        raise ValueError("must be the `iss` of the tokens, without /.well-known/ and what follows")
    return given


FILE = "file:///"
Words = Annotated[str, Field(min_length=1, max_length=500)]
Flag = Annotated[bool, Field(strict=True)]
Url = Annotated[Words, BeforeValidator(lambda given: secure(given) if isinstance(given, str) else given)]
Place = Annotated[Words, BeforeValidator(lambda given: _place(given) if isinstance(given, str) else given)]


class _Part(BaseModel):
    """A table of the file; a name that is not known is refused, because it may be a misspelt limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class IssuerKind(StrEnum):
    """What the tokens of an issuer stand for."""

    PEOPLE = "people"
    WORKLOADS = "workloads"


class ClaimNames(_Part):
    """The claims in which an issuer says what a person is; the defaults are those of OpenID Connect Core 1.0 section 5.1."""

    user_id: Words = "preferred_username"
    name: Words = "name"
    email: Words = "email"
    department: Words = "department"
    groups: Words = "groups"


class Group(_Part):
    """What the members of a group hold here."""

    is_: Words = Field(alias="is")
    roles: Annotated[tuple[Annotated[GovernanceRole, _named(GovernanceRole)], ...], BeforeValidator(_listed)] = ()
    tiers: Annotated[tuple[Annotated[RiskTier, _named(RiskTier)], ...], BeforeValidator(_listed)] = ()
    platform_role: Annotated[PlatformRole, _named(PlatformRole)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.platform_role is PlatformRole.SERVICE:
            raise ValueError("makes a person a SERVICE, which is for programs")
        if self.platform_role in (PlatformRole.ADMIN, PlatformRole.AUDITOR) and self.roles:
            raise ValueError(f"makes somebody {self.platform_role.name} and a holder of governance roles")
        if not self.roles and self.platform_role in (None, PlatformRole.MEMBER):
            raise ValueError("lets nobody in: name `roles`, or the `platform_role` ADMIN or AUDITOR")
        return self


class Rule(_Part):
    """Which programs act as a service: all claims must match, each exactly or by a glob in which `*` stands for any text."""

    claims: dict[Words, Words] = Field(min_length=1)
    service: Annotated[Key, AfterValidator(_program)]
    mutations: Annotated[tuple[Annotated[Permission, BeforeValidator(_mutation)], ...], BeforeValidator(_listed)] = ()
    models: Annotated[Names, BeforeValidator(_listed)] = ALL
    environments: Annotated[Names, BeforeValidator(_listed)] = ALL

    @property
    def reach(self) -> Reach:
        return Reach(self.models, self.environments)


class Issuer(_Part):
    """An issuer and what is believed of its tokens."""

    name: Key
    issuer: Annotated[Url, AfterValidator(_issuer)]
    audience: Annotated[tuple[Words, ...], BeforeValidator(_listed), Field(min_length=1)]
    jwks: Place | None = None
    algorithms: Annotated[tuple[Algorithm, ...], BeforeValidator(_listed), Field(min_length=1)] = ("RS256", "ES256")
    leeway_seconds: int = Field(default=30, ge=0, le=300, strict=True)
    kind: IssuerKind
    client_id: Words | None = None
    client_secret_file: Words | None = None
    scope: Words = "openid profile email"
    prompt: Words | None = None
    join: Flag = False
    trust_email: Flag = False
    claims: ClaimNames = ClaimNames()
    group: tuple[Group, ...] = ()
    rule: tuple[Rule, ...] = ()

    @property
    def jwks_file(self) -> str | None:
        """The path of the file with the keys; None where they are elsewhere."""
        return unquote(urlsplit(self.jwks).path) if self.jwks and self.jwks.startswith(FILE) else None

    @model_validator(mode="after")
    def _is_of_its_kind(self) -> Self:
        people = {"client_id", "client_secret_file", "scope", "prompt", "join", "trust_email", "claims", "group"}
        foreign = self.model_fields_set & ({"rule"} if self.kind is IssuerKind.PEOPLE else people)
        if foreign:
            raise ValueError(f'has `{min(foreign)}`, which is not for `kind = "{self.kind}"`')
        if self.kind is IssuerKind.WORKLOADS and not self.rule:
            raise ValueError("has no [[issuer.rule]], so that it lets nobody in")
        for name in ("client_secret_file", "scope", "prompt"):
            if name in self.model_fields_set and not self.client_id:
                raise ValueError(f"has a `{name}` and no `client_id`")
        if "openid" not in self.scope.split():
            raise ValueError("has a `scope` without `openid`, for which no provider says who signs in")
        return self


class Issuers(_Part):
    """All issuers that are configured."""

    issuer: tuple[Issuer, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _are_distinct(self) -> Self:
        for name in ("name", "issuer"):
            if twice := _repeated(getattr(each, name) for each in self.issuer):
                raise ValueError(f"has two issuers with the {name} {twice}")
        return self

    def named(self, issuer: str) -> Issuer | None:
        """The issuer of that `iss` claim, character by character (RFC 7519 section 4.1.1); None for any other."""
        return next((each for each in self.issuer if each.issuer == issuer), None)


def _repeated(values: Iterable[str]) -> str | None:
    seen = set[str]()
    for each in values:
        if each in seen:
            return each
        seen.add(each)
    return None
