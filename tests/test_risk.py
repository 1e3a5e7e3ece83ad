"""How risks are rated, weighed and put into bands."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from documents.canonical import canonical, parsed
from documents.errors import InvalidInput
from documents.risk.assessment import RiskAssessment
from documents.risk.factors import Answer, OwnRisk, Response, RiskFactor, Template
from documents.risk.scales import RiskBand, RiskCategory, RiskImpact, RiskLikelihood, RiskTier
from documents.risk.templates import TEMPLATES

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SEC_001 = next(each for each in TEMPLATES if each.risk_id == "SEC-001")
SEED_EXAMPLE = [
    Response(risk_id="MQ-001", likelihood=3, impact=4, control_effectiveness=0.6, controls=("Detection",), owner="user-001"),
    Response(risk_id="SEC-001", likelihood=3, impact=4, control_effectiveness=0.7, controls=("Sanitization",), owner="user-004"),
    Response(risk_id="FAIR-001", likelihood=2, impact=4, control_effectiveness=0.5, controls=("Bias tests",), owner="user-003"),
]


def assess(
    *responses: Response,
    tier: RiskTier = RiskTier.TIER_2_IMPORTANT,
    at: datetime = NOW,
    templates: Sequence[Template] = TEMPLATES,
) -> RiskAssessment:
    return RiskAssessment.from_responses("bot", "1.0.0", tier, responses, by="user-001", at=at, templates=templates)


def only(**said: Any) -> RiskFactor:
    """The factor that a response makes of SEC-001."""
    return SEC_001.assess(Response.model_validate({"risk_id": "SEC-001"} | said), RiskTier.TIER_2_IMPORTANT, NOW.date())


def test_a_factor_has_every_field_of_the_seed() -> None:
    seed = """risk_id category description likelihood impact inherent_score controls control_effectiveness residual_score owner
    identified_date review_date"""
    assert set(seed.split()) <= RiskFactor.model_fields.keys() | RiskFactor.model_computed_fields.keys()


def test_the_templates_are_the_seeds() -> None:
    assert [(each.risk_id, each.category.name, len(each.questions)) for each in TEMPLATES] == [
        ("MQ-001", "MODEL_QUALITY", 3), ("MQ-002", "MODEL_QUALITY", 3), ("SEC-001", "SECURITY", 3), ("SEC-002", "SECURITY", 3),
        ("FAIR-001", "FAIRNESS", 3), ("PRIV-001", "PRIVACY", 3), ("OPS-001", "OPERATIONAL", 3), ("REG-001", "REGULATORY", 3),
    ]  # fmt: skip


def test_the_seeds_worked_example_is_medium() -> None:
    assessment = assess(*SEED_EXAMPLE)
    # MQ-001 3 x 4 x 0.4 = 4.8 · SEC-001 3 x 4 x 0.3 = 3.6 · FAIR-001 2 x 4 x 0.5 = 4 · the five others 3 x 3 = 9, by impact:
    # 4.8 x 4 + 3.6 x 4 + 4 x 4 + 5 x 9 x 3 = 19.2 + 14.4 + 16 + 135 = 184.6, and 4 + 4 + 4 + 5 x 3 = 27
    assert assessment.overall_score == pytest.approx(184.6 / 27)
    assert assessment.band is RiskBand.MEDIUM
    assert [each.risk_id for each in assessment.factors if each.is_controlled] == ["MQ-001", "SEC-001", "FAIR-001"]
    assert [each.residual_score for each in assessment.factors] == [4.8, 9, 3.6, 9, 4, 9, 9, 9]


Rated = tuple[int, int, int]  # likelihood, impact, and how many hundredths of the risk the controls take away
ANY_RATED = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 100))


def rated(responses: Mapping[str, Rated], tier: RiskTier, own: Sequence[Rated] = ()) -> RiskAssessment:
    said = [
        Response(risk_id=risk_id, likelihood=likelihood, impact=impact, control_effectiveness=share / 100)
        for risk_id, (likelihood, impact, share) in responses.items()
    ]
    risks = [
        OwnRisk(
            risk_id=f"OWN-{at}", category=RiskCategory.FINANCIAL, description="It costs too much", likelihood=likelihood,
            impact=impact, control_effectiveness=share / 100,
        )
        for at, (likelihood, impact, share) in enumerate(own)
    ]  # fmt: skip
    return RiskAssessment.from_responses("bot", "1.0.0", tier, said, own=risks, by="user-001", at=NOW)


@given(
    st.dictionaries(st.sampled_from([each.risk_id for each in TEMPLATES]), ANY_RATED),
    st.lists(ANY_RATED, max_size=4),
    st.sampled_from(RiskTier),
)
def test_scores_are_what_the_seeds_formulas_come_to_in_fractions(
    responses: dict[str, Rated], own: list[Rated], tier: RiskTier
) -> None:
    weighted, weights, high = Fraction(0), 0, []
    everything = [responses.get(each.risk_id, (3, 3, 0)) for each in TEMPLATES] + own
    assessment = rated(responses, tier, own)
    for factor, (likelihood, impact, share) in zip(assessment.factors, everything, strict=True):
        weight = (2, 3, 4, 5, 5)[impact - 1] if tier.name == "TIER_1_CRITICAL" else impact
        inherent = likelihood * weight
        residual = Fraction(inherent * (100 - share), 100)
        weighted = weighted + residual * weight
        weights = weights + weight
        assert (factor.inherent_score, factor.impact) == (inherent, weight)
        assert factor.residual_score == pytest.approx(float(residual), abs=1e-9)
        high += [factor.risk_id] if residual >= 10 else []
    overall = weighted / weights
    band = "CRITICAL" if overall >= 15 else "HIGH" if overall >= 10 else "MEDIUM" if overall >= 5 else "LOW"
    assert assessment.overall_score == pytest.approx(float(overall), abs=1e-9)
    assert assessment.band.name == band
    assert [each.risk_id for each in assessment.factors if each.is_high] == high


@pytest.mark.parametrize(
    ("share", "score", "band"),
    [
        (0, 25, "CRITICAL"),
        (40, 15, "CRITICAL"),  # 25 x 0.6
        (41, 14.75, "HIGH"),
        (60, 10, "HIGH"),  # 25 x 0.4
        (61, 9.75, "MEDIUM"),
        (80, 5, "MEDIUM"),  # 25 x 0.2, which in binary is 4.999999999999999
        (81, 4.75, "LOW"),
        (100, 0, "LOW"),
    ],
)
def test_a_whole_assessment_lies_in_a_band_from_its_threshold_on(share: int, score: float, band: str) -> None:
    assessment = rated({each.risk_id: (5, 5, share) for each in TEMPLATES}, RiskTier.TIER_2_IMPORTANT)
    assert (assessment.overall_score, assessment.band.name) == (score, band)
    assert {each.band.name for each in assessment.factors} == {band}


def test_tier_1_raises_impact_by_one_and_to_5_at_most() -> None:
    responses = [Response(risk_id="MQ-001", impact=4), Response(risk_id="MQ-002", impact=5)]
    assessment = assess(*responses, tier=RiskTier.TIER_1_CRITICAL)
    assert [each.impact for each in assessment.factors] == [5, 5, 4, 4, 4, 4, 4, 4]


@pytest.mark.parametrize(
    ("said", "assessed"),
    [
        ({}, False),
        ({"owner": "user-001", "controls": ["A filter"]}, False),
        ({"impact": 4}, False),
        ({"likelihood": 1, "impact": 4}, True),
    ],
)
def test_a_risk_is_assessed_once_both_its_ratings_are_given(said: dict[str, Any], assessed: bool) -> None:
    assert only(**said).assessed is assessed
    assert only(**said, control_effectiveness=0.5).is_controlled is (assessed and "controls" in said)


def test_what_is_not_said_takes_the_defaults() -> None:
    factor = only()
    assert (factor.likelihood_level, factor.impact_level) == (RiskLikelihood.POSSIBLE, RiskImpact.MODERATE)
    assert (factor.inherent_score, factor.residual_score, factor.controls, factor.answers) == (9, 9, (), ())


@pytest.mark.parametrize(
    "said",
    [
        {"likelihood": 6},
        {"impact": 0},
        {"impact": True},
        {"likelihood": 2.5},
        {"control_effectiveness": 1.2},
        {"control_effectiveness": -0.1},
        {"control_effectiveness": float("nan")},
        {"control_effectiveness": True},
        {"controls": [" "]},
        {"controls": ["a\0b"]},
    ],
)
def test_a_response_refuses_what_is_out_of_bounds(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        only(**said)


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (0, "LOW"),
        (4.999, "LOW"),
        (5, "MEDIUM"),
        (9.999, "MEDIUM"),
        (10, "HIGH"),
        (14.999, "HIGH"),
        (15, "CRITICAL"),
        (25, "CRITICAL"),
    ],
)
def test_a_band_begins_at_its_threshold(score: float, band: str) -> None:
    assert RiskBand.of(score).name == band


def test_binary_fractions_do_not_move_a_score_over_a_threshold() -> None:
    factor = only(likelihood=5, impact=5, control_effectiveness=0.8)
    assert (factor.residual_score, factor.band) == (5, RiskBand.MEDIUM)


def test_answers_are_kept_with_their_questions() -> None:
    answer = Answer(question=SEC_001.questions[0], text="By a red team, in May.")
    factor = assess(Response(risk_id="SEC-001", answers=(answer,))).factor("SEC-001")
    assert factor is not None and factor.answers == (answer,)
    assert assess().factor("XYZ-001") is None


@pytest.mark.parametrize(
    ("responses", "path"),
    [
        ([{"risk_id": "MQ-001"}, {"risk_id": "XYZ-001"}], "responses.1.risk_id"),
        ([{"risk_id": "MQ-001"}, {"risk_id": "MQ-001"}], "responses.1.risk_id"),
        ([{"risk_id": "SEC-001", "answers": [{"question": "Why?", "text": "So."}]}], "responses.0.answers.0.question"),
        (
            [{"risk_id": "SEC-001", "answers": [{"question": SEC_001.questions[0], "text": "So."}] * 2}],
            "responses.0.answers.1.question",
        ),
    ],
)
def test_unknown_and_doubled_responses_are_refused_by_place(responses: list[dict[str, Any]], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        assess(*map(Response.model_validate, responses))
    assert refused.value.path == path


def test_recommendations_come_most_urgent_first() -> None:
    worst = [Response(risk_id=each.risk_id, likelihood=5, impact=5, controls=("A filter",)) for each in TEMPLATES[1:]]
    urgency = [each.split()[0] for each in assess(*worst).recommendations]
    assert urgency == ["Critical"] * 2 + ["High"] * 7 + ["Medium"]
    bad = [Response(risk_id=each.risk_id, likelihood=3, impact=4, controls=("A filter",)) for each in TEMPLATES]
    assert [each.split()[:2] for each in assess(*bad).recommendations] == [["High", "overall:"], *[["High", "priority:"]] * 8]
    assert [each.split()[0] for each in assess(*SEED_EXAMPLE).recommendations] == ["Medium"] * 5


def test_own_templates_are_assessed_too() -> None:
    own = Template(risk_id="FIN-001", category=RiskCategory.FINANCIAL, description="It costs too much", questions=())
    assert assess(templates=(*TEMPLATES, own)).factors[-1].risk_id == "FIN-001"


def test_an_assessment_says_who_when_and_nothing_computed_in_its_canonical_text() -> None:
    evening = datetime(2026, 11, 24, 23, tzinfo=timezone(timedelta(hours=-5)))
    first, second = assess(at=evening), assess(at=evening)
    assert (first.assessor, first.assessed_at, first.factors[0].identified_date) == ("user-001", evening, date(2026, 11, 25))
    assert first.assessment_id != second.assessment_id
    text = canonical(first)
    assert RiskAssessment.model_validate(parsed(text)) == first
    assert b"score" not in text and b"band" not in text
