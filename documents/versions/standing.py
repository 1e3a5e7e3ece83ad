"""Standing: what lists, filters and dashboards need to know of a version without asking anybody else."""

from datetime import datetime

from pydantic import Field

from documents.access import GovernanceRole
from documents.risk.scales import RiskBand
from documents.values import Choice, Key, Moment, Value
from documents.versions.approvals import Dossier


class VersionStatus(Choice):
    """What the decisions say of a version."""

    DRAFT = "draft", "It was never submitted."
    PENDING_APPROVAL = "pending_approval", "It was submitted, and not every required approval counts."
    APPROVED = "approved", "Every required approval counts."
    REJECTED = "rejected", "A required role rejected it; submitting it again opens a new round."


class Standing(Value):
    """Stored with the version, computed by the same rule as eligibility, in the transaction of whatever changed it."""

    as_of: Moment = Field(description="When it was computed.")
    status: VersionStatus = Field(description="What the decisions said then; with `approvedUntil` it is what they say now.")
    required_roles: tuple[GovernanceRole, ...] = Field(description="The roles whose approval is required.")
    missing_roles: tuple[GovernanceRole, ...] = Field(description="Those of them without an approval that counts.")
    stale_roles: tuple[GovernanceRole, ...] = Field(description="Those of them whose approval went stale.")
    violations: tuple[str, ...] = Field(description="Ids of the blocking requirements that are not met.")
    dossier: Dossier = Field(description="Digests of what there is to decide about.")
    approved_until: Moment | None = Field(description="When the first of the approvals lapses by itself; nothing: never.")
    compliant_until: Moment | None = Field(description="When the first met requirement lapses by itself; nothing: never.")
    next_review: Moment | None = Field(description="When the next periodic review is due; nothing in tier 4.")
    accountable_ids: tuple[Key, ...] = Field(description="User ids of everybody who is accountable for it.")
    decider_ids: tuple[Key, ...] = Field(description="User ids of everybody who ever decided about it.")
    risk_score: float | None = Field(description="The overall score of the current assessment, 0 to 25.")
    risk_band: RiskBand | None = Field(description="Its band.")

    def status_at(self, at: datetime) -> VersionStatus:
        """The status at a moment after `as_of`: an approval may have lapsed by itself."""
        lapsed = self.status is VersionStatus.APPROVED and self.approved_until is not None and self.approved_until <= at
        return VersionStatus.PENDING_APPROVAL if lapsed else self.status
