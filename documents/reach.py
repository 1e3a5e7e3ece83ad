"""How far a program reaches: which models and which environments its changes may be about. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ALL = ("*",)


def matches(globs: Iterable[str], text: str) -> bool:
    """Whether a text is one of `globs`, in which `*` stands for any text, also for none."""
    return any(_matches(each, text) for each in globs)


def _matches(glob: str, text: str) -> bool:
    """Looks for each part once. A regular expression with many `*` tries every way to cut the text, and may never end."""
    first, *between = glob.split("*")
    if not between:
        return text == glob
    *between, last = between
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in between:
        found = text.find(part, at, end)  # the leftmost place leaves the most for the parts that follow
        if found < 0:
            return False
        at = found + len(part)
    return True


@dataclass(frozen=True, slots=True)
class Reach:
    """The models and environments that somebody may change something about, each by name or glob."""

    models: Sequence[str] = ALL
    environments: Sequence[str] = ALL

    def beyond(self, model_id: str | None, environment: str | None) -> str | None:
        """What a change of a model in an environment is beyond, in words; None if it is within. None is about no model."""
        if model_id is not None and not matches(self.models, model_id):
            return f"the model {model_id}"
        if environment is not None and not matches(self.environments, environment):
            return f"the environment {environment}"
        return None


EVERYWHERE = Reach()
