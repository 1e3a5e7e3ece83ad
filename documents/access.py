"""Who acts, and who may do what: a table, as data, and the rules that a table cannot hold. The schema refuses what has no row."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from documents.errors import Forbidden, InvalidInput
from documents.identities import IdentityMark
from documents.reach import EVERYWHERE, Reach
from documents.stages import Stage
from documents.values import Choice, camel


class PlatformRole(Choice):
    """A platform role says what a caller may do."""

    ADMIN = "admin", "An administrator manages people and tokens."
    AUDITOR = "auditor", "An auditor reads all, the trail too, and changes nothing beyond reporting incidents."
    MEMBER = "member", "A member does what the person's governance roles permit."
    SERVICE = "service", "A service is a program with a token of its own."


class GovernanceRole(Choice):
    """A governance role says what a person answers for."""

    MODEL_OWNER = "model_owner", "A model owner answers for a model."
    DATA_STEWARD = "data_steward", "A data steward answers for a model's data."
    ETHICS_REVIEWER = "ethics_reviewer", "An ethics reviewer judges fairness and possible harm."
    SECURITY_REVIEWER = "security_reviewer", "A security reviewer judges attacks and leaks."
    BUSINESS_OWNER = "business_owner", "A business owner answers for value and permitted uses."
    COMPLIANCE_OFFICER = "compliance_officer", "A compliance officer answers for conformity."
    RISK_MANAGER = "risk_manager", "A risk manager assesses risk and sets tiers."
    DEPLOYER = "deployer", "A deployer carries out approved deployments and rollbacks."
    TECH_LEAD = "tech_lead", "A tech lead answers for a change's soundness."


Role = PlatformRole | GovernanceRole


class Relation(Choice):
    """A relation says how the caller must stand to the record."""

    ANY = "any", "The caller needs no relation to the record."
    OWNER = "owner", "The caller must be the accountable model owner."
    OWNER_OF_MODEL = "owner of the model", "The caller must own the model."
    STEWARD = "steward", "The caller must be the accountable data steward."
    ACCOUNTABLE = "accountable", "The caller must be accountable for the record in some role."
    AUTHOR = "author", "The caller must have made the record."


class Permission(Choice):
    """A permission lets a caller read, or use the mutation of its name."""

    READ = "read", "The caller may read all but tokens and the audit trail."
    READ_TRAIL = "readTrail", "The caller may read and verify the audit trail."
    READ_TOKENS = "readTokens", "The caller may read what is known of everybody's tokens, and no secret."
    REGISTER_STAKEHOLDER = "registerStakeholder", "The caller may register a person."
    UPDATE_STAKEHOLDER = "updateStakeholder", "The caller may change a person's record."
    DEACTIVATE_STAKEHOLDER = "deactivateStakeholder", "The caller may end all that a person may do."
    CREATE_API_TOKEN = "createApiToken", "The caller may make a token."
    REVOKE_API_TOKEN = "revokeApiToken", "The caller may end a token."
    RESET_ENROLMENT = "resetEnrolment", "The caller may end a person's tokens and enrolment."
    END_BINDING = "endBinding", "The caller may end a person's sign-in by an issuer."
    ERASE_PERSONAL_DATA = "erasePersonalData", "The caller may erase the name and address of a person who has left."
    CONFIRM_IDENTITY = "confirmIdentity", "The caller may confirm somebody else's identity."
    CREATE_POLICY = "createPolicy", "The caller may write a policy."
    REVISE_POLICY = "revisePolicy", "The caller may revise a policy."
    RETIRE_POLICY = "retirePolicy", "The caller may end a policy."
    REGISTER_MODEL = "registerModel", "The caller may register a model."
    IMPORT_MODELS = "importModels", "The caller may register models from files."
    UPDATE_MODEL = "updateModel", "The caller may change a model's name, description, tags or owner."
    REGISTER_MODEL_VERSION = "registerModelVersion", "The caller may register a version."
    UPDATE_MODEL_VERSION = (
        "updateModelVersion",
        "The caller may change a version's scope, artefacts or dependencies.",
    )
    SET_RISK_TIER = "setRiskTier", "The caller may set a version's risk tier."
    JUDGE_CLASSIFICATION = "judgeClassification", "The caller may judge words that could raise a tier."
    RETIRE_MODEL_VERSION = "retireModelVersion", "The caller may retire a version."
    SAVE_MODEL_CARD = "saveModelCard", "The caller may write a version's model card."
    GENERATE_MODEL_CARD = "generateModelCard", "The caller may generate a model card."
    IMPORT_MODEL_CARD = "importModelCard", "The caller may fill a model card from a file."
    SAVE_DATASHEET = "saveDatasheet", "The caller may write a datasheet."
    IMPORT_DATASHEET = "importDatasheet", "The caller may fill a datasheet from a file."
    LINK_DATASHEET = "linkDatasheet", "The caller may link a datasheet."
    UNLINK_DATASHEET = "unlinkDatasheet", "The caller may unlink a datasheet."
    CREATE_RISK_TEMPLATE = "createRiskTemplate", "The caller may add a risk to the questionnaire."
    RETIRE_RISK_TEMPLATE = "retireRiskTemplate", "The caller may take a risk off the questionnaire."
    CREATE_RISK_ASSESSMENT = "createRiskAssessment", "The caller may assess a version's risks."
    MITIGATE_RISK = "mitigateRisk", "The caller may change a risk's treatment."
    ACCEPT_RISK = "acceptRisk", "The caller may accept a version's residual risk."
    APPROVE_RISK_ASSESSMENT = "approveRiskAssessment", "The caller may approve another's assessment."
    ATTACH_EVIDENCE = "attachEvidence", "The caller may attach evidence to a version."
    WITHDRAW_EVIDENCE = "withdrawEvidence", "The caller may withdraw own evidence."
    SUBMIT_FOR_APPROVAL = "submitForApproval", "The caller may open a round of approvals."
    SUBMIT_APPROVAL = (
        "submitApproval",
        "The caller may decide for a required role.",
    )
    WITHDRAW_APPROVAL = "withdrawApproval", "The caller may withdraw a required role's approval."
    SATISFY_CONDITION = "satisfyCondition", "The caller may satisfy a condition."
    CONFIRM_CONDITION = "confirmCondition", "The caller may confirm a condition of an approval."
    GRANT_WAIVER = (
        "grantWaiver",
        "The caller may waive a requirement for a version of others.",
    )
    REVOKE_WAIVER = "revokeWaiver", "The caller may revoke a waiver."
    PLACE_HOLD = "placeHold", "The caller may stop a version's deployment."
    LIFT_HOLD = "liftHold", "The caller may lift a hold."
    CREATE_CHANGE_REQUEST = "createChangeRequest", "The caller may request a change."
    UPDATE_CHANGE_REQUEST = "updateChangeRequest", "The caller may edit the plan of a change."
    SUBMIT_CHANGE_FOR_REVIEW = (
        "submitChangeForReview",
        "The caller may submit a plan for approval.",
    )
    REOPEN_CHANGE = "reopenChange", "The caller may turn a change back into a draft."
    CANCEL_CHANGE = "cancelChange", "The caller may cancel a change before it starts."
    ADD_CHANGE_APPROVAL = (
        "addChangeApproval",
        "The caller may approve or refuse another's change.",
    )
    COMMENT_ON_CHANGE = "commentOnChange", "The caller may comment on a change."
    RECORD_TEST_RESULT = "recordTestResult", "The caller may record a test result."
    SCHEDULE_DEPLOYMENT = "scheduleDeployment", "The caller may schedule a change."
    START_DEPLOYMENT = "startDeployment", "The caller may start an approved change."
    COMPLETE_DEPLOYMENT = "completeDeployment", "The caller may complete a change."
    ROLLBACK_CHANGE = "rollbackChange", "The caller may request a rollback."
    DECLARE_ENVIRONMENT = "declareEnvironment", "The caller may declare an environment."
    UPDATE_ENVIRONMENT = "updateEnvironment", "The caller may change an environment's stage or description."
    RETIRE_ENVIRONMENT = "retireEnvironment", "The caller may end an environment's use."
    OPEN_INCIDENT = "openIncident", "The caller may report an incident."
    ESCALATE_INCIDENT = "escalateIncident", "The caller may raise the severity of an incident."
    RESOLVE_INCIDENT = "resolveIncident", "The caller may resolve an incident."
    COMPLETE_REVIEW = "completeReview", "The caller may record a periodic review."
    ASSIGN_ACCOUNTABILITY = "assignAccountability", "The caller may assign a role on a version."


ANYONE = tuple(PlatformRole)
PEOPLE = tuple(GovernanceRole)
SIGNED_IN = (PlatformRole.ADMIN, PlatformRole.AUDITOR, PlatformRole.MEMBER)


Row = Mapping[Role, tuple[Relation, ...]]
"""The roles that may, each with the relations to the record of which one is needed."""


def _row(*anyhow: Iterable[Role] | Role, **related: Iterable[Role] | Role) -> Row:
    """Roles that suffice by themselves, and roles that suffice together with a relation to the record."""
    row: dict[Role, tuple[Relation, ...]] = {role: (Relation.ANY,) for roles in anyhow for role in _each(roles)}
    for relation, roles in related.items():
        row |= {role: (*row.get(role, ()), Relation[relation.upper()]) for role in _each(roles)}
    return row


def _each(roles: Iterable[Role] | Role) -> Iterable[Role]:
    return [roles] if isinstance(roles, PlatformRole | GovernanceRole) else roles


_R, _P = GovernanceRole, PlatformRole
REQUESTERS = (_R.MODEL_OWNER, _R.DEPLOYER, _R.TECH_LEAD, _P.SERVICE)
HOLDING = (_R.ETHICS_REVIEWER, _R.SECURITY_REVIEWER, _R.COMPLIANCE_OFFICER)

WHO_MAY: Mapping[Permission, Row] = {
    Permission.READ: _row(ANYONE),
    Permission.READ_TRAIL: _row(_P.AUDITOR, _P.ADMIN, _R.RISK_MANAGER, _R.COMPLIANCE_OFFICER),
    Permission.READ_TOKENS: _row(_P.ADMIN, _P.AUDITOR),
    Permission.REGISTER_STAKEHOLDER: _row(_P.ADMIN),
    Permission.UPDATE_STAKEHOLDER: _row(_P.ADMIN),
    Permission.DEACTIVATE_STAKEHOLDER: _row(_P.ADMIN),
    Permission.CREATE_API_TOKEN: _row(SIGNED_IN),
    Permission.REVOKE_API_TOKEN: _row(_P.ADMIN, author=(_P.AUDITOR, _P.MEMBER)),
    Permission.RESET_ENROLMENT: _row(_P.ADMIN),
    Permission.END_BINDING: _row(_P.ADMIN),
    Permission.ERASE_PERSONAL_DATA: _row(_P.ADMIN),
    Permission.CONFIRM_IDENTITY: _row(_R.COMPLIANCE_OFFICER, _P.ADMIN),
    Permission.CREATE_POLICY: _row(_R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
    Permission.REVISE_POLICY: _row(_R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
    Permission.RETIRE_POLICY: _row(_R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
    Permission.REGISTER_MODEL: _row(_R.MODEL_OWNER, _P.ADMIN, _P.SERVICE),
    Permission.IMPORT_MODELS: _row(_P.ADMIN, _P.SERVICE, owner_of_model=_R.MODEL_OWNER),
    Permission.UPDATE_MODEL: _row(_P.ADMIN, owner_of_model=_R.MODEL_OWNER),
    Permission.REGISTER_MODEL_VERSION: _row(_P.ADMIN, _P.SERVICE, owner_of_model=_R.MODEL_OWNER),
    Permission.UPDATE_MODEL_VERSION: _row(_R.BUSINESS_OWNER, _P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.SET_RISK_TIER: _row(_R.RISK_MANAGER),
    Permission.JUDGE_CLASSIFICATION: _row(_R.RISK_MANAGER),
    Permission.RETIRE_MODEL_VERSION: _row(owner=_R.MODEL_OWNER),
    Permission.SAVE_MODEL_CARD: _row(_P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.GENERATE_MODEL_CARD: _row(_P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.IMPORT_MODEL_CARD: _row(_P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.SAVE_DATASHEET: _row(_R.DATA_STEWARD),
    Permission.IMPORT_DATASHEET: _row(_R.DATA_STEWARD),
    Permission.LINK_DATASHEET: _row(owner=_R.MODEL_OWNER, steward=_R.DATA_STEWARD),
    Permission.UNLINK_DATASHEET: _row(owner=_R.MODEL_OWNER, steward=_R.DATA_STEWARD),
    Permission.CREATE_RISK_TEMPLATE: _row(_R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
    Permission.RETIRE_RISK_TEMPLATE: _row(_R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
    Permission.CREATE_RISK_ASSESSMENT: _row(_R.RISK_MANAGER, owner=_R.MODEL_OWNER),
    Permission.MITIGATE_RISK: _row(_R.RISK_MANAGER, owner=_R.MODEL_OWNER),
    Permission.ACCEPT_RISK: _row(_R.RISK_MANAGER, _R.BUSINESS_OWNER),
    Permission.APPROVE_RISK_ASSESSMENT: _row(_R.RISK_MANAGER),
    Permission.ATTACH_EVIDENCE: _row(_P.SERVICE, accountable=PEOPLE),
    Permission.WITHDRAW_EVIDENCE: _row(author=(*PEOPLE, _P.SERVICE)),
    Permission.SUBMIT_FOR_APPROVAL: _row(owner=_R.MODEL_OWNER),
    Permission.SUBMIT_APPROVAL: _row(PEOPLE),
    Permission.WITHDRAW_APPROVAL: _row(PEOPLE),
    Permission.SATISFY_CONDITION: _row(owner=_R.MODEL_OWNER),
    Permission.CONFIRM_CONDITION: _row(PEOPLE),
    Permission.GRANT_WAIVER: _row(_R.RISK_MANAGER, _R.COMPLIANCE_OFFICER),
    Permission.REVOKE_WAIVER: _row(_R.RISK_MANAGER, _R.COMPLIANCE_OFFICER),
    Permission.PLACE_HOLD: _row(HOLDING),
    Permission.LIFT_HOLD: _row(HOLDING),
    Permission.CREATE_CHANGE_REQUEST: _row(_R.DEPLOYER, _R.TECH_LEAD, _P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.UPDATE_CHANGE_REQUEST: _row(author=REQUESTERS),
    Permission.SUBMIT_CHANGE_FOR_REVIEW: _row(author=REQUESTERS),
    Permission.REOPEN_CHANGE: _row(author=REQUESTERS),
    Permission.CANCEL_CHANGE: _row(_R.TECH_LEAD, author=(_R.MODEL_OWNER, _R.DEPLOYER, _P.SERVICE), owner=_R.MODEL_OWNER),
    Permission.ADD_CHANGE_APPROVAL: _row(_R.MODEL_OWNER, _R.TECH_LEAD, _R.BUSINESS_OWNER, _R.RISK_MANAGER, HOLDING),
    Permission.COMMENT_ON_CHANGE: _row(SIGNED_IN),
    Permission.RECORD_TEST_RESULT: _row(_R.DEPLOYER, _R.TECH_LEAD, _P.SERVICE),
    Permission.SCHEDULE_DEPLOYMENT: _row(_R.DEPLOYER, _P.SERVICE),
    Permission.START_DEPLOYMENT: _row(_R.DEPLOYER, _P.SERVICE),
    Permission.COMPLETE_DEPLOYMENT: _row(_R.DEPLOYER, _P.SERVICE),
    Permission.ROLLBACK_CHANGE: _row(_R.DEPLOYER, _P.SERVICE),
    Permission.DECLARE_ENVIRONMENT: _row(_P.ADMIN, _R.RISK_MANAGER, _R.COMPLIANCE_OFFICER),
    Permission.UPDATE_ENVIRONMENT: _row(_P.ADMIN, _R.RISK_MANAGER, _R.COMPLIANCE_OFFICER),
    Permission.RETIRE_ENVIRONMENT: _row(_P.ADMIN, _R.RISK_MANAGER, _R.COMPLIANCE_OFFICER),
    Permission.OPEN_INCIDENT: _row(SIGNED_IN, _P.SERVICE),
    Permission.ESCALATE_INCIDENT: _row(SIGNED_IN, _P.SERVICE),
    Permission.RESOLVE_INCIDENT: _row(_R.RISK_MANAGER, owner=_R.MODEL_OWNER),
    Permission.COMPLETE_REVIEW: _row(_R.RISK_MANAGER, owner=_R.MODEL_OWNER),
    Permission.ASSIGN_ACCOUNTABILITY: _row(_R.COMPLIANCE_OFFICER, _P.ADMIN, owner=_R.MODEL_OWNER),
}


RELATED: Mapping[GovernanceRole, Relation] = {_R.MODEL_OWNER: Relation.OWNER, _R.DATA_STEWARD: Relation.STEWARD}
"""The relation to a version that an assigned role gives beside ACCOUNTABLE."""

AMENDABLE: Mapping[Role, frozenset[str]] = {
    _R.BUSINESS_OWNER: frozenset({"use_cases", "restrictions"}),
    _P.SERVICE: frozenset({"artifacts"}),
}
"""The fields of a version that `updateModelVersion` lets a caller change who is not its accountable owner."""

LIGHTENING = _R.RISK_MANAGER
"""The role that may register a version in a lighter tier than its words suggest."""

RESOLVING_CRITICAL = _R.RISK_MANAGER
"""The role that may resolve a critical incident."""

DECIDING_STAGE: Mapping[Stage, Sequence[Role]] = {
    each: (_P.ADMIN,) if each is Stage.PRODUCTION else (_R.RISK_MANAGER, _R.COMPLIANCE_OFFICER) for each in Stage
}
"""The roles that decide about environments of each stage: who declares or retires one, or gives one that stage.

