"""The types that records are made of: bounded texts, moments, days, digests, frozen values and described choices."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NewType, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NAME_LENGTH, TEXT_LENGTH, LIST_LENGTH, URI_LENGTH, JSON_DEPTH, FILE_LENGTH = 200, 20_000, 200, 2_000, 10, 2**18
JSON_VALUES = 1_000  # in free JSON that a client sends; earlier releases stored more
MAX_SAFE_INTEGER = 2**53 - 1  # the largest integer that every reader of JSON holds exactly (RFC 8259 section 6)
EARLIEST, LATEST = date(1000, 1, 1), date(9999, 12, 31)  # years of four digits, whose ISO 8601 texts sort by time

# Pydantic's message quotes the pattern that a value does not match; `problem_in` replaces it by the words below.
_KEY = r"^[A-Za-z0-9][A-Za-z0-9._:@+-]*$"
_ENVIRONMENT = r"^[a-z0-9][a-z0-9._-]*$"
_DIGEST = r"^[0-9a-f]{64}$"
_EMAIL = r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"
_PUBLIC_NAME = r"^[A-Za-z0-9]{1,40}$"
_DEMANDS: Mapping[str, str] = {
    _KEY: "must be letters, digits and . _ : @ + -, the first a letter or digit",
    _ENVIRONMENT: "must be small letters, digits and . _ -, the first a letter or digit",
    _DIGEST: "must be a SHA-256: 64 hexadecimal digits, letters small",
    _EMAIL: "must be an e-mail address, such as ada@example.org",
    _PUBLIC_NAME: "must be the public name of a token: 1 to 40 letters and digits",
}
_PATTERN = re.compile("String should match pattern '(.*)'", re.DOTALL)
_SHOULD = re.compile("[A-Z][a-z]+ should ")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SCRIPTS = frozenset({"javascript", "vbscript", "data"})  # schemes that a browser runs, if a page shows the URI as a link
_SURROGATE = re.compile(r"[\ud800-\udfff]")


# U+2028 and U+2029 break lines. BSON and UTF-8 have no form for an unpaired surrogate.
def _one_line(text: str) -> str:
    if _CONTROL.search(text) or _SURROGATE.search(text):
        raise ValueError("holds a control character, a line break or an unpaired surrogate")
    if not text.strip():
        raise ValueError("is blank")
    return text


def _printable(text: str) -> str:
    if _CONTROL_BUT_LINES.search(text) or _SURROGATE.search(text):
        raise ValueError("holds a control character or an unpaired surrogate")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("is blank")
    return text


def _readable(text: str) -> str:
    if _CONTROL_BUT_LINES.search(text) or _SURROGATE.search(text):
        raise ValueError("holds a control character or an unpaired surrogate: it is no text")
    if "\ufffd" in text:  # U+FFFD REPLACEMENT CHARACTER, which a decoder writes for bytes that it cannot read
        raise ValueError("holds the mark of a character that was lost: read the file in its own encoding, as a rule UTF-8")
    return text


def _resource_identifier(text: str) -> str:
    if urlsplit(text).scheme.lower() in _SCRIPTS:
        raise ValueError("would run as a script where a page shows it as a link")
    if not urlsplit(text).scheme or _CONTROL.search(text) or _SURROGATE.search(text) or " " in text:
        raise ValueError("is no URI: it needs a scheme, and no space or control character")
    return text


def _utc_millisecond(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("must have a time zone")
    try:
        at = at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is out of range") from error
    _in_range(at.date())
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _in_range(day: date) -> date:
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"is not from {EARLIEST} to {LATEST}")
    return day


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    return number


def _free(value: Any) -> Any:
    """Returns free JSON unchanged. Raises ValueError if it is nested too deep, holds a value that is not JSON, or a bad key.

    A key with a dot, or with $ at its start, would mean something else to MongoDB and in the paths of events.
    """
    for each, depth in _walk(value, 1):
        if depth > JSON_DEPTH:
            raise ValueError(f"is nested more than {JSON_DEPTH} deep")
        match each:
            case str():
                _printable(each)
            case bool() | None:
                pass
            case int() if abs(each) > MAX_SAFE_INTEGER:  # after bool(): for Python a boolean is an integer
                raise ValueError("holds an integer beyond 2^53-1; write it as text")
            case float():
                _finite(each)
            case Mapping():
                for key in each:
                    if not isinstance(key, str) or key.startswith("$") or "." in key or not key:
                        raise ValueError("holds a key that is empty, begins with $ or has a dot")
                    _printable(key)
            case int() | list() | tuple():
                pass
            case _:
                raise ValueError("is not JSON")
    return value


def _walk(value: Any, depth: int) -> Iterator[tuple[Any, int]]:
    """Every value inside `value` with its depth, down to one level below JSON_DEPTH: so recursion is bounded."""
    yield value, depth
    if depth <= JSON_DEPTH:
        inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        for each in inside:
            yield from _walk(each, depth + 1)


Name = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH), AfterValidator(_one_line)]
"""A line that names something: 1 to 200 characters, no control characters."""

Key = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH, pattern=_KEY)]
"""A human key (`modelId`, `userId`): letters, digits and `. _ : @ + -`, up to 200."""

Environment = Annotated[str, Field(min_length=1, max_length=NAME_LENGTH, pattern=_ENVIRONMENT)]
"""An environment (`production`): small letters, digits and `. _ -`, so that no two differ by case alone."""

Email = Annotated[str, Field(max_length=254, pattern=_EMAIL)]
"""An e-mail address, up to 254 characters (RFC 5321 section 4.5.3.1.3, less the brackets)."""

TokenId = Annotated[str, Field(pattern=_PUBLIC_NAME)]
"""The public name of a token. It has no underscore, so a whole token sent by mistake is refused and never stored."""

Text = Annotated[str, Field(max_length=TEXT_LENGTH), AfterValidator(_printable)]
"""Prose of up to 20,000 characters, possibly empty."""

Statement = Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH), AfterValidator(_printable), AfterValidator(_not_blank)]
"""Prose of 1 to 20,000 characters that is not blank."""

File = Annotated[str, Field(min_length=1, max_length=FILE_LENGTH), AfterValidator(_readable)]
"""The text of a file, of up to 262,144 characters, with any line ends."""

Notes = Annotated[str, Field(max_length=FILE_LENGTH), AfterValidator(_readable)]
"""Signed notes, of up to 262,144 characters, possibly empty."""

Phrase = Annotated[str, Field(max_length=URI_LENGTH), AfterValidator(_printable)]
"""A text to look for, of up to 2,000 characters, as long as a URI."""

Uri = Annotated[str, Field(min_length=1, max_length=URI_LENGTH), AfterValidator(_resource_identifier)]
"""A URI with a scheme (RFC 3986), up to 2,000 characters."""

if TYPE_CHECKING:
    Hash: TypeAlias = str
    BigInt: TypeAlias = int
    FreeObject: TypeAlias = dict[str, Any]
else:  # the graph has scalars of its own for these; for the type checker they are plain types
    Hash = NewType("Hash", str)
    BigInt = NewType("BigInt", int)
    FreeObject = NewType("FreeObject", dict[str, Any])

Digest = Annotated[Hash, Field(pattern=_DIGEST)]
"""A SHA-256, 64 lower-case hexadecimal digits."""

Moment = Annotated[datetime, AfterValidator(_utc_millisecond)]
"""A moment with a time zone, in UTC, cut to milliseconds as BSON stores it, so that a stored record equals the one read back."""

Day = Annotated[date, AfterValidator(_in_range)]
"""A calendar day from 1000 to 9999, stored as `YYYY-MM-DD`, which sorts by time."""

Share = Annotated[float, Field(ge=0, le=1), AfterValidator(_finite)]
"""A part of a whole, from 0 to 1."""

Number = Annotated[float, Field(strict=True), AfterValidator(_finite)]
"""A finite number. A boolean is refused."""

Count = Annotated[BigInt, Field(ge=0, le=MAX_SAFE_INTEGER, strict=True)]
"""A number of things, from 0 to 2^53-1."""


def is_count(value: object) -> bool:
    """Whether a stored value is an integer from 0 to 2^53-1; a double such as 3.0 is none."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SAFE_INTEGER


