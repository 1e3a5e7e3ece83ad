"""A page cannot show what nobody tries, nor an answer that does not come."""

from pathlib import Path

import pytest

from tests.documented import NOT_RUN, Block, Shell, blocks, compare, in_lines

ASKED = "```graphql\n# as Alice\n{ viewer { id } }\n```\n"
ANSWERED = '{"data": {"viewer": {"id": "alice"}}}'


def page_of(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text)
    return page


def test_a_block_has_the_answer_that_stands_below_it(tmp_path: Path) -> None:
    text = f"# A page\n\n{ASKED}\nThis comes:\n\n```json\n{ANSWERED}\n```\n\n```sh\ntrue\n```\n\n```text\na tree\n```\n"
    asked, ran = blocks(page_of(tmp_path, text))
    assert (asked.sender, asked.language, asked.line) == ("Alice", "graphql", 3)
    assert asked.shown and (asked.shown.text, asked.shown.line) == (f"{ANSWERED}\n", 10)
    assert ran.is_run and ran.shown and ran.shown.text == "a tree\n"


def test_a_text_that_does_not_follow_a_command_at_once_is_a_picture(tmp_path: Path) -> None:
    (ran,) = blocks(page_of(tmp_path, "```sh\ntrue\n```\n\nThe tree:\n\n```text\na tree\n```\n\n```mermaid\nflowchart\n```\n"))
    assert ran.shown is None


@pytest.mark.parametrize(
    "text",
    [
        "```python\nprint()\n```\n",  # of a kind that nobody runs
        "```\nmake run\n```\n",  # of no kind
        "```json\n{}\n```\n",  # the answer to nothing
        "- a list\n  ```sh\n  false\n  ```\n",  # indented
        "```sh\nfalse\n",  # not closed
        "~~~sh\nfalse\n~~~\n",  # fenced otherwise
        f"```sh\n{NOT_RUN}it needs Docker\ndocker compose up\n```\n\n```text\nup\n```\n",  # an answer that nobody has seen
    ],
)
def test_a_block_that_nobody_would_try_is_an_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        blocks(page_of(tmp_path, text))


def test_a_query_names_its_sender(tmp_path: Path) -> None:
    (asked,) = blocks(page_of(tmp_path, "```graphql\n{ viewer { id } }\n```\n"))
    with pytest.raises(AssertionError, match="who sends it"):
        _ = asked.sender


@pytest.mark.parametrize(
    ("language", "shown", "told"),
    [
        ("graphql", None, '{"errors": [{"message": "no"}]}'),
        ("graphql", None, '{"data": {"model": null}}'),
        ("sh", None, '{"errors":[]}'),
        ("graphql", '{"data": {"viewer": {"id": "alice"}}}', '{"data": {"viewer": {"id": "bob"}}}'),
        ("sh", "ready\n", "not ready\n"),
    ],
)
def test_an_answer_that_is_not_the_one_that_is_shown_is_an_error(language: str, shown: str | None, told: str) -> None:
    answer = shown and Block(Path("page.md"), 9, "json" if language == "graphql" else "text", shown)
    with pytest.raises(AssertionError):
        compare(Block(Path("page.md"), 1, language, "", answer or None), told)


def test_hashes_ids_moments_and_tokens_may_differ() -> None:
    shown, told = (
        f'{{"a": "{each * 64}", "b": "CR-{each * 32}", "c": "2026-0{each}-01T00:00:00.123Z", "d": "mag_{each}_secret{each}"}}'
        for each in "12"
    )
    compare(Block(Path("page.md"), 1, "graphql", "", Block(Path("page.md"), 9, "json", shown)), told)


def test_the_shell_keeps_what_a_block_leaves_and_ends_with_the_first_command_that_fails(tmp_path: Path) -> None:
    with Shell(tmp_path, {"GREETING": "hello"}) as shell:
        assert shell.does("greet() { echo \"$GREETING $1\"; }\nNAME='world'") == ""
        assert shell.does('greet "$NAME"\necho wrong >&2') == "hello world\nwrong\n"
        with pytest.raises(AssertionError, match="bash ended with 3"):
            shell.does("(exit 3)\necho too late")


def test_answers_are_written_on_one_line_where_they_fit() -> None:
    assert in_lines({"data": {"ids": ["a", "b"]}}) == '{"data": {"ids": ["a", "b"]}}'
    assert in_lines({"data": ["a" * 100, "b" * 100]}) == f'{{\n  "data": [\n    "{"a" * 100}",\n    "{"b" * 100}"\n  ]\n}}'
