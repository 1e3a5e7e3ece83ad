"""The questions that come with Magistrate: the folder `examples`, which stands beside the packages wherever they are."""

import json
from difflib import get_close_matches
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "examples"


def names() -> list[str]:
    return sorted(each.stem for each in FOLDER.glob("*.graphql"))


def text(name: str) -> str:
    return (FOLDER / f"{name}.graphql").read_text(encoding="utf-8")


def variables(name: str) -> dict[str, Any]:
    """The variables that stand beside an example, to show what it takes."""
    beside = FOLDER / f"{name}.variables.json"
    found: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    return found


def asks(name: str) -> str:
    """The question that an example asks: the first sentence of its comment."""
    comment = " ".join(line.removeprefix("#").strip() for line in text(name).splitlines() if line.startswith("#"))
    end = comment.find("?")
    return comment[: end + 1] if end >= 0 else comment


def alike(name: str) -> str | None:
    return next(iter(get_close_matches(name, names(), 1)), None)
