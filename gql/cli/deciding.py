"""`magistrate submit`, `approve` and `reject`: of versions of models, and of changes."""

from typing import Annotated, Any

import typer

from gql.client import choices, subjects
from gql.client.commands import Session, command
from gql.client.exits import Ended, Exit
from gql.client.subjects import CHANGE, VERSION

SUBJECT = f"{VERSION}|CHANGE"
_SUBJECT = typer.Argument(metavar=SUBJECT, help=f"A version, or a change by its id ({CHANGE}...).", show_default=False)
_ROLE = choices.option("GovernanceRole", "--role", metavar="ROLE", help="In which role; needed if you hold several that decide.")
_REVISION = typer.Option("--expected-revision", metavar="N", help="The revision that you have read; another one ends with 7.")
_KEY = typer.Option("--key", help="The idempotency key; without it one is made.")
OF_VERSION = "modelVersion { modelId version status requiredApprovals { role policies status } eligibility { eligible } }"
OF_CHANGE = "changeRequest { changeId status riskLevel requiredApprovals { role approval { approved } } missingTests }"
DECISION = "approval { decisionId role verdict status expiresAt conditions { conditionId text status } }"


def add_to(app: typer.Typer) -> None:
    for each in (submit, approve, reject):
        command(app)(each)


def submit(
    session: Session,
    subject: Annotated[str, _SUBJECT],
    expected_revision: Annotated[int | None, _REVISION] = None,
    key: Annotated[str | None, _KEY] = None,
) -> None:
    """Submit a version for approval, or a change for review."""
    revision = _revision(expected_revision)
    if _is_change(subject):
        payload = session.change("submitChangeForReview", {"changeId": subject} | revision, OF_CHANGE, key)
        session.show(payload, f"{subject} is {_of_change(payload['changeRequest'])}")
        return
    payload = session.change("submitForApproval", subjects.version(subject) | revision, OF_VERSION, key)
    session.show(payload, f"{subject} is {_of_version(payload['modelVersion'])}")


def approve(
    session: Session,
    subject: Annotated[str, _SUBJECT],
    role: Annotated[str | None, _ROLE] = None,
    comment: Annotated[str | None, typer.Option("--comment", metavar="TEXT", help="What you have to say.")] = None,
    condition: Annotated[
        list[str] | None, typer.Option("--condition", metavar="TEXT", help="To be done after deployment; any number.")
    ] = None,
    conditional: Annotated[
        bool, typer.Option("--conditional", help="Count only once the conditions are met and confirmed.")
    ] = False,
    expires: Annotated[str | None, typer.Option(metavar="MOMENT", help="Until when it counts: 2027-03-01T12:00:00Z.")] = None,
    expected_revision: Annotated[int | None, _REVISION] = None,
    key: Annotated[str | None, _KEY] = None,
) -> None:
    """Approve a version or a change, in the role that is asked for."""
    if _is_change(subject):
        if condition or conditional or expires:
            raise Ended(Exit.USAGE, "the approval of a change has no conditions and does not expire")
        _decide_on_change(session, subject, role, comment, expected_revision, key, approved=True)
        return
    if conditional and not condition:
        raise Ended(Exit.USAGE, "--conditional needs a --condition")
    more = {"conditions": condition, "expiresAt": expires}
    verdict = "CONDITIONAL" if conditional else "APPROVED"
    _decide_on_version(session, subject, verdict, role, comment, expected_revision, key, more)


def reject(
    session: Session,
    subject: Annotated[str, _SUBJECT],
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why.", show_default=False)],
    role: Annotated[str | None, _ROLE] = None,
    expected_revision: Annotated[int | None, _REVISION] = None,
    key: Annotated[str | None, _KEY] = None,
) -> None:
    """Reject a version or a change, in the role that is asked for."""
    if _is_change(subject):
        _decide_on_change(session, subject, role, comment, expected_revision, key, approved=False)
    else:
        _decide_on_version(session, subject, "REJECTED", role, comment, expected_revision, key, {})


def _is_change(subject: str) -> bool:
    return subject.startswith(CHANGE) and "@" not in subject


def _revision(said: int | None) -> dict[str, Any]:
    return {} if said is None else {"expectedRevision": said}


def _said(role: str | None, comment: str | None, revision: int | None) -> dict[str, Any]:
    said = {"role": choices.chosen("GovernanceRole", role, "--role") if role else None, "comments": comment}
    return {name: value for name, value in said.items() if value} | _revision(revision)


def _decide_on_version(
    session: Session, subject: str, verdict: str, role: str | None, comment: str | None, revision: int | None, key: str | None,
    more: dict[str, Any],
) -> None:  # fmt: skip
    fields = subjects.version(subject) | {"verdict": verdict} | _said(role, comment, revision)
    fields |= {name: value for name, value in more.items() if value}
    payload = session.change("submitApproval", fields, f"{DECISION} {OF_VERSION}", key)
    given = payload["approval"] or {"role": "the role", "verdict": verdict}
    open_ = [f"- {each['text']}  ({each['conditionId']})" for each in given.get("conditions") or ()]
    says = f"{given['verdict']} by {given['role']}: {subject} is {_of_version(payload['modelVersion'])}"
    session.show(payload, [says, *open_])


def _decide_on_change(
    session: Session, change: str, role: str | None, comment: str | None, revision: int | None, key: str | None, *, approved: bool
) -> None:
    fields = {"changeId": change, "approved": approved} | _said(role, comment, revision)
    payload = session.change("addChangeApproval", fields, f"received required {OF_CHANGE}", key)
    says = f"{change} is {_of_change(payload['changeRequest'])}"
    session.show(payload, f"{says} ({payload['received']} of {payload['required']} approvals)")


def _of_version(version: dict[str, Any]) -> str:
    waits = [f"{each['role']} ({each['status']})" for each in version["requiredApprovals"] if each["status"] != "APPROVED"]
    return str(version["status"]) + (f", awaiting {', '.join(waits)}" if waits else "")


def _of_change(change: dict[str, Any]) -> str:
    waits = [each["role"] for each in change["requiredApprovals"] if not (each["approval"] or {}).get("approved")]
    tests = change["missingTests"]
    told = [f"awaiting {', '.join(waits)}"] if waits and change["status"] in ("SUBMITTED", "UNDER_REVIEW") else []
    told += [f"tests not passed yet: {', '.join(tests)}"] if tests else []
    return ", ".join([f"{change['status']} (risk {change['riskLevel']})", *told])
