"""Dossiers: what there is to decide about, as digests that tell whether it changed."""

import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field

from documents.canonical import digest
from documents.values import Choice, Digest, Value


class DossierPart(Choice):
    """A dossier has these parts."""

    SCOPE = "scope", "The scope is purpose, use cases and restrictions."
    TIER = "tier", "The tier is the risk tier."
    ARTIFACTS = "artifacts", "The artefacts are what it is made of."
    DEPENDENCIES = "dependencies", "The dependencies are what it depends on."
    CARD = "card", "The card is the model card."
    ASSESSMENT = "assessment", "The assessment is the latest risk assessment."
    DATASHEETS = "datasheets", "The linked datasheets are pinned revisions."
    EVIDENCE = "evidence", "The evidence that stood at the decision."
    POLICIES = "policies", "The policies that require the role, and what they ask."


class Dossier(Value):
    """A dossier has the digests of what is decided on."""

    scope: Digest = Field(description="The digest that purpose, use cases and restrictions have.")
    tier: Digest = Field(description="The digest that the risk tier has.")
    artifacts: Digest = Field(description="The digest that the artefacts have.")
    dependencies: Digest = Field(description="The digest that the dependencies have.")
    card: Digest | None = Field(description="The digest that the model card has; null if none.")
    assessment: Digest | None = Field(description="The digest that the assessment has; null if none.")
    datasheets: Digest = Field(description="The digest that the linked revisions have.")

    @classmethod
    def of(cls, parts: Mapping[DossierPart, Any], card: str | None, assessment: str | None) -> Self:
        """The dossier of `parts` as they are, and of a card and an assessment that are kept already."""
        return cls(card=card, assessment=assessment, **{part.value: digest(said) for part, said in parts.items()})

    def digests(self) -> Mapping[DossierPart, str]:
        """The digest of each part that there is."""
        found = {part: getattr(self, part, None) for part in DossierPart}
        return {part: each for part, each in found.items() if each}

    def changed_by(self, today: Self) -> tuple[DossierPart, ...]:
        """The parts in which `today` differs from this."""
        return tuple(part for part in DossierPart if getattr(self, part, None) != getattr(today, part, None))


def pinned(text: str) -> list[str]:
    """The digests of the datasheets that the text of the part DATASHEETS pins."""
    return [digest for _, _, digest in json.loads(text)]
