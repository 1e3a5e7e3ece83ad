"""What each governance role is there for, whom it turns to, and which roles a tier cannot do without."""

from collections.abc import Mapping

from pydantic import Field

from documents.access import GovernanceRole
from documents.risk.scales import RiskTier
from documents.values import Value

_R, _T = GovernanceRole, RiskTier


class RoleDefinition(Value):
    """A role definition says what a governance role is for."""

    role: GovernanceRole = Field(description="The role that is defined.")
    title: str = Field(description="The name that people call it by.")
    description: str = Field(description="The text says what the role answers for.")
    responsibilities: tuple[str, ...] = Field(description="The duties that its holder has.")
    authority: tuple[str, ...] = Field(description="The things that its holder can decide or demand.")
    escalates_to: tuple[GovernanceRole, ...] = Field(
        description="The roles that its holder turns to, nearest first; empty if none is above it."
    )


ROLES: tuple[RoleDefinition, ...] = (
    RoleDefinition(
        role=_R.MODEL_OWNER,
        title="Model Owner",
        description="Answers for a model from its registration to its retirement.",
        responsibilities=(
            "Keep the model's papers complete and correct",
            "Submit versions and see their approvals through",
            "Watch how well the model performs",
            "Act on incidents in which the model is involved",
            "Keep the model within the policies",
            "Plan the periodic reviews and carry them out",
            "Look after versions and updates",
        ),
        authority=("Approve small updates", "Ask for the model's retirement", "Let others use the model's artefacts"),
        escalates_to=(_R.BUSINESS_OWNER, _R.RISK_MANAGER),
    ),
    RoleDefinition(
        role=_R.DATA_STEWARD,
        title="Data Steward",
        description="Answers for the quality of the data and for their lawful use.",
        responsibilities=(
            "Keep the training data sound and whole",
            "Document where the data come from",
            "Check that the data may be used as they are",
            "Look out for trouble with the data",
            "Handle what data subjects ask, as far as it touches the model",
            "Arrange updates and refreshes of the data",
        ),
        authority=("Approve sources of training data", "Set the quality that data must have", "Restrict what data are used for"),
        escalates_to=(_R.COMPLIANCE_OFFICER, _R.MODEL_OWNER),
    ),
    RoleDefinition(
        role=_R.ETHICS_REVIEWER,
        title="Ethics Reviewer",
        description="Judges whether a model is fair and whom it could harm.",
        responsibilities=(
            "Examine assessments of bias and fairness",
            "Weigh possible harm against the benefit",
            "Hold the model against the ethical principles",
            "Propose what would lessen an ethical concern",
            "Watch for concerns that are new",
        ),
        authority=(
            "Stop a deployment over an ethical concern",
            "Demand further tests for bias",
            "Prescribe monitoring for particular groups of people",
        ),
        escalates_to=(_R.RISK_MANAGER, _R.COMPLIANCE_OFFICER),
    ),
    RoleDefinition(
        role=_R.SECURITY_REVIEWER,
        title="Security Reviewer",
        description="Judges whether a model withstands attack and keeps what it must not tell.",
        responsibilities=(
            "Examine the results of security assessments",
            "Verify access controls and encryption",
            "Judge how open the model is to attack",
            "Examine what is logged for audits",
            "Confirm that the response to incidents works",
        ),
        authority=(
            "Stop a deployment over a security issue", "Demand further security tests", "Prescribe security controls",
        ),
        escalates_to=(_R.RISK_MANAGER, _R.COMPLIANCE_OFFICER),
    ),
    RoleDefinition(
        role=_R.BUSINESS_OWNER,
        title="Business Owner",
        description="Answers for what a model is worth to the business, and for its fit.",
        responsibilities=(
            "State what the business needs and what counts as success",
            "Approve use cases and restrictions",
            "Follow the effect on the business and the return",
            "Keep everybody concerned informed",
            "Rank investments in models",
        ),
        authority=("Approve further use cases", "Ask for improvements", "Retire models that do too little"),
        escalates_to=(),
    ),
    RoleDefinition(
        role=_R.COMPLIANCE_OFFICER,
        title="Compliance Officer",
        description="Answers for conformity with law and regulation.",
        responsibilities=(
            "Work out which regulations bind a model",
            "Examine the documents that show compliance",
            "Bring in the lawyers",
            "Follow how regulation changes",
            "Answer what auditors ask",
        ),
        authority=(
            "Stop a deployment over a breach of the rules", "Demand further controls", "Prescribe particular documents",
        ),
        escalates_to=(),
    ),
    RoleDefinition(
        role=_R.RISK_MANAGER,
        title="Risk Manager",
        description="Assesses what can go wrong with models and keeps it in bounds.",
        responsibilities=(
            "Carry out risk assessments",
            "Watch the indicators of risk",
            "Examine how incidents develop over time",
            "Propose how risks can be mitigated",
            "Report on the state of risk",
        ),
        authority=("Set a model's risk tier", "Demand further risk controls", "Escalate critical risks"),
        escalates_to=(_R.COMPLIANCE_OFFICER, _R.BUSINESS_OWNER),
    ),
    RoleDefinition(
        role=_R.DEPLOYER,
        title="Deployer",
        description="Carries out the deployments that were approved.",
        responsibilities=(
            "Verify that everything a deployment needs is in place",
            "Carry the deployment out as planned",
            "Watch that what was deployed runs well",
            "Roll back where it has to be",
            "Record how each deployment went",
        ),
        authority=("Carry out approved deployments", "Begin an emergency rollback", "Ask for a deployment's approval"),
        escalates_to=(_R.MODEL_OWNER, _R.RISK_MANAGER),
    ),
    RoleDefinition(
        role=_R.TECH_LEAD,
        title="Tech Lead",
        description="Answers for the technical soundness of a change.",
        responsibilities=(
            "Examine how a change is built and what it touches",
            "See that the tests which a change needs are run and passed",
            "Confirm that the rollback plan would work",
            "Say what a change demands of operations",
        ),
        authority=("Approve changes from a technical point of view", "Demand further tests", "Send a change back to be reworked"),
        escalates_to=(_R.MODEL_OWNER, _R.RISK_MANAGER),
    ),
)  # fmt: skip

DEFINED: Mapping[GovernanceRole, RoleDefinition] = {each.role: each for each in ROLES}

_EVERY_TIER = (_R.MODEL_OWNER, _R.DATA_STEWARD)
_IMPORTANT = (*_EVERY_TIER, _R.ETHICS_REVIEWER, _R.SECURITY_REVIEWER, _R.BUSINESS_OWNER)
ACCOUNTABLE_ROLES: Mapping[RiskTier, tuple[GovernanceRole, ...]] = {
    _T.TIER_1_CRITICAL: (*_IMPORTANT, _R.COMPLIANCE_OFFICER, _R.RISK_MANAGER),
    _T.TIER_2_IMPORTANT: _IMPORTANT,
    _T.TIER_3_STANDARD: _EVERY_TIER,
    _T.TIER_4_EXPERIMENTAL: _EVERY_TIER,
}
"""The roles in which somebody must be accountable for a version."""
