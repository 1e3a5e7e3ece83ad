"""Risk: what may go wrong with a model version, how likely and how bad, and what is left of it behind its controls."""

from collections.abc import Container, Iterator, Sequence
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import Annotated, Self
from uuid import uuid4

from pydantic import Field, computed_field

from documents.errors import InvalidInput
from documents.values import LIST_LENGTH, Choice, Day, Key, Moment, Name, Names, Share, Statement, Statements, Value


class RiskTier(Choice):
    """How much depends on a model version; it decides which policies apply."""

    TIER_1_CRITICAL = "tier_1_critical", "Decides about people's health, money, rights or safety, or falls under regulation."
    TIER_2_IMPORTANT = "tier_2_important", "Meets customers or the public, or matters much inside."
    TIER_3_STANDARD = "tier_3_standard", "Does ordinary work within a narrow scope."
    TIER_4_EXPERIMENTAL = "tier_4_experimental", "Is tried out, and not for production."


class RiskCategory(Choice):
    """What kind of risk it is."""

    MODEL_QUALITY = "model_quality", "The model is wrong, or gets worse."
    DATA_QUALITY = "data_quality", "The data are wrong, incomplete or out of date."
    SECURITY = "security", "Somebody makes it do or say what it must not."
    PRIVACY = "privacy", "Personal data are used or shown against the rules."
    FAIRNESS = "fairness", "Some groups fare worse than others."
    OPERATIONAL = "operational", "It is not there when it is needed."
    REGULATORY = "regulatory", "Its use breaks a law or a rule."
    REPUTATIONAL = "reputational", "It costs the organisation its good name."
    FINANCIAL = "financial", "It costs the organisation money."


class RiskBand(Choice):
    """Where a score from 0 to 25 lies."""

    LOW = "LOW", "A score below 5."
    MEDIUM = "MEDIUM", "A score from 5 to below 10."
    HIGH = "HIGH", "A score from 10 to below 15."
    CRITICAL = "CRITICAL", "A score of 15 or more."

    @classmethod
    def of(cls, score: float) -> Self:
        if score >= 15:
            return cls.CRITICAL
        if score >= 10:
            return cls.HIGH
        return cls.MEDIUM if score >= 5 else cls.LOW


class Grade(IntEnum):
    """A step on a scale from 1 to 5 that says what it means."""

    description: str

    def __new__(cls, value: int, description: str) -> Self:
        member = int.__new__(cls, value)
        member._value_, member.description = value, description
        return member


class RiskLikelihood(Grade):
    """How likely a risk is, on the scale from 1 to 5."""

    RARE = 1, "Happens with a probability below 10%."
    UNLIKELY = 2, "Happens with a probability from 10% to 25%."
    POSSIBLE = 3, "Happens with a probability from 25% to 50%."
    LIKELY = 4, "Happens with a probability from 50% to 75%."
    ALMOST_CERTAIN = 5, "Happens with a probability above 75%."


class RiskImpact(Grade):
    """How bad it would be, on the scale from 1 to 5."""

    NEGLIGIBLE = 1, "A nuisance."
    MINOR = 2, "Little harm, soon made good."
    MODERATE = 3, "Real harm that takes effort to make good."
    MAJOR = 4, "Severe harm that is hard to make good."
    CATASTROPHIC = 5, "Harm that may never be made good."


Rating = Annotated[int, Field(ge=1, le=5, strict=True)]
"""A likelihood or an impact, 1 to 5."""

Effectiveness = Annotated[Share, Field(strict=True)]
"""The share of a risk that its controls take away, 0 to 1; a boolean is none."""


class Answer(Value):
    """What was said to one question of a template."""

    question: Statement = Field(description="The question, word for word as the template asks it.")
    text: Statement = Field(description="The answer.")


Answers = Annotated[tuple[Answer, ...], Field(max_length=LIST_LENGTH)]


