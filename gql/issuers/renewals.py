"""Asks the issuer of a browser's session anew, every quarter of an hour, if the identity still stands.

The refresh token (RFC 6749 section 6) is kept with the session, encrypted. Where two requests come at once, one of them asks.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from documents.errors import Unauthenticated
from documents.seals import Keyring
from documents.store.session import bound_database
from documents.tokens import ApiToken
from gql.issuers.fetching import NoAnswer
from gql.issuers.tokens import Assertion, TokenVerifier, UnknownKey
from gql.wrapping import unwrapped, wrapped

EVERY = timedelta(minutes=15)
PURPOSE = "renewal"
log = logging.getLogger(__name__)


def renewal_of(token: ApiToken, refresh_token: str, at: datetime, keyring: Keyring) -> str:
    """What a session keeps to be renewed with; it is of use to that session alone."""
    said = {"token": token.token_id, "refresh": refresh_token, "asked": at.timestamp()}
    return wrapped(PURPOSE, said, keyring)


async def renewed(token: ApiToken, issued: TokenVerifier, keyring: Keyring, now: datetime) -> Assertion | None:
    """What the issuer of a session asserts anew; None if it was not due, or the issuer says nothing new or is out of reach.

    Browsers must sign in by that issuer still. Raises Unauthenticated if it no longer stands by the session.
    """
    if not token.renews:
        return None
    provider = issued.providers[token.issued_by]
    kept = _kept(token, keyring)
    if now - datetime.fromtimestamp(kept["asked"], now.tzinfo) < EVERY:
        return None
    if not await _keep(token, renewal_of(token, kept["refresh"], now, keyring), now):
        return None  # another request asks
    try:
        found = await provider.renewed(kept["refresh"])
        if found.refresh_token and found.refresh_token != kept["refresh"]:
            await _keep(token, renewal_of(token, found.refresh_token, now, keyring), now)
        if found.id_token is None:
            return None
        assertion = await issued.verified(found.id_token, now, provider.client_id)
    except (NoAnswer, Unauthenticated) as error:
        if isinstance(error, Unauthenticated) and not isinstance(error, UnknownKey) and not isinstance(error.__cause__, NoAnswer):
            raise
        log.warning("a session was not renewed: %s: %s", token.issued_by, error)
        return None
    if assertion.issuer.name != token.issued_by:
        raise Unauthenticated("the token is of another issuer than the session")
    return assertion


def _kept(token: ApiToken, keyring: Keyring) -> Mapping[str, Any]:
    found = unwrapped(PURPOSE, token.renewal or "", keyring)
    if found is None or found["token"] != token.token_id:
        raise Unauthenticated("what the session is renewed with was altered")
    return found


async def _keep(token: ApiToken, renewal: str, now: datetime) -> bool:
    before = token.renewal
    kept = await bound_database().transact(lambda _: token.renew(before, renewal), now)
    token.renewal = renewal if kept else before
    return kept
