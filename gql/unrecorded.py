"""Says in the log that the trail takes no events, once a minute at most."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from documents.errors import TrailNotSound

SECONDS = 60.0
log = logging.getLogger(__name__)


class Quiet:
    """Lets one message through in a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, float("-inf")

    def speaks(self) -> bool:
        """Whether the last message was long enough ago; if so, this one counts as said."""
        now = monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True


_quiet = Quiet(SECONDS)


@contextmanager
def logged_if_unsound() -> Iterator[None]:
    """Around an event that cannot be recorded because the end of the trail was altered: logs that, and raises nothing."""
    try:
        yield
    except TrailNotSound as refusal:
        if _quiet.speaks():
            log.error("%s", refusal)
