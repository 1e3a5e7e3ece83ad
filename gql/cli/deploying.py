"""`magistrate deploy`: a change from its request to what runs, and back."""

import re
from typing import Annotated, Any

import typer

from gql.client import choices, files
from gql.client.commands import Session, command, group
from gql.client.exits import Ended, Exit
from gql.client.subjects import VERSION, version_of

CHANGE = "changeRequest { changeId status riskLevel requiredApprovals { role } missingTests plan { environment targetVersion } }"
_CHANGE = typer.Argument(metavar="CHANGE", help="The id of the change: CR-...", show_default=False)
_NOTES = typer.Option("--notes", metavar="TEXT", help="What is to be kept with it.")
_REASON = typer.Option("--reason", metavar="TEXT", help="Why.", show_default=False)
_KEY = typer.Option("--key", help="The idempotency key; without it one is made.")
_INCIDENT = "INC-"
_WINDOW = re.compile(r"\s*(?:/|\.\.)\s*")


def add_to(app: typer.Typer) -> None:
    deploy = group("Request a deployment, and carry it out.")
    command(deploy)(request)
    command(deploy, "test")(outcome)
    for each in (schedule, start, complete, fail, rollback, cancel):
        command(deploy)(each)
    app.add_typer(deploy, name="deploy")


def request(
    session: Session,
    subject: Annotated[
        str | None, typer.Argument(metavar=f"[{VERSION}]", help="What is to run, unless --from says it.", show_default=False)
    ] = None,
    environment: Annotated[str | None, typer.Option(metavar="NAME", help="Where; production if not said.")] = None,
    type_: Annotated[str | None, choices.option("ChangeType", "--type", help="The kind of change, else MODEL_UPDATE.")] = None,
    title: Annotated[str | None, typer.Option(help="Without it: Deploy MODEL@VERSION to the environment.")] = None,
    description: Annotated[str | None, typer.Option(help="What changes; without it the title.")] = None,
    justification: Annotated[str | None, typer.Option(help="Why it is wanted.")] = None,
    system: Annotated[list[str] | None, typer.Option(help="A system that it touches; any number.")] = None,
    users: Annotated[str | None, choices.option("AffectedUsers", "--users", help="Whom it touches.")] = None,
    downtime: Annotated[int | None, typer.Option(min=0, metavar="MINUTES", help="How long it is away.")] = None,
    rollback_time: Annotated[int | None, typer.Option(min=0, metavar="MINUTES", help="How long the way back takes.")] = None,
    test_: Annotated[
        list[str] | None, typer.Option("--test", metavar="NAME", help="A test that has to pass before; any number.")
    ] = None,
    rollback_plan: Annotated[str | None, typer.Option(metavar="TEXT", help="How it is undone.")] = None,
    rollback_trigger: Annotated[str | None, typer.Option(metavar="TEXT", help="When it is undone.")] = None,
    window: Annotated[str | None, typer.Option(metavar="FROM/TO", help="When it may start: two moments.")] = None,
    blackout: Annotated[list[str] | None, typer.Option(metavar="DATE", help="When it may not; any number.")] = None,
    mitigates: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="A hold or an incident that it mitigates; any number.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="The fields in YAML or JSON; options come over it.")
    ] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Do not submit it for review.")] = False,
    key: Annotated[str | None, _KEY] = None,
) -> None:
    """Request a change of what runs somewhere, and submit it for review.

    Its id is on standard output. `--type decommission MODEL@VERSION` takes out what runs there. Its kind and its impact say whose
    approvals it needs: they give them by `magistrate approve CHANGE`.
    """
    said = files.read_object(from_) if from_ else {}
    given = {
        "environment": environment, "title": title, "description": description, "justification": justification,
        "rollbackPlan": rollback_plan, "rollbackTrigger": rollback_trigger, "blackoutDates": blackout,
    }  # fmt: skip
    said |= {name: value for name, value in given.items() if value}
    if type_:
        said["changeType"] = choices.chosen("ChangeType", type_, "--type")
    said.setdefault("changeType", "MODEL_UPDATE")
    if subject:
        said["modelId"], version = version_of(subject)
        said["currentVersion" if said["changeType"] == "DECOMMISSION" else "targetVersion"] = version
    if impact := _impact(said.get("impact"), system, users, downtime, rollback_time, test_):
        said["impact"] = impact
    if window:
        said["preferredWindow"] = _window(window)
    if mitigates:
        said["mitigates"] = [{"incidentId" if each.startswith(_INCIDENT) else "holdId": each} for each in mitigates]
    _check(said, submitted=not draft)
    _request(session, said, key, draft)


