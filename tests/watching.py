"""What a question costs: every command that the driver sends for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from pymongo import monitoring

from tests.journey import sign_in
from tests.service import ALICE, Person, Service

LAST_CHANGES = {
    "audit_head": ({"size": 1, "last_hash": 1},),
    "audit_events": ({"seq": 1}, dict.fromkeys(("seq", "event_hash", "outcome", "resource", "canonical"), 1)),
}  # what is read of the trail to sign somebody in, by collection


class Commands(monitoring.CommandListener):
    """Every command that the driver sends, but for those that follow the trail's end once a second to sign callers in."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        about = str(event.command.get("find"))
        if event.command.get("projection") not in LAST_CHANGES.get(about, ()):
            self.seen.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...
    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@dataclass
class Watched:
    """A service, and the commands that its questions cost."""

    service: Service
    commands: Commands = field(default_factory=Commands)

    async def costs(self, query: str, by: Person = ALICE, **variables: Any) -> tuple[Any, list[dict[str, Any]]]:
        """The answer, and its commands; none signs the caller in, who is known since a moment ago."""
        await self.service.ask("{ __typename }", by)
        self.commands.seen.clear()
        answer = await self.service.ask(query, by, **variables)
        return answer, [*self.commands.seen]


async def watching(server: str, service: Service) -> AsyncIterator[Watched]:
    await sign_in(service)
    commands = Commands()
    other = Service(server, service.database.name, event_listeners=[commands])
    await other.database.prepare(())
    yield Watched(other, commands)
    await other.close()


def where(commands: list[dict[str, Any]]) -> list[str]:
    """The collections that the commands are about."""
    return [next(iter(each.values())) for each in commands]
