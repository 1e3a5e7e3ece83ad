"""Whatever text stands in a value, a Markdown reader finds that text in it and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it.token import Token

from documents.formats.markdown import bullets, code, heading, line, listed, page, paragraph, strong, table, text
from tests.markdown import HOSTILE, READERS, TEXTS, one_line


def shapes(tokens: list[Token]) -> list[str]:
    return [each.type for each in tokens]


def inlines(tokens: list[Token]) -> list[str]:
    """What each inline token says, if there is nothing in it but text and line breaks."""
    said = []
    for each in tokens:
        if each.type == "inline":
            assert {child.type for child in each.children or ()} <= {"text", "softbreak", "hardbreak"}, each.content
            said.append(one_line("".join(child.content or "\n" for child in each.children or ())))
    return said


def read(written: str) -> list[tuple[list[str], list[str]]]:
    """The shape of a document, and its texts, as each reader has them."""
    return [(shapes(tokens), inlines(tokens)) for tokens in (reader.parse(written) for reader in READERS)]


@given(TEXTS)
def test_a_paragraph_says_what_it_was_given(said: str) -> None:
    blank = not said.strip()
    expected: Any = ([], []) if blank else (["paragraph_open", "inline", "paragraph_close"], [one_line(said)])
    assert read(page([paragraph(said)])) == [expected] * 2


@given(TEXTS)
def test_a_heading_says_what_it_was_given(said: str) -> None:
    assert read(page([heading(2, said)])) == [(["heading_open", "inline", "heading_close"], [one_line(said)])] * 2


@given(TEXTS, TEXTS)
def test_a_table_keeps_its_cells_apart(one: str, other: str) -> None:
    cells = ["head", "", one, other]
    for found, texts in read(page([table(cells[:2], [cells[2:]])])):
        assert texts == [one_line(each) for each in cells]
        assert found[0] == "table_open" and found.count("tr_open") == 2 and found.count("td_open") == 2


@given(st.lists(TEXTS.filter(str.strip), min_size=1, max_size=3))
def test_items_stay_items(items: list[str]) -> None:
    for found, texts in read(page([bullets(items)])):
        assert texts == [one_line(each) for each in items]
        assert found.count("list_item_open") == len(items) and found.count("bullet_list_open") == 1


@given(TEXTS)
def test_an_identifier_is_set_as_code_or_as_text(said: str) -> None:
    for reader in READERS:
        (inline,) = [each for each in reader.parse(f"x {code(said)}") if each.type == "inline"]
        children = inline.children or []
        assert {each.type for each in children} <= {"text", "code_inline"}
        assert one_line("".join(each.content for each in children)) == one_line(f"x {said}")


@pytest.mark.parametrize("said", HOSTILE)
def test_each_construct_alone_is_text(said: str) -> None:
    for written in (paragraph(said), heading(1, said), bullets([f"x{said}"]), table(["x"], [[said]]), line("x", said, "y")):
        assert read(page([written]))[0] == read(page([written]))[1]


def test_markup_is_what_the_module_made_and_nothing_twice() -> None:
    assert line("a*", strong("b_"), code("c-1.0"), "", text("d|")) == r"a\* **b\_** `c-1.0` d\|"
    assert listed(["a*", code("b")]) == r"a\*, `b`"
    assert paragraph("One.\n\n2. Two") == "One.\\\n2\\. Two"
    assert table(["a"], []) == "" and page(["", "a", ""]) == "a\n"