def _impact(
    said: Any,
    systems: list[str] | None,
    users: str | None,
    downtime: int | None,
    rollback_time: int | None,
    tests: list[str] | None,
) -> Any:
    given = {
        "affectedSystems": systems, "affectedUsers": choices.chosen("AffectedUsers", users, "--users") if users else None,
        "estimatedDowntime": downtime, "rollbackTime": rollback_time, "testingRequired": tests,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value not in (None, [])}
    if said is not None and not isinstance(said, dict):
        raise Ended(Exit.USAGE, "impact must be an object with the fields of the impact")
    return (said or {}) | given


def _window(said: str) -> dict[str, str]:
    match _WINDOW.split(said.strip()):
        case [begins, ends] if begins and ends:
            return {"begins": begins, "ends": ends}
    raise Ended(Exit.USAGE, f"--window must be two moments with / between them, and {said!r} is not")


def _check(said: dict[str, Any], *, submitted: bool) -> None:
    """Says what is missing before anything is sent, so that no draft is left behind."""
    if not said.get("modelId"):
        raise Ended(Exit.USAGE, f"say what is to run: {VERSION}", "magistrate deploy request --help")
    version = said.get("targetVersion") or said.get("currentVersion")
    verb = "Take out" if said["changeType"] == "DECOMMISSION" else "Deploy"
    named = f"{said['modelId']}@{version}" if version else said["modelId"]
    said.setdefault("title", f"{verb} {named}, {said.get('environment', 'production')}")
    said.setdefault("description", said["title"])
    impact = said.get("impact") or {}
    needed = {"--justification": said.get("justification")}
    if submitted or impact:
        needed |= {
            "--users": impact.get("affectedUsers"),
            "--downtime": impact.get("estimatedDowntime"),
            "--rollback-time": impact.get("rollbackTime"),
        }
    if submitted:
        needed["--rollback-plan"] = said.get("rollbackPlan")
    if missing := [option for option, value in needed.items() if value in (None, "")]:
        raise Ended(Exit.USAGE, f"{', '.join(missing)} must be given", "magistrate deploy request --help")


def _request(session: Session, said: dict[str, Any], key: str | None, draft: bool) -> None:
    payload = session.change("createChangeRequest", said, CHANGE, key)
    change = payload["changeRequest"]["changeId"]
    if not draft:
        try:
            payload = session.change("submitChangeForReview", {"changeId": change}, CHANGE, key and f"{key}-submitted")
        except Ended as ended:
            raise Ended(
                ended.status, f"{change} stays a draft: {ended.says}", f"magistrate submit {change}", ended.facts
            ) from ended
    if not session.in_json:
        session.tell(_told(payload["changeRequest"]))
    session.show(payload, change)


def _told(change: dict[str, Any]) -> str:
    needs = ", ".join(each["role"] for each in change["requiredApprovals"])
    told = [f"{change['changeId']} is {change['status']} (risk {change['riskLevel']})"]
    told += [f"it needs approval by {needs}"] if needs else []
    told += [f"tests to pass: {', '.join(change['missingTests'])}"] if change["missingTests"] else []
    return "; ".join(told)


