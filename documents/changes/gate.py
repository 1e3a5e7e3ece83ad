"""The gate: decides whether a change may start now, and on which ground. Pure."""

from dataclasses import dataclass, field

from documents.access import GovernanceRole
from documents.changes.parts import GateBasis
from documents.changes.plan import ChangeType
from documents.eligibility.answer import Eligibility
from documents.eligibility.running import closed_to
from documents.stages import GOVERNED, Stage
from documents.versions.lifecycle import VersionStatus


@dataclass(frozen=True, slots=True)
class Former:
    """What is known of the last time that the target ran in the environment."""

    unchanged: bool
    """Whether the target has the artefacts and the origins that ran there."""


@dataclass(frozen=True, slots=True)
class Start:
    """A change that is to start: its target as it is judged now, and how the target relates to what runs there and ran there."""

    change_type: ChangeType
    stage: Stage
    target: Eligibility | None
    """The judgement of the version that is to run; None if no version is to run."""
    keeps: bool = False
    """Whether the target is the version that runs there."""
    former: Former | None = None
    """None if the target never ran there."""
    refused: tuple[GovernanceRole, ...] = ()
    """The roles whose latest decision about the target, in any round, rejected it or was withdrawn."""
    mitigates: frozenset[str] = field(default_factory=frozenset)
    """The ids of the holds and incidents that the plan mitigates."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The change may start, on this ground."""

    basis: GateBasis
    lacks: tuple[str, ...] = ()
    """What the target lacks to be eligible; empty for a target that is."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """The change may not start, for this reason."""

    problem: str


def gate(start: Start) -> Passed | Blocked:
    """Whether the change may start now.

    Taking a version out always passes. A target that is eligible passes. A change that keeps the version that runs, and mitigates
    a hold or an incident of it, passes if nothing else stands in the way. A rollback to a version that ran there passes if that
    is what ran there, though its approvals do not count any more or a requirement is not met.
    """
    target = start.target
    if target is None:
        return Passed(GateBasis.OUT)
    if problem := closed_to(target, start.stage):
        return Blocked(problem)
    if target.eligible:
        return Passed(GateBasis.ELIGIBLE)
    if start.keeps and start.mitigates:
        return _mitigates(start, target)
    if start.change_type is ChangeType.ROLLBACK and start.former:
        return _returns(start, start.former, target)
    return Blocked("it is not eligible")


def _mitigates(start: Start, target: Eligibility) -> Passed | Blocked:
    holds = [each.hold.hold_id for each in target.holds]
    incidents = [each.incident_id for each in target.blocking_incidents]
    if others := [each for each in (*holds, *incidents) if each not in start.mitigates]:
        return Blocked(f"the change does not mitigate {', '.join(others)}")
    if _unapproved(start, target) or target.violations:
        return Blocked("more stands in its way than what the change mitigates")
    return Passed(GateBasis.MITIGATION, lacks_of(target))


def _unapproved(start: Start, target: Eligibility) -> bool:
    """Whether an approval that the stage asks for is wanting; below the governed stages, a version may be a draft."""
    if start.stage in GOVERNED:
        return target.status is not VersionStatus.APPROVED
    return target.status is VersionStatus.RETIRED or bool(target.missing_approvals)


def _returns(start: Start, former: Former, target: Eligibility) -> Passed | Blocked:
    if target.status in {VersionStatus.REJECTED, VersionStatus.RETIRED}:
        return Blocked(f"it is {target.status.name}")
    if start.refused:
        return Blocked(f"{', '.join(each.name for each in start.refused)} rejected it or withdrew the approval")
    if target.holds or target.blocking_incidents:
        return Blocked("a hold or a critical incident stands")
    if not former.unchanged:
        return Blocked("its artefacts or what it was made from are not those that ran there")
    return Passed(GateBasis.FORMER, lacks_of(target))


def lacks_of(target: Eligibility) -> tuple[str, ...]:
    """What the target lacks: roles by name, requirements, holds and incidents by their ids."""
    return (
        *(each.role.name for each in target.missing_approvals),
        *(each.requirement_id for each in target.violations),
        *(each.hold.hold_id for each in target.holds),
        *(each.incident_id for each in target.blocking_incidents),
    )
