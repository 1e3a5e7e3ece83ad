"""Who acts, and who may do what: one table, as data. Whatever has no row in it cannot be built into the schema."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from documents.errors import Forbidden
from documents.values import Choice


class PlatformRole(Choice):
    """What somebody may use the service for."""

    ADMIN = "admin", "Administers people and tokens; decides nothing about models."
    AUDITOR = "auditor", "Reads everything, the audit trail included; changes nothing."
    MEMBER = "member", "Takes part in governance, as far as the governance roles go."
    SERVICE = "service", "A program, bound to the mutations that its token lists."


class GovernanceRole(Choice):
    """What somebody answers for in the governance of models."""

    MODEL_OWNER = "model_owner", "Answers for a model over its whole life."
    DATA_STEWARD = "data_steward", "Answers for the data that a model was made from."
    ETHICS_REVIEWER = "ethics_reviewer", "Judges fairness and possible harm."
    SECURITY_REVIEWER = "security_reviewer", "Judges whether a model can be attacked or leaks."
    BUSINESS_OWNER = "business_owner", "Answers for the business value and the permitted uses."
    COMPLIANCE_OFFICER = "compliance_officer", "Answers for conformity with law and policy."
    RISK_MANAGER = "risk_manager", "Assesses risk, assigns tiers and accepts what remains."
    DEPLOYER = "deployer", "Carries out approved deployments and rollbacks."
    TECH_LEAD = "tech_lead", "Answers for the technical soundness of a change."


Role = PlatformRole | GovernanceRole


class Relation(Choice):
    """How somebody must stand to the record in question."""

    ANY = "any", "No particular way."
    OWNER = "owner", "Be its accountable model owner."
    STEWARD = "steward", "Be its accountable data steward."
    ACCOUNTABLE = "accountable", "Be accountable for it in some role."
    AUTHOR = "author", "Have made it."


class Permission(Choice):
    """What can be permitted; a mutation's permission bears the mutation's name."""

    READ = "read", "Read everything but tokens, addresses of other departments and the audit trail."
    READ_TRAIL = "readTrail", "Read and verify the audit trail."
    REGISTER_STAKEHOLDER = "registerStakeholder", "Register a person."
    UPDATE_STAKEHOLDER = "updateStakeholder", "Change what is known of a person, or let the person act again."
    DEACTIVATE_STAKEHOLDER = "deactivateStakeholder", "End what a person may do."
    CREATE_API_TOKEN = "createApiToken", "Make a token: for oneself; an administrator for others and for services."
    REVOKE_API_TOKEN = "revokeApiToken", "End a token: one's own; an administrator anybody's."
    CREATE_POLICY = "createPolicy", "Write a policy."
    REVISE_POLICY = "revisePolicy", "Write the next revision of a policy."
    RETIRE_POLICY = "retirePolicy", "End a policy."
    REGISTER_MODEL = "registerModel", "Register a model with its first version."
    IMPORT_MODELS = "importModels", "Register models and versions from files, each with its card."
    REGISTER_MODEL_VERSION = "registerModelVersion", "Register another version of a model."
    UPDATE_MODEL_VERSION = (
        "updateModelVersion",
        "Change a version's scope, artefacts and dependencies; not owning it, some of them.",
    )
    SET_RISK_TIER = "setRiskTier", "Set a version's risk tier."
    RETIRE_MODEL_VERSION = "retireModelVersion", "Take a version out of use, for good."
    SAVE_MODEL_CARD = "saveModelCard", "Write a version's model card."
    GENERATE_MODEL_CARD = "generateModelCard", "Write a version's model card from what a training run tells."
    IMPORT_MODEL_CARD = "importModelCard", "Fill a version's model card from a file."
    SAVE_DATASHEET = "saveDatasheet", "Write a datasheet."
    IMPORT_DATASHEET = "importDatasheet", "Fill a datasheet from a file."
    LINK_DATASHEET = "linkDatasheet", "Link a revision of a datasheet to a version."
    UNLINK_DATASHEET = "unlinkDatasheet", "Take a datasheet's link off a version."
    CREATE_RISK_TEMPLATE = "createRiskTemplate", "Add a risk to the questionnaire of every assessment."
    CREATE_RISK_ASSESSMENT = "createRiskAssessment", "Assess a version's risks."
    MITIGATE_RISK = "mitigateRisk", "Change what is done against one of a version's risks."
    ACCEPT_RISK = "acceptRisk", "Take on, for a time, what is left of one of a version's risks."
    APPROVE_RISK_ASSESSMENT = "approveRiskAssessment", "Approve an assessment that one did not make."
    ATTACH_EVIDENCE = "attachEvidence", "Attach evidence to a version."
    WITHDRAW_EVIDENCE = "withdrawEvidence", "Withdraw evidence that one attached."
    SUBMIT_FOR_APPROVAL = "submitForApproval", "Open a round of approvals."
    SUBMIT_APPROVAL = "submitApproval", "Decide for a required role: authorised for the tier, and in one role only."
    WITHDRAW_APPROVAL = "withdrawApproval", "Take back the approval of a required role: whoever could give it."
    SATISFY_CONDITION = "satisfyCondition", "Say how a condition of an approval is met."
    CONFIRM_CONDITION = "confirmCondition", "Agree that a condition is met: whoever could give the approval that set it."
    GRANT_WAIVER = "grantWaiver", "Except a version that one neither owns nor submitted from a requirement, for a time."
    REVOKE_WAIVER = "revokeWaiver", "Take a waiver back."
    PLACE_HOLD = "placeHold", "Stop a version's deployment, in a role that may."
    LIFT_HOLD = "liftHold", "Lift a hold, in the role that placed it."
    CREATE_CHANGE_REQUEST = "createChangeRequest", "Ask for a change of what runs somewhere."
    UPDATE_CHANGE_REQUEST = "updateChangeRequest", "Change the plan of a change that one asked for."
    SUBMIT_CHANGE_FOR_REVIEW = "submitChangeForReview", "Freeze the plan of a change that one asked for, and ask for approvals."
    REOPEN_CHANGE = "reopenChange", "Take a change that one asked for back to a draft."
    ADD_CHANGE_APPROVAL = (
        "addChangeApproval",
        "Approve or refuse somebody else's change, in a role that its risk demands.",
    )
    COMMENT_ON_CHANGE = "commentOnChange", "Say something about a change."
    RECORD_TEST_RESULT = "recordTestResult", "Record how a required test of a change ended."
    SCHEDULE_DEPLOYMENT = "scheduleDeployment", "Set when an approved change starts."
    START_DEPLOYMENT = "startDeployment", "Start an approved change."
    COMPLETE_DEPLOYMENT = "completeDeployment", "Say how a change that was started ended."
    ROLLBACK_CHANGE = "rollbackChange", "Ask for the change that takes another back."
    OPEN_INCIDENT = "openIncident", "Report that something went wrong with a version."
    RESOLVE_INCIDENT = "resolveIncident", "Declare an incident over; a critical one takes a risk manager."
    COMPLETE_REVIEW = "completeReview", "Record a periodic review."
    ASSIGN_ACCOUNTABILITY = "assignAccountability", "Make somebody accountable for a version in a role."


ANYONE = tuple(PlatformRole)
PEOPLE = tuple(GovernanceRole)
SIGNED_IN = (PlatformRole.ADMIN, PlatformRole.AUDITOR, PlatformRole.MEMBER)


def _row(*anyhow: Iterable[Role] | Role, **related: Iterable[Role] | Role) -> Mapping[Role, Relation]:
    """Roles that suffice by themselves, and roles that suffice together with a relation to the record."""
    return {role: Relation.ANY for roles in anyhow for role in _each(roles)} | {
        role: Relation[relation.upper()] for relation, roles in related.items() for role in _each(roles)
    }


def _each(roles: Iterable[Role] | Role) -> Iterable[Role]:
    return [roles] if isinstance(roles, PlatformRole | GovernanceRole) else roles


_R, _P = GovernanceRole, PlatformRole
REQUESTERS = (_R.MODEL_OWNER, _R.DEPLOYER, _R.TECH_LEAD, _P.SERVICE)

WHO_MAY: Mapping[Permission, Mapping[Role, Relation]] = {
    Permission.READ: _row(ANYONE),
    Permission.READ_TRAIL: _row(_P.AUDITOR, _P.ADMIN, _R.RISK_MANAGER, _R.COMPLIANCE_OFFICER),
    Permission.REGISTER_STAKEHOLDER: _row(_P.ADMIN),
    Permission.UPDATE_STAKEHOLDER: _row(_P.ADMIN),
    Permission.DEACTIVATE_STAKEHOLDER: _row(_P.ADMIN),
    Permission.CREATE_API_TOKEN: _row(SIGNED_IN),
    Permission.REVOKE_API_TOKEN: _row(_P.ADMIN, author=(_P.AUDITOR, _P.MEMBER)),
    Permission.CREATE_POLICY: _row(_R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
    Permission.REVISE_POLICY: _row(_R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
    Permission.RETIRE_POLICY: _row(_R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
    Permission.REGISTER_MODEL: _row(_R.MODEL_OWNER, _P.ADMIN, _P.SERVICE),
    Permission.IMPORT_MODELS: _row(_R.MODEL_OWNER, _P.ADMIN, _P.SERVICE),
    Permission.REGISTER_MODEL_VERSION: _row(_R.MODEL_OWNER, _P.ADMIN, _P.SERVICE),
    Permission.UPDATE_MODEL_VERSION: _row(_R.BUSINESS_OWNER, _P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.SET_RISK_TIER: _row(_R.RISK_MANAGER),
    Permission.RETIRE_MODEL_VERSION: _row(owner=_R.MODEL_OWNER),
    Permission.SAVE_MODEL_CARD: _row(_P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.GENERATE_MODEL_CARD: _row(_P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.IMPORT_MODEL_CARD: _row(_P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.SAVE_DATASHEET: _row(_R.DATA_STEWARD),
    Permission.IMPORT_DATASHEET: _row(_R.DATA_STEWARD),
    Permission.LINK_DATASHEET: _row(owner=_R.MODEL_OWNER, steward=_R.DATA_STEWARD),
    Permission.UNLINK_DATASHEET: _row(owner=_R.MODEL_OWNER, steward=_R.DATA_STEWARD),
    Permission.CREATE_RISK_TEMPLATE: _row(_R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
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
    Permission.PLACE_HOLD: _row(_R.ETHICS_REVIEWER, _R.SECURITY_REVIEWER, _R.COMPLIANCE_OFFICER),
    Permission.LIFT_HOLD: _row(_R.ETHICS_REVIEWER, _R.SECURITY_REVIEWER, _R.COMPLIANCE_OFFICER),
    Permission.CREATE_CHANGE_REQUEST: _row(_R.DEPLOYER, _R.TECH_LEAD, _P.SERVICE, owner=_R.MODEL_OWNER),
    Permission.UPDATE_CHANGE_REQUEST: _row(author=REQUESTERS),
    Permission.SUBMIT_CHANGE_FOR_REVIEW: _row(author=REQUESTERS),
    Permission.REOPEN_CHANGE: _row(author=REQUESTERS),
    Permission.ADD_CHANGE_APPROVAL: _row(_R.MODEL_OWNER, _R.TECH_LEAD, _R.SECURITY_REVIEWER, _R.BUSINESS_OWNER, _R.RISK_MANAGER),
    Permission.COMMENT_ON_CHANGE: _row(SIGNED_IN),
    Permission.RECORD_TEST_RESULT: _row(_R.DEPLOYER, _R.TECH_LEAD, _P.SERVICE),
    Permission.SCHEDULE_DEPLOYMENT: _row(_R.DEPLOYER, _P.SERVICE),
    Permission.START_DEPLOYMENT: _row(_R.DEPLOYER, _P.SERVICE),
    Permission.COMPLETE_DEPLOYMENT: _row(_R.DEPLOYER, _P.SERVICE),
    Permission.ROLLBACK_CHANGE: _row(_R.DEPLOYER, _P.SERVICE),
    Permission.OPEN_INCIDENT: _row(SIGNED_IN, _P.SERVICE),
    Permission.RESOLVE_INCIDENT: _row(_R.RISK_MANAGER, owner=_R.MODEL_OWNER),
    Permission.COMPLETE_REVIEW: _row(_R.RISK_MANAGER, owner=_R.MODEL_OWNER),
    Permission.ASSIGN_ACCOUNTABILITY: _row(_R.COMPLIANCE_OFFICER, _P.ADMIN, owner=_R.MODEL_OWNER),
}


class ActorType(Choice):
    """What kind of actor an event names."""

    USER = "user", "A person."
    SYSTEM = "system", "Magistrate itself."
    AUTOMATED = "automated", "A program with a token of its own."


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
    """An enrolment token opens one door: the person's own token."""

    def needs(self, permission: Permission, relations: frozenset[Relation] | None = None) -> None:
        """Raises Forbidden unless the table permits it; without `relations` only the roles are looked at."""
        if not self.may(permission, relations):
            raise Forbidden(self._problem(permission, relations), needs(permission))

    def may(self, permission: Permission, relations: frozenset[Relation] | None = None) -> bool:
        """Whether the table permits it, likewise."""
        if self.enrolling:
            return permission is Permission.CREATE_API_TOKEN
        if PlatformRole.SERVICE in self.roles and permission not in self.mutations | {Permission.READ}:
            return False
        row = WHO_MAY[permission]
        held = {row[role] for role in self.roles & row.keys()}
        return bool(held if relations is None else held & (relations | {Relation.ANY}))

    def _problem(self, permission: Permission, relations: frozenset[Relation] | None) -> str:
        if self.enrolling:
            return f"an enrolment token serves createApiToken only, and {permission} is something else"
        if PlatformRole.SERVICE in self.roles and permission not in self.mutations:
            return f"the token does not list {permission}"
        return f"{self.id} may not {permission}" + (" here" if relations is not None else "")


SYSTEM = Actor("system", ActorType.SYSTEM)


def needs(permission: Permission) -> list[str]:
    """Who may, in words: `ADMIN`, `MODEL_OWNER (owner)`."""
    return [
        role.name if relation is Relation.ANY else f"{role.name} ({relation})" for role, relation in WHO_MAY[permission].items()
    ]
