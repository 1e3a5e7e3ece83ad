"""Texts that mean something in Markdown, and the readers that must find nothing but text in them."""

from hypothesis import strategies as st
from markdown_it import MarkdownIt

READERS = (MarkdownIt("gfm-like", {"typographer": True}), MarkdownIt("commonmark").enable("table"))
"""GitHub's dialect, which turns addresses into links, and CommonMark with tables."""

HOSTILE = (
    "<script>alert(1)</script>", "<!--", "&lt;", "&#35;", "[a](http://evil.example)", "![a](x)", "[a]: http://evil.example",
    "<http://evil.example>", "https://evil.example", "www.evil.example", "evil.com", "a|b", "|", "|---|", "\\", "\\|", "`", "```",
    "~~~", "~~gone~~", "# title", "## ", "#", "===", "---", "***", "* item", "- item", "+ item", "1. one", "2) two", "> quote",
    "*a*", "__a__", "$x$", "[^1]", ": what", "{{ x }}", "    code", "\tcode", "\n", "\r\n", "\n\n", "  \n", "\u2028", "\u00a0",
    "[ ] task",
)  # fmt: skip
LETTERS = st.characters(exclude_categories=["Cs", "Cc"])
TEXTS = st.lists(st.sampled_from(HOSTILE) | st.text(LETTERS, max_size=5), max_size=8).map("".join)


def one_line(said: str) -> str:
    return " ".join(said.split())
