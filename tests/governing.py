"""What people at a shell do on the way of a version to production."""

import json

import yaml

from tests.commanding import Desk
from tests.examples import CARD, LEAKAGE, RATED

BOT = "support-bot@1.0.0"
PURPOSE = "Answers customer questions about orders"
PEOPLE = {
    "alice": ["MODEL_OWNER"], "bob": ["DATA_STEWARD"], "carol": ["ETHICS_REVIEWER"], "david": ["SECURITY_REVIEWER"],
    "fiona": ["TECH_LEAD"], "george": ["DEPLOYER"], "rita": ["RISK_MANAGER"],
}  # fmt: skip
REQUEST = (
    "--justification", "Four of five questions are answered at once", "--system", "support chat", "--users", "all-users",
    "--downtime", "0", "--rollback-time", "5", "--test", "load test", "--rollback-plan", "The form is shown again",
)  # fmt: skip


def weights(desk: Desk, text: str = "the weights") -> str:
    (desk.home / "weights.bin").write_text(text)
    return str(desk.home / "weights.bin")


def registers(desk: Desk, subject: str, *more: str, text: str = "the weights") -> None:
    said = ("--purpose", PURPOSE, "--use-case", "Say where an order is", "--steward", "bob", "--artifact", weights(desk, text))
    desk.succeeds("register", subject, *said, *more)


def documents(desk: Desk, subject: str) -> None:
    """Saves card, assessment and evidence, so that only approvals are missing."""
    model, version = subject.split("@")
    named = ("--model-id", model, "--version", version)
    (desk.home / "card.yaml").write_text(yaml.safe_dump({"card": CARD}))
    desk.succeeds("call", "saveModelCard", *named, "--input", "card.yaml")
    desk.succeeds("call", "createRiskAssessment", *named, "--input", "-", stdin=json.dumps({"responses": [*RATED, LEAKAGE]}))
    desk.succeeds(
        "call", "attachEvidence", *named, "--requirement-id", "POL-003.access-control", "--title", "Access review",
        "--uri", "https://records.example.org/17",
    )  # fmt: skip


def approves(staff: dict[str, Desk], subject: str) -> None:
    staff["alice"].succeeds("submit", subject)
    for name in ("carol", "david", "alice"):
        staff[name].succeeds("approve", subject)