Fewer rules hold in the lower stages, so an administrator alone cannot move an environment out of PRODUCTION.
"""

ADDRESS_READERS = (_P.ADMIN, _P.AUDITOR)
"""The platform roles that read the e-mail addresses of every department."""


class ActorType(Choice):
    """An actor is of one of these kinds."""

    USER = "user", "The actor is a person."
    SYSTEM = "system", "The actor is Magistrate itself."
    AUTOMATED = "automated", "The actor is a program with a token of its own."


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever the token says."""

    id: str
    type: ActorType
    roles: frozenset[Role] = frozenset()
    token: str | None = None
    token_issuer: str | None = None
    mutations: frozenset[str] = frozenset()
    """What a service's token lists."""
    enrolling: bool = False
    """Whether an enrolment token signed in, which permits createApiToken only."""
    identity: IdentityMark | None = None
    """What is known of the person's identity; None for a service and for Magistrate itself."""
    reach: Reach = EVERYWHERE
    """The models and environments that the actor's changes may be about; a person's may be about all."""
    entered: IdentityMark | None = None
    """What was known of the identity when the request came in, before its mutations; None if it has done none."""

    def needs(self, permission: Permission, relations: frozenset[Relation] | None = None) -> None:
        """Forbidden unless the table permits it; where `relations` is None, only the roles are compared."""
        if not self.may(permission, relations):
            raise Forbidden(self._problem(permission, relations), needs(permission, self._lacks(permission)))

    def may(self, permission: Permission, relations: frozenset[Relation] | None = None) -> bool:
        """Whether the table permits it; where `relations` is None, only the roles are compared."""
        if self.enrolling:
            return permission is Permission.CREATE_API_TOKEN
        if PlatformRole.SERVICE in self.roles and permission not in self.mutations | {Permission.READ}:
            return False
        row = WHO_MAY[permission]
        held = {relation for role in self.roles & row.keys() for relation in row[role]}
        return bool(held if relations is None else held & (relations | {Relation.ANY}))

    def must_reach(self, model_id: str | None, environment: str | None) -> None:
        """Forbidden for a change that is about another model or environment than the actor's changes may be."""
        if beyond := self.reach.beyond(model_id, environment):
            raise Forbidden(f"{self.id} may change nothing about {beyond}", [f"a token or rule that names {beyond}"])

    def must_hold(self, role: GovernanceRole, problem: str) -> None:
        """Forbidden, with the `problem`, unless the actor holds the role."""
        if role not in self.roles:
            raise Forbidden(problem, [role])

    def _lacks(self, permission: Permission) -> Mapping[Role, str]:
        """What else the caller needs beside a role of the table, by the role."""
        if self.enrolling:
            return dict.fromkeys(WHO_MAY[permission], "with a personal token")
        unlisted = PlatformRole.SERVICE in self.roles and permission not in self.mutations
        return {PlatformRole.SERVICE: f"with a token that lists {permission}"} if unlisted else {}

    def _problem(self, permission: Permission, relations: frozenset[Relation] | None) -> str:
        if self.enrolling:
            return f"an enrolment token serves createApiToken only, and {permission} is something else"
        if PlatformRole.SERVICE in self.roles and permission not in self.mutations:
            return f"the token does not list {permission}"
        return f"{self.id} may not {permission}" + (" here" if relations is not None else "")


