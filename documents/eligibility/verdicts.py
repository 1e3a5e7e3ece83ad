"""Verdicts: whether a version or an artefact may run in an environment now and, if not, each reason with its remedy. Pure.

Every door answers with these: the graph, the gate over HTTP, and the webhooks of what rolls out. A verdict follows from the same
judgement by which a change may start.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from documents.access import Permission
from documents.eligibility.answer import Eligibility, Remedy
from documents.eligibility.checks import remedy
from documents.eligibility.judgement import Judgement
from documents.eligibility.running import closed_to, obstacle
from documents.stages import Stage
from documents.values import Choice, Environment, Key, Moment, Value
from documents.versions.approvals import Verdict
from documents.versions.dossier import Dossier
from documents.versions.lifecycle import VersionStatus


class ReasonCode(Choice):
    """A reason's code says what stands in the way."""

    UNKNOWN = "unknown", "No version that is registered holds the artefact."
    RETIRED = "retired", "The version was taken out of use, for good."
    EXPERIMENTAL = "experimental", "The version is in tier 4, which never runs in production."
    NOT_SUBMITTED = "not_submitted", "The version was never submitted for approval."
    REJECTED = "rejected", "A required role has rejected the version."
    APPROVAL_MISSING = "approval_missing", "An approval that is required does not count."
    REQUIREMENT_UNMET = "requirement_unmet", "A blocking requirement is neither met nor waived."
    HELD = "held", "A hold on the version stands."
    CRITICAL_INCIDENT = "critical_incident", "A critical incident is open."


class Reason(Value):
    """A reason is one thing that stands in the way."""

    code: ReasonCode = Field(description="The code says what kind of thing it is.")
    text: str = Field(description="The text says it to people.")
    model_id: str | None = Field(description="The id of the model that it is about; null for an artefact that nothing holds.")
    version: str | None = Field(description="The version that it is about; null for an artefact that nothing holds.")
    remedy: Remedy | None = Field(description="The remedy that would take it out of the way; null where no mutation can.")


class GateVerdict(Value):
    """A verdict says whether a version may run in an environment now."""

    eligible: bool = Field(description="Whether the version may run there now.")
    model_id: Key = Field(description="The id that names the model.")
    version: Key = Field(description="The name that the version has in its model.")
    environment: Environment = Field(description="The environment that it is about; its stage says which policies bind.")
    reasons: tuple[Reason, ...] = Field(description="The reasons why it may not; empty if it may.")
    dossier: Dossier = Field(description="The dossier of what was judged.")
    checked_at: Moment = Field(description="The time as of which it was judged.")

    @property
    def stopping(self) -> tuple[Reason, ...]:
        """The reasons that stop the same bytes under any other name too.

        Nobody can lift a hold of a retired version or decide about it again, but an incident outlives the version.
        """
        found = {each.code for each in self.reasons}
        stops = {ReasonCode.CRITICAL_INCIDENT}
        if ReasonCode.RETIRED not in found:
            stops |= {ReasonCode.HELD, ReasonCode.REJECTED}
        return tuple(each for each in self.reasons if each.code in stops)


@dataclass(frozen=True, slots=True)
class ArtifactVerdict:
    """A verdict on an artefact says whether its bytes may run in an environment now."""

    eligible: bool
    known: bool
    """Whether a version holds the artefact, be it retired."""
    sha256: str
    environment: str
    holder: GateVerdict | None
    """The verdict on the first version that may run there, if the artefact may."""
    reasons: tuple[Reason, ...]
    holders: tuple[GateVerdict, ...]
    checked_at: datetime


def verdict_on(judgement: Judgement, eligibility: Eligibility, environment: str, stage: Stage) -> GateVerdict:
    """The verdict for an environment of `stage`, by the judgement for that stage and the eligibility that it came to."""
    version = judgement.case.version
    return GateVerdict(
        eligible=obstacle(eligibility, stage) is None,
        model_id=version.model_id,
        version=version.version,
        environment=environment,
        reasons=tuple(_reasons(judgement, eligibility, stage)),
        dossier=judgement.case.dossier,
        checked_at=judgement.case.at,
    )


def _reasons(judgement: Judgement, eligibility: Eligibility, stage: Stage) -> Iterator[Reason]:
    """What stands in the way, what no mutation mends first; nothing if the version may run there."""
    names = judgement.case.names

    def reason(code: ReasonCode, text: str, mends: Remedy | None = None) -> Reason:
        return Reason(code=code, text=text, model_id=names["modelId"], version=names["version"], remedy=mends)

    if obstacle(eligibility, stage) is None:
        return
    if eligibility.status is VersionStatus.RETIRED:
        yield reason(ReasonCode.RETIRED, "it was retired, for good")
    if closed := closed_to(eligibility, stage):
        yield reason(ReasonCode.EXPERIMENTAL, f"{closed}, which never runs in production")
    if eligibility.status is VersionStatus.DRAFT and not judgement.case.cleared:
        yield reason(ReasonCode.NOT_SUBMITTED, "it was never submitted for approval", judgement.submission)
    if eligibility.status is VersionStatus.REJECTED:
        by = [each.role.name for each in judgement.case.decisions if each.verdict is Verdict.REJECTED]
        yield reason(ReasonCode.REJECTED, f"{', '.join(by)} rejected it", judgement.submission)
    for each in eligibility.missing_approvals:
        yield reason(ReasonCode.APPROVAL_MISSING, f"the approval as {each.role.name} is {each.status.name}", each.remedy)
    for unmet in eligibility.violations:
        yield reason(ReasonCode.REQUIREMENT_UNMET, f"{unmet.requirement_id}: {unmet.reason}", unmet.remedy)
    for held in eligibility.holds:
        yield reason(ReasonCode.HELD, f"{held.hold.role.name} holds it: {held.hold.reason}", held.remedy)
    for incident in eligibility.blocking_incidents:
        yield reason(ReasonCode.CRITICAL_INCIDENT, f"{incident.incident_id} is critical and open", incident.remedy)


def verdict_on_artifact(
    sha256: str, environment: str, holders: Sequence[GateVerdict], at: datetime, *, known: bool
) -> ArtifactVerdict:
    """The verdict on bytes, by those on the versions that hold them: those in use, and retired ones under an open incident.

    It is yes if a holder may run there, and none is held, rejected for there or under an open critical incident. `known` says
    whether any version holds the bytes.
    """
    may = [each for each in holders if each.eligible]
    stopping = [reason for each in holders for reason in each.stopping]
    eligible = bool(may) and not stopping
    reasons = stopping if may else [reason for each in holders for reason in each.reasons]
    return ArtifactVerdict(
        eligible=eligible, known=known, sha256=sha256, environment=environment, holder=may[0] if eligible else None,
        reasons=tuple(reasons if holders else [_unheld(sha256, known)]), holders=tuple(holders), checked_at=at,
    )  # fmt: skip


def _unheld(sha256: str, known: bool) -> Reason:
    """Why bytes may not run that no version in use holds."""
    code = ReasonCode.RETIRED if known else ReasonCode.UNKNOWN
    text = "each version that holds the artefact is retired" if known else "no version that is registered holds the artefact"
    return Reason(code=code, text=text, model_id=None, version=None, remedy=registering(sha256))


def registering(sha256: str) -> Remedy:
    """The mutation by which a new version comes to hold these bytes."""
    known = {"artifacts": [{"sha256": sha256}]}
    fill = ("modelId", "version", "purpose", "ownerId", "dataStewardId", "artifacts.0.kind", "artifacts.0.uri")
    return remedy(Permission.REGISTER_MODEL_VERSION, known, *fill)
