"""Model versions: what is governed, and the rules by which it changes."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Self

from documents.access import Actor, GovernanceRole, Permission, PlatformRole, Relation, Role
from documents.audit.event import AuditEventType
from documents.classification import classify
from documents.errors import Forbidden, InvalidInput
from documents.policies import BoundPolicy
from documents.risk.scales import RiskTier
from documents.values import camel
from documents.versions.accountability import assigned, relations
from documents.versions.decided import DecidedVersion, only
from documents.versions.dependencies import Dependency, refuse_doubled
from documents.versions.entries import changed, longer
from documents.versions.holds import Hold
from documents.versions.numbers import version_key
from documents.versions.parts import Artifact, Ending
from documents.versions.waivers import Waiver

HOLDING = (GovernanceRole.ETHICS_REVIEWER, GovernanceRole.SECURITY_REVIEWER, GovernanceRole.COMPLIANCE_OFFICER)
CHANGES: Mapping[Role, frozenset[str]] = {
    GovernanceRole.BUSINESS_OWNER: frozenset({"use_cases", "restrictions"}),
    PlatformRole.SERVICE: frozenset({"artifacts"}),
}
"""What those may change of a version who do not own it."""


class ModelVersion(DecidedVersion):
    """A model version is what is governed."""

    @classmethod
    def register(
        cls, model_id: str, version: str, purpose: str, use_cases: tuple[str, ...], restrictions: tuple[str, ...],
        tier: RiskTier | None, tier_rationale: str | None, owner_id: str, data_steward_id: str, artifacts: tuple[Artifact, ...],
        depends_on: tuple[Dependency, ...], by: Actor, at: datetime,
    ) -> Self:  # fmt: skip
        """A version as of now, in the tier that its words suggest or a more critical one; a lighter one needs a risk manager."""
        suggested = classify(purpose, use_cases)
        answering = assigned((), GovernanceRole.MODEL_OWNER, owner_id, by, at)
        answering = assigned(answering, GovernanceRole.DATA_STEWARD, data_steward_id, by, at)
        if tier is not None and tier.is_lighter_than(suggested.tier):
            _may_lighten(tier_rationale, suggested.tier, by)
        refuse_doubled(depends_on)
        return cls(
            model_id=model_id, version=version, version_key=version_key(version), purpose=purpose, use_cases=use_cases,
            restrictions=restrictions, tier=tier or suggested.tier, tier_rationale=tier_rationale, classification=suggested,
            owner_id=owner_id, data_steward_id=data_steward_id, accountability=answering, artifacts=artifacts,
            depends_on=depends_on, registered_by=by.id, registered_at=at,
        )  # fmt: skip

    def assign(self, role: GovernanceRole, user_id: str, by: Actor, at: datetime) -> None:
        """Makes somebody accountable in a role, in the place of whoever was."""
        self.permits(by, Permission.ASSIGN_ACCOUNTABILITY)
        self.accountability = assigned(self.accountability, role, user_id, by, at)
        match role:
            case GovernanceRole.MODEL_OWNER:
                self.owner_id = user_id
            case GovernanceRole.DATA_STEWARD:
                self.data_steward_id = user_id

    def amend(self, said: Mapping[str, Any], by: Actor) -> None:
        """Changes scope, artefacts and dependencies as `said`; words that call for a more critical tier than before raise it.

        A lighter tier takes a risk manager: `set_tier`.
        """
        self.permits(by, Permission.UPDATE_MODEL_VERSION)
        self._may_change(said, by)
        refuse_doubled(said.get("depends_on", ()))
        for name, value in said.items():
            setattr(self, name, value)
        before, self.classification = self.classification, classify(self.purpose, self.use_cases)
        suggested = self.classification.tier
        if before.tier.is_lighter_than(suggested) and self.tier.is_lighter_than(suggested):
            self.tier, self.tier_rationale = suggested, None

    def _may_change(self, said: Mapping[str, Any], by: Actor) -> None:
        if Relation.OWNER in relations(self.accountability, by):
            return
        permitted = {each for role in by.roles for each in CHANGES.get(role, ())}
        if barred := said.keys() - permitted:
            raise Forbidden(f"{by.id} may not change {', '.join(map(camel, sorted(barred)))}", ["MODEL_OWNER (owner)"])

    def set_tier(self, tier: RiskTier, rationale: str, by: Actor) -> None:
        """Sets the tier, more critical or lighter than its words suggest; the policies of the new tier apply."""
        self.permits(by, Permission.SET_RISK_TIER)
        self.tier, self.tier_rationale = tier, rationale

    def follow(self, policies: tuple[BoundPolicy, ...]) -> None:
        """Binds the round to the policies in force now, if it was bound for another tier."""
        if self.round and self.round.tier is not self.tier:
            self.round = self.round.model_copy(update={"tier": self.tier, "policies": policies})

    def retire(self, reason: str, by: Actor, at: datetime) -> None:
        """Takes the version out of use, for good; not while it runs somewhere."""
        self.permits(by, Permission.RETIRE_MODEL_VERSION)
        if self.deployed_in:
            raise self.not_ready(Permission.RETIRE_MODEL_VERSION, f"it runs in {', '.join(self.deployed_in)}")
        self.retired = Ending(at=at, by=by.id, reason=reason)

    def suffer(self, incident_id: str) -> None:
        """A critical incident was opened."""
        self.critical_incidents = longer("the open critical incidents of a version", self.critical_incidents, incident_id)

    def recover(self, incident_id: str) -> None:
        self.critical_incidents = tuple(each for each in self.critical_incidents if each != incident_id)

    def run_in(self, environment: str) -> None:
        """It was deployed there."""
        self.deployed_in = tuple(sorted({*self.deployed_in, environment}))
        self.tells(AuditEventType.MODEL_DEPLOYED)

    def stop_in(self, environment: str) -> None:
        """Something else runs there, or nothing."""
        self.deployed_in = tuple(each for each in self.deployed_in if each != environment)

    def grant_waiver(
        self, requirement_id: str, blocking: Collection[str], rationale: str, expires_at: datetime, by: Actor, at: datetime
    ) -> Waiver:
        """Excepts the version from a `blocking` requirement for a time: by somebody who neither owns nor submitted it."""
        self._separate(by, Permission.GRANT_WAIVER)
        waiver = Waiver.grant(requirement_id, rationale, expires_at, by.id, at)
        if requirement_id not in blocking:
            known = f"one of: {', '.join(sorted(blocking))}" if blocking else "a blocking one, and the version is held to none"
            raise InvalidInput("requirement_id", f"must be {known}")
        self.waivers = longer("the waivers of a version", self.waivers, waiver)
        return waiver

    def revoke_waiver(self, waiver_id: str, reason: str, by: Actor, at: datetime) -> None:
        self._separate(by, Permission.REVOKE_WAIVER)
        self.waivers = changed(self.waivers, "waiver_id", waiver_id, lambda each: each.revoke(reason, by.id, at))

    def _separate(self, by: Actor, permission: Permission) -> None:
        self.permits(by, permission)
        if by.id in {self.owner_id, *self.submitters}:
            raise Forbidden(f"{by.id} owns or submitted this version", ["somebody else"])

    def place_hold(self, role: GovernanceRole | None, reason: str, by: Actor, at: datetime) -> Hold:
        """Stops the deployment of the version until the same role lifts the hold."""
        self.permits(by, Permission.PLACE_HOLD)
        role = role or only(HOLDING, by.roles.__contains__, "role", f"{by.id} holds no role that may place a hold")
        if role not in HOLDING or role not in by.roles:
            raise Forbidden(f"{by.id} cannot place a hold as {role.name}", HOLDING)
        hold = Hold.place(role, reason, by.id, at)
        self.holds = longer("the holds of a version", self.holds, hold)
        return hold

    def lift_hold(self, hold_id: str, reason: str, by: Actor, at: datetime) -> None:
        self.permits(by, Permission.LIFT_HOLD)
        self.holds = changed(self.holds, "hold_id", hold_id, lambda each: each.lift(reason, by, at))


def _may_lighten(rationale: str | None, suggested: RiskTier, by: Actor) -> None:
    if GovernanceRole.RISK_MANAGER not in by.roles:
        raise Forbidden(
            f"its words put the version into {suggested.name}, and only a risk manager may say less",
            [GovernanceRole.RISK_MANAGER],
        )
    if rationale is None:
        raise InvalidInput("tier_rationale", f"must say why the version is in a lighter tier than {suggested.name}")
