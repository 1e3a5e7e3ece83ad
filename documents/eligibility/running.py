"""Whether a version may run in environments of a stage. Pure."""

from documents.eligibility.answer import Eligibility
from documents.eligibility.case import CaseFile
from documents.eligibility.judgement import Judgement
from documents.risk.scales import RiskTier
from documents.stages import Stage


def eligibility_at(case: CaseFile, stage: Stage) -> Eligibility:
    """The eligibility for environments of `stage`: only policies that bind the stage ask for approvals and requirements.

    Holds, open critical incidents and retirement stand in the way in every stage.
    """
    return Judgement(case.at_stage(stage)).eligibility


def closed_to(eligibility: Eligibility, stage: Stage) -> str | None:
    """The reason why a version with that eligibility never runs in an environment of `stage`; None if it may."""
    if eligibility.tier is RiskTier.TIER_4_EXPERIMENTAL and stage is Stage.PRODUCTION:
        return "it is in TIER_4_EXPERIMENTAL"
    return None


def obstacle(eligibility: Eligibility, stage: Stage) -> str | None:
    """The reason why a version with that eligibility for `stage` may not run in an environment of it; None if it may."""
    return closed_to(eligibility, stage) or (None if eligibility.eligible else "it is not eligible")
