"""The questions in examples/ are answered."""

from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str) -> str:
    return (EXAMPLES / f"{name}.graphql").read_text()