SYSTEM = Actor("system", ActorType.SYSTEM)
RESERVED = frozenset({SYSTEM.id, "anonymous"})
"""The names of actors that no person and no program has."""


def needs(permission: Permission, also: Mapping[Role, str] = MappingProxyType({})) -> list[str]:
    """Who may, in words: `ADMIN`, `MODEL_OWNER (owner)`; `also` says what else is wanted of a role."""
    said = []
    for role, relations in WHO_MAY[permission].items():
        for relation in relations:
            wanted = [*([] if relation is Relation.ANY else [str(relation)]), *([also[role]] if role in also else [])]
            said.append(f"{role.name} ({', '.join(wanted)})" if wanted else role.name)
    return said


def needed_as(role: GovernanceRole, among: Sequence[GovernanceRole], holds: Callable[[GovernanceRole], bool]) -> list[str]:
    """What it takes of whoever cannot act as `role`: to hold it, or to name another one if it is not `among` those that may."""
    if role in among:
        return [role.name]
    return [f"{each.name} (as the `role` of the input)" if holds(each) else each.name for each in among]


def ownership(owns_it: bool) -> frozenset[Relation]:
    """The relations of a caller to a model that either the caller or somebody else owns."""
    return frozenset({Relation.OWNER_OF_MODEL} if owns_it else ())


