"""What a version nests: what it is made of, what it rests on, how it was looked at again, and how such things end."""

from typing import ClassVar

from pydantic import Field

from documents.identities import IdentityMark
from documents.values import Choice, Count, Digest, Key, Moment, Statement, Uri, Value


class Ending(Value):
    """An ending says when, by whom and why something ended."""

    ordered: ClassVar = frozenset({"at"})
    bounded: ClassVar = frozenset({"at"})

    at: Moment = Field(description="The time it ended.")
    by: Key = Field(description="The user id of whoever ended it.")
    reason: Statement = Field(description="The reason why it ended.")
    identity: IdentityMark | None = Field(
        default=None, description="The mark of the person's identity at that time, where a decision ended; null if not kept."
    )


class ArtifactKind(Choice):
    """An artefact is of one of these kinds."""

    WEIGHTS = "weights", "The artefact holds parameters."
    ADAPTER = "adapter", "The artefact holds parameters on top of others."
    TOKENIZER = "tokenizer", "The artefact is a tokenizer."
    PROMPT = "prompt", "The artefact is a system prompt or prompt template."
    CONFIG = "config", "The artefact is configuration."
    CODE = "code", "The artefact is source code."
    CONTAINER = "container", "The artefact is a container image."
    API = "api", "The artefact is a model behind somebody's API."


class Artifact(Value):
    """An artefact is a part of a version."""

    grouped: ClassVar = frozenset({"kind"})
    summed: ClassVar = frozenset({"size"})

    kind: ArtifactKind = Field(description="The kind says what it is.")
    uri: Uri = Field(description="The URI where it is.")
    sha256: Digest | None = Field(default=None, description="The SHA-256 that its bytes have; null for an API.")
    size: Count | None = Field(default=None, description="The size is in bytes.")


class DatasheetLink(Value):
    """A link pins the revision that the version rests on."""

    grouped: ClassVar = frozenset({"dataset_id"})
    bounded: ClassVar = frozenset({"linked_at"})

    dataset_id: Key = Field(description="The id of the dataset that is linked.")
    revision: int = Field(description="The number of the revision that is pinned.")
    digest: Digest = Field(description="The digest that `content` takes for the revision.")
    linked_by: Key = Field(description="The user id of whoever linked it.")
    linked_at: Moment = Field(description="The time it was linked.")


class Review(Value):
    """A review is a periodic one, with four findings."""

    grouped: ClassVar = frozenset({"by"})
    bounded: ClassVar = frozenset({"at"})

    at: Moment = Field(description="The time it was completed.")
    by: Key = Field(description="The user id of whoever completed it.")
    metrics: Statement = Field(description="The text says what the review of metrics found.")
    drift: Statement = Field(description="The text says what the analysis of drift found.")
    incidents: Statement = Field(description="The text says what the review of incidents found.")
    compliance: Statement = Field(description="The text says what the check of compliance found.")