def outcome(
    session: Session,
    change: Annotated[str, _CHANGE],
    name: Annotated[str, typer.Argument(metavar="TEST", help="The test, as the change names it.", show_default=False)],
    failed: Annotated[bool, typer.Option("--failed", help="It did not pass.")] = False,
    uri: Annotated[str | None, typer.Option(metavar="URI", help="Where its report lies.")] = None,
    sha256: Annotated[str | None, typer.Option("--sha256", metavar="DIGEST", help="The report's SHA-256.")] = None,
    notes: Annotated[str | None, _NOTES] = None,
    key: Annotated[str | None, _KEY] = None,
) -> None:
    """Record that a test of a change passed, or failed."""
    more = {name_: value for name_, value in (("uri", uri), ("sha256", sha256), ("notes", notes)) if value}
    fields = {"changeId": change, "name": name, "passed": not failed} | more
    payload = session.change("recordTestResult", fields, CHANGE, key)
    left = payload["changeRequest"]["missingTests"]
    says = f"{name} {'failed' if failed else 'passed'}: {change} is {payload['changeRequest']['status']}"
    session.show(payload, says + (f", tests to pass: {', '.join(left)}" if left else ""))


def schedule(
    session: Session,
    change: Annotated[str, _CHANGE],
    at: Annotated[str, typer.Argument(metavar="MOMENT", help="When it starts: 2027-03-01T12:00:00Z.", show_default=False)],
    key: Annotated[str | None, _KEY] = None,
) -> None:
    """Set when an approved change starts."""
    payload = session.change("scheduleDeployment", {"changeId": change, "scheduledTime": at}, CHANGE, key)
    session.show(payload, f"{change} is {payload['changeRequest']['status']} for {at}")


def start(session: Session, change: Annotated[str, _CHANGE], key: Annotated[str | None, _KEY] = None) -> None:
    """Start an approved change, if its target may run there at this moment; else it ends with 3."""
    select = f"{CHANGE.removesuffix('}')} gate {{ basis lacks }} }}"
    payload = session.change("startDeployment", {"changeId": change}, select, key)
    gate = payload["changeRequest"]["gate"] or {}
    lacks = f", though it lacks {'; '.join(gate['lacks'])}" if gate.get("lacks") else ""
    session.show(payload, f"{change} is {payload['changeRequest']['status']} ({gate.get('basis', 'ELIGIBLE')}{lacks})")


def complete(
    session: Session, change: Annotated[str, _CHANGE], notes: Annotated[str | None, _NOTES] = None,
    key: Annotated[str | None, _KEY] = None,
) -> None:  # fmt: skip
    """End a change that was started: its target runs from now on."""
    _end(session, change, notes, key, success=True)


def fail(
    session: Session, change: Annotated[str, _CHANGE], notes: Annotated[str | None, _NOTES] = None,
    key: Annotated[str | None, _KEY] = None,
) -> None:  # fmt: skip
    """End a change that was started and failed: what ran before still runs."""
    _end(session, change, notes, key, success=False)


def _end(session: Session, change: str, notes: str | None, key: str | None, *, success: bool) -> None:
    fields = {"changeId": change, "success": success} | ({"notes": notes} if notes else {})
    payload = session.change("completeDeployment", fields, CHANGE, key)
    ended, plan = payload["changeRequest"], payload["changeRequest"]["plan"]
    runs = f": {plan['targetVersion'] or 'nothing'} runs in {plan['environment']}" if success else ""
    session.show(payload, f"{change} is {ended['status']}{runs}")


def rollback(
    session: Session,
    change: Annotated[str, _CHANGE],
    reason: Annotated[str, _REASON],
    key: Annotated[str | None, _KEY] = None,
) -> None:
    """Request the change that takes a completed or failed one back; its id is on standard output."""
    fields = {"changeId": change, "reason": reason}
    payload = session.change("rollbackChange", fields, f"{CHANGE} {CHANGE.replace('changeRequest', 'rollback', 1)}", key)
    if not session.in_json:
        session.tell(_told(payload["rollback"]))
    session.show(payload, payload["rollback"]["changeId"])


def cancel(
    session: Session,
    change: Annotated[str, _CHANGE],
    reason: Annotated[str, _REASON],
    key: Annotated[str | None, _KEY] = None,
) -> None:
    """End a change before it starts."""
    payload = session.change("cancelChange", {"changeId": change, "reason": reason}, CHANGE, key)
    session.show(payload, f"{change} is {payload['changeRequest']['status']}")
