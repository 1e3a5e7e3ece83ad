"""The front matter of a card: YAML between two lines of dashes, of which only plain data are read.

Depth and number of parts are bounded before any object is built. Aliases are refused: with them a few lines can stand for
gigabytes.
"""

import re
from collections.abc import Hashable
from datetime import date
from typing import Any

import yaml

from documents.errors import InvalidInput
from documents.formats.exchange import INPUT

DEPTH, PARTS = 20, 50_000  # levels and parsing events of the YAML
DIGITS, LINES = 300, 5_000  # digits of an integer; lines of the body below the front matter
_BLOCK = re.compile(r"\s*---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


class _Loader(yaml.CSafeLoader):
    """A safe loader that also refuses equal keys in one mapping: YAML forbids them, and PyYAML keeps the last one silently."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        made = super().construct_mapping(node, deep=True)
        if len(made) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice, or stands for others", node.start_mark)
        return made


def lines(text: str) -> str:
    """The text without a byte order mark, and with LF at the end of each line."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def parted(text: str) -> tuple[dict[str, Any], str]:
    """The metadata of a card, and its body.

    Raises InvalidInput for a card without front matter, with front matter that is no YAML object, or with too long a body.
    """
    text = lines(text)
    if (block := _BLOCK.match(text)) is None:
        raise InvalidInput(INPUT, "begins with no front matter: YAML between two lines of three dashes")
    metadata = loaded(block[1], first=text.count("\n", 0, block.start(1)))
    if not isinstance(metadata, dict | None):
        raise InvalidInput(INPUT, "has a front matter that is no YAML object")
    body = text[block.end() :]
    if body.count("\n") > LINES:  # the time to find the headings grows with the square of the lines
        raise InvalidInput(INPUT, f"has more than {LINES} lines below its front matter")
    return metadata or {}, body


def loaded(text: str, first: int = 0) -> Any:
    """Reads YAML as plain data. `first` is the number of lines before it in the file, for the line in a message.

    Raises InvalidInput for a text that is no YAML, is nested too deep, has too many parts, or has an alias.
    """
    try:
        _refuse_unbounded(text, first)
        return plain(yaml.load(text, Loader=_Loader))  # noqa: S506  our loader makes plain data only
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _invalid(error.problem or "cannot be read", mark.line + first if mark else None) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # ValueError: a date such as 2026-02-30
        raise _invalid("holds a character or a value that YAML has not", None) from error


def _refuse_unbounded(text: str, first: int) -> None:
    """Raises InvalidInput beyond DEPTH or PARTS, and for an alias; reads parsing events only, and builds nothing."""
    depth = 0
    for part, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + first if event.start_mark else None
        if isinstance(event, yaml.AliasEvent):
            raise _invalid("aliases (*) are not read: write the value out", line)
        if depth > DEPTH or part > PARTS:
            raise _invalid(f"it is nested more than {DEPTH} deep or has more than {PARTS} parts", line)


def _invalid(problem: str, line: int | None) -> InvalidInput:
    where = "" if line is None else f" in line {line + 1}"
    return InvalidInput(INPUT, f"holds YAML that cannot be taken{where}: {problem}")


def plain(value: Any) -> Any:
    """A YAML value as JSON has it: keys are text, and days and moments are text. Raises ValueError for an enormous integer."""
    match value:
        case dict():
            return {str(key): plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
        case date():  # datetime is a subclass of date
            return value.isoformat()
        # Python refuses to write an integer of more than 4,300 digits as text.
        case int() if abs(value) >= 10**DIGITS:
            raise ValueError(value.bit_length())
    return value


def block(metadata: dict[str, Any]) -> str:
    """Front matter with these metadata. The width keeps PyYAML from breaking long values over several lines."""
    said = yaml.dump(metadata, Dumper=yaml.SafeDumper, sort_keys=False, allow_unicode=True, width=2**31) if metadata else ""
    return f"---\n{said}---\n"
