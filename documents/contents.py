"""Reviewed content, kept for ever under the digest of its exact text: what was approved can be read again as it was."""

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

DOCUMENT_BYTES = 256 * 1024


class ContentKind(Choice):
    """What a content is a revision of."""

    MODEL_CARD = "model_card", "A model card."
    DATASHEET = "datasheet", "A datasheet."
    RISK_ASSESSMENT = "risk_assessment", "A risk assessment."
    POLICY = "policy", "A policy."
    APPROVAL_ROUND = "approval_round", "A closed round of approvals."
    CHANGE_PLAN = "change_plan", "The plan of a change."
    ELIGIBILITY = "eligibility", "What a version's eligibility was when the gate let a change start."
    DOSSIER_PART = "dossier_part", "A part of what was decided about: scope, tier, artefacts, dependencies or datasheet links."
    IMPORT_REPORT = "import_report", "What an import filled, what it left out, and why."
    PART = "part", "A part of a record that was too large to stand in an audit event."


class Revision(Value):
    """One revision of a reviewed thing: who wrote it, when, and where its text is kept."""

    revision: int = Field(description="1 for the first.")
    digest: Digest = Field(description="SHA-256 of the canonical text; `content(digest)` is the text.")
    author: str = Field(description="The user id of whoever wrote it.")
    at: Moment = Field(description="When.")


class ContentChange(Value):
    """A place in which two contents differ."""

    path: str = Field(description="Where, under the names of the texts: `metrics.0.value`; empty for all of it.")
    before: str | None = Field(description="What stood there before, as JSON; nothing if nothing did.")
    after: str | None = Field(description="What stands there now, as JSON; nothing if nothing does.")


class Content(Record):
    """An immutable text: a reviewed thing as it was, by its digest."""

    keys: ClassVar = ("digest",)

    digest: Digest = Field(description="SHA-256 of the text, hexadecimal.")
    kind: ContentKind = Field(description="What it is a revision of.")
    canonical: str = Field(description="The exact text, canonical JSON (RFC 8785): hash it to check the digest.")

    collection: ClassVar = "contents"

    def changes_since(self, before: "Content") -> tuple[ContentChange, ...]:
        """Each place in which this says something else than `before`; what is left out and what is empty are the same."""
        found = differences(json.loads(before.canonical), json.loads(self.canonical))
        return tuple(ContentChange(path=each.path, before=_as_json(each.was), after=_as_json(each.now)) for each in found)


def _as_json(value: Any) -> str | None:
    return None if value is None else canonical(value).decode()


async def keep(kind: ContentKind, value: Any, limit: int | None = None) -> str:
    """Keeps `value` for ever and answers with its digest; the same content twice is kept once."""
    text = canonical(value)
    if limit is not None and len(text) > limit:
        raise LimitExceeded(f"the {kind.replace('_', ' ')}, as canonical JSON", len(text), limit)
    await keep_text(kind, digest := sha256(text).hexdigest(), text)
    return digest


async def revised(
    revisions: tuple[Revision, ...], kind: ContentKind, value: Any, author: str, at: datetime
) -> tuple[Revision, ...]:
    """`revisions` and one more, whose content is `value` and is kept; at most 256 KiB."""
    digest = await keep(kind, value, DOCUMENT_BYTES)
    return (*revisions, Revision(revision=len(revisions) + 1, digest=digest, author=author, at=at))


async def keep_text(kind: ContentKind, digest: str, text: bytes) -> None:
    unit = current_unit(f"content {digest}")
    if digest not in unit.kept:
        await Content.insert_once({"digest": digest}, {"kind": kind, "canonical": text.decode()})
        unit.kept.add(digest)