class Response(Value):
    """What an assessor says of one risk; what is not said takes the defaults."""

    risk_id: Key = Field(description="The template that it responds to.")
    likelihood: Rating | None = Field(default=None, description="1, rare, to 5, almost certain; 3 if not said.")
    impact: Rating | None = Field(
        default=None, description="1, negligible, to 5, catastrophic; 3 if not said. In tier 1 it counts for one more, up to 5."
    )
    control_effectiveness: Effectiveness | None = Field(
        default=None, description="The share of the risk that the controls take away; 0 if not said."
    )
    controls: Names = Field(default=(), description="What is done against it.")
    owner: Key | None = Field(default=None, description="The user id of whoever looks after it.")
    review_date: Day | None = Field(default=None, description="The day to look at it again.")
    answers: Answers = Field(default=(), description="Answers to the template's questions, each answered once.")

    @property
    def rates(self) -> bool:
        return self.likelihood is not None and self.impact is not None


class RiskFactor(Value):
    """One risk of a model version, as assessed."""

    risk_id: Key = Field(description="The template that it comes from.")
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
        return _rounded(self.inherent_score * (1 - self.control_effectiveness))

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


TEMPLATES = (
    Template(
        risk_id="MQ-001",
        category=RiskCategory.MODEL_QUALITY,
        description="The model answers wrongly or makes things up",
        questions=(
            "Which benchmarks of its own field has it been tried on?",
            "How often did it make things up when tested?",
            "What checks its answers automatically in production?",
        ),
    ),
    Template(
        risk_id="MQ-002",
        category=RiskCategory.MODEL_QUALITY,
        description="The model gets worse as the world moves away from its training data",
        questions=(
            "Who watches how its inputs and outputs are distributed?",
            "What raises an alarm when it gets worse?",
            "At what intervals is it evaluated again?",
        ),
    ),
    Template(
        risk_id="SEC-001",
        category=RiskCategory.SECURITY,
        description="Injected instructions make the model do what an attacker wants",
        questions=(
            "How has it been attacked with injected instructions, and with what result?",
            "What cleans or confines its inputs?",
            "What keeps its system prompt from being drawn out?",
        ),
    ),
    Template(
        risk_id="SEC-002",
        category=RiskCategory.SECURITY,
        description="The model gives away training data or secrets",
        questions=(
            "How was it tried to draw training data out of it?",
            "What filters its outputs?",
            "What detects personal data in them?",
        ),
    ),
    Template(
        risk_id="FAIR-001",
        category=RiskCategory.FAIRNESS,
        description="The model treats protected groups worse than others",
        questions=(
            "How was it tested for bias?",
            "Which of its metrics are known group by group?",
            "What is done against the differences found?",
        ),
    ),
    Template(
        risk_id="PRIV-001",
        category=RiskCategory.PRIVACY,
        description="The model takes in or puts out personal data that it should not",
        questions=(
            "What detects personal data on the way in and out?",
            "What happens to personal data that were detected?",
            "How long are data kept, and where is that laid down?",
        ),
    ),
    Template(
        risk_id="OPS-001",
        category=RiskCategory.OPERATIONAL,
        description="The business stands still while the model is away",
        questions=(
            "Which availability was promised?",
            "What takes over while it is away?",
            "How much more load than usual can it bear?",
        ),
    ),
    Template(
        risk_id="REG-001",
        category=RiskCategory.REGULATORY,
        description="Using the model breaks a law or a regulation",
        questions=(
            "Which laws and regulations apply to this use?",
            "Who has reviewed it for the law, and when?",
            "Where are the measures for compliance written down?",
        ),
    ),
)


