"""Assessments: every factor of a version rated at one time, and what follows from that."""

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import uuid4

from pydantic import Field, computed_field

from documents.errors import InvalidInput, LimitExceeded
from documents.risk.factors import ClosedRisk, OwnRisk, Response, RiskFactor, Template
from documents.risk.scales import RiskBand, RiskTier, RiskTrend, rounded
from documents.risk.templates import TEMPLATES
from documents.values import LIST_LENGTH, Key, Moment, Value


class RiskAssessment(Value):
    """An assessment rates a version's risks; it never changes."""

    unasked: ClassVar = frozenset({"model_id", "version"})
    ordered: ClassVar = frozenset({"assessor", "assessed_at"})
    grouped: ClassVar = frozenset({"assessor"})
    bounded: ClassVar = frozenset({"assessed_at"})

    assessment_id: Annotated[str, Field(pattern="^RA-[0-9a-f]{32}$")] = Field(
        description="The id is RA- and 32 hexadecimal digits."
    )
    model_id: Key = Field(description="The id of the model that it is about.")
    version: Key = Field(description="The version that it is about.")
    assessor: Key = Field(description="The user id of whoever made it.")
    assessed_at: Moment = Field(description="The time it was made.")
    tier: RiskTier = Field(description="The tier that the version then had; tier 1 raises every impact by one.")
    factors: Annotated[tuple[RiskFactor, ...], Field(min_length=1, max_length=LIST_LENGTH)] = Field(
        description="The risks that were looked at, rated or not."
    )
    closed_risks: Annotated[tuple[ClosedRisk, ...], Field(max_length=LIST_LENGTH)] = Field(
        default=(), description="The own risks of the assessment before that this one ends."
    )

    @classmethod
    def from_responses(
        cls,
        model_id: str,
        version: str,
        tier: RiskTier,
        responses: Sequence[Response],
        before: Self | None = None,
        own: Sequence[OwnRisk] = (),
        closed: Sequence[ClosedRisk] = (),
        *,
        latest: Self | None = None,
        by: str,
        at: datetime,
        templates: Sequence[Template] = TEMPLATES,
    ) -> Self:
        """Assesses every template and the risks in `own`; one without a response stays as `before` rated it.

        A risk that `latest`, the assessment before, rated and that no template asks about stays, unless it is rated anew in `own`
        or `closed`.

        InvalidInput for an unknown risk or question, for one that is responded to twice, and for a name that is no risk's own;
        LimitExceeded for more than 200 risks.
        """
        known = {each.risk_id: each for each in templates}
        _refuse_unknown_and_doubled("responses", "risk_id", [each.risk_id for each in responses], known)
        _refuse_not_own([each.risk_id for each in own], known)
        kept = {each.risk_id: each for each in (latest.factors if latest else ()) if each.assessed and each.risk_id not in known}
        ending = [each.risk_id for each in closed]
        _refuse_unknown_and_doubled("closed_risks", "risk_id", ending, kept.keys() - {each.risk_id for each in own})
        for index, response in enumerate(responses):
            asked, questions = [each.question for each in response.answers], known[response.risk_id].questions
            _refuse_unknown_and_doubled(f"responses.{index}.answers", "question", asked, questions)
        given = {each.risk_id: each for each in responses}
        on = at.astimezone(UTC).date()

        def factor(template: Template) -> RiskFactor:
            response, earlier = given.get(template.risk_id), before.factor(template.risk_id) if before else None
            if response is None and earlier is not None and earlier.assessed:
                return earlier
            return template.assess(response or Response(risk_id=template.risk_id), tier, on)

        spoken_of = {*ending, *(each.risk_id for each in own)}
        carried = [each.for_tier(tier, latest.tier) for name, each in kept.items() if latest and name not in spoken_of]
        factors = (*map(factor, templates), *(each.assess(tier, on) for each in own), *carried)
        if len(factors) > LIST_LENGTH:
            raise LimitExceeded("the number of risks in an assessment", len(factors), LIST_LENGTH)
        return cls(
            assessment_id=_new_id(),
            model_id=model_id,
            version=version,
            assessor=by,
            assessed_at=at,
            tier=tier,
            factors=factors,
            closed_risks=tuple(closed),
        )

    def mitigated(self, risk_id: str, said: Mapping[str, Any], by: str, at: datetime) -> Self:
        """The next assessment: this one, with what `said` changes of one risk's treatment."""
        factor = self.known_factor(risk_id)
        treated = factor.model_copy(update=dict(said))
        if treated == factor:
            raise InvalidInput("", "changes nothing")
        factors = tuple(treated if each is factor else each for each in self.factors)
        return self.model_copy(
            update={"assessment_id": _new_id(), "assessor": by, "assessed_at": at, "factors": factors, "closed_risks": ()},
        )

    def trend_since(self, before: Self | None) -> RiskTrend:
        return RiskTrend.of(before.overall_score if before else None, self.overall_score)

    @computed_field(description="The mean residual score is weighted by impact, 0 to 25.")  # type: ignore[prop-decorator]
    @property
    def overall_score(self) -> float:
        weighted = sum(each.residual_score * each.impact for each in self.factors)
        return rounded(weighted / sum(each.impact for each in self.factors))

    @computed_field(description="The band that the overall score is in.")  # type: ignore[prop-decorator]
    @property
    def band(self) -> RiskBand:
        return RiskBand.of(self.overall_score)

    @computed_field(description="The steps that are recommended, the most urgent first.")  # type: ignore[prop-decorator]
    @property
    def recommendations(self) -> tuple[str, ...]:
        return (*self._about_the_whole(), *self._about_high_factors(), *self._about_uncontrolled_factors())

    def factor(self, risk_id: str) -> RiskFactor | None:
        return next((each for each in self.factors if each.risk_id == risk_id), None)

    def known_factor(self, risk_id: str) -> RiskFactor:
        factor = self.factor(risk_id)
        if factor is None:
            raise InvalidInput("risk_id", f"is unknown: {risk_id}")
        return factor

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
            if each.is_high:
                taken = f"its controls take away only {each.control_effectiveness:.0%}"
                yield f"High priority: lower {each.risk_id}, {taken}: {each.description}"

    def _about_uncontrolled_factors(self) -> Iterator[str]:
        for each in self.factors:
            if not each.controls:
                yield f"Medium priority: put a control on {each.risk_id}: {each.description}"


def _new_id() -> str:
    return f"RA-{uuid4().hex}"


def _refuse_not_own(said: Sequence[str], templates: Container[str]) -> None:
    for index, each in enumerate(said):
        if each in templates or each in said[:index]:
            problem = "is a template's, to be responded to" if each in templates else "is there twice"
            raise InvalidInput(f"own_risks.{index}.risk_id", f"{problem}: {each}")


def _refuse_unknown_and_doubled(path: str, field: str, said: Sequence[str], known: Container[str]) -> None:
    for index, each in enumerate(said):
        if each not in known:
            raise InvalidInput(f"{path}.{index}.{field}", f"is unknown: {each}")
        if each in said[:index]:
            raise InvalidInput(f"{path}.{index}.{field}", f"is there twice: {each}")
