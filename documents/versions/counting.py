"""What a version counts for in the figures that are kept. Pure: the same figures as the filters of the dashboard count.

A version is read as it is stored. What time alone changes is told from its moment on.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from documents.risk.scales import RiskBand, RiskTrend
from documents.store.totals import ALL
from documents.store.units import Counts, Raw
from documents.versions.lifecycle import LIVE, VersionStatus

COUNTED_BY = ("model_id", "tier", "standing", "acceptances")
MODELS, LAPSED = "models", "lapsed"
HIGH = (RiskBand.HIGH, RiskBand.CRITICAL)
Period = tuple[datetime, datetime | None]


def cell(tier: str, status: str | None) -> str:
    """The figure that counts the versions of a tier whose stored status is that."""
    return f"{tier}_{status or 'none'}"


def counts_for(version: Raw) -> Iterator[Counts]:
    """All that a stored version counts for."""
    yield Counts(ALL)
    standing = version.get("standing") or {}
    status, tier = standing.get("status"), version["tier"]
    yield Counts(cell(tier, status))
    until = standing.get("approved_until")
    if status == VersionStatus.APPROVED and until:
        yield Counts(cell(tier, LAPSED), 1, until)
    if status not in LIVE:
        return
    yield Counts(MODELS, value=version["model_id"])
    yield Counts("versions")
    yield Counts(tier)
    if status == VersionStatus.PENDING_APPROVAL or (status == VersionStatus.APPROVED and until):
        yield Counts("pending_approval", 1, None if status == VersionStatus.PENDING_APPROVAL else until)
    if due := standing.get("next_review"):
        yield Counts("overdue_review", 1, due)
    if standing.get("card_completeness") == 1:
        yield Counts("with_model_card")
    if standing.get("risk_score") is not None:
        yield Counts("with_risk_assessment")
    if standing.get("risk_trend") == RiskTrend.UP:
        yield Counts("trending_up")
    if standing.get("risk_band") in HIGH:
        yield Counts("high_risk")
    if status != VersionStatus.DRAFT:
        yield Counts("submitted")
        if not standing.get("missing_roles"):
            yield from _until("with_all_approvals", until)
    yield Counts("policy_violations")
    for begins, ends in _periods(standing):
        yield Counts("policy_violations", -1, begins)
        if ends:
            yield Counts("policy_violations", 1, ends)
    yield from _risks([each.get("accepted_until") for each in standing.get("high_risks") or ()])
    yield from _acceptances([each["expires_at"] for each in version.get("acceptances") or () if each.get("ended") is None])


def _until(figure: str, moment: datetime | None) -> Iterator[Counts]:
    """One, until that moment if there is one."""
    yield Counts(figure)
    if moment:
        yield Counts(figure, -1, moment)


def _risks(accepted_until: Sequence[datetime | None]) -> Iterator[Counts]:
    """The high risks, each of which is open unless it is accepted, and from when on it no longer is."""
    for each in accepted_until:
        yield Counts("unmitigated_risks", 1, each)
    if accepted_until:
        yield Counts("with_unmitigated_risk", 1, None if None in accepted_until else min(filter(None, accepted_until)))


def _acceptances(expires_at: Sequence[datetime]) -> Iterator[Counts]:
    for each in expires_at:
        yield from _until("accepted_risks", each)
    if expires_at:
        yield from _until("with_accepted_risk", max(expires_at))


def _periods(standing: Raw) -> Iterable[tuple[datetime | None, datetime | None]]:
    """The periods in which nothing is violated, in order and apart from each other.

    One that had begun when the standing was computed counts from the beginning: nobody asks what was before.
    """
    apart: list[Period] = []
    for begins, ends in sorted(((each["begins"], each["ends"]) for each in standing["compliance"]), key=lambda each: each[0]):
        if ends and ends <= begins:
            continue
        if apart and ((last := apart[-1][1]) is None or begins <= last):
            apart[-1] = (apart[-1][0], None if last is None or ends is None else max(last, ends))
        else:
            apart.append((begins, ends))
    return [(None if begins <= standing["as_of"] else begins, ends) for begins, ends in apart]
