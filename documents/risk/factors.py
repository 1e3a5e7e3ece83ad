"""Factors: single risks of a version, and the responses that rate them."""

from datetime import date
from typing import Annotated, Any, ClassVar

from pydantic import Field, computed_field

from documents.risk.scales import (
    DIGITS,
    Effectiveness,
    Rating,
    RiskBand,
    RiskCategory,
    RiskImpact,
    RiskLikelihood,
    RiskTier,
    rounded,
)
from documents.values import LIST_LENGTH, Day, Key, Names, Statement, Statements, Value


class Answer(Value):
    """An answer was given to one question of a risk template."""

    question: Statement = Field(description="The question is worded as in the template.")
    text: Statement = Field(description="The text that answers it.")


Answers = Annotated[tuple[Answer, ...], Field(max_length=LIST_LENGTH)]


class Treatment(Value):
    """A treatment says what is done against a risk, and who looks after it."""

    controls: Names = Field(default=(), description="The controls that act against it.")
    control_effectiveness: Effectiveness | None = Field(
        default=None, description="The share that controls take away, 0 to 1; default is 0."
    )
    owner: Key | None = Field(default=None, description="The user id of whoever looks after it.")
    review_date: Day | None = Field(default=None, description="The day it is looked at again.")


class Response(Treatment):
    """A response is what an assessor says of one risk; what is left out takes its default."""

    risk_id: Key = Field(description="The id of the template that it responds to.")
    likelihood: Rating | None = Field(default=None, description="The likelihood is from 1, rare, to 5, certain; 3 if left out.")
    impact: Rating | None = Field(
        default=None,
        description="The impact is from 1, negligible, to 5, catastrophic; tier 1 adds one. The default is 3.",
    )
    answers: Answers = Field(default=(), description="The answers that the template's questions got, each once.")

    @property
    def rates(self) -> bool:
        return self.likelihood is not None and self.impact is not None


class OwnRisk(Treatment):
    """An own risk is one that no template asks about."""

    risk_id: Key = Field(description="The name that only this risk has, such as `FIN-REFUNDS`.")
    category: RiskCategory = Field(description="The category that the risk is in.")
    description: Statement = Field(description="The text says what may go wrong.")
    likelihood: Rating = Field(description="The likelihood is from 1, rare, to 5, certain.")
    impact: Rating = Field(description="The impact is from 1, negligible, to 5, catastrophic; tier 1 adds one.")

    def assess(self, tier: RiskTier, on: date) -> "RiskFactor":
        named = Template(risk_id=self.risk_id, category=self.category, description=self.description, questions=())
        said = {name: getattr(self, name) for name in (*Treatment.model_fields, "risk_id", "likelihood", "impact")}
        return named.assess(Response(**said), tier, on)


class ClosedRisk(Value):
    """A closed risk is a version's own risk that an assessment ends."""

    risk_id: Key = Field(description="The name of an own risk that the assessment before has.")
    reason: Statement = Field(description="The reason why it is a risk no longer.")


def _inherent(of: str) -> Any:
    return {"$multiply": [f"{of}.likelihood", f"{of}.impact"]}


def _residual(of: str) -> Any:
    left = {"$subtract": [1, f"{of}.control_effectiveness"]}
    return {"$round": [{"$multiply": [_inherent(of), left]}, DIGITS]}


class RiskFactor(Value):
    """A risk factor is one risk of a model version, as assessed."""

    measured: ClassVar = {"inherent_score": _inherent, "residual_score": _residual}
    grouped: ClassVar = frozenset({"category", "risk_id", "owner"})
    summed: ClassVar = frozenset({"likelihood", "impact", "control_effectiveness"})
    bounded: ClassVar = frozenset({"review_date", "identified_date"})

    risk_id: Key = Field(description="The name that the risk has: its template's, or its own.")
    category: RiskCategory = Field(description="The category that the risk is in.")
    description: Statement = Field(description="The text says what may go wrong.")
    likelihood: Rating = Field(description="The likelihood is from 1, rare, to 5, certain.")
    impact: Rating = Field(description="The impact is from 1 to 5; tier 1 has raised it by one.")
    controls: Names = Field(default=(), description="The controls that act against it.")
    control_effectiveness: Effectiveness = Field(default=0, description="The share that controls take away, from 0 to 1.")
    owner: Key | None = Field(default=None, description="The user id of whoever looks after it.")
    identified_date: Day = Field(description="The UTC day an assessment identified it.")
    review_date: Day | None = Field(default=None, description="The day it is looked at again.")
    answers: Answers = Field(default=(), description="The answers that the template's questions got.")
    assessed: bool = Field(description="Whether likelihood and impact were both rated.")

    @computed_field(description="The inherent score is likelihood times impact.")  # type: ignore[prop-decorator]
    @property
    def inherent_score(self) -> int:
        return self.likelihood * self.impact

    @computed_field(description="The residual score is what controls leave, from 0 to 25.")  # type: ignore[prop-decorator]
    @property
    def residual_score(self) -> float:
        return rounded(self.inherent_score * (1 - self.control_effectiveness))

    @computed_field(description="The level says what the likelihood means.")  # type: ignore[prop-decorator]
    @property
    def likelihood_level(self) -> RiskLikelihood:
        return RiskLikelihood(self.likelihood)  # type: ignore[call-arg]

    @computed_field(description="The level says what the impact means.")  # type: ignore[prop-decorator]
    @property
    def impact_level(self) -> RiskImpact:
        return RiskImpact(self.impact)  # type: ignore[call-arg]

    @computed_field(description="The band that the residual score is in.")  # type: ignore[prop-decorator]
    @property
    def band(self) -> RiskBand:
        return RiskBand.of(self.residual_score)

    def for_tier(self, tier: RiskTier, before: RiskTier) -> "RiskFactor":
        """The factor as it is kept when the tier is no longer `before`: tier 1 raises the impact, and no tier lowers it."""
        if tier is before or tier is not RiskTier.TIER_1_CRITICAL:
            return self
        return self.model_copy(update={"impact": min(self.impact + 1, RiskImpact.CATASTROPHIC)})

    @property
    def is_controlled(self) -> bool:
        return self.assessed and bool(self.controls)

    @property
    def is_high(self) -> bool:
        return self.band in {RiskBand.HIGH, RiskBand.CRITICAL}


class Template(Value):
    """A template is a risk that every assessment rates."""

    risk_id: Key = Field(description="The name that the risk has, such as `SEC-001`.")
    category: RiskCategory = Field(description="The category that the risk is in.")
    description: Statement = Field(description="The text says what may go wrong.")
    questions: Statements = Field(description="The questions that are asked before it is rated.")

    def assess(self, response: Response, tier: RiskTier, on: date) -> RiskFactor:
        """The factor that `response` makes of it; whatever was not rated takes the middle of its scale, without any control."""
        impact = response.impact or RiskImpact.MODERATE
        return RiskFactor(
            risk_id=self.risk_id,
            category=self.category,
            description=self.description,
            likelihood=response.likelihood or RiskLikelihood.POSSIBLE,
            impact=min(impact + 1, RiskImpact.CATASTROPHIC) if tier is RiskTier.TIER_1_CRITICAL else impact,
            controls=response.controls,
            control_effectiveness=response.control_effectiveness or 0,
            owner=response.owner,
            identified_date=on,
            review_date=response.review_date,
            answers=response.answers,
            assessed=response.rates,
        )
