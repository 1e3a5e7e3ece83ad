"""The documentation as its reader meets it: each fenced block of a page is done in order, and its answer is compared with the
one that is shown below it.

| block | what is done with it |
|---|---|
| `sh` | it is run in the reader's shell, which is one bash process for all pages |
| `graphql` | it is sent by whoever its first line names: `# as Alice`, `# as the administrator` |
| `json` | it is the answer to the block before it |
| `text` | right below an `sh` block it is what that prints; anywhere else it is a picture |
| `mermaid` | it is a picture |
| `toml` | it is an identity file, which a test reads |
| `yaml` | it is a part of the file of another program, and a test reads it as YAML |

An `sh` block whose first line is `# not run by tests: <reason>` is shown and not run. A block of any other kind is an error, so
no page can show what nobody tries. `make docs` writes the answers that have changed into the pages.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any, Self

import httpx

from tests.operated import MAGISTRATE, Operated

ROOT = Path(__file__).parents[1]
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")})
READ_IN_ORDER = (
    "README.md",
    "docs/getting-started-graphql.md",
    "docs/guide.md",
    "docs/questions.md",
    "docs/import-export.md",
    "docs/reference.md",
    "docs/operating.md",
    "examples/README.md",
    "docs/command-line.md",
    "docs/python.md",
    "docs/gate.md",
)
"""A page goes on from the ones before it: their people, their models, their shell."""
READ_ALONE = ("docs/getting-started.md",)
"""A page for whoever reads nothing before it, done on a server of its own."""

REFERENCE = (ROOT / "docs" / "reference.md").read_text()

NOT_RUN = "# not run by tests: "
END_OF_OUTPUT = "-- the block has ended --"
PATIENCE = 60.0  # seconds for one block
WIDTH = 140  # columns of the answers that are written into a page
DONE, ANSWERS, PICTURES = ("sh", "graphql"), ("json", "text"), ("text", "mermaid")
READ = ("toml", "yaml")
_FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
_VARYING = tuple(
    (re.compile(pattern), same)
    for pattern, same in (
        (r"\b[0-9a-f]{64}\b", "0" * 64),  # SHA-256
        (r"\b([A-Z]{2,3})-[0-9a-f]{32}\b", r"\1-" + "0" * 32),  # ids that the service makes: CR-..., HLD-...
        (r"\b\d{4}-\d\d-\d\dT[\d:]+(\.\d+)?Z", "2000-01-01T00:00:00Z"),
        (r"\bmag_[0-9A-Za-z]+_[\w-]+", "mag_id_secret"),
    )
)


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading of the reference, cell by cell."""
    below = REFERENCE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (first, *_) = re.findall(r"(?:^\|.*\n)+", below, re.MULTILINE)
    return [[each.strip() for each in line.strip("|").split(" | ")] for line in first.strip().split("\n")[2:]]


@dataclass(frozen=True)
class Block:
    """A fenced block, the line of its page on which it begins, and the answer to it that the page shows."""

    page: Path
    line: int
    language: str
    text: str
    shown: "Block | None" = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_run(self) -> bool:
        return not self.text.startswith(NOT_RUN)

    @property
    def sender(self) -> str:
        """Who sends a `graphql` block: `Alice`, or `the administrator`."""
        named = re.match(r"# as ((?:the )?\w+)", self.text)
        if named is None:
            raise AssertionError(f"{self}: the first line of a query says who sends it: `# as Alice`")
        return named[1]


def shown(language: str) -> list[tuple[Path, str]]:
    """What the pages show in one of the languages that tests read."""
    fences = ((page, each) for page in PAGES for each in _FENCE.finditer(page.read_text()))
    return [(page, each[2]) for page, each in fences if each[1] == language]


def blocks(page: Path) -> list[Block]:
    """What a page has to do, in its order, each block with the answer that is shown; AssertionError for one of no known kind."""
    text, found, end = page.read_text(), list[Block](), 0
    if len(re.findall(r"^[ >]*(?:```|~~~)", text, re.MULTILINE)) != 2 * len(_FENCE.findall(text)):
        raise AssertionError(f"{page}: a fence is indented, quoted or not closed, so its block would be missed")
    for fence in _FENCE.finditer(text):
        block = Block(page, text.count("\n", 0, fence.start()) + 1, fence[1], fence[2])
        before, follows = found[-1] if found else None, not text[end : fence.start()].strip()
        end = fence.end()
        if block.language in DONE:
            found.append(block)
        elif block.language in ANSWERS and before and not before.shown and (block.language == "json" or follows):
            if not before.is_run:
                raise AssertionError(f"{block}: nobody has seen this answer, because the block above it is not run")
            found[-1] = Block(before.page, before.line, before.language, before.text, block)
        elif block.language not in (*PICTURES, *READ):
            raise AssertionError(f"{block}: a block of `{block.language}` is neither run nor the answer to one that is")
    return found


