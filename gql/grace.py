"""Remembers for a moment who a credential stands for, so that the next query of the same caller reads nothing to know it."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Generic, TypeVar

from documents.store.session import bound_database
from gql.credentials import Credential

T = TypeVar("T")
KEPT = 2_000
HOUR = timedelta(hours=1)


@dataclass(slots=True)
class _Known(Generic[T]):
    who: T
    since: datetime
    until: datetime


@dataclass
class Grace(Generic[T]):
    """The callers who signed in within the last `seconds`, by the digest of their credential; those of `KEPT` credentials.

    All are forgotten as soon as this process changes a record that grants access.
    """

    seconds: float
    _known: OrderedDict[bytes, _Known[T]] = field(default_factory=OrderedDict)
    _granted: int = 0
    _arriving: dict[bytes, asyncio.Event] = field(default_factory=dict)
    """Set once the sign-in that is under way has ended."""

    def key(self, credential: Credential) -> bytes:
        """What a credential is remembered by; empty if it is not."""
        if credential.problem or not self.seconds:
            return b""
        kind, text = ("session", credential.session) if credential.session else ("header", credential.authorization)
        return sha256(f"{kind} {text}".encode(errors="surrogatepass")).digest() if text else b""

    def find(self, key: bytes, now: datetime) -> T | None:
        self._follow()
        known = self._known.get(key)
        return known.who if known and known.since <= now < known.until else None

    def turn(self) -> int:
        """What `keep` is told: it keeps nobody who may have been read before a change."""
        return bound_database().granted

    def keep(self, key: bytes, who: T, turn: int, now: datetime, ends: datetime | None) -> None:
        """Remembers a caller who was read since `turn`, and whose credential ends at `ends`.

        At the end of the hour the caller is read again, because the use of a token is noted for each hour.
        """
        if not key or turn != bound_database().granted or bound_database().granting:
            return
        self._follow()
        self.forget(key)
        hour = now.replace(minute=0, second=0, microsecond=0) + HOUR
        until = min(each for each in (now + timedelta(seconds=self.seconds), hour, ends) if each)
        self._known[key] = _Known(who, now, until)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    @contextmanager
    def arriving(self, key: bytes) -> Iterator[None]:
        """Inside, a caller signs in."""
        ended = asyncio.Event()
        if key:
            self._arriving[key] = ended
        try:
            yield
        finally:
            if self._arriving.get(key) is ended:
                del self._arriving[key]
            ended.set()

    async def arrived(self, key: bytes) -> bool:
        """Waits until the caller, who signs in by another request, has done so; whether there was anything to wait for.

        So many requests of one caller at once read the caller once.
        """
        arriving = self._arriving.get(key)
        if arriving:
            await arriving.wait()
        return arriving is not None

    def forget(self, key: bytes) -> None:
        self._known.pop(key, None)

    def _follow(self) -> None:
        if self._granted != bound_database().granted:
            self._granted = bound_database().granted
            self._known.clear()
