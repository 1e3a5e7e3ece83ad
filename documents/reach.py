"""How far a program reaches: which models and which environments its changes may be about. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

ALL = ("*",)


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, glob.split("*"))), re.DOTALL)


def matches(globs: Iterable[str], text: str) -> bool:
    """Whether a text is one of `globs`, in which `*` stands for any text, also for none."""
    return any(_pattern(each).fullmatch(text) for each in globs)


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
