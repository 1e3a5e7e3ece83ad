"""Dependencies: what a version was made from, and what it needs to run."""

from pydantic import Field

from documents.errors import InvalidInput
from documents.values import Choice, Key, Name, Uri, Value


class DependencyRelation(Choice):
    """How a version depends on another."""

    FINE_TUNED_FROM = "fine_tuned_from", "Its training began with the other's parameters."
    DISTILLED_FROM = "distilled_from", "It learned from what the other answers."
    ADAPTER_OF = "adapter_of", "Its parameters go on top of the other's."
    EMBEDS = "embeds", "The other is a part of it."
    CALLS = "calls", "It asks the other while it runs."
    EVALUATED_BY = "evaluated_by", "The other judged its results."


class VersionName(Value):
    """A governed version, by its name."""

    model_id: Key = Field(description="The model.")
    version: Key = Field(description="The version.")


class ExternalModel(Value):
    """A model that is governed elsewhere, or nowhere."""

    name: Name = Field(description="What its supplier calls it.")
    version: Name | None = Field(default=None, description="Which version of it; nothing if nobody says.")
    supplier: Name | None = Field(default=None, description="Who supplies it.")
    uri: Uri | None = Field(default=None, description="Where it is described.")


class Dependency(Value):
    """One thing that a version depends on: a governed version or an external model."""

    relation: DependencyRelation = Field(description="How it depends on it.")
    governed: VersionName | None = Field(default=None, description="The governed version; nothing for an external model.")
    external: ExternalModel | None = Field(default=None, description="The external model; nothing for a governed version.")


def refuse_doubled(dependencies: tuple[Dependency, ...]) -> None:
    for place, each in enumerate(dependencies):
        if each in dependencies[:place]:
            raise InvalidInput(f"depends_on.{place}", "is there twice")
