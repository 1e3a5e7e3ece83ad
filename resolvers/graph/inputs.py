"""What many inputs have in common."""

from pydantic import BaseModel, Field

from documents.errors import StaleRevision
from documents.values import Key
from documents.versions.version import ModelVersion


class OfVersion(BaseModel):
    """The input of a mutation on a version."""

    model_id: Key = Field(description="The model.")
    version: Key = Field(description="The version.")
    expected_revision: int | None = Field(
        default=None, description="The version's `revision` as the client read it; CONFLICT if somebody has stored it since."
    )

    async def load(self) -> ModelVersion:
        """The version that the input names, as long as it is at the expected revision."""
        version = await ModelVersion.require(self.model_id, self.version)
        if self.expected_revision not in (None, version.revision):
            raise StaleRevision(ModelVersion.__name__, version.key, self.expected_revision or 0)
        return version