def authorship(made_it: bool) -> frozenset[Relation]:
    """The relations of a caller to a record that either the caller or somebody else made."""
    return frozenset({Relation.AUTHOR} if made_it else ())


def amendable(by: Actor) -> frozenset[str]:
    """The fields of a version that the caller's roles may change without owning the version."""
    return frozenset(each for role in by.roles for each in AMENDABLE.get(role, ()))


def may_amend(by: Actor, relations: Collection[Relation], fields: Iterable[str]) -> None:
    """Forbidden unless the caller owns the version, or holds roles that may change all of the `fields`."""
    if Relation.OWNER not in relations and (barred := {*fields} - amendable(by)):
        raise Forbidden(f"{by.id} may not change {', '.join(map(camel, sorted(barred)))}", ["MODEL_OWNER (owner)"])


def may_set_stage(by: Actor, stage: Stage, problem: str) -> None:
    """Forbidden, with the `problem`, unless the caller holds a role that decides about environments of that stage."""
    if by.roles.isdisjoint(roles := DECIDING_STAGE[stage]):
        raise Forbidden(problem, [each.name for each in roles])


def may_make_tokens(by: Actor) -> None:
    """Forbidden unless the caller may make tokens for services, and ones that enrol people."""
    if not by.may(Permission.REGISTER_STAKEHOLDER):
        raise Forbidden(f"{by.id} may make tokens for nobody else", needs(Permission.REGISTER_STAKEHOLDER))


