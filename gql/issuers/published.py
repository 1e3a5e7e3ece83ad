"""Keeps what an issuer publishes: fetched by one task at a time, once a minute at most, and again after an hour."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from gql.issuers.fetching import NoAnswer

AGAIN, STALE = timedelta(minutes=1), timedelta(hours=1)
SECONDS = 1.0
"""How long one request waits for news where what is known suffices, so that what was withdrawn ends at the first request."""
T = TypeVar("T")
log = logging.getLogger(__name__)


class Published(Generic[T]):
    """What `fetch` answers. While the issuer is out of reach, what is known stays."""

    def __init__(self, what: str, fetch: Callable[[], Awaitable[T]], clock: Callable[[], datetime]) -> None:
        self._what, self._fetch, self._clock = what, fetch, clock
        self._known: T | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._problem = ""
        self._fetching: asyncio.Task[None] | None = None

    async def get(self, suffices: Callable[[T], bool] = lambda known: True) -> T:
        """What is known, after it was looked for anew if that is due. NoAnswer if it does not suffice, and cannot be had."""
        now, found = self._clock(), self._known
        lacks = found is None or not suffices(found)
        stale = self._fetched_at is None or now - self._fetched_at >= STALE
        begins = (lacks or stale) and self._fetching is None and (self._tried_at is None or now - self._tried_at >= AGAIN)
        if begins:
            self._tried_at = now
            self._fetching = asyncio.create_task(self._refresh(now))  # of its own, so that who disconnects ends it for nobody
        if self._fetching is not None and (lacks or begins):
            await asyncio.wait([self._fetching], timeout=None if lacks else SECONDS)
        if self._known is None or (self._problem and not suffices(self._known)):
            raise NoAnswer(f"{self._problem or 'there is no answer'}; it is asked again within a minute")
        return self._known

    async def _refresh(self, now: datetime) -> None:
        try:
            self._known, self._fetched_at, self._problem = await self._fetch(), now, ""
        except NoAnswer as error:
            self._problem = str(error)
            log.warning("%s: %s", self._what, error)
        except Exception:
            self._problem = "it cannot be understood"
            log.exception("%s", self._what)
        finally:
            self._fetching = None