FreeJson = Annotated[FreeObject, AfterValidator(_free)]
"""Free content: an object of up to 10 levels with texts, finite numbers, booleans, null, lists and objects."""

Names = Annotated[tuple[Name, ...], Field(max_length=LIST_LENGTH)]
Statements = Annotated[tuple[Statement, ...], Field(max_length=LIST_LENGTH)]


def problem_in(message: str) -> str:
    """Pydantic's message about a value, as words that follow the name of the field: `must have at least 1 character`."""
    if found := _PATTERN.fullmatch(message):
        return _DEMANDS.get(found[1], "is not written as it must be")
    return _SHOULD.sub("must ", message.removeprefix("Value error, ").replace(" after validation", ""), count=1)


def each_once(identities: Iterable[tuple[str | None, ...]]) -> None:
    """Raises ValueError, which names the identity and its number, if an identity occurs more than once."""
    for identity, times in Counter(identities).items():
        if times > 1:
            raise ValueError(f"holds {', '.join(filter(None, identity))} {times} times")


def camel(name: str) -> str:
    """`model_id` as clients spell it: `modelId`."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


class Value(BaseModel):
    """A nested record: compared by what it says, never changed in place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # What clients can ask of it, wherever it is nested. Filters offer every field but the `unasked`; the rest is by name.
    unasked: ClassVar[frozenset[str]] = frozenset()  # fields that its record says already, or that nobody filters by
    ordered: ClassVar[frozenset[str]] = frozenset()  # fields that lists are ordered by
    grouped: ClassVar[frozenset[str]] = frozenset()  # fields that the records of a group have in common
    summed: ClassVar[frozenset[str]] = frozenset()  # numbers that are added up and averaged
    mixed: ClassVar[Mapping[str, str]] = {}  # of numbers, and lists with numbers, of several kinds: the field that tells the kind
    bounded: ClassVar[frozenset[str]] = frozenset()  # moments, days and places: the first and last are told, periods grouped by
    semantic: ClassVar[frozenset[str]] = frozenset()  # texts that name a version, and are compared as SemVer orders them
    measured: ClassVar[Mapping[str, Callable[[str], Any]]] = {}
    """For each computed number that aggregates sum up, the MongoDB expression for it, given the expression for the value."""


class Choice(StrEnum):
    """An enumeration whose members say what they mean."""

    description: str

    def __new__(cls, value: str, description: str) -> Self:
        member = str.__new__(cls, value)
        member._value_, member.description = value, description
        return member
