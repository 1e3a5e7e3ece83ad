"""The actions of change requests, for all changes of a request together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from documents.access import Permission
from documents.actions.action import Action, Asking, Picks, Rules, actions, role_picks
from documents.changes import ready
from documents.changes.request import ChangeRequest, holds_none
from documents.changes.starting import Starting, starting
from documents.changes.surroundings import Surroundings, surroundings
from documents.errors import Refusal
from documents.risk.scales import RiskTier
from documents.stages import Stage
from documents.store.fields import fields_at
from documents.store.filters import among, to_query
from documents.store.pauses import pausing
from documents.versions.version import ModelVersion

_P = Permission


@dataclass(frozen=True, slots=True)
class ChangeCase:
    """A change, with what the rules ask of other records."""

    around: Surroundings
    tier: RiskTier | None
    """The tier of its version; None if it has none."""
    starting: Starting | None
    """What the gate asks; None if more than the gate stands in the way of a start."""

    @property
    def change(self) -> ChangeRequest:
        return self.around.change


async def of_changes(changes: Sequence[ChangeRequest], asked: Collection[Permission], asking: Asking) -> list[tuple[Action, ...]]:
    """The actions of each change; the number of database commands does not grow with the number of changes."""
    cases = await _cases(changes, asked, asking)
    return [actions(OF_CHANGE, asked, each, asking, each.change.place) async for each in pausing(cases)]


async def _cases(changes: Sequence[ChangeRequest], asked: Collection[Permission], asking: Asking) -> list[ChangeCase]:
    around = await surroundings(changes, asked, asking.by)
    tiers = await _tiers(changes) if _P.ADD_CHANGE_APPROVAL in asked else {}
    may_start = around if _P.START_DEPLOYMENT in asked else ()
    stages = {each.change.change_id: _stage(each, asking) async for each in pausing(may_start)}
    begun = [(each.change, stage) for each in around if (stage := stages.get(each.change.change_id))]
    met = await starting(begun, asking.at) if begun else []
    gates = {change.change_id: each for (change, _), each in zip(begun, met, strict=True)}
    return [ChangeCase(each, tiers.get(_name(each.change)), gates.get(each.change.change_id)) for each in around]


def _stage(around: Surroundings, asking: Asking) -> Stage | None:
    """The stage of the environment where it starts; None if more than the gate stands in the way."""
    try:
        asking.by.needs(_P.START_DEPLOYMENT)
        return ready.may_start(around, asking.by, asking.at).stage
    except Refusal:
        return None


def _name(change: ChangeRequest) -> tuple[str, str]:
    return change.plan.model_id, change.plan.target_version or change.plan.current_version or ""


async def _tiers(changes: Sequence[ChangeRequest]) -> Mapping[tuple[str, str], RiskTier]:
    names = sorted({name for each in changes if (name := _name(each))[1]})
    query = to_query(among(ModelVersion.keys, names))
    found = await ModelVersion.read(query, fields=fields_at(*ModelVersion.keys, "tier")) if names else []
    return {(each.model_id, each.version): each.tier for each in found}


def _edit(case: ChangeCase, asking: Asking) -> Picks:
    ready.may_edit(case.around, asking.by)
    return None


def _submit(case: ChangeCase, asking: Asking) -> Picks:
    ready.may_submit(case.around, asking.by)
    return None


def _reopen(case: ChangeCase, asking: Asking) -> Picks:
    ready.may_reopen(case.around, asking.by)
    return None


def _cancel(case: ChangeCase, asking: Asking) -> Picks:
    ready.may_cancel(case.around, asking.by)
    return None


def _approve(case: ChangeCase, asking: Asking) -> Picks:
    change, reviewer = case.change, asking.reviewer
    change.permits(asking.by, _P.ADD_CHANGE_APPROVAL)
    return role_picks(
        change.required_roles, reviewer.holds, holds_none(reviewer),
        lambda role: change.may_approve_as(role, case.tier, reviewer),
    )  # fmt: skip


def _comment(case: ChangeCase, asking: Asking) -> Picks:
    case.change.may_comment(asking.by)
    return None


def _record_test(case: ChangeCase, asking: Asking) -> Picks:
    case.change.may_record_test(asking.by)
    return None


def _schedule(case: ChangeCase, asking: Asking) -> Picks:
    case.change.may_schedule(asking.by, asking.at)
    return None


def _start(case: ChangeCase, asking: Asking) -> Picks:
    if case.starting is None:
        ready.may_start(case.around, asking.by, asking.at)
    else:
        case.starting.let_through()
    return None


def _complete(case: ChangeCase, asking: Asking) -> Picks:
    case.change.permits(asking.by, _P.COMPLETE_DEPLOYMENT)
    return None


def _roll_back(case: ChangeCase, asking: Asking) -> Picks:
    ready.may_roll_back(case.around, asking.by)
    return None


OF_CHANGE: Rules[ChangeCase] = {
    _P.UPDATE_CHANGE_REQUEST: _edit,
    _P.SUBMIT_CHANGE_FOR_REVIEW: _submit,
    _P.REOPEN_CHANGE: _reopen,
    _P.CANCEL_CHANGE: _cancel,
    _P.ADD_CHANGE_APPROVAL: _approve,
    _P.COMMENT_ON_CHANGE: _comment,
    _P.RECORD_TEST_RESULT: _record_test,
    _P.SCHEDULE_DEPLOYMENT: _schedule,
    _P.START_DEPLOYMENT: _start,
    _P.COMPLETE_DEPLOYMENT: _complete,
    _P.ROLLBACK_CHANGE: _roll_back,
}
