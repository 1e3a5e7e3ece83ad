"""The worked example, step by step: what each step asks with which document, and what must come."""

from typing import Any

from gql.cli.demo.enrolment import enrol
from gql.cli.demo.example import CARD, CONDITION, DATASHEET, EVIDENCE, Example, Person
from gql.cli.demo.rollout import roll_out
from gql.cli.demo.scene import Scene


def play(scene: Scene, example: Example) -> int:
    """The whole of it; answers how many events the trail holds at its end."""
    enrol(scene, example)
    register(scene, example)
    assess(scene, example)
    submit(scene, example)
    approve_on_a_condition(scene, example)
    ask_too_early(scene, example)
    supply_what_is_missing(scene, example)
    find_approvals_stale(scene, example)
    receipt = decide_again(scene, example)
    ask_again(scene, example)
    roll_out(scene, example)
    report(scene, example)
    return verify(scene, example, receipt)


REGISTER_MODEL = """
mutation RegisterModel($input: RegisterModelInput!) {
  registerModel(input: $input) {
    modelVersion { tier status purpose classification { matches { found source } } }
  }
}
"""


def register(scene: Scene, example: Example) -> None:
    scene.step("A version is registered, and its words decide how critical it is")
    words = {"matches": [{"found": "customer", "source": "purpose"}]}
    expected = {"modelVersion": {"tier": "TIER_2_IMPORTANT", "status": "DRAFT", "classification": words}}
    registered = scene.ask(example.alice, REGISTER_MODEL, expected, "registers a version", input=example.registration)
    version = registered["modelVersion"]
    (match,) = version["classification"]["matches"]
    scene.fact("version", f"{example.version['modelId']} {example.version['version']}, {version['status']}")
    scene.fact("purpose", version["purpose"])
    scene.fact("tier", f'{version["tier"]}, because of the word "{match["found"]}" in its {match["source"]}')


CREATE_RISK_ASSESSMENT = """
mutation CreateRiskAssessment($input: CreateRiskAssessmentInput!) {
  createRiskAssessment(input: $input) {
    riskAssessment {
      overallScore
      band
      factors { riskId description assessed likelihood impact controlEffectiveness residualScore }
    }
  }
}
"""


def assess(scene: Scene, example: Example) -> None:
    scene.step("Its risks are assessed")
    expected = {"riskAssessment": {"overallScore": 6.837037037, "band": "MEDIUM"}}  # 184.6 / 27
    answers = example.version | {"responses": example.responses}
    what = "answers three of the eight templates"
    made = scene.ask(example.alice, CREATE_RISK_ASSESSMENT, expected, what, input=answers)["riskAssessment"]
    scene.table(
        ["risk", "rated", "controlled", "residual", "what may go wrong"],
        [
            [
                each["riskId"], f"{each['likelihood']} x {each['impact']}", f"{each['controlEffectiveness']:.0%}",
                f"{each['residualScore']:.1f}", each["description"],
            ]
            for each in made["factors"] if each["assessed"]
        ],
    )  # fmt: skip
    scene.fact("defaults", f"stand for {', '.join(each['riskId'] for each in made['factors'] if not each['assessed'])}")
    scene.fact("overall", f"{made['overallScore']:.3f} of 25, {made['band']}: the residuals, weighted by impact")


SUBMIT_FOR_APPROVAL = """
mutation SubmitForApproval($input: SubmitForApprovalInput!) {
  submitForApproval(input: $input) {
    modelVersion { status requiredApprovals { role policies status } }
  }
}
"""


