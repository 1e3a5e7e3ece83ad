"""What an issuer publishes of itself (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2)."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from documents.issuers import Issuer, secure
from documents.values import problem_in
from gql.issuers.fetching import Fetcher, NoAnswer, json_of
from gql.issuers.published import Published


class Metadata(BaseModel):
    """The endpoints of an issuer, and what its answers hold. What only browsers need is looked at when it is used."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    jwks_uri: Annotated[str, AfterValidator(secure)]
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    end_session_endpoint: str | None = None
    authorization_response_iss_parameter_supported: bool = False
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Discovery:
    """The metadata of one issuer."""

    def __init__(self, issuer: Issuer, fetcher: Fetcher, clock: Callable[[], datetime]) -> None:
        self._issuer, self._fetcher = issuer, fetcher
        self._metadata = Published(f"the discovery document of {issuer.name}", self._fetched, clock)

    async def metadata(self) -> Metadata:
        """NoAnswer if they are not known, and cannot be had."""
        return await self._metadata.get()

    async def _fetched(self) -> Metadata:
        issuer = self._issuer.issuer
        said = json_of(await self._fetcher.get(f"{issuer.removesuffix('/')}/.well-known/openid-configuration"))
        if not isinstance(said, dict) or said.get("issuer") != issuer or "jwks_uri" not in said:
            raise NoAnswer("the discovery document names another issuer, or no `jwks_uri`")
        try:
            return Metadata.model_validate(said)
        except ValidationError as wrong:
            first = wrong.errors(include_url=False, include_input=False)[0]
            raise NoAnswer(f"the `{first['loc'][0]}` of the discovery document {problem_in(first['msg'])}") from None
