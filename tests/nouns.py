"""The nouns of the graph, and the records that the trail does not tell of."""

from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEvent
from documents.audit.runs import VerificationRun, VerificationTurn
from documents.audit.trail import AuditHead
from documents.contents import Content
from documents.eligibility.due import JudgementDue
from documents.eligibility.turns import JudgementTurn
from documents.idempotency import IdempotencyKey
from documents.store.counts import FigureCount
from tests.schema import BUILT

UNTOLD = {AuditCheckpoint, AuditEvent, AuditHead, VerificationRun, VerificationTurn}  # the trail itself
UNTOLD |= {Content, FigureCount, IdempotencyKey, JudgementDue, JudgementTurn}  # and what it has no need to tell of
UNLISTED = {Content}  # found by its digest alone
NOUNS = [each.record for each in BUILT.registry.nodes.values() if each.record not in UNLISTED]
