"""The questionnaire: the risks that every assessment looks at, those that came with Magistrate and those that were added."""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field

from documents.audit.event import AuditEventType
from documents.errors import AlreadyExists, InvalidInput, LimitExceeded
from documents.risk.factors import Template
from documents.risk.scales import RiskCategory
from documents.risk.templates import TEMPLATES
from documents.store.record import Record
from documents.values import Key, Moment, Statement, Statements, each_once

LENGTH = 100  # of the questionnaire: as many of the risks in an assessment are left for those of its own


def _each_question_once(questions: tuple[str, ...]) -> tuple[str, ...]:
    each_once((each,) for each in questions)
    return questions


Questions = Annotated[Statements, AfterValidator(_each_question_once)]
"""Questions, each once: answers go by their words."""


class RiskTemplate(Record):
    """A risk template was added to the questionnaire and never changes, because assessments cite it."""

    keys: ClassVar = ("risk_id",)
    event: ClassVar = AuditEventType.RISK_TEMPLATE_CREATED
    reviewed: ClassVar = frozenset({"description", "questions"})

    risk_id: Key = Field(description="The name that the risk has, such as `FIN-001`.")
    category: RiskCategory = Field(description="The category that the risk is in.")
    description: Statement = Field(description="The text says what may go wrong.")
    questions: Questions = Field(description="The questions that are asked before it is rated.")
    created_by: Key = Field(description="The user id of whoever added it.")
    created_at: Moment = Field(description="The time it was added.")

    collection: ClassVar = "risk_templates"

    @classmethod
    async def added(cls, template: Template, by: str, at: datetime) -> Self:
        """A risk for the questionnaire of every later assessment; AlreadyExists if that has one of its id."""
        if not template.questions:
            raise InvalidInput("questions", "must ask something")
        known = await questionnaire()
        if template.risk_id in {each.risk_id for each in known}:
            raise AlreadyExists("RiskTemplate", template.risk_id)
        if len(known) >= LENGTH:
            raise LimitExceeded("the number of templates in the questionnaire", len(known) + 1, LENGTH)
        return cls(**dict(template), created_by=by, created_at=at)

    @property
    def template(self) -> Template:
        return Template(**{name: getattr(self, name) for name in Template.model_fields})


async def questionnaire() -> tuple[Template, ...]:
    """Every template, the seed's first, then those that were added, in that order."""
    own = await RiskTemplate.every({})
    return (*TEMPLATES, *(each.template for each in sorted(own, key=lambda each: (each.created_at, each.risk_id))))
