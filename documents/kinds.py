"""Every kind of record, and the database that keeps them."""

from typing import Any

from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEvent
from documents.audit.runs import VerificationRun, VerificationTurn
from documents.audit.trail import AuditHead
from documents.changes.request import ChangeRequest
from documents.contents import Content
from documents.datasheets import Datasheet
from documents.deployments import Deployment
from documents.eligibility.due import JudgementDue
from documents.eligibility.rules import RulesInForce
from documents.eligibility.standings import settle
from documents.eligibility.turns import JudgementTurn
from documents.environments import DeploymentEnvironment
from documents.idempotency import IdempotencyKey
from documents.incidents import Incident
from documents.migrations import Migration
from documents.people import Stakeholder
from documents.policies import Policy
from documents.questionnaire import RiskTemplate
from documents.reviews import ReviewCalendar
from documents.store.counts import FigureCount, keep
from documents.store.record import Record
from documents.store.session import Database
from documents.store.units import Unit
from documents.tokens import ApiToken
from documents.versions.model import Model
from documents.versions.version import ModelVersion

RECORDS: tuple[type[Record], ...] = (
    Stakeholder, ApiToken, Policy, Model, ModelVersion, Datasheet, Content, AuditEvent, AuditHead, Migration,
    IdempotencyKey, ChangeRequest, Deployment, Incident, ReviewCalendar, AuditCheckpoint, RiskTemplate,
    VerificationRun, VerificationTurn, JudgementDue, JudgementTurn, RulesInForce, DeploymentEnvironment, FigureCount,
)  # fmt: skip


def open_database(uri: str, name: str, **options: Any) -> Database:
    """A database in which each unit of work keeps the standing of the versions that it changes or bears on, and the counts."""

    async def settling(unit: Unit) -> None:
        await settle(unit)
        await keep(unit)

    return Database(uri, name, settling, **options)