class Shell:
    """One bash process, which is given blocks as if they were pasted; the first command that fails ends it."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MAGISTRATE_")}
        environment |= {"PATH": f"{MAGISTRATE.parent}:{os.environ['PATH']}"} | settings
        self.process = subprocess.Popen(
            ["/bin/bash", "--norc", "--noprofile", "-euo", "pipefail", "-s"],
            cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def does(self, commands: str) -> str:
        """What the commands print, on standard error too; AssertionError if one of them fails or takes more than a minute."""
        assert self.process.stdin and self.process.stdout
        late = Timer(PATIENCE, self.process.kill)
        late.start()
        try:
            self.process.stdin.write(f"{commands}\necho '{END_OF_OUTPUT}'\n")
            self.process.stdin.flush()
            said = ""
            for line in self.process.stdout:
                said += line
                if said.endswith(f"{END_OF_OUTPUT}\n"):
                    return said.removesuffix(f"{END_OF_OUTPUT}\n")
        finally:
            late.cancel()
        raise AssertionError(f"bash ended with {self.process.wait()} in\n{commands}\nafter\n{said}")

    def value(self, variable: str) -> str:
        return self.does(f'printf %s "${variable}"')

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(PATIENCE)


class Reader:
    """Somebody who has just started a server, and does what the pages say."""

    def __init__(self, server: Operated, shell: Shell) -> None:
        self.server, self.shell = server, shell

    @classmethod
    @contextmanager
    def at_home(cls, home: Path) -> Iterator[Self]:
        """A reader in an empty folder, beside a server that keeps its data there; the examples are where a clone has them."""
        (home / "examples").symlink_to(ROOT / "examples")
        with Operated(home / "var") as server, Shell(home, at_desk(home, server)) as shell:
            yield cls(server, shell)

    def follows(self, page: Path) -> None:
        """Does each block of a page; AssertionError for the first whose answer is not the one that is shown."""
        for block in blocks(page):
            if block.is_run:
                compare(block, self.does(block))

    def does(self, block: Block) -> str:
        return self.shell.does(block.text) if block.language == "sh" else self._sends(block)

    def _sends(self, block: Block) -> str:
        headers = {"authorization": f"Bearer {self._token(block.sender)}"}
        return httpx.post(self.server.url, json={"query": block.text}, headers=headers, timeout=PATIENCE).text

    def _token(self, sender: str) -> str:
        """The administrator's from the data folder, all others' from the shell, which has enrolled them: `$ALICE`."""
        if sender == "the administrator":
            return (self.server.folder / "admin-token").read_text().strip()
        return self.shell.value(sender.upper())


def at_desk(home: Path, server: Operated) -> dict[str, str]:
    """What the environment of a reader's shell says; profiles are kept at home."""
    return {"MAGISTRATE_URL": server.url, "XDG_CONFIG_HOME": str(home / "config"), "NO_COLOR": "1"}


def compare(block: Block, told: str) -> None:
    """AssertionError unless the answer is what the page shows; one that is not shown must be no refusal, and not empty."""
    if block.shown is None:
        assert '"errors"' not in told, f"{block}: {told}"
        assert block.language == "sh" or None not in json.loads(told)["data"].values(), f"{block}: {told}"
    else:
        assert is_shown(block, told), f"{block.shown}: the answer was\n{told}"


def is_shown(block: Block, told: str) -> bool:
    """Whether the page shows that answer to a block, but for what differs from start to start."""
    assert block.shown
    if block.shown.language == "json":
        return list(values_in(alike(told))) == list(values_in(alike(block.shown.text)))
    return alike(told).rstrip("\n") == alike(block.shown.text).rstrip("\n")


def values_in(text: str) -> Iterator[Any]:
    """Each JSON value of a text, in which one may follow another."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        yield value
        rest = rest[end:].strip()


def alike(text: str) -> str:
    """A text with what differs from start to start replaced: hashes, the ids that the service makes, moments and tokens."""
    for pattern, same in _VARYING:
        text = pattern.sub(same, text)
    return text


def write_answers() -> None:
    """Does all that the pages say, and writes each answer that is shown otherwise into its page."""
    for names in (READ_IN_ORDER, *((each,) for each in READ_ALONE)):
        _write_answers_of(names)


def _write_answers_of(names: Sequence[str]) -> None:
    with TemporaryDirectory(prefix="magistrate-docs-") as folder, Reader.at_home(Path(folder)) as reader:
        for page in (ROOT / name for name in names):
            told = [(each, reader.does(each)) for each in blocks(page) if each.is_run]
            lines = page.read_text().split("\n")
            for block, answer in reversed(told):  # from the end, so that the lines before stay where they are
                if block.shown and not is_shown(block, answer):
                    shown = block.shown
                    lines[shown.line : shown.line + shown.text.count("\n")] = written(answer, shown.language).split("\n")
            page.write_text("\n".join(lines))


def written(answer: str, language: str) -> str:
    return "\n".join(map(in_lines, values_in(answer))) if language == "json" else answer.rstrip("\n")


def in_lines(value: Any, before: int = 0, column: int = 0) -> str:
    """JSON whose objects and lists stand on one line where they fit; lines after the first are moved in by `before`."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or before + column + len(flat) <= WIDTH:
        return flat
    inner, margin = before + 2, " " * (before + 2)
    if isinstance(value, dict):
        parts = [f"{margin}{json.dumps(name)}: {in_lines(each, inner, len(name) + 4)}" for name, each in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{' ' * before}}}"
    return "[\n" + ",\n".join(f"{margin}{in_lines(each, inner)}" for each in value) + f"\n{' ' * before}]"


if __name__ == "__main__":
    write_answers()