def submit(scene: Scene, example: Example) -> None:
    scene.step("It is submitted for approval")
    required = [
        {"role": "MODEL_OWNER", "policies": ["POL-001"], "status": "PENDING"},
        {"role": "ETHICS_REVIEWER", "policies": ["POL-002"], "status": "PENDING"},
        {"role": "SECURITY_REVIEWER", "policies": ["POL-003"], "status": "PENDING"},
    ]
    expected = {"modelVersion": {"status": "PENDING_APPROVAL", "requiredApprovals": required}}
    submitted = scene.ask(example.alice, SUBMIT_FOR_APPROVAL, expected, "submits it", input=example.version)
    version = submitted["modelVersion"]
    scene.fact("status", version["status"])
    scene.table(
        ["approval of", "required by", "reads"],
        [[each["role"], ", ".join(each["policies"]), each["status"]] for each in version["requiredApprovals"]],
    )


SUBMIT_APPROVAL = """
mutation SubmitApproval($input: SubmitApprovalInput!) {
  submitApproval(input: $input) {
    approval { status conditions { text } }
    modelVersion { status }
    receipt { seq eventId eventHash }
  }
}
"""


def _approve(scene: Scene, example: Example, by: Person, what: str, status: str, *conditions: str) -> Any:
    """The payload of an approval by which the version reads `status`."""
    expected = {"approval": {"status": "APPROVED"}, "modelVersion": {"status": status}}
    decision = example.version | {"verdict": "APPROVED", "comments": "Reviewed as it is now", "conditions": conditions}
    decided = scene.ask(by, SUBMIT_APPROVAL, expected, what, input=decision)
    obliges = "".join(f", on condition: {each['text']}" for each in decided["approval"]["conditions"])
    scene.fact("reads", decided["approval"]["status"] + obliges)
    return decided


def approve_on_a_condition(scene: Scene, example: Example) -> None:
    scene.step("Ethics and security approve, on a condition")
    for each in example.reviewers:
        _approve(scene, example, each, "approves", "PENDING_APPROVAL", CONDITION)


ELIGIBILITY = """
query Eligibility($modelId: String!, $version: String!) {
  modelVersion(modelId: $modelId, version: $version) {
    eligibility {
      eligible
      status
      missingApprovals { role status remedy { mutation } }
      violations { requirementId reason remedy { mutation arguments fill } }
      advisories { requirementId }
      openConditions { role condition { text } }
    }
  }
}
"""

REMEDIES = {
    "POL-001.intended-use": "saveModelCard",
    "POL-001.training-data": "linkDatasheet",
    "POL-001.evaluation": "saveModelCard",
    "POL-001.limitations": "saveModelCard",
    "POL-002.fairness-metrics": "saveModelCard",
    "POL-002.potential-harms": "saveModelCard",
    "POL-002.mitigations": "saveModelCard",
    "POL-003.data-leakage": "createRiskAssessment",
    "POL-003.access-control": "attachEvidence",
}


def ask_too_early(scene: Scene, example: Example) -> None:
    scene.step("May it be deployed? No, and here is what is missing and what would mend it")
    expected = {
        "eligible": False,
        "missingApprovals": [{"role": "MODEL_OWNER", "status": "PENDING", "remedy": {"mutation": "submitApproval"}}],
        "violations": [{"requirementId": each, "remedy": {"mutation": remedy}} for each, remedy in REMEDIES.items()],
    }
    what = "asks whether it may be deployed"
    found = scene.ask(example.alice, ELIGIBILITY, {"eligibility": expected}, what, **example.version)["eligibility"]
    scene.fact("eligible", "false", "bold yellow")
    (approval,) = found["missingApprovals"]
    scene.fact("missing", f"the approval of {approval['role']}; remedy: {approval['remedy']['mutation']}")
    scene.table(
        ["unmet requirement", "why", "remedy"],
        [[each["requirementId"], each["reason"], each["remedy"]["mutation"]] for each in found["violations"]],
    )
    remedy = found["violations"][-1]["remedy"]
    known = ", ".join(f"{name} {value}" for name, value in remedy["arguments"].items())
    scene.fact("in full", f"{remedy['mutation']} with {known}; to be added: {', '.join(remedy['fill'])}")


