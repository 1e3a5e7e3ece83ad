"""What `magistrate list` asks of each connection of the graph, and which columns a table has."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Listed:
    """A connection of the graph: the type of its filter, what is selected of a record, the columns of a table, and the order."""

    field: str
    record: str
    select: str
    columns: Sequence[str]
    order: str = "{}"

    @property
    def text(self) -> str:
        return (
            f"query($filter: {self.record}Filter, $first: Int, $after: String, $order: [{self.record}Order!]) {{ {self.field}"
            f"(filter: $filter, first: $first, after: $after, orderBy: $order)"
            f" {{ nodes {{ {self.select} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )


MODELS = Listed(
    "models", "Model", "modelId name ownerId running { environment version } latestVersion { version status tier } tags",
    ["modelId", "name", "ownerId", "latestVersion.version", "latestVersion.status", "latestVersion.tier", "running.environment"],
)  # fmt: skip
VERSIONS = Listed(
    "modelVersions", "ModelVersion",
    "modelId version status tier ownerId deployedIn registeredAt eligibility { eligible missingApprovals { role } }",
    [
        "modelId", "version", "status", "tier", "ownerId", "eligibility.eligible", "eligibility.missingApprovals.role",
        "deployedIn",
    ],
)  # fmt: skip
CHANGES = Listed(
    "changeRequests", "ChangeRequest",
    "changeId status riskLevel requester createdAt plan { changeType modelId targetVersion environment title }",
    ["changeId", "status", "riskLevel", "plan.changeType", "plan.modelId", "plan.targetVersion", "plan.environment", "requester"],
    "createdAt",
)  # fmt: skip
INCIDENTS = Listed(
    "incidents", "Incident", "incidentId status severity modelId version environment title openedBy openedAt",
    ["incidentId", "status", "severity", "modelId", "version", "environment", "title"], "openedAt",
)  # fmt: skip
PEOPLE = Listed(
    "stakeholders", "Stakeholder", "userId name department platformRole roles authorizedTiers active identity { confirmed }",
    ["userId", "name", "department", "platformRole", "roles", "active"],
)  # fmt: skip
POLICIES = Listed(
    "policies", "Policy",
    "policyId status content { name enforcement applicableTiers requiredRoles requirements { requirementId } effectiveFrom }",
    ["policyId", "status", "content.name", "content.enforcement", "content.applicableTiers", "content.requiredRoles"],
)  # fmt: skip
DEPLOYMENTS = Listed(
    "deployments", "Deployment", "deploymentId modelId version environment active deployedAt deployedBy endedAt changeId",
    ["modelId", "version", "environment", "active", "deployedAt", "deployedBy", "endedAt", "changeId"], "deployedAt",
)  # fmt: skip
ENVIRONMENTS = Listed("environments", "DeploymentEnvironment", "name stage status description", ["name", "stage", "status"])
DATASHEETS = Listed(
    "datasheets", "Datasheet", "datasetId content { datasetName confidentiality maintainer } revisions { revision }",
    ["datasetId", "content.datasetName", "content.confidentiality", "content.maintainer"],
)  # fmt: skip
