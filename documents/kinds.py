"""Every kind of record there is: what a database is prepared for."""

from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEvent
from documents.audit.runs import VerificationRun, VerificationTurn
from documents.audit.trail import AuditHead
from documents.changes.change import ChangeRequest
from documents.contents import Content
from documents.datasheets import Datasheet
from documents.deployments import Deployment
from documents.idempotency import IdempotencyKey
from documents.incidents import Incident
from documents.migrations import Migration
from documents.people import Stakeholder
from documents.policies import Policy
from documents.questionnaire import RiskTemplate
from documents.reviews import ReviewCalendar
from documents.store.record import Record
from documents.tokens import ApiToken
from documents.versions.model import Model
from documents.versions.version import ModelVersion

RECORDS: tuple[type[Record], ...] = (
    Stakeholder, ApiToken, Policy, Model, ModelVersion, Datasheet, Content, AuditEvent, AuditHead, Migration,
    IdempotencyKey, ChangeRequest, Deployment, Incident, ReviewCalendar, AuditCheckpoint, RiskTemplate,
    VerificationRun, VerificationTurn,
)  # fmt: skip