class RiskAssessment(Value):
    """The risks of one model version as somebody saw them at one time; never changed afterwards."""

    assessment_id: Annotated[str, Field(pattern="^RA-[0-9a-f]{32}$")] = Field(description="RA- and 32 hexadecimal digits.")
    model_id: Key = Field(description="The model it is about.")
    version: Name = Field(description="The version it is about.")
    assessor: Key = Field(description="The user id of whoever made it.")
    assessed_at: Moment = Field(description="When it was made.")
    tier: RiskTier = Field(description="The version's tier at that time; tier 1 raises every impact by one.")
    factors: Annotated[tuple[RiskFactor, ...], Field(min_length=1, max_length=LIST_LENGTH)] = Field(
        description="Every risk that was looked at, those that nobody rated included."
    )

    @classmethod
    def from_responses(
        cls,
        model_id: str,
        version: str,
        tier: RiskTier,
        responses: Sequence[Response],
        before: Self | None = None,
        *,
        by: str,
        at: datetime,
        templates: Sequence[Template] = TEMPLATES,
    ) -> Self:
        """Assesses every template; what `before` rated and nobody responds to stands as it was.

        InvalidInput for an unknown risk or question, and for one that is responded to twice.
        """
        known = {each.risk_id: each for each in templates}
        _refuse_unknown_and_doubled("input.responses", "riskId", [each.risk_id for each in responses], known)
        for place, response in enumerate(responses):
            asked, questions = [each.question for each in response.answers], known[response.risk_id].questions
            _refuse_unknown_and_doubled(f"input.responses.{place}.answers", "question", asked, questions)
        given = {each.risk_id: each for each in responses}
        on = at.astimezone(UTC).date()

        def factor(template: Template) -> RiskFactor:
            response, earlier = given.get(template.risk_id), before.factor(template.risk_id) if before else None
            if response is None and earlier is not None and earlier.assessed:
                return earlier
            return template.assess(response or Response(risk_id=template.risk_id), tier, on)

        return cls(
            assessment_id=f"RA-{uuid4().hex}",
            model_id=model_id,
            version=version,
            assessor=by,
            assessed_at=at,
            tier=tier,
            factors=tuple(factor(each) for each in templates),
        )

    @computed_field(description="The mean of the residual scores, each weighted by its impact.")  # type: ignore[prop-decorator]
    @property
    def overall_score(self) -> float:
        weighted = sum(each.residual_score * each.impact for each in self.factors)
        return _rounded(weighted / sum(each.impact for each in self.factors))

    @computed_field(description="The band of the overall score.")  # type: ignore[prop-decorator]
    @property
    def band(self) -> RiskBand:
        return RiskBand.of(self.overall_score)

    @computed_field(description="What to do next, most urgent first.")  # type: ignore[prop-decorator]
    @property
    def recommendations(self) -> tuple[str, ...]:
        return (*self._about_the_whole(), *self._about_high_factors(), *self._about_uncontrolled_factors())

    def factor(self, risk_id: str) -> RiskFactor | None:
        return next((each for each in self.factors if each.risk_id == risk_id), None)

    def _about_the_whole(self) -> Sequence[str]:
        match self.band:
            case RiskBand.CRITICAL:
                return (
                    "Critical overall: have an executive approve the version before it is deployed.",
                    "Critical overall: monitor it without a break, with automatic alarms.",
                )
            case RiskBand.HIGH:
                return ("High overall: test it further for security and for bias.",)
            case _:
                return ()

    def _about_high_factors(self) -> Iterator[str]:
        for each in self.factors:
            if each.band in {RiskBand.HIGH, RiskBand.CRITICAL}:
                taken = f"its controls take away only {each.control_effectiveness:.0%}"
                yield f"High priority: lower {each.risk_id}, {taken}: {each.description}"

    def _about_uncontrolled_factors(self) -> Iterator[str]:
        for each in self.factors:
            if not each.controls:
                yield f"Medium priority: put a control on {each.risk_id}: {each.description}"


def _rounded(score: float) -> float:
    """Without the dust of binary fractions: 25 x (1 - 0.8) is 5, and so MEDIUM, not 4.999999999999999."""
    return round(score, 9)


def _refuse_unknown_and_doubled(path: str, field: str, said: Sequence[str], known: Container[str]) -> None:
    for place, each in enumerate(said):
        if each not in known:
            raise InvalidInput(f"{path}.{place}.{field}", f"is unknown: {each}")
        if each in said[:place]:
            raise InvalidInput(f"{path}.{place}.{field}", f"is there twice: {each}")
