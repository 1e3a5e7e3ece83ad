"""Stages: how close an environment is to the people whom a model serves. Rules go by the stage, never by a name."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from documents.values import Choice, each_once


class Stage(Choice):
    """A stage says what an environment is for."""

    DEVELOPMENT = "development", "The environment is for building: nobody relies on what runs there."
    TEST = "test", "The environment is for trying out: nobody relies on what runs there."
    STAGING = "staging", "The environment is for rehearsing what goes to production next."
    PRODUCTION = "production", "The environment serves the people whom a model is for."

    @property
    def order(self) -> int:
        """The place of the stage, from DEVELOPMENT at 0 to PRODUCTION."""
        return tuple(Stage).index(self)


GOVERNED = (Stage.STAGING, Stage.PRODUCTION)
"""The stages that a policy binds unless it says otherwise. A version's own status and standing are about these."""


def _each_stage_once(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages in their own order, so that two lists of the same stages are equal and have one digest."""
    listed = tuple(stages)
    each_once((each.name,) for each in listed)
    return tuple(sorted(listed, key=lambda each: each.order))


Stages = Annotated[tuple[Stage, ...], Field(min_length=1, max_length=len(Stage)), AfterValidator(_each_stage_once)]
"""One stage or more, each once, in their own order."""