def reads_events(by: Actor, answers_for_it: bool = False) -> bool:
    """Whether the caller may read the trail, or answers for the record whose events they are."""
    return answers_for_it or by.may(Permission.READ_TRAIL)


def reads_address(platform_role: PlatformRole, same_department: bool) -> bool:
    """Whether a person of that platform role may read the e-mail address of a person in the same, or another, department."""
    return same_department or platform_role in ADDRESS_READERS


def acting_role(
    roles: Sequence[GovernanceRole], holds: Callable[[GovernanceRole], bool], path: str, problem: str
) -> GovernanceRole:
    """The one of `roles` that a person holds; InvalidInput at `path` if there are several, Forbidden with `problem` if none."""
    held = must_hold_one(roles, holds, problem)
    if len(held) > 1:
        raise InvalidInput(path, f"must say which of {', '.join(each.name for each in held)} is acting")
    return held[0]


def must_hold_one(
    roles: Sequence[GovernanceRole], holds: Callable[[GovernanceRole], bool], problem: str
) -> Sequence[GovernanceRole]:
    """Those of `roles` that a person holds; Forbidden with `problem` if none."""
    held = [role for role in roles if holds(role)]
    if not held:
        raise Forbidden(problem, roles)
    return held


# Separation of duties: who decides has no other part in what is decided (NIST SP 800-53 Rev. 5, AC-5).


