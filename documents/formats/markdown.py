"""Markdown, written so that a value can only ever be text: CommonMark 0.31 with the tables of GitHub Flavored Markdown.

Whatever is given as a plain string is escaped where it is written; only what this module made itself is markup.
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
    """Inline Markdown as this module made it."""

    __slots__ = ()


def text(said: str) -> Marked:
    """A value as one line that reads the same when it is rendered; any run of blanks and line breaks is one blank.

    CommonMark section 2.4: a backslash makes any ASCII punctuation mean itself.
    """
    return said if isinstance(said, Marked) else Marked(_ACTIVE.sub(r"\\\g<0>", " ".join(said.split())))


def line(*parts: str) -> Marked:
    """Parts with blanks between them, each escaped unless it is markup."""
    return Marked(" ".join(filter(None, map(text, parts))))


def listed(parts: Iterable[str]) -> Marked:
    """Parts with commas between them."""
    return Marked(", ".join(map(text, parts)))


def strong(said: str) -> Marked:
    return Marked(f"**{text(said)}**")


def code(said: str) -> Marked:
    """An identifier in the letters of a machine; whatever could be more than that is text."""
    return Marked(f"`{said}`") if _PLAIN.fullmatch(said) else text(said)


def heading(level: int, said: str) -> str:
    return f"{'#' * level} {text(said)}"


def paragraph(said: str) -> str:
    """Its line breaks stay."""
    return text(said) if isinstance(said, Marked) else "\\\n".join(text(each) for each in said.splitlines() if each.strip())


def bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {text(each)}" for each in items)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; nothing without rows."""
    body = [_row(each) for each in rows]
    return "\n".join([_row(head), "|" + " --- |" * len(head), *body]) if body else ""


def page(blocks: Iterable[str]) -> str:
    """Blocks below one another; what is empty is left out."""
    return "\n\n".join(each for each in blocks if each) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(text, cells))} |"
