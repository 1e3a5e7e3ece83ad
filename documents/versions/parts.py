"""What a version nests: what it is made of, what it rests on, how it was looked at again, and how such things end."""

from pydantic import Field

from documents.values import Choice, Count, Digest, Key, Moment, Statement, Uri, Value


class Ending(Value):
    """When, by whom and why something ended."""

    at: Moment = Field(description="When.")
    by: Key = Field(description="The user id of whoever ended it.")
    reason: Statement = Field(description="Why.")


class ArtifactKind(Choice):
    """What an artefact is."""

    WEIGHTS = "weights", "Parameters."
    ADAPTER = "adapter", "Parameters on top of other parameters."
    TOKENIZER = "tokenizer", "A tokenizer."
    PROMPT = "prompt", "A system prompt or prompt template."
    CONFIG = "config", "Configuration."
    CODE = "code", "Source code."
    CONTAINER = "container", "A container image."
    API = "api", "A model behind somebody's API."


class Artifact(Value):
    """A thing that the version is made of; approvals bind to its digest."""

    kind: ArtifactKind = Field(description="What it is.")
    uri: Uri = Field(description="Where it is.")
    sha256: Digest | None = Field(default=None, description="SHA-256 of its bytes; nothing for what has none, such as an API.")
    size: Count | None = Field(default=None, description="In bytes.")


class DatasheetLink(Value):
    """A datasheet that the version rests on, pinned to one revision."""

    dataset_id: Key = Field(description="Which datasheet.")
    revision: int = Field(description="Which revision of it.")
    digest: Digest = Field(description="`content(digest)` is that revision.")
    linked_by: Key = Field(description="Who linked it.")
    linked_at: Moment = Field(description="When.")


class Review(Value):
    """A periodic review and its four findings."""

    at: Moment = Field(description="When it was completed.")
    by: Key = Field(description="The user id of whoever completed it.")
    metrics: Statement = Field(description="What the review of the performance metrics found.")
    drift: Statement = Field(description="What the analysis of drift found.")
    incidents: Statement = Field(description="What the review of incidents found.")
    compliance: Statement = Field(description="What the check of compliance found.")
