"""The risk report as Markdown, in which every value is escaped. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from documents.formats.markdown import bullets, code, heading, line, listed, page, strong, table
from documents.reports.risk import RiskReport
from documents.reports.words import NONE, People, marked, moment, words
from documents.risk.scales import RiskBand, RiskImpact, RiskLikelihood


def risk_page(report: RiskReport) -> str:
    """The report as Markdown."""
    return page(_blocks(report, People(report.people)))


def _blocks(report: RiskReport, people: People) -> Iterator[str]:
    yield heading(1, line("Risk report:", report.model_id, report.version))
    yield _summary(report, people)
    if report.recommendations:
        yield heading(2, "What to do next")
        yield bullets(report.recommendations)
    yield heading(2, "Risks")
    yield _factors(report, people)
    yield heading(2, "Risk matrix")
    yield _matrix(report)
    yield heading(2, "Bands and categories")
    yield table(["Band", "Risks", "Which"], [_count(words(each.band), each.risk_ids) for each in report.by_band])
    yield table(["Category", "Risks", "Which"], [_count(words(each.category), each.risk_ids) for each in report.by_category])
    if report.acceptances:
        yield heading(2, "Accepted risks")
        yield _acceptances(report, people)


def _summary(report: RiskReport, people: People) -> str:
    said, approval = report.summary, report.approval
    before = f"{said.previous_score:.1f} before" if said.previous_score is not None else "the first assessment"
    return table(
        ["", "On " + moment(report.generated_at)],
        [
            ["Assessment", code(report.assessment_id)],
            ["SHA-256 of it", code(report.digest)],
            ["Made", people.by(report.assessed_at, report.assessor)],
            ["For the tier", words(report.tier)],
            [
                "Overall",
                line(f"{said.overall_score:.1f} of 25,", marked(said.band, said.band in {RiskBand.HIGH, RiskBand.CRITICAL})),
            ],
            ["Trend", line(words(said.trend), f"({before})")],
            ["Risks", f"{said.total_risks}: {said.high_risks} high, {said.medium_risks} medium, {said.low_risks} low"],
            ["High, neither controlled nor accepted", strong(_ids(said.open_high_risks)) if said.open_high_risks else NONE],
            ["Approved", people.by(approval.approved_at, approval.approved_by, approval.identity) if approval else "by nobody"],
        ],
    )


def _factors(report: RiskReport, people: People) -> str:
    return table(
        ["Risk", "Category", "What may go wrong", "Likelihood", "Impact", "Inherent", "Residual", "Band", "Controls", "Effect",
         "Looked after by", "Review"],
        [
            [
                code(each.risk_id), words(each.category), each.description, f"{each.likelihood}", f"{each.impact}",
                f"{each.inherent_score}", f"{each.residual_score:.1f}",
                line(words(each.band), "" if each.assessed else "(nobody rated it)"), listed(each.controls),
                f"{each.control_effectiveness:.0%}", people.who(each.owner) if each.owner else "",
                f"{each.review_date}" if each.review_date else "",
            ]
            for each in report.factors
        ],
    )  # fmt: skip


def _matrix(report: RiskReport) -> str:
    cells: Mapping[tuple[int, int], Sequence[str]] = {(each.likelihood, each.impact): each.risk_ids for each in report.matrix}
    return table(
        ["Likelihood, down; impact, across", *(f"{each.value} {words(each)}" for each in RiskImpact)],
        [
            [f"{likelihood.value} {words(likelihood)}", *(_ids(cells[likelihood, impact]) for impact in RiskImpact)]
            for likelihood in reversed(RiskLikelihood)
        ],
    )


def _acceptances(report: RiskReport, people: People) -> str:
    return table(
        ["Risk", "Stands", "Residual", "Accepted", "Expires", "Why", "Ended"],
        [
            [
                code(each.risk_id), "yes" if reported.stands else "no", f"{each.residual_score:.1f}",
                people.by(each.accepted_at, each.accepted_by, each.identity), moment(each.expires_at), each.rationale,
                people.ending(each.ended),
            ]
            for reported in report.acceptances
            for each in [reported.acceptance]
        ],
    )  # fmt: skip


def _count(title: str, risk_ids: Sequence[str]) -> list[str]:
    return [title, f"{len(risk_ids)}", _ids(risk_ids)]


def _ids(risk_ids: Sequence[str]) -> str:
    return listed(map(code, risk_ids))
