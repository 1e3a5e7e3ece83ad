"""The body of a card: reads what stands below each heading as text, entries and labelled values, and writes it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from documents.formats.markdown import heading, text

_BLOCKS = MarkdownIt("commonmark").disable("inline")  # parses block structure only (CommonMark section 3)
_TO_DO = re.compile(r"\[?more information needed\]?\.?", re.IGNORECASE)
_MARKER = re.compile(r" *(?:[-*+]|\d+[.)]) +")  # a list marker (CommonMark section 5.2)
_LABELLED = re.compile(r"^[-*+] +\*\*([^*\n]+?):?\*\*:?[ \t]*(.*(?:\n {2,}\S.*)*)\n?", re.MULTILINE)
_ESCAPED = re.compile(r"\\(\n|[!-/:-@\[-`{-~])")  # ASCII punctuation (CommonMark section 2.4), and a hard line break (6.7)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and the body between it and the next heading. `level` is 0 for what stands before the first heading."""

    level: int
    title: str
    body: str

    @property
    def path(self) -> str:
        return f"{'#' * self.level} {self.title}".strip()

    @property
    def name(self) -> str:
        return named(self.title)

    @property
    def said(self) -> str:
        """The body's text without its labelled values."""
        return meant(_LABELLED.sub("", self.body))

    @property
    def labelled(self) -> list[tuple[str, str]]:
        """The labels and values in the body: `- **Developed by:** us` is ("developed by", "us")."""
        found = [(named(each[1]), meant(each[2].replace("\n  ", "\n"))) for each in _LABELLED.finditer(self.body)]
        return [each for each in found if each[1]]

    @property
    def entries(self) -> list[str]:
        """The items of a body that is one list; a body of another form is one entry."""
        body = _LABELLED.sub("", self.body)
        tokens = _BLOCKS.parse(body)
        outer = [each.type for each in tokens if each.level == 0 and each.nesting >= 0]
        if outer not in (["bullet_list_open"], ["ordered_list_open"]):
            return [said] if (said := meant(body)) else []
        written = body.split("\n")
        items = [each for each in tokens if each.type == "list_item_open" and each.level == 1]
        return list(filter(None, (meant(_item(written, each)) for each in items)))


def _item(written: Sequence[str], item: Token) -> str:
    """The lines of a list item without its marker, and without the indentation that the marker's width asks for."""
    start, end = item.map or (0, 0)
    marker = _MARKER.match(written[start])
    width = marker.end() if marker else 0
    rest = [each.removeprefix(" " * width) for each in written[start + 1 : end]]
    return "\n".join([written[start][width:], *rest])


def sections(body: str) -> Iterator[Section]:
    """The sections of a body in their order; the first has no title, and holds what stands before the first heading."""
    body = _uncommented(body)
    written = body.split("\n")
    level, title, begins = 0, "", 0
    for opened, inside in pairwise(_BLOCKS.parse(body)):
        if opened.type == "heading_open" and opened.level == 0 and opened.map:
            yield Section(level, title, "\n".join(written[begins : opened.map[0]]))
            level, title, begins = int(opened.tag[1:]), " ".join(meant(inside.content).split()), opened.map[1]
    yield Section(level, title, "\n".join(written[begins:]))


def _uncommented(body: str) -> str:
    """The body without HTML comments, in which templates say how to fill them; a comment that never ends is text."""
    kept, rest = [], body
    while rest:
        before, opened, after = rest.partition("<!--")
        comment, closed, after = after.partition("-->")
        kept.append(before if closed else before + opened + comment)
        rest = after
    return "".join(kept)


def named(title: str) -> str:
    """A title in the form of the tables of a `Layout`: lower case, without punctuation and without `[optional]`."""
    said = re.sub(r"\[optional\]|[*_`:?,]", "", title.lower()).replace("&", "and").replace("-", " ")
    return " ".join(said.split())


def meant(written: str) -> str:
    """Prose without its backslash escapes (CommonMark section 2.4); empty for a template's "More Information Needed".

    Prose with a code block stays as it is, for backslashes in code are no escapes.
    """
    said = written.strip()
    if _TO_DO.fullmatch(said):
        return ""
    return said if "```" in said else _ESCAPED.sub(r"\1", said)


def prose(said: str | None) -> str:
    """A text as Markdown that renders to the same words, paragraphs and lines."""
    paragraphs = (said or "").split("\n\n")
    return "\n\n".join("\\\n".join(text(line) for line in each.split("\n") if line.strip()) for each in paragraphs)


def bullets(said: Iterable[str]) -> str:
    return "\n".join(f"- {prose(each)}".replace("\n", "\n  ") for each in said)


def labels(said: Iterable[tuple[str, str | None]]) -> str:
    return "\n".join(f"- **{label}:** {prose(value)}".replace("\n", "\n  ") for label, value in said if value)


def below(level: int, title: str, *blocks: str) -> Iterator[str]:
    """A heading and the blocks below it that are not empty; no heading if all are empty."""
    if said := [each for each in blocks if each]:
        yield heading(level, title)
        yield from said
