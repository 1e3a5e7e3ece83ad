"""Writes Markdown in which a value is always text and never markup: CommonMark 0.31 with the tables of GitHub Flavored Markdown.

Every plain string is escaped. Only a `Marked` string, which this module alone makes, is written as it is.
"""

import re
from collections.abc import Iterable, Sequence

_ACTIVE = re.compile(
    r"""
    [\\`*_{}\[\]<>#|~&$^@!=+]  # may begin something anywhere
  | (?<!\w)-                   # a list item, an underline, a table's rule
  | (?<=\d)[.)](?!\S)          # a numbered item
  | [.:](?=[^\s\d]) | (?<!\d)[.:](?=\d)  # an address that GitHub makes a link of
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+/-]*")


class Marked(str):
    """Inline Markdown that this module made, and so does not escape again."""

    __slots__ = ()


def text(said: str) -> Marked:
    """A value as one line that renders to the same words; a run of blanks and line breaks becomes one blank.

    Punctuation that could begin markup gets a backslash, which makes it literal (CommonMark section 2.4).
    """
    return said if isinstance(said, Marked) else Marked(_ACTIVE.sub(r"\\\g<0>", " ".join(said.split())))


def line(*parts: str) -> Marked:
    """Parts with blanks between them, each escaped unless it is `Marked`; empty parts are dropped."""
    return Marked(" ".join(filter(None, map(text, parts))))


def listed(parts: Iterable[str]) -> Marked:
    """Parts with commas between them, each escaped unless it is `Marked`."""
    return Marked(", ".join(map(text, parts)))


def strong(said: str) -> Marked:
    """A value in strong emphasis."""
    return Marked(f"**{text(said)}**")


def code(said: str) -> Marked:
    """An identifier as a code span; a text with other characters than identifiers have is escaped instead.

    A code span has no escapes (CommonMark section 6.1), so a backtick inside could end it.
    """
    return Marked(f"`{said}`") if _PLAIN.fullmatch(said) else text(said)


def heading(level: int, said: str) -> str:
    return f"{'#' * level} {text(said)}"


def paragraph(said: str) -> str:
    """A paragraph that keeps its line breaks, each as a backslash at the end of the line (CommonMark section 6.7)."""
    return text(said) if isinstance(said, Marked) else "\\\n".join(text(each) for each in said.splitlines() if each.strip())


def bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {text(each)}" for each in items)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; an empty text if there are no rows."""
    body = [_row(each) for each in rows]
    return "\n".join([_row(head), "|" + " --- |" * len(head), *body]) if body else ""


def page(blocks: Iterable[str]) -> str:
    """Blocks with an empty line between them; empty blocks are left out."""
    return "\n\n".join(each for each in blocks if each) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(text, cells))} |"