def refuse_involved(who: str, involved: Collection[str], problem: str, needs: str = "somebody else") -> None:
    """Forbidden, with the `problem`, if `who` is one of those `involved`."""
    if who in involved:
        raise Forbidden(f"{who} {problem}", [needs])


def confirmed_identity(by: Actor, why: str) -> None:
    """Forbidden, with the reason `why`, unless the identity of `by` is confirmed."""
    if by.identity is None or not by.identity.confirmed:
        raise Forbidden(
            f"{why}, and that of {by.id} is not confirmed (see confirmIdentity)", ["somebody whose identity is confirmed"]
        )


def refuse_submitter(role: GovernanceRole, who: str, submitters: Collection[str]) -> None:
    """Forbidden if `who` submitted the version, unless the person decides as its model owner."""
    if role is not GovernanceRole.MODEL_OWNER:
        refuse_involved(who, submitters, "submitted this version and decides as MODEL_OWNER only")


def refuse_second_role(role: GovernanceRole, who: str, acted_as: Iterable[GovernanceRole]) -> None:
    """Forbidden if `who` decided there in another role before."""
    if others := {*acted_as} - {role}:
        roles = ", ".join(sorted(each.name for each in others))
        raise Forbidden(f"{who} has decided as {roles} here", ["somebody else"])


def separated(role: GovernanceRole, who: str, submitters: Collection[str], acted_as: Iterable[GovernanceRole]) -> bool:
    """Whether neither `refuse_submitter` nor `refuse_second_role` would refuse."""
    return {*acted_as} <= {role} and (who not in submitters or role is GovernanceRole.MODEL_OWNER)
