"""What the demo is about: who takes part, and what they say of the model."""

from dataclasses import dataclass
from typing import Any

ALL_BUT_EXPERIMENTAL = ("TIER_1_CRITICAL", "TIER_2_IMPORTANT", "TIER_3_STANDARD")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts, in a governance role or as AUDITOR."""

    user_id: str
    name: str
    role: str = ""
    department: str = ""
    tiers: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return self.role.lower().replace("_", " ")

    def __str__(self) -> str:
        return f"{self.name} ({self.title})" if self.role else self.name

    @property
    def registration(self) -> dict[str, Any]:
        roles = {"platformRole": "AUDITOR"} if self.role == "AUDITOR" else {"roles": [self.role]}
        email = f"{self.name.split()[0].lower()}.{self.user_id}@example.org"
        about = {"userId": self.user_id, "name": self.name, "email": email, "department": self.department}
        return about | roles | {"authorizedTiers": self.tiers}


class Example:
    """The customer support assistant and its people; `suffix` keeps their ids apart from those of another demo."""

    def __init__(self, suffix: str = "") -> None:
        self.administrator = Person("admin", "The administrator")
        self.alice = Person(f"user-001{suffix}", "Alice Smith", "MODEL_OWNER", "ML Engineering", ALL_BUT_EXPERIMENTAL)
        self.bob = Person(f"user-002{suffix}", "Bob Johnson", "DATA_STEWARD", "Data Engineering", ALL_BUT_EXPERIMENTAL)
        self.carol = Person(f"user-003{suffix}", "Carol Williams", "ETHICS_REVIEWER", "AI Ethics", ALL_BUT_EXPERIMENTAL[:2])
        self.david = Person(f"user-004{suffix}", "David Brown", "SECURITY_REVIEWER", "Security", ALL_BUT_EXPERIMENTAL)
        self.erin = Person(f"user-005{suffix}", "Erin Clark", "AUDITOR", "Internal Audit")
        self.fiona = Person(f"user-006{suffix}", "Fiona Davis", "TECH_LEAD", "ML Engineering", ALL_BUT_EXPERIMENTAL)
        self.george = Person(f"user-007{suffix}", "George Miller", "DEPLOYER", "Operations", ALL_BUT_EXPERIMENTAL)
        self.reviewers = (self.carol, self.david)
        self.approvers = (self.alice, self.fiona, self.david)
        self.people = (self.alice, self.bob, self.carol, self.david, self.erin, self.fiona, self.george)
        self.version = {"modelId": f"model-customer-support-v1{suffix}", "version": "1.0.0"}
        self.dataset_id = f"support-conversations{suffix}"
        self.registration = self.version | {
            "name": "Customer Support Assistant",
            "purpose": "Answers everyday customer support questions by itself",
            "useCases": ["Questions about products", "Where an order is", "Requests for refunds"],
            "ownerId": self.alice.user_id,
            "dataStewardId": self.bob.user_id,
        }
        self.responses = [
            {
                "riskId": "MQ-001", "likelihood": 3, "impact": 4, "controlEffectiveness": 0.6, "owner": self.alice.user_id,
                "controls": ["Invented answers are detected", "Confidence is scored"],
            },
            {
                "riskId": "SEC-001", "likelihood": 3, "impact": 4, "controlEffectiveness": 0.7, "owner": self.david.user_id,
                "controls": ["Inputs are cleaned", "The system prompt is protected"],
            },
            {
                "riskId": "FAIR-001", "likelihood": 2, "impact": 4, "controlEffectiveness": 0.5, "owner": self.carol.user_id,
                "controls": ["Tested for bias"],
            },
        ]  # fmt: skip
        self.response_on_leaks = {
            "riskId": "SEC-002", "likelihood": 2, "impact": 4, "controlEffectiveness": 0.6, "owner": self.david.user_id,
            "controls": ["Extraction of training data was tried", "Personal data are filtered from answers"],
        }  # fmt: skip


CONDITION = "Watch it for 30 days after deployment"

CARD = {
    "modelType": "dialogue model with retrieval",
    "developers": ["Support Automation team"],
    "license": "LicenseRef-internal",
    "contact": "support-ai@example.org",
    "primaryIntendedUses": ["Answering what customers often ask"],
    "primaryIntendedUsers": ["Customers", "Support agents"],
    "outOfScopeUses": ["Advice on law, health or money"],
    "trainingDataDescription": "Support conversations of two years, without personal data",
    "trainingDataSources": ["Help desk archive"],
    "metrics": [
        {
            "metricName": "resolution rate", "value": 0.87, "dataset": "held-out tickets",
            "disaggregated": [{"group": "native speakers", "value": 0.88}, {"group": "other speakers", "value": 0.85}],
        }
    ],
    "ethicalConsiderations": ["Whoever asks can reach a human at any time"],
    "knownLimitations": ["Knows nothing of orders less than an hour old"],
    "risks": [
        {
            "riskType": "wrong answer", "description": "A refund is promised that nobody owes", "likelihood": "MEDIUM",
            "impact": "MEDIUM", "mitigation": "Refunds are carried out by the order system, by its own rules",
        }
    ],
    "recommendations": ["Read a sample of the conversations every week"],
}  # fmt: skip

TEST = "A day's questions again, at ten times the pace"

IMPACT = {
    "affectedSystems": ["production support chat"],
    "affectedUsers": "ALL_USERS",
    "estimatedDowntime": 0,
    "rollbackTime": 5,
    "testingRequired": [TEST],
}

PLAN = {
    "changeType": "MODEL_UPDATE",
    "title": "The assistant answers customers",
    "description": "Version 1.0.0 takes the place of the contact form",
    "justification": "Four of five questions are answered at once",
    "rollbackPlan": "The chat shows the contact form again",
    "rollbackTrigger": "More than one complaint in a hundred conversations",
}

DATASHEET = {
    "datasetName": "Support conversations",
    "creators": ["Data Engineering"],
    "purpose": "To learn how support questions are answered well",
    "instanceDescription": "A question and the answer that closed the ticket",
    "instanceCount": 480_000,
    "dataSources": ["Help desk archive"],
    "confidentiality": "CONFIDENTIAL",
    "preprocessingSteps": ["Personal data replaced by placeholders"],
    "intendedUses": ["Training and evaluating support assistants"],
    "maintainer": "Data Engineering",
}

EVIDENCE = {
    "requirementId": "POL-003.access-control",
    "title": "Access review of the support API",
    "uri": "https://records.example.org/access-reviews/support-api",
}
