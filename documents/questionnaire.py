"""The questionnaire: the templates of the risks that every assessment rates, built-in ones and added ones."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, ClassVar, Self

from pydantic import AfterValidator, Field

from documents.access import SYSTEM, Actor, Permission
from documents.audit.event import AuditEventType
from documents.errors import AlreadyExists, InvalidInput, InvalidState, LimitExceeded
from documents.policies import RATED_RISKS, Policy
from documents.risk.factors import Template
from documents.risk.scales import RiskCategory
from documents.risk.templates import TEMPLATES
from documents.store.fields import fields_at
from documents.store.record import Record
from documents.values import Key, Moment, Statement, Statements, each_once
from documents.versions.parts import Ending
from documents.versions.version import ModelVersion

LENGTH = 100  # templates at most: half of an assessment's 200 risks, so that half are left for risks of its own


def _each_question_once(questions: tuple[str, ...]) -> tuple[str, ...]:
    each_once((each,) for each in questions)
    return questions


Questions = Annotated[Statements, AfterValidator(_each_question_once)]
"""Questions, each once, because an answer names its question by its words."""


class KnownTemplate(Template):
    """A template is a risk that every assessment rates until the template is retired."""

    retired: Ending | None = Field(default=None, description="The end that it came to; null while it is asked.")


class RiskTemplate(Record):
    """A risk template was added to the questionnaire, or is a built-in one that was retired.

    Only its retirement changes it, because assessments cite it.
    """

    keys: ClassVar = ("risk_id",)
    event: ClassVar = AuditEventType.RISK_TEMPLATE_CREATED
    private: ClassVar = frozenset({"retired.reason"})
    reviewed: ClassVar = frozenset({"description", "questions"})

    risk_id: Key = Field(description="The name that the risk has, such as `FIN-001`.")
    category: RiskCategory = Field(description="The category that the risk is in.")
    description: Statement = Field(description="The text says what may go wrong.")
    questions: Questions = Field(description="The questions that are asked before it is rated.")
    created_by: Key = Field(description="The user id of whoever added it.")
    created_at: Moment = Field(description="The time it was added.")
    retired: Ending | None = Field(default=None, description="The end that it came to; null while it is asked.")

    collection: ClassVar = "risk_templates"

    @classmethod
    async def added(cls, template: Template, by: str, at: datetime) -> Self:
        """Makes a template for the questionnaire of every later assessment.

        Raises InvalidInput for a template without questions, or with the id of an own risk of some version, AlreadyExists if a
        template has the id, and LimitExceeded beyond 100.
        """
        if not template.questions:
            raise InvalidInput("questions", "must ask something")
        known = await known_templates()
        if template.risk_id in {each.risk_id for each in known}:
            raise AlreadyExists("RiskTemplate", template.risk_id)
        # The next assessment of that version would rate the template, and its own risk would end without a reason.
        rated = {"latest_assessment.factors.risk_id": template.risk_id, "retired": None}
        if found := await ModelVersion.seek(rated, fields_at("model_id", "version")):
            raise InvalidInput("risk_id", f"must be another: {found.model_id}/{found.version} has an own risk of that name")
        asked = sum(each.retired is None for each in known)
        if asked >= LENGTH:
            raise LimitExceeded("the number of templates in the questionnaire", asked + 1, LENGTH)
        return cls(**dict(template), created_by=by, created_at=at)

    @classmethod
    async def to_retire(cls, risk_id: str, at: datetime) -> Self:
        """The template of that id, a built-in one as a record of its own; NotFound without one."""
        built_in = next((each for each in TEMPLATES if each.risk_id == risk_id), None)
        if built_in is None or await cls.wanted(risk_id):
            return await cls.require(risk_id)
        return cls(**dict(built_in), created_by=SYSTEM.id, created_at=at)

    def retire(self, reason: str, policies: Iterable[Policy], by: Actor, at: datetime) -> None:
        """Takes the template off the questionnaire of every later assessment; assessments that rate it keep its factor.

        Raises InvalidInput for a risk that a check of requirements looks for: nothing could meet those of the `policies` then.
        """
        if self.retired:
            raise InvalidState(Permission.RETIRE_RISK_TEMPLATE.value, "RETIRED", ["ASKED"])
        checks = {check for check, risk_id in RATED_RISKS.items() if risk_id == self.risk_id}
        if checks:
            asked = [each for policy in policies for each in policy.content.requirements if each.check in checks]
            needed = ", ".join(sorted(each.requirement_id for each in asked)) or "no requirement today"
            names = ", ".join(sorted(each.name for each in checks))
            raise InvalidInput("risk_id", f"cannot be retired: the check {names} looks for it, which decides {needed}")
        self.retired = Ending(at=at, by=by.id, reason=reason)

    @property
    def template(self) -> KnownTemplate:
        return KnownTemplate(**{name: getattr(self, name) for name in KnownTemplate.model_fields})


async def known_templates() -> tuple[KnownTemplate, ...]:
    """Every template, retired or not: the built-in ones first, then the added ones in the order in which they were added."""
    stored = await RiskTemplate.every({})
    known = {each.risk_id: each.template for each in sorted(stored, key=lambda each: (each.created_at, each.risk_id))}
    built_in = [known.pop(each.risk_id, KnownTemplate(**dict(each))) for each in TEMPLATES]
    return (*built_in, *known.values())


async def questionnaire(answered: Iterable[str] = ()) -> tuple[Template, ...]:
    """The templates that a new assessment rates, in their order.

    Raises InvalidInput if one of the responses, whose risks are `answered`, is to a retired template.
    """
    known = await known_templates()
    retired = {each.risk_id for each in known if each.retired}
    for index, risk_id in enumerate(answered):
        if risk_id in retired:
            problem = f"is of a retired template: {risk_id}; assess it as one of `own_risks` if it still matters"
            raise InvalidInput(f"responses.{index}.risk_id", problem)
    return tuple(each for each in known if not each.retired)
