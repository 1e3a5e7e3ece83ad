"""The settings of a server; the environment variable of each is `MAGISTRATE_<NAME>`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic.networks import IPvAnyNetwork
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from documents.versions.waivers import WAIVER_DAYS
from gql.faults import SettingRefused

PREFIX = "MAGISTRATE_"
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _as_sent(given: Any) -> Any:
    """An origin as browsers send it (RFC 6454 section 6.2): lower-case, and without the port that its scheme has by default."""
    if not isinstance(given, str):
        return given
    origin = given.lower()
    return origin.removesuffix(DEFAULT_PORTS.get(origin.partition(":")[0], ""))


HOST = r"([a-z0-9._-]+|\[[0-9a-f:.]+\])"  # a name beyond ASCII is sent in Punycode, and so it is to be listed
Origin = Annotated[str, BeforeValidator(_as_sent), Field(pattern=rf"^https?://{HOST}(:[0-9]{{1,5}})?$")]

ReviewDays = Annotated[int, Field(ge=1, le=3650)]


def _some(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if network.prefixlen == 0:  # every client would be a proxy, and say of itself what address it has
        raise ValueError("is every address")
    return network


Network = Annotated[IPvAnyNetwork, AfterValidator(_some)]


def _hardened(settings: Mapping[str, Any]) -> bool:
    return bool(settings["hardened"])


def _not_hardened(settings: Mapping[str, Any]) -> bool:
    return not settings["hardened"]


def _listed(given: Any) -> Any:
    return [each.strip() for each in given.split(",")] if isinstance(given, str) else given


@dataclass(frozen=True)
class Limits:
    """The limits of one request: counts, `seconds` and `wait` in seconds, and `body` in bytes."""

    tokens: int = 2_000
    depth: int = 12
    aliases: int = 30
    root_fields: int = 20
    directives: int = 50
    nodes: int = 10_000
    conditions: int = 500
    values: int = 12_000
    seconds: int = 10
    wait: float = 1.5
    body: int = 1024 * 1024


class Settings(BaseSettings):
    """The settings as the environment has them; an empty variable counts as unset."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    host: str = Field("127.0.0.1", description="the address to serve on; 0.0.0.0 is every IPv4 address of this machine")
    port: int = Field(8000, ge=0, le=65535, description="the port to serve on, 1 to 65535, or 0 to let the system choose")
    workers: int = Field(1, ge=1, le=64, description="how many processes serve, 1 to 64")
    data_dir: Path = Field(Path("var"), description="the folder of the embedded database and of what first start leaves")
    mongodb_uri: str | None = Field(
        None,
        pattern=r"^mongodb(\+srv)?://.",
        repr=False,
        description="the URI of a MongoDB of your own, mongodb://... or mongodb+srv://...; without it the embedded database runs",
    )
    database: str = Field(
        "magistrate", pattern=r"^[A-Za-z0-9_-]{1,63}$", description="the database's name: up to 63 letters, digits, _ and -"
    )
    admin_token: SecretStr | None = Field(
        None, description="the administrator's token, mag_<id>_<secret>; without it first start makes one"
    )
    origin: str | None = Field(
        None,
        pattern=r"^[^\s+]+$",
        max_length=200,
        description="the audit trail's name, up to 200 characters without space or +; first start chooses one and keeps it",
    )
    audit_key: SecretStr | None = Field(
        None, description="the key that signs the audit trail, as `magistrate audit key` prints it"
    )
    audit_key_previous: SecretStr | None = Field(
        None, description="the key that signed the audit trail before MAGISTRATE_AUDIT_KEY, which it then endorses"
    )
    secret_key: SecretStr | None = Field(
        None,
        description="the key that seals people, tokens and the end of the trail, as `magistrate admin secret-key` prints one",
    )
    secret_key_previous: SecretStr | None = Field(
        None, description="the key that sealed people and tokens before, while it is being changed"
    )
    identity: Path | None = Field(
        None, description="the TOML file that names the issuers by which people and programs sign in; without it tokens alone do"
    )
    identity_seconds: int = Field(
        3,
        ge=0,
        le=60,
        description="for how many seconds queries trust who a token was found to stand for, 0 to 60; 0 has each of them look",
    )
    public_url: Origin | None = Field(
        None,
        description="the origin at which browsers reach the server, like https://models.example.org; without it the one they ask",
    )
    token_entry: bool = Field(
        True, description="true if the page for browsers takes tokens beside sign-in by an issuer, false if not"
    )
    checkpoint_seconds: int = Field(60, ge=1, description="after how many seconds the audit trail is signed again, 1 or more")
    checkpoint_file: Path | None = Field(None, description="a file to which each checkpoint of the audit trail is appended")
    verification_seconds: int = Field(
        300, ge=1, le=86_400, description="after how many seconds what came since is verified again, 1 to 86400"
    )
    migrate: bool = Field(
        False, description="true if a start migrates the data of an earlier release by itself, false if it refuses them"
    )
    judgement_seconds: int = Field(
        30, ge=1, description="after how many seconds the server looks again for standings to compute anew, 1 or more"
    )
    grace_days: int = Field(
        30,
        ge=0,
        le=365,
        description="how many days after an upgrade its stricter checks begin to block versions submitted before it, 0 to 365",
    )
    waiver_days: int = Field(
        WAIVER_DAYS, ge=1, le=3650, description="for how many days a waiver may be granted at most, 1 to 3650"
    )
    engine: Path | None = Field(None, description="the embedded database's program, a path to secantusd-rs or secantusd-py")
    engine_cache: str = Field("256M", pattern=r"^[1-9]\d*[MG]$", description="the embedded database's memory, like 256M or 1G")
    hardened: bool = Field(
        False, description="true if clients learn and may do no more than they need, unless another setting says otherwise"
    )
    allow_get: bool = Field(default_factory=_not_hardened, description="true if queries may come by GET, false if by POST alone")
    allow_introspection: bool = Field(
        default_factory=_not_hardened, description="true if clients may ask for the schema, false if not"
    )
    suggestions: bool = Field(
        default_factory=_not_hardened,
        description="true if errors may name what a client may have meant, false if only what it sent",
    )
    ide: bool = Field(default_factory=_not_hardened, description="true if browsers get a page to ask from, false if not")
    security_headers: bool = Field(
        default_factory=_hardened, description="true if answers have headers that narrow what browsers do with them, false if not"
    )
    secure_cookies: bool = Field(
        default_factory=_hardened,
        description="true if browsers sign in over TLS alone, false if also over plain HTTP on this machine",
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (),
        description="addresses and networks like 127.0.0.1,10.0.0.0/8: proxies, which are believed about whom they forward",
    )
    planning: bool = Field(
        True, description="true if texts that are sent again are answered by a compiled plan, false if each is executed anew"
    )
    limit_tokens: int = Field(Limits.tokens, ge=1, description="how many tokens a GraphQL text may have, 1 or more")
    limit_depth: int = Field(Limits.depth, ge=1, description="how many fields may stand below one another, 1 or more")
    limit_aliases: int = Field(Limits.aliases, ge=0, description="how many aliases an operation may have, 0 or more")
    limit_root_fields: int = Field(Limits.root_fields, ge=1, description="how many root fields an operation may have, 1 or more")
    limit_directives: int = Field(Limits.directives, ge=0, description="how many directives an operation may have, 0 or more")
    limit_nodes: int = Field(Limits.nodes, ge=1, description="how many records an answer may hold, 1 or more")
    limit_conditions: int = Field(
        Limits.conditions, ge=1, description="how many values the filters of an operation may compare with, 1 or more"
    )
    limit_values: int = Field(Limits.values, ge=1, description="how many values a request and its variables may hold, 1 or more")
    limit_seconds: int = Field(Limits.seconds, ge=1, description="how many seconds an operation may take, 1 or more")
    limit_wait: float = Field(
        Limits.wait, ge=0.1, le=3600, description="for how many seconds mutations may wait for those before them, 0.1 to 3600"
    )
    limit_body: int = Field(Limits.body, ge=1024, description="how many bytes the body of a request may have, 1024 or more")
    review_days: Annotated[tuple[ReviewDays, ReviewDays, ReviewDays], NoDecode, BeforeValidator(_listed)] = Field(
        (90, 180, 365), description="after how many days versions of tier 1, 2 and 3 are reviewed again, like 90,180,365"
    )
    allowed_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_listed)] = Field(
        (), description="origins like https://example.org, separated by commas: whose pages may ask here"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @property
    def limits(self) -> Limits:
        return Limits(**{each.name: getattr(self, f"limit_{each.name}") for each in fields(Limits)})


def read_settings() -> Settings:
    """Reads the environment; SettingRefused for the first wrong variable, without its value, which may be a secret."""
    try:
        return Settings()
    except ValidationError as wrong:
        name = str(wrong.errors()[0]["loc"][0])
        raise SettingRefused(PREFIX + name.upper(), str(Settings.model_fields[name].description)) from None
