"""Cards, datasheets and risks as plain data, in which everything is said that can be said."""

from typing import Any

from tests.examples import CARD

FULL_CARD: dict[str, Any] = CARD | {
    "architecture": "Decoder, 7B parameters, 8,192 tokens of context", "trainingDataSize": "1.2T tokens",
    "trainingDataPreprocessing": "Names and addresses were masked.", "trainingDateRange": "2019 to 2025",
    "evaluationMethodology": "Two people judged each answer.",
    "metrics": [
        *CARD["metrics"],
        {"metricName": "latency", "value": -0.5, "conditions": "difference to the version before, in seconds"},
        {"metricName": "cost", "value": 3e-05, "dataset": "Tickets of 2025", "conditions": "zero-shot"},
    ],
    "risks": [
        {"riskType": "accuracy", "description": "It misstates a price.", "mitigation": "Prices come from the shop."},
        {"riskType": "privacy", "description": "It repeats an address.", "likelihood": "LOW", "impact": "HIGH",
         "mitigation": "Addresses are masked.", "residualRisk": "Addresses that are written in words."},
        {"riskType": "tone", "description": "It is curt — or übereifrig ✓.", "likelihood": "MEDIUM", "impact": "LOW"},
    ],
    "additionalInfo": {"seed": 7, "tokens": 2**40, "share": 0.25, "flags": [True, None, "yes"], "in": {"deeper": {"still": []}}},
}  # fmt: skip

FULL_DATASHEET: dict[str, Any] = {
    "datasetName": "Papers of the archive", "creators": ["The archive"], "creationDate": "2020-02-29",
    "purpose": "To find papers again.", "funding": "The city.", "instanceDescription": "A paper and its catalogue entry.",
    "instanceCount": 2**53 - 1, "samplingStrategy": "All of them.", "dataTypes": ["text", "image"],
    "labelsOrTargets": "Subjects, by two librarians.", "missingData": "Papers that burnt in 1943.",
    "confidentiality": "PUBLIC", "sensitiveData": ["Health of named people"], "collectionMechanism": "Scanned.",
    "collectionTimeframe": "2001 to 2020", "dataSources": ["The stacks"], "consentCollected": False,
    "consentMechanism": "None: the writers are dead.", "preprocessingSteps": ["Recognised", "Corrected"],
    "rawDataSaved": True, "rawDataLocation": "The vault.", "intendedUses": ["Search"], "outOfScopeUses": ["Training a writer"],
    "priorUses": ["The printed catalogue"], "distributionMethod": "On request.", "distributionLicense": "CC-BY-4.0",
    "accessRestrictions": ["Not before 2030, for some"], "maintainer": "The archive", "updateFrequency": "Yearly",
    "versionHistory": [{"version": "1"}, {"version": "2", "date": "2021-01-01", "changes": "Corrected."}],
    "retentionPolicy": "For ever.",
}  # fmt: skip

RUN: dict[str, Any] = {
    "trainingConfig": {
        "architecture": "Two towers", "dataDescription": "Papers and what was searched for.", "dataSources": ["The reading room"],
        "dataSize": "3 GB", "dataDateRange": "2020", "preprocessing": "Recognised",
    },
    "evaluationResults": [
        {"dataset": "Searches of 2025", "dateMeasured": "2026-01-02", "conditions": "first ten", "metrics": [
            {"metricName": "recall", "value": 0.5, "disaggregated": [{"group": "before 1900", "value": 0.25}]}]},
    ],
    "metadata": {
        "modelType": "Retriever", "developers": ["The archive"], "releaseDate": "2026-02-03", "license": "MIT",
        "contact": "archive@example.org", "intendedUses": ["Find papers"], "intendedUsers": ["Readers"],
        "outOfScope": ["Judge papers"],
    },
    "additionalInfo": {"run": {"id": "a1", "epochs": 3}},
}  # fmt: skip

RESULTS = "- dataset: {id: example/searches, task_id: recall}\n  value: 20.5\n  date: 2026-01-15\n- {value: 3}\n"
IN_BRIEF = "---\nlicense: mit\nversion: '3'\n---\n# Leaf reader\n\n## Intended use\n\n- Reads leaves\n"
UNNAMED = "---\nlicense: mit\n---\nNothing else is said.\n"

QUESTIONNAIRE = ("MQ-001", "MQ-002", "SEC-001", "SEC-002", "FAIR-001", "PRIV-001", "OPS-001", "REG-001", "FIN-001")
OWN_RISKS: list[dict[str, Any]] = [
    {"riskId": "DATA-1", "category": "DATA_QUALITY", "description": "Addresses are out of date.", "likelihood": 4, "impact": 3,
     "reviewDate": "2027-01-31", "owner": "bob", "controls": ["Checked monthly"], "controlEffectiveness": 0.125},
    {"riskId": "NAME-1", "category": "REPUTATIONAL", "description": "It is in the papers.", "likelihood": 2, "impact": 5},
]  # fmt: skip


def rated(likelihood: int, impact: int, *risks: str) -> list[dict[str, Any]]:
    """Risks, all of the questionnaire if none is named, with the same rating and no control."""
    return [{"riskId": each, "likelihood": likelihood, "impact": impact} for each in risks or QUESTIONNAIRE]
