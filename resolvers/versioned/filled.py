"""The payload of mutations that fill a model card from a file or a training run."""

import strawberry

from documents.access import Permission
from documents.eligibility.answer import Eligibility, Finding
from documents.values import camel
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.mutation import Payload
from resolvers.graph.types import field
from resolvers.versioned.judged import judgements

MISSING = "The requirements that a fuller card would meet."
DOCUMENTING = (Permission.SAVE_MODEL_CARD, Permission.LINK_DATASHEET)


@strawberry.type
class FilledCard(Payload):
    fields: strawberry.Private[str]
    """The names of the card's fields that were filled, with blanks between them."""
    model_version: ModelVersion = strawberry.field(description="The version that has the card.")

    @field("The fields of the card that have changed.")
    def filled(self) -> list[str]:
        return [camel(each) for each in self.fields.split()]

    @field(MISSING)
    async def missing(self, info: Info) -> list[Finding]:
        return await missing(self.model_version, info)


async def missing(version: ModelVersion, info: Info) -> list[Finding]:
    """The open findings about a version that a fuller card or a linked datasheet would resolve."""
    found: Eligibility = await judgements(info.context).load(version)
    asked = (*found.violations, *found.advisories)
    return [each for each in asked if each.remedy and each.remedy.mutation in DOCUMENTING]
