"""Contents: reviewed texts, stored under their digests and never changed or deleted, so that what was approved stays readable."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar

from pydantic import Field

from documents.canonical import canonical
from documents.details import differences
from documents.errors import LimitExceeded
from documents.store.record import Record
from documents.store.units import current_unit
from documents.values import Choice, Digest, Moment, Value

DOCUMENT_BYTES = 256 * 1024  # a revision's content as canonical JSON


class ContentKind(Choice):
    """A content is of one of these kinds."""

    MODEL_CARD = "model_card", "The content is a model card."
    DATASHEET = "datasheet", "The content is a datasheet."
    RISK_ASSESSMENT = "risk_assessment", "The content is a risk assessment."
    POLICY = "policy", "The content is a policy."
    APPROVAL_ROUND = "approval_round", "The content is a closed round of approvals."
    CHANGE_PLAN = "change_plan", "The content is the plan of a change."
    ELIGIBILITY = "eligibility", "The content is an eligibility that the gate saw."
    DOSSIER_PART = "dossier_part", "The content is another part of a dossier."
    IMPORT_REPORT = "import_report", "The content says what an import did."
    PART = "part", "The content is a part that was too large for an event."


class Revision(Value):
    """A revision says who wrote a reviewed thing, when, and where its text is."""

    revision: int = Field(description="The revision's number counts from 1.")
    digest: Digest = Field(description="The SHA-256 that `content` takes for the text.")
    author: str = Field(description="The user id of whoever wrote it.")
    at: Moment = Field(description="The time it was written.")


class ContentChange(Value):
    """A content change is a place that differs."""

    path: str = Field(description="The path that differs, such as `metrics.0.value`.")
    before: str | None = Field(description="The JSON that was there before; null if nothing was.")
    after: str | None = Field(description="The JSON that is there now; null if nothing is.")


class Content(Record):
    """A content is a reviewed thing as it was, by its digest."""

    keys: ClassVar = ("digest",)

    digest: Digest = Field(description="The SHA-256 that the text has, in hexadecimal.")
    kind: ContentKind = Field(description="The kind says what the content is.")
    canonical: str = Field(description="The exact text is canonical JSON (RFC 8785).")

    collection: ClassVar = "contents"

    def changes_since(self, before: "Content") -> tuple[ContentChange, ...]:
        """The places in which this content differs from `before`; a missing value and an empty one are equal."""
        found = differences(json.loads(before.canonical), json.loads(self.canonical))
        return tuple(ContentChange(path=each.path, before=_as_json(each.was), after=_as_json(each.now)) for each in found)


def _as_json(value: Any) -> str | None:
    return None if value is None else canonical(value).decode()


async def keep(kind: ContentKind, value: Any, limit: int | None = None) -> str:
    """Stores `value` as a content and returns its digest; a content that is stored already is not stored again.

    Raises LimitExceeded if the canonical form has more than `limit` bytes.
    """
    text = _canonical(kind, value, limit)
    await keep_text(kind, digest := sha256(text).hexdigest(), text)
    return digest


def _canonical(kind: ContentKind, value: Any, limit: int | None) -> bytes:
    text = canonical(value)
    if limit is not None and len(text) > limit:
        raise LimitExceeded(f"the {kind.replace('_', ' ')} as canonical JSON, in bytes", len(text), limit)
    return text


async def revised(
    revisions: tuple[Revision, ...], kind: ContentKind, value: Any, author: str, at: datetime
) -> tuple[Revision, ...]:
    """Stores `value` as a content, and returns `revisions` with one more that cites it.

    Raises LimitExceeded if the canonical form has more than 256 KiB.
    """
    revision, text = next_revision(revisions, kind, value, author, at)
    await keep_text(kind, revision.digest, text)
    return (*revisions, revision)


def next_revision(
    revisions: tuple[Revision, ...], kind: ContentKind, value: Any, author: str, at: datetime
) -> tuple[Revision, bytes]:
    """The revision that follows `revisions` when `value` is written, and the text that it cites. Stores nothing.

    Raises LimitExceeded if the canonical form has more than 256 KiB.
    """
    text = _canonical(kind, value, DOCUMENT_BYTES)
    return Revision(revision=len(revisions) + 1, digest=sha256(text).hexdigest(), author=author, at=at), text


async def keep_text(kind: ContentKind, digest: str, text: bytes) -> None:
    """Stores a canonical text under its digest, unless it is stored already. Needs an open unit of work."""
    unit = current_unit(f"content {digest}")
    if digest not in unit.kept:
        await Content.insert_once({"digest": digest}, {"kind": kind, "canonical": text.decode()})
        unit.kept.add(digest)
