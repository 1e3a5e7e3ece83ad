"""Dependencies: what a version was made from, and what it needs to run."""

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from documents.errors import InvalidInput
from documents.values import Choice, Key, Name, Uri, Value


class DependencyRelation(Choice):
    """A version depends on another in one of these ways."""

    FINE_TUNED_FROM = "fine_tuned_from", "The version's training began with the other's parameters."
    DISTILLED_FROM = "distilled_from", "The version learned from what the other answers."
    ADAPTER_OF = "adapter_of", "The version's parameters go on top of the other's."
    EMBEDS = "embeds", "The other is a part of the version."
    CALLS = "calls", "The version asks the other while it runs."
    EVALUATED_BY = "evaluated_by", "The other judged the version's results."


_D = DependencyRelation
ORIGINS = frozenset({_D.FINE_TUNED_FROM, _D.DISTILLED_FROM, _D.ADAPTER_OF, _D.EMBEDS})
"""The relations that say what a version was made from. The others say what it uses while it runs or is judged."""


class VersionName(Value):
    """A version name identifies a governed version."""

    grouped: ClassVar = frozenset({"model_id", "version"})
    semantic: ClassVar = frozenset({"version"})

    model_id: Key = Field(description="The id that the model has.")
    version: Key = Field(description="The name that the version has.")


class ExternalModel(Value):
    """An external model is governed elsewhere, or nowhere."""

    grouped: ClassVar = frozenset({"name", "supplier"})
    semantic: ClassVar = frozenset({"version"})

    name: Name = Field(description="The name that its supplier calls it by.")
    version: Name | None = Field(default=None, description="The version that is used, if stated.")
    supplier: Name | None = Field(default=None, description="The organisation that supplies it.")
    uri: Uri | None = Field(default=None, description="The URI where it is described.")


class Dependency(Value):
    """A dependency is what a version depends on."""

    grouped: ClassVar = frozenset({"relation"})

    relation: DependencyRelation = Field(description="The relation says how the version depends on it.")
    governed: VersionName | None = Field(default=None, description="The governed version that it is, if governed.")
    external: ExternalModel | None = Field(default=None, description="The external model that it is, if not governed.")


def refuse_doubled(dependencies: tuple[Dependency, ...]) -> None:
    for index, each in enumerate(dependencies):
        if each in dependencies[:index]:
            raise InvalidInput(f"depends_on.{index}", "is there twice")


def origins(dependencies: Iterable[Dependency]) -> tuple[Dependency, ...]:
    """The dependencies that say what a version was made from."""
    return tuple(each for each in dependencies if each.relation in ORIGINS)