SAVE_MODEL_CARD = """
mutation SaveModelCard($input: SaveModelCardInput!) {
  saveModelCard(input: $input) { modelVersion { card { emptySections } } }
}
"""

SAVE_DATASHEET = """
mutation SaveDatasheet($input: SaveDatasheetInput!) {
  saveDatasheet(input: $input) { datasheet { revisions { revision } } }
}
"""

LINK_DATASHEET = """
mutation LinkDatasheet($input: LinkDatasheetInput!) {
  linkDatasheet(input: $input) { modelVersion { datasheets { datasetId revision } } }
}
"""

ATTACH_EVIDENCE = """
mutation AttachEvidence($input: AttachEvidenceInput!) {
  attachEvidence(input: $input) { evidence { requirementId } }
}
"""


def supply_what_is_missing(scene: Scene, example: Example) -> None:
    scene.step("What is missing is supplied")
    alice, version, dataset = example.alice, example.version, {"datasetId": example.dataset_id}
    filled: dict[str, Any] = {"modelVersion": {"card": {"emptySections": []}}}
    scene.ask(alice, SAVE_MODEL_CARD, filled, "saves a model card", input=version | {"card": CARD})
    scene.fact("filled", "all eight sections")
    first = {"datasheet": {"revisions": [{"revision": 1}]}}
    scene.ask(example.bob, SAVE_DATASHEET, first, "saves a datasheet", input=dataset | {"datasheet": DATASHEET})
    scene.fact("dataset", f"{example.dataset_id}, revision 1")
    pinned = {"modelVersion": {"datasheets": [dataset | {"revision": 1}]}}
    scene.ask(alice, LINK_DATASHEET, pinned, "links that revision", input=version | dataset)
    attached = {"evidence": {"requirementId": EVIDENCE["requirementId"]}}
    scene.ask(alice, ATTACH_EVIDENCE, attached, "attaches evidence", input=version | EVIDENCE)
    scene.fact("evidence", f"{EVIDENCE['title']}, for {EVIDENCE['requirementId']}")
    expected = {"riskAssessment": {"overallScore": 6.085714286, "band": "MEDIUM"}}  # 170.4 / 28
    answers = version | {"responses": [example.response_on_leaks], "carryOver": True}
    what = "assesses again, and answers SEC-002 too"
    made = scene.ask(alice, CREATE_RISK_ASSESSMENT, expected, what, input=answers)["riskAssessment"]
    scene.fact("overall", f"{made['overallScore']:.3f} of 25, {made['band']}")


APPROVALS = """
query Approvals($modelId: String!, $version: String!) {
  modelVersion(modelId: $modelId, version: $version) {
    approvals { reviewerName role status staleParts }
  }
}
"""


def find_approvals_stale(scene: Scene, example: Example) -> None:
    scene.step("The two approvals were given on something else: they have gone stale")
    stale = {"status": "STALE", "staleParts": ["CARD", "ASSESSMENT", "DATASHEETS"]}
    expected = {"approvals": [{"reviewerName": each.name, "role": each.role} | stale for each in example.reviewers]}
    version = scene.ask(example.alice, APPROVALS, expected, "looks at the approvals", **example.version)
    scene.table(
        ["by", "as", "reads", "changed since"],
        [[each["reviewerName"], each["role"], each["status"], ", ".join(each["staleParts"])] for each in version["approvals"]],
    )


def decide_again(scene: Scene, example: Example) -> Any:
    """The receipt of the last decision."""
    scene.step("They decide again, about what it is now, and so does the owner")
    for each in example.reviewers:
        _approve(scene, example, each, "approves again", "PENDING_APPROVAL", CONDITION)
    return _approve(scene, example, example.alice, "approves", "APPROVED")["receipt"]


