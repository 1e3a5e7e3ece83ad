"""Evidence in the graph: it shows that a requirement is met which no check of the records can decide."""

import strawberry
from pydantic import Field

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.eligibility.attaching import attach
from documents.people import Stakeholder
from documents.values import Digest, Key, Moment, Name, Statement, Uri
from documents.versions.evidence import Evidence
from documents.versions.rules import evidence
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import OfVersion, graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, field, shape


@shape(Evidence)
class EvidenceShape:
    author = one(Stakeholder, "The person who attached it; null for a service.", user_id="attached_by")


@graph_input("Evidence is to be attached.")
class AttachEvidenceInput(OfVersion):
    requirement_id: Key = Field(description="The requirement that it is for: `POL-003.access-control`.")
    title: Name = Field(description="The title says what it is.")
    uri: Uri = Field(description="The URI where it is.")
    sha256: Digest | None = Field(default=None, description="The SHA-256 that the document has.")
    note: Statement | None = Field(default=None, description="The note says what to know about it.")
    effective_from: Moment | None = Field(default=None, description="The time it begins to count; default is now.")
    valid_until: Moment | None = Field(default=None, description="The time it ceases to count; default is never.")


@strawberry.type
class OfEvidence(Payload):
    """The fields that payloads about evidence have in common."""

    evidence_id: strawberry.Private[str]
    model_version: ModelVersion = strawberry.field(description="The version that it is about.")

    @field("The evidence as it is now.")
    def evidence(self) -> Evidence:
        return next(each for each in self.model_version.evidence if each.evidence_id == self.evidence_id)


@strawberry.type(description="The evidence is attached.")
class AttachEvidencePayload(OfEvidence): ...


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.ATTACH_EVIDENCE, resource=ModelVersion)
async def attach_evidence(info: Info, input: AttachEvidenceInput) -> AttachEvidencePayload:
    """Attaches evidence for a requirement that no check can decide; new evidence makes no approval stale.

    For a requirement that a check of the records decides it is refused, with the remedy that would help.
    """
    by, at = info.context.actor, info.context.now
    version = await input.load()
    evidence = Evidence.attach(
        input.requirement_id, input.title, input.uri, input.sha256, input.note, input.effective_from, input.valid_until, by, at
    )
    await attach(version, evidence, by=by, at=at)
    return AttachEvidencePayload(evidence_id=evidence.evidence_id, model_version=version)


@graph_input("Evidence is to be withdrawn.")
class WithdrawEvidenceInput(OfVersion):
    evidence_id: Key = Field(description="The id of the evidence that is withdrawn.")
    reason: Statement = Field(description="The reason why it is withdrawn.")


@strawberry.type(description="The evidence is withdrawn.")
class WithdrawEvidencePayload(OfEvidence): ...


@mutation(event=AuditEventType.MODEL_UPDATED, permit=Permission.WITHDRAW_EVIDENCE, resource=ModelVersion)
async def withdraw_evidence(info: Info, input: WithdrawEvidenceInput) -> WithdrawEvidencePayload:
    """Withdraws evidence; approvals that rest on it go stale."""
    by, at = info.context.actor, info.context.now
    version = await input.load()
    evidence.withdraw(version, input.evidence_id, input.reason, by=by, at=at)
    await version.store()
    return WithdrawEvidencePayload(evidence_id=input.evidence_id, model_version=version)


PART = Part(types=[EvidenceShape], mutations=[attach_evidence, withdraw_evidence])
