"""`magistrate show`: the essentials of a record, as whoever reviews it wants them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from gql.client import reasons
from gql.client.commands import Session, command, group
from gql.client.exits import Ended, Exit
from gql.client.subjects import VERSION, unknown_version, version_of

TASKS = 100  # tasks of a model that are looked at
TASK = "kind role since due overdue version changeId remedy { mutation arguments fill permitted }"
MODEL = f"""
query($modelId: String!) {{
  model(modelId: $modelId) {{
    modelId name description tags ownerId registeredAt running {{ environment version since }}
    versions(first: 20) {{ nodes {{ version status tier deployedIn eligibility {{ eligible }} }} pageInfo {{ hasNextPage }} }}
    openTasks(first: {TASKS}) {{ items {{ {TASK} }} complete }}
  }}
}}
"""
OF_VERSION = f"""
query($modelId: String!, $version: String!, $environment: String!) {{
  modelVersion(modelId: $modelId, version: $version) {{
    revision modelId version status tier purpose useCases restrictions ownerId dataStewardId registeredAt approvedAt deployedIn
    artifacts {{ kind uri sha256 size }} card {{ completeness emptySections }} datasheets {{ datasetId revision }}
    latestAssessment {{ assessmentId band overallScore }} standing {{ approvedUntil nextReview }}
    requiredApprovals {{
      role policies status decision {{ reviewerId decidedAt comments expiresAt conditions {{ conditionId text status }} }}
    }}
    holds {{ holdId role reason placedBy lifted {{ at }} }}
    upstreamAlerts {{ kind on {{ modelId version }} }}
    eligibility {{ waived {{ waiver {{ requirementId expiresAt }} }} advisories {{ reason }} notices }}
    verdict(environment: $environment) {{ eligible environment checkedAt reasons {{ {reasons.REASON} }} }}
    model {{ name openTasks(first: {TASKS}) {{ items {{ {TASK} }} complete }} }}
  }}
}}
"""
OF_CHANGE = """
query($changeId: String!) {
  changeRequest(changeId: $changeId) {
    revision changeId status riskLevel requester createdAt scheduledTime completedTime deploymentNotes allowedTransitions
    missingTests rollsBackId rolledBackById
    plan {
      changeType title description justification modelId environment currentVersion targetVersion rollbackPlan rollbackTrigger
      impact { affectedSystems affectedUsers estimatedDowntime rollbackTime testingRequired }
    }
    requiredApprovals { role approval { approved reviewerId comments } } gate { basis lacks at by }
    comments { by text at }
  }
}
"""
OF_INCIDENT = """
query($incidentId: String!) {
  incident(incidentId: $incidentId) {
    revision incidentId status severity modelId version environment title description openedBy openedAt
    resolution { at by reason } escalations { before after reason }
  }
}
"""
OF_PERSON = """
query($userId: String!) {
  stakeholder(userId: $userId) {
    userId name department platformRole roles authorizedTiers active registeredAt identity { confirmed confirmedBy enrolledBy }
  }
}
"""
OF_POLICY = """
query($policyId: String!) {
  policy(policyId: $policyId) {
    revision policyId status
    content {
      name description enforcement applicableTiers stages requiredRoles requirements { requirementId title check }
      effectiveFrom effectiveUntil
    }
  }
}
"""
_ENVIRONMENT = typer.Option("--environment", metavar="NAME", help="Where it is to run: what stands in its way there.")
Lines = Iterator[str]


def add_to(app: typer.Typer) -> None:
    show = group("Show the essentials of a model, version, change and so on.")
    for each in (model, version, change, incident, person, policy):
        command(show)(each)
    app.add_typer(show, name="show")


def model(session: Session, model_id: Annotated[str, typer.Argument(metavar="MODEL", show_default=False)]) -> None:
    """Show a model: its versions, what runs, and what is to be done."""
    found = _found(session.ask(MODEL, modelId=model_id)["model"], f"model {model_id}", "models")
    session.show(found, _model(found))


def _model(model: Mapping[str, Any]) -> Lines:
    yield f"{model['modelId']}: {model['name']}"
    yield from _facts({"about": model["description"], "tags": ", ".join(model["tags"]), "owner": model["ownerId"]})
    yield from _facts({f"in {each['environment']}": each["version"] for each in model["running"]})
    yield from _section("versions", (_listed(each) for each in model["versions"]["nodes"]))
    if model["versions"]["pageInfo"]["hasNextPage"]:
        yield f"  more by: magistrate list versions --model {model['modelId']}"
    yield from _section("to do", _tasks(model["openTasks"]["items"]))


def _listed(version: Mapping[str, Any]) -> str:
    may = "eligible" if version["eligibility"]["eligible"] else "not eligible"
    runs = f", runs in {', '.join(version['deployedIn'])}" if version["deployedIn"] else ""
    return f"- {version['version']}  {version['status']}, {version['tier']}, {may}{runs}"


def version(
    session: Session,
    subject: Annotated[str, typer.Argument(metavar=VERSION, show_default=False)],
    environment: Annotated[str, _ENVIRONMENT] = "production",
) -> None:
    """Show a version: where it stands, what stands in its way and how that is mended, who decided, and what is to be done."""
    model_id, named = version_of(subject)
    found = session.ask(OF_VERSION, modelId=model_id, version=named, environment=environment)["modelVersion"]
    if found is None:
        raise unknown_version(subject)
    of_model = (found.pop("model") or {}).get("openTasks") or {"items": []}
    tasks = [each for each in of_model["items"] if each["version"] == named]
    verdict = found["verdict"] | {"reasons": reasons.with_commands(found["verdict"]["reasons"])}
    session.show(found | {"verdict": verdict, "openTasks": tasks}, _version(found, tasks))


def _version(version: Mapping[str, Any], tasks: list[dict[str, Any]]) -> Lines:
    verdict, standing = version["verdict"], version["standing"] or {}
    may = "may run" if verdict["eligible"] else "may not run"
    card, assessment = version["card"], version["latestAssessment"]
    yield f"{version['modelId']}@{version['version']}: {version['status']}, {version['tier']}, {may} in {verdict['environment']}"
    yield from _facts({
        "purpose": version["purpose"], "use cases": "; ".join(version["useCases"]),
        "restrictions": "; ".join(version["restrictions"]), "owner": version["ownerId"], "steward": version["dataStewardId"],
        "runs in": ", ".join(version["deployedIn"]),
        "card": f"{card['completeness']:.0%} complete" if card else "none",
        "assessment": f"{assessment['band']} ({assessment['overallScore']:g})" if assessment else "none",
        "datasheets": ", ".join(f"{each['datasetId']} (revision {each['revision']})" for each in version["datasheets"]),
        "approved until": standing.get("approvedUntil"), "next review": standing.get("nextReview"),
    })  # fmt: skip
    yield from _section("artefacts", (f"- {each['kind']} {each['uri']}{_bytes(each)}" for each in version["artifacts"]))
    yield from _section("stands in the way", reasons.lines(verdict["reasons"]))
    yield from _section("approvals", _approvals(version["requiredApprovals"]))
    yield from _section("waived", (_waived(each["waiver"]) for each in version["eligibility"]["waived"]))
    notes = [*(each["reason"] for each in version["eligibility"]["advisories"]), *version["eligibility"]["notices"]]
    alerts = [f"upstream: {each['on']['modelId']}@{each['on']['version']}: {each['kind']}" for each in version["upstreamAlerts"]]
    yield from _section("worth knowing", (f"- {each}" for each in (*alerts, *notes)))
    yield from _section("to do", _tasks(tasks))


def _waived(waiver: Mapping[str, Any]) -> str:
    return f"- {waiver['requirementId']}, until {waiver['expiresAt']}"


def _bytes(artifact: Mapping[str, Any]) -> str:
    return f" sha256:{artifact['sha256']}" if artifact["sha256"] else ""


def _approvals(required: Iterable[Mapping[str, Any]]) -> Lines:
    for each in required:
        given = each["decision"]
        by = f" by {given['reviewerId']}, {given['decidedAt']}" if given else ""
        says = f": {given['comments']}" if given and given["comments"] else ""
        yield f"- {each['role']} {each['status']}{by}{says}"
        yield from (f"    {one['status']}: {one['text']}  ({one['conditionId']})" for one in (given or {}).get("conditions", ()))


def _tasks(tasks: Iterable[Mapping[str, Any]]) -> Lines:
    for each in tasks:
        due = f", due {each['due']}" if each["due"] else ""
        about = f" {each['changeId']}" if each["changeId"] else ""
        yield f"- {each['role']}: {each['kind']}{about}{' (overdue)' if each['overdue'] else due}"
        yield from reasons.remedied({**each["remedy"], "permitted": []})


def change(session: Session, change_id: Annotated[str, typer.Argument(metavar="CHANGE", show_default=False)]) -> None:
    """Show a change: its plan, whose approvals it has, and what it waits for."""
    found = _found(session.ask(OF_CHANGE, changeId=change_id)["changeRequest"], f"change {change_id}", "changes")
    session.show(found, _change(found))


def _change(change: Mapping[str, Any]) -> Lines:
    plan, impact, gate = change["plan"], change["plan"]["impact"] or {}, change["gate"] or {}
    yield f"{change['changeId']}: {change['status']}, risk {change['riskLevel']}: {plan['title']}"
    yield from _facts({
        "what": f"{plan['changeType']} of {plan['modelId']} in {plan['environment']}",
        "from": plan["currentVersion"] or "nothing", "to": plan["targetVersion"] or "nothing", "says": plan["description"],
        "why": plan["justification"], "requested by": change["requester"],
        "touches": "; ".join([*impact.get("affectedSystems", ()), *filter(None, [impact.get("affectedUsers")])]),
        "downtime": f"{impact['estimatedDowntime']} minutes" if impact else None,
        "way back": plan["rollbackPlan"], "scheduled": change["scheduledTime"], "ended": change["completedTime"],
        "gate": gate.get("basis"), "lacked": "; ".join(gate.get("lacks", ())), "takes back": change["rollsBackId"],
        "taken back by": change["rolledBackById"], "next": ", ".join(change["allowedTransitions"]),
    })  # fmt: skip
    yield from _section("approvals", (_change_approval(each) for each in change["requiredApprovals"]))
    yield from _section("tests to pass", (f"- {each}" for each in change["missingTests"]))
    yield from _section("comments", (f"- {each['by']}: {each['text']}" for each in change["comments"]))


def _change_approval(each: Mapping[str, Any]) -> str:
    given = each["approval"]
    if not given:
        return f"- {each['role']} PENDING"
    says = f": {given['comments']}" if given["comments"] else ""
    return f"- {each['role']} {'APPROVED' if given['approved'] else 'REFUSED'} by {given['reviewerId']}{says}"


def incident(session: Session, incident_id: Annotated[str, typer.Argument(metavar="INCIDENT", show_default=False)]) -> None:
    """Show an incident."""
    found = _found(session.ask(OF_INCIDENT, incidentId=incident_id)["incident"], f"incident {incident_id}", "incidents")
    told = {
        "about": f"{found['modelId']}@{found['version']}", "in": found["environment"], "says": found["description"],
        "opened by": f"{found['openedBy']}, {found['openedAt']}", "resolved": (found["resolution"] or {}).get("reason"),
    }  # fmt: skip
    first = f"{found['incidentId']}: {found['status']}, {found['severity']}: {found['title']}"
    session.show(found, [first, *_facts(told)])


def person(session: Session, user_id: Annotated[str, typer.Argument(metavar="USER", show_default=False)]) -> None:
    """Show a person: roles, tiers and who vouches for them."""
    found = _found(session.ask(OF_PERSON, userId=user_id)["stakeholder"], f"person {user_id}", "people")
    identity = found["identity"]
    told = {
        "department": found["department"], "platform role": found["platformRole"], "roles": ", ".join(found["roles"]),
        "tiers": ", ".join(found["authorizedTiers"]), "active": "yes" if found["active"] else "no",
        "identity": f"confirmed by {identity['confirmedBy']}" if identity["confirmed"] else "not confirmed",
    }  # fmt: skip
    session.show(found, [f"{found['userId']}: {found['name']}", *_facts(told)])


def policy(session: Session, policy_id: Annotated[str, typer.Argument(metavar="POLICY", show_default=False)]) -> None:
    """Show a policy: whom it binds and what it requires."""
    found = _found(session.ask(OF_POLICY, policyId=policy_id)["policy"], f"policy {policy_id}", "policies")
    says = found["content"]
    told = {
        "about": says["description"], "tiers": ", ".join(says["applicableTiers"]), "stages": ", ".join(says["stages"]),
        "roles": ", ".join(says["requiredRoles"]), "from": says["effectiveFrom"], "until": says["effectiveUntil"],
    }  # fmt: skip
    requires = _section("requires", (f"- {each['requirementId']}: {each['title']}" for each in says["requirements"]))
    first = f"{found['policyId']}: {says['name']} ({found['status']}, {says['enforcement']})"
    session.show(found, [first, *_facts(told), *requires])


def _found(record: dict[str, Any] | None, what: str, listed: str) -> dict[str, Any]:
    if record is None:
        raise Ended(Exit.UNKNOWN, f"there is no {what}", f"magistrate list {listed}")
    return record


def _facts(facts: Mapping[str, Any]) -> Lines:
    yield from (f"  {name:15} {value}" for name, value in facts.items() if value)


def _section(title: str, lines: Iterable[str]) -> Lines:
    told = list(lines)
    if told:
        yield from ("", f"{title}:", *told)
