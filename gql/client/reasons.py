"""The reasons of a no, as lines to read: each with the command that would mend it, and by whom."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gql.client import remedies

REASON = "code text modelId version remedy { mutation arguments fill permitted }"


def lines(reasons: Iterable[Mapping[str, Any]], about: bool = False) -> Iterator[str]:
    """`about` says of each which version it is about, where there may be several."""
    for each in reasons:
        named = f"{each['modelId']}@{each['version']}: " if about and each.get("modelId") else ""
        yield f"- {named}{each['text']}"
        if remedy := each.get("remedy"):
            yield from remedied(remedy)


def remedied(remedy: Mapping[str, Any]) -> Iterator[str]:
    """The command of a remedy, and who may give it."""
    by = f"  (by {', '.join(remedy['permitted'])})" if remedy.get("permitted") else ""
    yield f"    {remedies.command(remedy)}{by}"


def with_commands(reasons: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Reasons for a program: each with the command to paste, or null."""
    return [{**each, "command": remedies.command(each["remedy"]) if each.get("remedy") else None} for each in reasons]
