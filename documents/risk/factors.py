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
    """What was said to one question of a template."""

    question: Statement = Field(description="The question, word for word as the template asks it.")
    text: Statement = Field(description="The answer.")


Answers = Annotated[tuple[Answer, ...], Field(max_length=LIST_LENGTH)]


class Treatment(Value):
    """What is done against a risk, and who looks after it."""

    controls: Names = Field(default=(), description="What is done against it.")
    control_effectiveness: Effectiveness | None = Field(
        default=None, description="The share of the risk that the controls take away; 0 if not said."
    )
    owner: Key | None = Field(default=None, description="The user id of whoever looks after it.")
    review_date: Day | None = Field(default=None, description="The day to look at it again.")


class Response(Treatment):
    """What an assessor says of one risk; what is not said takes the defaults."""

    risk_id: Key = Field(description="The template that it responds to.")
    likelihood: Rating | None = Field(default=None, description="1, rare, to 5, almost certain; 3 if not said.")
    impact: Rating | None = Field(
        default=None, description="1, negligible, to 5, catastrophic; 3 if not said. In tier 1 it counts for one more, up to 5."
    )
    answers: Answers = Field(default=(), description="Answers to the template's questions, each answered once.")

    @property
    def rates(self) -> bool:
        return self.likelihood is not None and self.impact is not None


class OwnRisk(Treatment):
    """A risk that no template asks about, as an assessor sees it."""

    risk_id: Key = Field(description="A name of its own, which no template has: `FIN-REFUNDS`.")
    category: RiskCategory = Field(description="What kind of risk it is.")
    description: Statement = Field(description="What may go wrong.")
    likelihood: Rating = Field(description="1, rare, to 5, almost certain.")
    impact: Rating = Field(description="1, negligible, to 5, catastrophic. In tier 1 it counts for one more, up to 5.")

    def assess(self, tier: RiskTier, on: date) -> "RiskFactor":
        named = Template(risk_id=self.risk_id, category=self.category, description=self.description, questions=())
        said = {name: getattr(self, name) for name in (*Treatment.model_fields, "risk_id", "likelihood", "impact")}
        return named.assess(Response(**said), tier, on)


def _inherent(of: str) -> Any:
    return {"$multiply": [f"{of}.likelihood", f"{of}.impact"]}


def _residual(of: str) -> Any:
    left = {"$subtract": [1, f"{of}.control_effectiveness"]}
    return {"$round": [{"$multiply": [_inherent(of), left]}, DIGITS]}


class RiskFactor(Value):
    """One risk of a model version, as assessed."""

    measured: ClassVar = {"inherent_score": _inherent, "residual_score": _residual}

    risk_id: Key = Field(description="The template that it comes from, or a name of its own.")
    category: RiskCategory = Field(description="What kind of risk it is.")
    description: Statement = Field(description="What may go wrong.")
    likelihood: Rating = Field(description="How likely it is, from 1 to 5.")
    impact: Rating = Field(description="How bad it would be, from 1 to 5; in tier 1 already raised by one.")
    controls: Names = Field(default=(), description="What is done against it.")
    control_effectiveness: Effectiveness = Field(default=0, description="The share of the risk that the controls take away.")
    owner: Key | None = Field(default=None, description="The user id of whoever looks after it.")
    identified_date: Day = Field(description="The UTC day on which an assessment identified it.")
    review_date: Day | None = Field(default=None, description="The day to look at it again.")
    answers: Answers = Field(default=(), description="What was answered to the template's questions.")
    assessed: bool = Field(description="Whether somebody rated likelihood and impact; false where a default stands for either.")

    @computed_field(description="Likelihood times impact, from 1 to 25.")  # type: ignore[prop-decorator]
    @property
    def inherent_score(self) -> int:
        return self.likelihood * self.impact

    @computed_field(description="What the controls leave of the inherent score.")  # type: ignore[prop-decorator]
    @property
    def residual_score(self) -> float:
        return rounded(self.inherent_score * (1 - self.control_effectiveness))

    @computed_field(description="What the likelihood means.")  # type: ignore[prop-decorator]
    @property
    def likelihood_level(self) -> RiskLikelihood:
        return RiskLikelihood(self.likelihood)  # type: ignore[call-arg]

    @computed_field(description="What the impact means.")  # type: ignore[prop-decorator]
    @property
    def impact_level(self) -> RiskImpact:
        return RiskImpact(self.impact)  # type: ignore[call-arg]

    @computed_field(description="The band of the residual score.")  # type: ignore[prop-decorator]
    @property
    def band(self) -> RiskBand:
        return RiskBand.of(self.residual_score)

    @property
    def is_controlled(self) -> bool:
        return self.assessed and bool(self.controls)

    @property
    def is_high(self) -> bool:
        return self.band in {RiskBand.HIGH, RiskBand.CRITICAL}


class Template(Value):
    """A risk that every assessment looks at, and what to ask about it."""

    risk_id: Key = Field(description="Its name in responses and reports, such as `SEC-001`.")
    category: RiskCategory = Field(description="What kind of risk it is.")
    description: Statement = Field(description="What may go wrong.")
    questions: Statements = Field(description="What to ask before rating it.")

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
