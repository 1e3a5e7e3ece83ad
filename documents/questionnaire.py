"""The questionnaire: the templates of the risks that every assessment rates, built-in ones and added ones."""

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

LENGTH = 100  # templates at most: half of an assessment's 200 risks, so that half are left for risks of its own


def _each_question_once(questions: tuple[str, ...]) -> tuple[str, ...]:
    each_once((each,) for each in questions)
    return questions


Questions = Annotated[Statements, AfterValidator(_each_question_once)]
"""Questions, each once, because an answer names its question by its words."""


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
        """Makes a template for the questionnaire of every later assessment.

        Raises InvalidInput for a template without questions, AlreadyExists if the id is taken, and LimitExceeded beyond 100.
        """
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
    """Every template: the built-in ones first, then the added ones in the order in which they were added."""
    own = await RiskTemplate.every({})
    return (*TEMPLATES, *(each.template for each in sorted(own, key=lambda each: (each.created_at, each.risk_id))))
