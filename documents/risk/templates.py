"""The questionnaire that every assessment answers, as data."""

from documents.risk.factors import Template
from documents.risk.scales import RiskCategory

TEMPLATES = (
    Template(
        risk_id="MQ-001",
        category=RiskCategory.MODEL_QUALITY,
        description="The model answers wrongly or makes things up",
        questions=(
            "Which benchmarks of its own field has it been tried on?",
            "How often did it make things up when tested?",
            "What checks its answers automatically in production?",
        ),
    ),
    Template(
        risk_id="MQ-002",
        category=RiskCategory.MODEL_QUALITY,
        description="The model gets worse as the world moves away from its training data",
        questions=(
            "Who watches how its inputs and outputs are distributed?",
            "What raises an alarm when it gets worse?",
            "At what intervals is it evaluated again?",
        ),
    ),
    Template(
        risk_id="SEC-001",
        category=RiskCategory.SECURITY,
        description="Injected instructions make the model do what an attacker wants",
        questions=(
            "How has it been attacked with injected instructions, and with what result?",
            "What cleans or confines its inputs?",
            "What keeps its system prompt from being drawn out?",
        ),
    ),
    Template(
        risk_id="SEC-002",
        category=RiskCategory.SECURITY,
        description="The model gives away training data or secrets",
        questions=(
            "How was it tried to draw training data out of it?",
            "What filters its outputs?",
            "What detects personal data in them?",
        ),
    ),
    Template(
        risk_id="FAIR-001",
        category=RiskCategory.FAIRNESS,
        description="The model treats protected groups worse than others",
        questions=(
            "How was it tested for bias?",
            "Which of its metrics are known group by group?",
            "What is done against the differences found?",
        ),
    ),
    Template(
        risk_id="PRIV-001",
        category=RiskCategory.PRIVACY,
        description="The model takes in or puts out personal data that it should not",
        questions=(
            "What detects personal data on the way in and out?",
            "What happens to personal data that were detected?",
            "How long are data kept, and where is that laid down?",
        ),
    ),
    Template(
        risk_id="OPS-001",
        category=RiskCategory.OPERATIONAL,
        description="The business stands still while the model is away",
        questions=(
            "Which availability was promised?",
            "What takes over while it is away?",
            "How much more load than usual can it bear?",
        ),
    ),
    Template(
        risk_id="REG-001",
        category=RiskCategory.REGULATORY,
        description="Using the model breaks a law or a regulation",
        questions=(
            "Which laws and regulations apply to this use?",
            "Who has reviewed it for the law, and when?",
            "Where are the measures for compliance written down?",
        ),
    ),
)
