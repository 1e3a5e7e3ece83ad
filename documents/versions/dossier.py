"""Dossiers: what there is to decide about, as digests that tell whether it changed."""

import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field

from documents.canonical import digest
from documents.values import Choice, Digest, Value


class DossierPart(Choice):
    """A part of what there is to decide about."""

    SCOPE = "scope", "Purpose, use cases and restrictions."
    TIER = "tier", "The risk tier."
    ARTIFACTS = "artifacts", "What the version is made of: weights, prompts, code."
    DEPENDENCIES = "dependencies", "What it was made from, and what it calls."
    CARD = "card", "The model card."
    ASSESSMENT = "assessment", "The risk assessment."
    DATASHEETS = "datasheets", "The linked datasheets, in the revisions that the links pin."
    EVIDENCE = "evidence", "The evidence that stood when it was decided."


class Dossier(Value):
    """Digests of what there is to decide about, one a part; each is that of a content."""

    scope: Digest = Field(description="Of purpose, use cases and restrictions.")
    tier: Digest = Field(description="Of the risk tier.")
    artifacts: Digest = Field(description="Of the artefacts.")
    dependencies: Digest = Field(description="Of the dependencies.")
    card: Digest | None = Field(description="Of the model card; nothing if there is none.")
    assessment: Digest | None = Field(description="Of the risk assessment; nothing if there is none.")
    datasheets: Digest = Field(description="Of the linked revisions.")

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
