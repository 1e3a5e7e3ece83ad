"""The actions of model versions, for all versions of a request together."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from documents.access import HOLDING, GovernanceRole, Permission
from documents.actions.action import Action, Asking, Pick, Picks, Rule, Rules, actions, entry_picks, role_picks, value_picks
from documents.changes.loading import composition_fixed, in_progress_to
from documents.changes.situations import in_use
from documents.eligibility.loading import case_files
from documents.eligibility.standings import brought_up
from documents.eligibility.waiving import may_waive, waivable
from documents.errors import Refusal
from documents.store.pauses import pausing
from documents.versions.approvals import Verdict
from documents.versions.rules import accountability, assessments, decisions, evidence, holds, links, operation, scope, waivers
from documents.versions.version import ModelVersion

_P = Permission


@dataclass(frozen=True, slots=True)
class VersionCase:
    """A version, with what the rules ask of other records."""

    version: ModelVersion
    judged: ModelVersion
    """The version with its standing brought up to now, as decisions are made on it."""
    fixed: bool = False
    """Whether its artefacts and origins are fixed."""
    brought_by: str | None = None
    """The id of a change in progress that deploys it; None if there is none."""
    waivable: Mapping[str, bool] = field(default_factory=dict)
    """The requirements that may be waived, each with whether a policy demands a confirmed identity for it."""


async def of_versions(
    versions: Sequence[ModelVersion], asked: Collection[Permission], asking: Asking
) -> list[tuple[Action, ...]]:
    """The actions of each version; the number of database commands does not grow with the number of versions."""
    cases = await _cases(versions, asked, asking)
    return [actions(RULES, asked, each, asking, each.version.place) async for each in pausing(cases)]


async def _cases(versions: Sequence[ModelVersion], asked: Collection[Permission], asking: Asking) -> list[VersionCase]:
    judged = await brought_up(versions, asking.at) if _JUDGED & {*asked} else versions
    brought = await in_progress_to(versions) if {_P.RETIRE_MODEL_VERSION, _P.UPDATE_MODEL_VERSION} & {*asked} else {}
    fixed = await composition_fixed(versions, brought) if _P.UPDATE_MODEL_VERSION in asked else frozenset()
    granting = [each for each in versions if _P.GRANT_WAIVER in asked and _may_grant(each, asking)]
    held = await case_files(granting, asking.at, for_standing=True)
    held_to = {each.version.key: waivable(each) async for each in pausing(held)}
    return [
        VersionCase(version, now, version.key in fixed, brought.get(version.key), held_to.get(version.key, {}))
        for version, now in zip(versions, judged, strict=True)
    ]


def _may_grant(version: ModelVersion, asking: Asking) -> bool:
    """Whether the case file of the version is needed to say what the caller may waive."""
    try:
        waivers.may_grant(version, asking.by)
    except Refusal:
        return False
    return True


def _permits(permission: Permission) -> Rule[VersionCase]:
    """The rule of a mutation that asks for no more than the permission and the status."""

    def rule(case: VersionCase, asking: Asking) -> Picks:
        case.version.permits(asking.by, permission)
        return None

    return rule


def _open_incident(case: VersionCase, asking: Asking) -> Picks:
    return None


def _ask_for_change(case: VersionCase, asking: Asking) -> Picks:
    """A change that is to bring the version."""
    case.version.needs(asking.by, _P.CREATE_CHANGE_REQUEST)
    in_use(case.version.key, case.version)
    return None


def _update(case: VersionCase, asking: Asking) -> Picks:
    scope.may_change(case.version, case.fixed, asking.by)
    return None


def _judge(case: VersionCase, asking: Asking) -> Picks:
    scope.may_judge(case.version, asking.by)
    return None


def _retire(case: VersionCase, asking: Asking) -> Picks:
    operation.may_retire(case.version, case.brought_by, asking.by)
    return None


def _unlink(case: VersionCase, asking: Asking) -> Picks:
    links.may_unlink(case.version, asking.by)
    return None


def _mitigate(case: VersionCase, asking: Asking) -> Picks:
    assessments.may_treat(case.version, asking.by, _P.MITIGATE_RISK)
    return None


def _accept(case: VersionCase, asking: Asking) -> Picks:
    assessments.may_accept(case.version, asking.by)
    return None


def _approve_assessment(case: VersionCase, asking: Asking) -> Picks:
    assessments.may_approve(case.version, asking.by)
    return None


def _attach(case: VersionCase, asking: Asking) -> Picks:
    evidence.may_attach(case.version, asking.by)
    return None


def _withdraw_evidence(case: VersionCase, asking: Asking) -> Picks:
    version, by = case.version, asking.by
    evidence.may_withdraw(version, by)
    own = [each for each in version.evidence if each.attached_by == by.id]
    return entry_picks(
        "evidenceId", own, lambda each: each.evidence_id, lambda each: not each.withdrawn, lambda each: each.may_withdraw(by)
    )


def _assign(case: VersionCase, asking: Asking) -> Picks:
    accountability.may_assign(case.version, asking.by)
    return None


def _submit(case: VersionCase, asking: Asking) -> Picks:
    decisions.may_submit(case.judged, asking.by)
    return None


def _decide(case: VersionCase, asking: Asking) -> Picks:
    version, reviewer = case.judged, asking.reviewer
    decisions.may_decide(version, asking.by)
    roles = [
        *role_picks(
            decisions.deciding(version), reviewer.holds, decisions.holds_none(reviewer),
            lambda role: decisions.may_decide_as(version, role, reviewer),
        )
    ]  # fmt: skip
    acting = [GovernanceRole[each.value] for each in roles if each.refusal is None]
    return [*roles, *(_verdicts(version, acting, asking) if acting else ())]


def _verdicts(version: ModelVersion, acting: Sequence[GovernanceRole], asking: Asking) -> Sequence[Pick]:
    """The verdicts that are accepted in one of the roles at least."""

    def may(verdict: str) -> None:
        refusals = []
        for role in acting if verdict != Verdict.REJECTED.name else ():
            try:
                decisions.may_approve_as(version, role, asking.by)
            except Refusal as refusal:
                refusals.append(refusal)
            else:
                return
        if refusals:
            raise refusals[0]

    return [*value_picks("verdict", [each.name for each in Verdict], may)]


def _withdraw(case: VersionCase, asking: Asking) -> Picks:
    version, reviewer = case.judged, asking.reviewer
    decisions.may_withdraw(version, asking.by)
    return role_picks(
        decisions.required(version), reviewer.holds, decisions.holds_none(reviewer),
        lambda role: decisions.may_withdraw_as(version, role, reviewer),
    )  # fmt: skip


def _satisfy(case: VersionCase, asking: Asking) -> Picks:
    version = case.judged
    decisions.may_meet(version, asking.by, _P.SATISFY_CONDITION)
    return _conditions(version, lambda condition_id: decisions.may_satisfy(version, condition_id))


def _confirm(case: VersionCase, asking: Asking) -> Picks:
    version, reviewer = case.judged, asking.reviewer
    decisions.may_meet(version, asking.by, _P.CONFIRM_CONDITION)
    return _conditions(version, lambda condition_id: decisions.may_confirm(version, condition_id, reviewer, asking.by))


def _conditions(version: ModelVersion, may: Callable[[str], object]) -> Picks:
    last = {each.condition_id for each in decisions.open_conditions(version)}
    names = [each.condition_id for each in decisions.conditions(version)]
    return entry_picks("conditionId", names, str, last.__contains__, may)


def _place(case: VersionCase, asking: Asking) -> Picks:
    by = asking.by
    holds.may_place(case.version, by)
    return role_picks(HOLDING, by.roles.__contains__, holds.holds_none(by), lambda role: holds.may_place_as(role, by))


def _lift(case: VersionCase, asking: Asking) -> Picks:
    holds.may_lift(case.version, asking.by)
    return entry_picks(
        "holdId", case.version.holds, lambda each: each.hold_id, lambda each: each.stands, lambda each: each.may_lift(asking.by)
    )


def _grant(case: VersionCase, asking: Asking) -> Picks:
    waivers.may_grant(case.version, asking.by)
    waivers.refuse_none(case.version, case.waivable)
    return value_picks("requirementId", sorted(case.waivable), lambda each: may_waive(each, case.waivable, asking.by))


def _revoke(case: VersionCase, asking: Asking) -> Picks:
    waivers.may_revoke(case.version, asking.by)
    at = asking.at
    return entry_picks(
        "waiverId",
        case.version.waivers,
        lambda each: each.waiver_id,
        lambda each: each.stands(at),
        lambda each: each.may_revoke(at),
    )


RULES: Rules[VersionCase] = {
    _P.UPDATE_MODEL_VERSION: _update,
    _P.SET_RISK_TIER: _permits(_P.SET_RISK_TIER),
    _P.JUDGE_CLASSIFICATION: _judge,
    _P.SAVE_MODEL_CARD: _permits(_P.SAVE_MODEL_CARD),
    _P.GENERATE_MODEL_CARD: _permits(_P.GENERATE_MODEL_CARD),
    _P.IMPORT_MODEL_CARD: _permits(_P.IMPORT_MODEL_CARD),
    _P.LINK_DATASHEET: _permits(_P.LINK_DATASHEET),
    _P.UNLINK_DATASHEET: _unlink,
    _P.CREATE_RISK_ASSESSMENT: _permits(_P.CREATE_RISK_ASSESSMENT),
    _P.MITIGATE_RISK: _mitigate,
    _P.ACCEPT_RISK: _accept,
    _P.APPROVE_RISK_ASSESSMENT: _approve_assessment,
    _P.ATTACH_EVIDENCE: _attach,
    _P.WITHDRAW_EVIDENCE: _withdraw_evidence,
    _P.ASSIGN_ACCOUNTABILITY: _assign,
    _P.SUBMIT_FOR_APPROVAL: _submit,
    _P.SUBMIT_APPROVAL: _decide,
    _P.WITHDRAW_APPROVAL: _withdraw,
    _P.SATISFY_CONDITION: _satisfy,
    _P.CONFIRM_CONDITION: _confirm,
    _P.PLACE_HOLD: _place,
    _P.LIFT_HOLD: _lift,
    _P.GRANT_WAIVER: _grant,
    _P.REVOKE_WAIVER: _revoke,
    _P.COMPLETE_REVIEW: _permits(_P.COMPLETE_REVIEW),
    _P.CREATE_CHANGE_REQUEST: _ask_for_change,
    _P.OPEN_INCIDENT: _open_incident,
    _P.RETIRE_MODEL_VERSION: _retire,
}

_JUDGED = frozenset({
    _P.SUBMIT_FOR_APPROVAL, _P.SUBMIT_APPROVAL, _P.WITHDRAW_APPROVAL, _P.SATISFY_CONDITION, _P.CONFIRM_CONDITION,
})  # fmt: skip
"""The mutations that bring the version's standing up to now before they are judged."""