def ask_again(scene: Scene, example: Example) -> None:
    scene.step("May it be deployed now? Yes")
    conditions = [{"role": each.role, "condition": {"text": CONDITION}} for each in example.reviewers]
    expected = {"eligible": True, "missingApprovals": [], "violations": [], "openConditions": conditions}
    found = scene.ask(example.alice, ELIGIBILITY, {"eligibility": expected}, "asks once more", **example.version)["eligibility"]
    scene.fact("eligible", "true", "bold green")
    scene.fact("status", found["status"])
    for each in found["openConditions"]:
        scene.fact("obliges", f"{each['condition']['text']} ({each['role']})")
    scene.fact("advised", f"{', '.join(each['requirementId'] for each in found['advisories'])}: these stop nothing")


GOVERNANCE_REPORT = """
query GovernanceReport($modelId: String!, $version: String!) {
  governanceReport(modelId: $modelId, version: $version) {
    modelInfo { name version tier status }
    ownership { owner { name } dataSteward { name } }
    governance { policiesApplied { policyId } approvals { status } }
    deploymentEligibility { eligible }
    reviewSchedule { nextReview }
  }
}
"""


def report(scene: Scene, example: Example) -> None:
    scene.step("The governance report")
    expected = {
        "modelInfo": {"tier": "TIER_2_IMPORTANT", "status": "APPROVED"},
        "ownership": {"owner": {"name": example.alice.name}, "dataSteward": {"name": example.bob.name}},
        "governance": {
            "policiesApplied": [{"policyId": each} for each in ("POL-001", "POL-002", "POL-003", "POL-004")],
            "approvals": [{"status": each} for each in ("SUPERSEDED", "SUPERSEDED", "APPROVED", "APPROVED", "APPROVED")],
        },
        "deploymentEligibility": {"eligible": True},
    }
    found = scene.ask(example.erin, GOVERNANCE_REPORT, expected, "reads the report", **example.version)
    about, people, governance = found["modelInfo"], found["ownership"], found["governance"]
    read = [each["status"] for each in governance["approvals"]]
    scene.fact("model", f"{about['name']} {about['version']}, {about['tier']}, {about['status']}")
    scene.fact("owner", f"{people['owner']['name']}, with {people['dataSteward']['name']} as data steward")
    scene.fact("policies", ", ".join(each["policyId"] for each in governance["policiesApplied"]))
    scene.fact("decided", f"{len(read)} times: {read.count('APPROVED')} count, {read.count('SUPERSEDED')} were decided again")
    scene.fact("review", f"due on {found['reviewSchedule']['nextReview'][:10]}")


AUDIT_VERIFICATION = """
query AuditVerification {
  auditVerification { valid eventsVerified root faults { kind seq detail } caveats }
}
"""

CAVEATS = """
query Caveats {
  __type(name: "AuditCaveat") { enumValues { name description } }
}
"""

AUDIT_EVENT = """
query AuditEvent($eventId: String!) {
  auditEvent(eventId: $eventId) { seq eventHash action actor { id } }
}
"""


def verify(scene: Scene, example: Example, receipt: Any) -> int:
    """How many events the trail holds, the last decision's among them under the hash of its receipt."""
    scene.step("The audit trail, verified from its first event")
    what = "has every hash, link and subtree recomputed"
    trail = scene.ask(example.erin, AUDIT_VERIFICATION, {"valid": True, "faults": []}, what)
    scene.fact("events", f"{trail['eventsVerified']}, no fault")
    scene.fact("root", trail["root"])
    meaning = {each["name"]: each["description"] for each in scene.ask(example.erin, CAVEATS, {})["enumValues"]}
    for each in trail["caveats"]:
        scene.fact("caveat", f"{each}: {meaning[each]}")
    expected = {"seq": receipt["seq"], "eventHash": receipt["eventHash"], "actor": {"id": example.alice.user_id}}
    event = scene.ask(example.erin, AUDIT_EVENT, expected, "looks for the owner's approval", eventId=receipt["eventId"])
    scene.fact("found", f"event {event['seq']}, {event['action']}, under the hash that its receipt gave")
    return int(trail["eventsVerified"])
