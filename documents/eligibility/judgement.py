"""The judgement of a case file: the eligibility that clients read, and the standing that is stored. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from documents.access import RESOLVING_CRITICAL, GovernanceRole, Permission, separated
from documents.eligibility.answer import (
    BlockingIncident,
    Eligibility,
    Finding,
    NextRound,
    OpenCondition,
    Remedy,
    RequiredApproval,
    RequirementOutcome,
    RequirementResult,
    StandingHold,
    UpcomingPolicy,
    WaivedFinding,
)
from documents.eligibility.case import CaseFile
from documents.eligibility.checks import CHECKS, Check, Met, Unmet, remedy
from documents.eligibility.rules import RULES
from documents.policies import PolicyInForce, Requirement, RequirementCheck
from documents.risk.scales import RiskTier
from documents.versions.accountability import current
from documents.versions.approvals import OBLIGING, Approval, ApprovalStatus, Decider, acted_as
from documents.versions.conditions import Condition, ConditionStatus
from documents.versions.holds import Hold
from documents.versions.lifecycle import DECIDABLE, SUBMITTABLE, VersionStatus
from documents.versions.risks import high_risks
from documents.versions.rules.decisions import judging
from documents.versions.standing import LaterTerms, Period, Standing, StandingApproval


@dataclass(frozen=True)
class Judgement:
    """The judgement of one case file, computed once: its `eligibility` and its `standing` follow from the same results."""

    case: CaseFile
    checks: Mapping[RequirementCheck, Check] = field(default_factory=lambda: CHECKS)

    @cached_property
    def results(self) -> list[tuple[PolicyInForce, Requirement, Met | Unmet]]:
        """Each requirement of each policy, with the result of the rule that binds the version now."""
        return [(policy, asked, self._binding(asked)) for policy in self.case.binding for asked in policy.says.requirements]

    def _binding(self, asked: Requirement) -> Met | Unmet:
        check = self.checks[asked.check]
        rule = check.before if check.before and check.announced(self.case) else check.rule
        return rule(self.case, asked)

    @cached_property
    def announced(self) -> list[tuple[datetime, Finding]]:
        """The findings of stricter checks that do not bind the version yet, each with the moment from which it binds."""
        found = []
        for policy, asked, result in self.results:
            check = self.checks[asked.check]
            begins = check.announced(self.case) if policy.blocking and isinstance(result, Met) else None
            if begins and isinstance(stricter := check.rule(self.case, asked), Unmet):
                found.append((begins, self._finding(policy, asked, stricter)))
        return found

    def _unmet(self, blocking: bool) -> Iterator[tuple[PolicyInForce, Requirement, Unmet]]:
        """The requirements of blocking or of advisory policies that are not met, whether waived or not."""
        for policy, asked, result in self.results:
            if isinstance(result, Unmet) and policy.blocking is blocking:
                yield policy, asked, result

    @cached_property
    def violated(self) -> tuple[str, ...]:
        """The ids of the blocking requirements that are neither met nor waived."""
        found = (asked.requirement_id for _, asked, _ in self._unmet(blocking=True))
        return tuple(each for each in found if each not in self.case.waivers)

    def _finding(self, policy: PolicyInForce, asked: Requirement, result: Unmet) -> Finding:
        return Finding(
            policy_id=policy.policy_id, policy_name=policy.says.name, requirement_id=asked.requirement_id,
            title=asked.title, reason=result.reason, remedy=self._mends(result),
        )  # fmt: skip

    @cached_property
    def violations(self) -> tuple[Finding, ...]:
        """The blocking requirements that are neither met nor waived."""
        return tuple(self._finding(*each) for each in self._unmet(blocking=True) if each[1].requirement_id in self.violated)

    @cached_property
    def waived(self) -> tuple[WaivedFinding, ...]:
        """The blocking requirements that are not met and are waived."""
        waivers = self.case.waivers
        unmet = (each for each in self._unmet(blocking=True) if each[1].requirement_id in waivers)
        return tuple(WaivedFinding(finding=self._finding(*each), waiver=waivers[each[1].requirement_id]) for each in unmet)

    @property
    def checked(self) -> dict[str, str]:
        """The outcome of each requirement of the current round by its id, for the event of a submission."""
        judged = Judgement(self.case.next, self.checks) if self.case.next else self
        return {each.requirement_id: each.outcome.value for each in judged.requirements}

    @property
    def requirements(self) -> tuple[RequirementResult, ...]:
        """The result of each requirement that the version is held to."""
        return tuple(self._stands(*each) for each in self.results)

    def _stands(self, policy: PolicyInForce, asked: Requirement, result: Met | Unmet) -> RequirementResult:
        met = RequirementResult(
            policy_id=policy.policy_id, requirement_id=asked.requirement_id, title=asked.title, check=asked.check,
            outcome=RequirementOutcome.MET,
        )  # fmt: skip
        if isinstance(result, Met):
            return met.model_copy(update={"met_by": result.by})
        waiver = self.case.waivers.get(asked.requirement_id) if policy.blocking else None
        outcome = RequirementOutcome.WAIVED if waiver else RequirementOutcome.UNMET
        said = {"outcome": outcome, "reason": result.reason, "remedy": self._mends(result)}
        return met.model_copy(update=said | {"waiver_id": waiver and waiver.waiver_id})

    def _mends(self, result: Unmet) -> Remedy | None:
        return None if self.case.version.retired else result.remedy

    @property
    def eligible(self) -> bool:
        return self.case.cleared and not (self.violated or self.case.holds or self.case.version.critical_incidents)

    @property
    def eligibility(self) -> Eligibility:
        """The judgement in the form that clients read: every obstacle, with its remedy."""
        case, incidents = self.case, self.case.version.critical_incidents
        return Eligibility(
            eligible=self.eligible,
            stages=case.stages,
            tier=case.version.tier,
            status=case.status,
            policies=tuple(each.bound for each in case.binding),
            required_approvals=self.approvals,
            missing_approvals=self.missing,
            next_round=Judgement(case.next, self.checks)._as_next() if case.next else None,
            upcoming_policies=self.upcoming,
            violations=self.violations,
            waived=self.waived,
            holds=tuple(self._hold(each) for each in case.holds),
            blocking_incidents=tuple(self._incident(each) for each in incidents),
            open_conditions=tuple(self._open(each, one) for each in self._standing for one in each.open_conditions),
            advisories=(
                *(self._finding(*each) for each in self._unmet(blocking=False)),
                *(finding for _, finding in self.announced),
            ),
            notices=self._notices(),
        )

    @cached_property
    def approvals(self) -> tuple[RequiredApproval, ...]:
        """How the approval of each required role stands."""
        return tuple(self._required(role, policies) for role, policies in self.case.required.items())

    @property
    def missing(self) -> tuple[RequiredApproval, ...]:
        return tuple(each for each in self.approvals if each.status is not ApprovalStatus.APPROVED)

    def _as_next(self) -> NextRound:
        opened = self.case.round
        if opened is None:
            raise AssertionError(f"{self.case.version.key} has a next round and no round")
        return NextRound(
            number=opened.number, submitted_by=opened.submitted_by, submitted_at=opened.submitted_at,
            required_approvals=self.approvals, missing_approvals=self.missing,
        )  # fmt: skip

    @cached_property
    def upcoming(self) -> tuple[UpcomingPolicy, ...]:
        """The policies that will bind the submitted version, and that it would fail if nothing but the time changed."""
        case = self.case
        if case.round is None or case.status not in DECIDABLE:
            return ()
        found, before = list[UpcomingPolicy](), {each.bound for each in case.policies}
        for moment in case.policy_moments:
            then = Judgement(case.as_of(moment), self.checks)
            fresh = [each for each in then.case.binding if each.blocking and each.bound not in before]
            before = {each.bound for each in then.case.policies}
            found += [each for policy in fresh if (each := self._upcoming(policy, then, moment))]
        return tuple(found)

    def _upcoming(self, policy: PolicyInForce, then: "Judgement", moment: datetime) -> UpcomingPolicy | None:
        """What the version would lack of a policy at the moment at which that binds it; None if nothing."""
        violations = tuple(each for each in then.violations if each.policy_id == policy.policy_id)
        counts = {each.role for each in then.case.counting}
        missing = tuple(each for each in policy.says.required_roles if each not in counts)
        if not violations and not missing:
            return None
        return UpcomingPolicy(
            policy_id=policy.policy_id, policy_name=policy.says.name, revision=policy.revision, binds_from=moment,
            violations=violations, missing_roles=missing, remedy=self._before_it_binds(missing),
        )  # fmt: skip

    def _before_it_binds(self, missing: Collection[GovernanceRole]) -> Remedy | None:
        """What brings the approvals that a policy will ask for: the next round, or a decision in it once it is open."""
        if not missing or self.case.status is not VersionStatus.APPROVED:
            return None
        if self.case.next is None:
            return remedy(Permission.SUBMIT_FOR_APPROVAL, self.case.names)
        wanting = Judgement(self.case.next, self.checks).missing
        return next((each.remedy for each in wanting if each.role in missing), None)

    @property
    def _standing(self) -> list[Approval]:
        """The approvals of an open round that count, or will count once their conditions are confirmed."""
        required = self.case.required if self.case.status in DECIDABLE else ()
        return [each for role in required if (each := self.case.approvals.get(role)) and each.status in OBLIGING]

    def _hold(self, hold: Hold) -> StandingHold:
        known = {**self.case.names, "holdId": hold.hold_id}
        lift = Remedy(mutation=Permission.LIFT_HOLD, arguments=known, fill=("reason",), permitted=(hold.role.name,))
        return StandingHold(hold=hold, remedy=None if self.case.version.retired else lift)

    @staticmethod
    def _incident(incident_id: str) -> BlockingIncident:
        known = {"incidentId": incident_id}
        resolve = Remedy(
            mutation=Permission.RESOLVE_INCIDENT, arguments=known, fill=("text",), permitted=(RESOLVING_CRITICAL.name,)
        )
        return BlockingIncident(incident_id=incident_id, remedy=resolve)

    def _open(self, approval: Approval, condition: Condition) -> OpenCondition:
        withholds = approval.status is ApprovalStatus.CONDITIONAL
        return OpenCondition(
            role=approval.role, decision_id=approval.decision_id, withholds=withholds, condition=condition,
            remedy=self._condition_remedy(approval.role, condition),
        )  # fmt: skip

    def _condition_remedy(self, role: GovernanceRole, condition: Condition) -> Remedy:
        known = {**self.case.names, "conditionId": condition.condition_id}
        if condition.status is ConditionStatus.OPEN:
            return remedy(Permission.SATISFY_CONDITION, known, "note")
        return Remedy(mutation=Permission.CONFIRM_CONDITION, arguments=known, permitted=(role.name,))

    def _required(self, role: GovernanceRole, policies: tuple[str, ...]) -> RequiredApproval:
        decision = self.case.approvals.get(role)
        status = decision.status if decision else ApprovalStatus.PENDING
        missing = status is not ApprovalStatus.APPROVED
        return RequiredApproval(
            role=role, policies=policies, status=status, decision=decision,
            candidate_ids=tuple(self._could_give(role)) if missing else (),
            remedy=self._approval_remedy(role, decision) if missing else None,
        )  # fmt: skip

    def _could_give(self, role: GovernanceRole) -> Iterable[str]:
        """The user ids of those who could approve for `role`: authorised for the tier, and separate from other duties.

        Nobody approves in two roles, and a submitter approves as the owner only (`access.separated`).
        """
        version = self.case.version
        people = [each for each in self.case.people if each.may_decide(role, version.tier)]
        if role in self.case.terms.confirming:
            people = [each for each in people if each.identity.confirmed]
        able = (each.user_id for each in people)
        submitters, acted = version.submitters, version.deciders
        return (each for each in able if separated(role, each, submitters, acted_as(acted, each)))

    @property
    def submission(self) -> Remedy:
        """What brings the version before its reviewers: to submit it, after a risk manager has judged its words."""
        if unjudged := self.case.version.unjudged_keywords:
            known_words, fill = judging(self.case.version, unjudged)
            return remedy(Permission.JUDGE_CLASSIFICATION, known_words, *fill)
        return remedy(Permission.SUBMIT_FOR_APPROVAL, self.case.names)

    def _approval_remedy(self, role: GovernanceRole, decision: Approval | None) -> Remedy | None:
        if self.case.status is VersionStatus.RETIRED:
            return None
        if self.case.version.unjudged_keywords or self.case.status in SUBMITTABLE:
            return self.submission
        if decision and decision.status is ApprovalStatus.CONDITIONAL:
            return self._condition_remedy(role, decision.open_conditions[0])
        known = {**self.case.names, "role": role.name, "verdict": "APPROVED"}
        permitted = role.name
        if role in self.case.terms.confirming:
            if not any(self._could_give(role)):
                return remedy(Permission.CONFIRM_IDENTITY, {}, "userId", "note")
            permitted = f"{role.name} (with a confirmed identity)"
        return Remedy(mutation=Permission.SUBMIT_APPROVAL, arguments=known, fill=("comments",), permitted=(permitted,))

    def _notices(self) -> tuple[str, ...]:
        newer = [f"datasheet {each} has a newer revision than the one linked" for each in self.case.newer_datasheets]
        tier_4 = self.case.version.tier is RiskTier.TIER_4_EXPERIMENTAL
        retired = self.case.version.retired
        stricter = (
            f"{finding.requirement_id} blocks from {begins:%Y-%m-%d} on: {finding.reason}" for begins, finding in self.announced
        )
        return (
            *newer,
            *(f"it depends on {each.model_id}/{each.version}, which is retired" for each in self.case.retired_dependencies),
            *stricter,
            *(each.says for each in self.upcoming),
            *self._lapsed(),
            *(("a version in tier 4 runs in no environment of stage PRODUCTION",) if tier_4 else ()),
            *((f"the version was retired on {retired.at:%Y-%m-%d}, for good",) if retired else ()),
        )

    def _lapsed(self) -> Iterator[str]:
        """A notice for each approval that counts, or may come to, whose giver has left or lost the role since."""
        for each in self._standing:
            lapse = self.case.lapsed.get(Decider(user_id=each.reviewer_id, role=each.role))
            if lapse:
                able = ", ".join(self._could_give(each.role))
                anew = f"{able} could give it anew" if able else "nobody else could give it anew"
                yield f"{each.reviewer_id}, who decided as {each.role.name} on {each.decided_at:%Y-%m-%d}, {lapse.says}: {anew}"

    @property
    def standing(self) -> Standing:
        """The judgement in the form that is stored with the version, so that lists and filters need not judge anew."""
        case, card, assessment = self.case, self.case.card, self.case.version.latest_assessment
        counting = [self._counts(each) for each in case.counting]
        counts = {each.role for each in counting}
        stale = [role for role in case.required if role in case.approvals and case.approvals[role].status is ApprovalStatus.STALE]
        approved_until = _first([*(each.until for each in counting), self._asked_more])
        newest = case.next or case
        bound = (case.policies, newest.policies) if case.round else ()
        return Standing(
            as_of=case.at,
            rules=RULES,
            changes_at=None if case.version.retired else _first([*self._edges, approved_until, *self._expiries]),
            status=case.status,
            required_roles=tuple(case.required),
            missing_roles=tuple(role for role in case.required if role not in counts),
            approvals=tuple(counting),
            stale_roles=tuple(stale),
            next_roles=tuple(case.next.required) if case.next else (),
            next_missing_roles=tuple(each.role for each in Judgement(case.next, self.checks).missing) if case.next else (),
            terms=newest.terms,
            later_terms=tuple(_later_terms(newest)),
            policies=tuple(dict.fromkeys(each.policy_id for held in bound for each in held)),
            open_conditions=sum(len(each.open_conditions) for each in self._standing),
            violations=self.violated,
            waived=tuple(id_ for _, asked, _ in self._unmet(blocking=True) if (id_ := asked.requirement_id) in case.waivers),
            holds=tuple(dict.fromkeys(each.role for each in case.holds)),
            critical_incidents=len(case.version.critical_incidents),
            dossier=case.dossier,
            approved_until=approved_until,
            compliance=tuple(self._compliance()),
            card_completeness=card.completeness if card else None,
            next_review=case.next_review,
            outdated_datasheets=case.newer_datasheets,
            retired_dependencies=case.retired_dependencies,
            uncovered_roles=case.uncovered_roles,
            accountable_ids=tuple(dict.fromkeys(each.user_id for each in current(case.version.accountability).values())),
            decider_ids=tuple(dict.fromkeys(each.user_id for each in case.version.deciders)),
            risk_score=assessment.overall_score if assessment else None,
            risk_band=assessment.band if assessment else None,
            risk_trend=case.version.risk_trend,
            assessment_approved=case.version.assessment_approval is not None,
            high_risks=high_risks(assessment, case.version.acceptances, case.at),
        )

    @property
    def _asked_more(self) -> datetime | None:
        """The moment from which an approved version is no longer approved, because a policy asks for more from then on."""
        if self.case.round is None or self.case.status is not VersionStatus.APPROVED:
            return None
        return next(
            (each for each in self.case.policy_moments if self.case.as_of(each).status is not VersionStatus.APPROVED), None
        )

    @property
    def _expiries(self) -> list[datetime]:
        """The later moments at which a decision of an open round expires, whether it counts or not."""
        decisions = (*self.case.approvals.values(), *(self.case.next.approvals.values() if self.case.next else ()))
        return [each.expires_at for each in decisions if each.expires_at and each.expires_at > self.case.at]

    def _counts(self, approval: Approval) -> StandingApproval:
        # An approval counts until it expires, or until the validity of evidence that it was given on ends.
        evidence = (each.valid_until for each in self.case.evidence if each.evidence_id in approval.evidence)
        return StandingApproval(role=approval.role, until=_first([approval.expires_at, *evidence]))

    @property
    def _edges(self) -> list[datetime]:
        """The later moments at which the judgement can change with time alone, in order."""
        asked = (each.check for policy in self.case.binding for each in policy.says.requirements)
        binding = (self.checks[each].announced(self.case) for each in asked)
        return sorted({*self.case.edges, *(each for each in binding if each)})

    def _compliance(self) -> Iterator[Period]:
        """The periods from now on without a violation, if nothing but the time changes."""
        begins = None
        for moment in (self.case.at, *self._edges):
            later = self if moment == self.case.at else Judgement(self.case.as_of(moment), self.checks)
            violated = later.violated
            if begins and violated:
                yield Period(begins=begins, ends=moment)
            begins = None if violated else begins or moment
        if begins:
            yield Period(begins=begins, ends=None)


def _later_terms(case: CaseFile) -> Iterator[LaterTerms]:
    """The terms of decisions at each later moment at which they change, if nothing but the time does."""
    before = case.terms
    for moment in case.later_policies if case.round else ():
        terms = case.as_of(moment).terms
        if terms != before:
            yield LaterTerms(begins=moment, terms=terms)
        before = terms


def _first(moments: Iterable[datetime | None]) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)
