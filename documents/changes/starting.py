"""What the gate asks about changes that are to start, loaded for many at once, and what it answers."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from documents.access import GovernanceRole
from documents.changes.gate import Blocked, Former, Passed, Start, gate
from documents.changes.parts import GateBasis
from documents.changes.plan import ChangePlan
from documents.changes.request import ChangeRequest
from documents.changes.situations import RAN, place, returns
from documents.contents import Content
from documents.deployments import Deployment
from documents.eligibility.answer import Eligibility
from documents.eligibility.case import CaseFile
from documents.eligibility.checks import as_input
from documents.eligibility.loading import case_files
from documents.eligibility.running import eligibility_at
from documents.errors import PolicyBlocked
from documents.stages import GOVERNED, Stage
from documents.store.fields import fields_at
from documents.store.filters import among, to_query
from documents.store.pages import Window
from documents.store.standins import whole
from documents.versions.approvals import Verdict
from documents.versions.version import ModelVersion

LOOKED_BACK = 100  # deployments of one version in one environment, latest first, that a rollback can return to

_GATE = fields_at("change_id", "gate")
_LATEST = (("deployed_at", -1),)


@dataclass(frozen=True, slots=True)
class Starting:
    """A change that is to start in an environment of `stage`, and what the gate asks about it."""

    plan: ChangePlan
    stage: Stage
    case: CaseFile | None
    """The case file of the version that is judged: the target, else what runs; None if the plan names neither."""
    former: Former | None
    refused: tuple[GovernanceRole, ...]

    def let_through(self) -> tuple[Passed, Eligibility | None]:
        """The ground on which the change may start, with what the gate judged. Raises PolicyBlocked on no ground."""
        if self.case is None:  # the rollback of a first deployment that failed: no version ran there, and none is to run
            return Passed(GateBasis.OUT), None
        eligibility = eligibility_at(self.case, self.stage)
        answer = gate(self._start(eligibility))
        if isinstance(answer, Blocked):
            key = self.case.version.key
            raise PolicyBlocked(key, self.plan.environment, answer.problem, as_input(eligibility))
        return answer, eligibility

    def _start(self, eligibility: Eligibility) -> Start:
        """How the target is judged, and how it relates to what runs there and ran there."""
        plan = self.plan
        if plan.target_version is None:
            return Start(plan.change_type, self.stage, None)
        return Start(
            change_type=plan.change_type,
            stage=self.stage,
            target=eligibility,
            keeps=not plan.moves_version,
            former=self.former,
            refused=self.refused if self.former else (),
            mitigates=frozenset(each.id for each in plan.mitigates),
        )


async def starting(changes: Sequence[tuple[ChangeRequest, Stage]], at: datetime) -> list[Starting]:
    """What the gate asks about each change, which is to start in an environment of that stage.

    The number of database commands does not grow with the number of changes.
    """
    plans = [(change.plan, stage) for change, stage in changes]
    versions = await _judged([plan for plan, _ in plans])
    cases = {each.version.key: each for each in await case_files([*versions.values()], at)}
    before = await _former(plans)
    returning = {_name(plan): versions[_name(plan)] for (plan, _), there in zip(plans, before, strict=True) if there}
    refused = await _refusing(returning)

    def made(plan: ChangePlan, stage: Stage, there: Deployment | None) -> Starting:
        version = versions.get(_name(plan))
        return Starting(
            plan=plan,
            stage=stage,
            case=cases[version.key] if version else None,
            former=Former(unchanged=there.brought(version)) if there and version else None,
            refused=refused.get(_name(plan), ()),
        )

    return [made(plan, stage, there) for (plan, stage), there in zip(plans, before, strict=True)]


def _name(plan: ChangePlan) -> tuple[str, str]:
    """The model, and the version that is judged."""
    return plan.model_id, plan.target_version or plan.current_version or ""


async def _judged(plans: Sequence[ChangePlan]) -> Mapping[tuple[str, str], ModelVersion]:
    names = sorted({_name(each) for each in plans if _name(each)[1]})
    found = await ModelVersion.every(to_query(among(ModelVersion.keys, names))) if names else []
    return {(each.model_id, each.version): each for each in found}


async def _former(plans: Sequence[tuple[ChangePlan, Stage]]) -> list[Deployment | None]:
    """For each rollback the latest deployment of its target there that was judged for the present stage, or a higher one.

    None if there is none: what was let in while the stage was lower was held to less.
    """
    places = sorted({place(plan) for plan, _ in plans if returns(plan)})
    pages = await Deployment.partitions({}, RAN, places, Deployment.settled(_LATEST), Window(LOOKED_BACK)) if places else {}
    there = {ran: [whole(each) for each in found[:LOOKED_BACK]] for ran, found in pages.items()}
    stages = await _judged_for([each for found in there.values() for each in found]) if there else {}

    def latest(plan: ChangePlan, stage: Stage) -> Deployment | None:
        enough = {each for each in Stage if each.order >= stage.order}
        found = there.get(place(plan), []) if returns(plan) else []
        return next((each for each in found if not enough.isdisjoint(stages[each.change_id])), None)

    return [latest(*each) for each in plans]


async def _judged_for(deployments: Sequence[Deployment]) -> Mapping[str, Collection[str]]:
    """The stages that the gate let deployments in for, by their change; before release 0.3.0 it judged for all of GOVERNED."""
    ids = [each.change_id for each in deployments]
    changes = await ChangeRequest.read({"change_id": {"$in": ids}}, fields=_GATE)
    digests = {each.change_id: each.gate.eligibility for each in changes if each.gate and each.gate.eligibility}
    texts = await Content.read({"digest": {"$in": sorted(set(digests.values()))}}) if digests else []
    told = {each.digest: json.loads(each.canonical).get("stages", GOVERNED) for each in texts}
    return {each: told.get(digests.get(each, ""), GOVERNED) for each in ids}


async def _refusing(versions: Mapping[tuple[str, str], ModelVersion]) -> Mapping[tuple[str, str], tuple[GovernanceRole, ...]]:
    """The roles whose latest decision about each version, in any of its rounds, rejected it or was withdrawn."""
    digests = sorted({each.digest for version in versions.values() for each in version.closed_rounds})
    texts = await Content.read({"digest": {"$in": digests}}) if digests else []
    known = {each.digest: each.canonical for each in texts}

    def refusing(version: ModelVersion) -> tuple[GovernanceRole, ...]:
        closed = [each.round(known[each.digest]) for each in version.closed_rounds if each.digest in known]
        latest = {each.role: each for opened in (*closed, *version.open_rounds) for each in opened.decisions}
        return tuple(role for role, each in latest.items() if each.withdrawn or each.verdict is Verdict.REJECTED)

    return {name: refusing(each) for name, each in versions.items()}
