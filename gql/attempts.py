"""Counts failed sign-ins, in bounded memory whatever comes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

WINDOW, FAILURES = timedelta(minutes=1), 30
COUNTED = 1_000
"""How many addresses, tokens and issuers are counted one by one in a minute; those beyond are counted together."""
REST = ""
"""What stands for all that is beyond."""
SUBSCRIBER = 64  # bits of an IPv6 address that a subscriber does not choose (RFC 6177 section 2)


def network_of(address: str) -> str:
    """What failures from an address are counted under: the address, or its network for IPv6, where a subscriber has many."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or IPv6Network((int(found), SUBSCRIBER), strict=False))


@dataclass(slots=True)
class Failures:
    """The failed sign-ins that are counted under `key`, in the minute that began at `since`.

    `told` of them are in the trail; `address` and `token`, its public name, are those of the latest.
    """

    key: str
    since: datetime
    count: int = 0
    told: int = 0
    token: str = ""
    address: str = ""


@dataclass
class Counts:
    """The failures of this minute, by what they are counted under."""

    found: dict[str, Failures] = field(default_factory=dict)

    def add(self, key: str, now: datetime) -> Failures:
        """Counts one under that key, or under `REST` if as many others are counted as can be; answers with all under it."""
        if key not in self.found and len(self.found) >= COUNTED:
            key = REST
        failures = self.found.setdefault(key, Failures(key, now))
        failures.count += 1
        return failures

    def ended(self, now: datetime, *, everything: bool = False) -> Iterator[Failures]:
        """Takes out those whose minute is over, one by one; with `everything` those of this minute too."""
        for key in [each.key for each in self.found.values() if everything or now - each.since >= WINDOW]:
            if failures := self.found.pop(key, None):  # another task may have taken it
                yield failures

    def forget_ended(self, now: datetime) -> None:
        self.found = {key: each for key, each in self.found.items() if now - each.since < WINDOW}
