"""`magistrate list`: models, versions, changes and so on, with the filters that are asked for most as options."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any

import typer

from gql.client import choices, lists, printing
from gql.client.commands import Session, command, group
from gql.client.exits import Ended, Exit
from gql.client.lists import Listed
from gql.client.printing import Form
from gql.client.subjects import version_of

PAGE, LIMIT = 100, 50
Filter = dict[str, Any]

_FILTER = typer.Option("--filter", metavar="JSON", help="A filter of the graph, beside the options.")
_LIMIT = typer.Option("--limit", min=1, metavar="N", help="How many at most.")
_ALL = typer.Option("--all", help="All of them, however many.")
_FORM = typer.Option("--format", help="How they are written.")
_OWNER = typer.Option("--owner", metavar="USER", help="Whose they are: a user id.")
_MODEL = typer.Option("--model", metavar="MODEL", help="Of one model, by its id.")
_ENVIRONMENT = typer.Option("--environment", metavar="NAME", help="In one environment.")
_OLDEST = typer.Option("--oldest-first", help="The oldest first, else the latest.")


def add_to(app: typer.Typer) -> None:
    nouns = group("List models, versions, changes and so on.")
    for each in (models, versions, changes, incidents, people, policies, deployments, environments, datasheets):
        command(nouns)(each)
    app.add_typer(nouns, name="list")


def _write(
    session: Session, of: Listed, filters: Sequence[Filter | None], said: str | None, limit: int, all_: bool, form: Form | None,
    oldest_first: bool = False,
) -> None:  # fmt: skip
    chosen = Form.JSON if session.in_json else form or Form.TABLE
    order = [{of.order: "ASC" if oldest_first else "DESC"}] if of.order != "{}" else None
    found = _records(session, of, _together([*filters, _read(said)]), order, None if all_ else limit)
    columns = [tuple(each.split(".")) for each in of.columns]
    number = printing.write(found, chosen, columns if chosen in (Form.TABLE, Form.CSV) else None)
    if not number and chosen is Form.TABLE:
        session.tell("magistrate: there is nothing to list")


def _records(
    session: Session, of: Listed, filter_: Filter | None, order: list[dict[str, str]] | None, limit: int | None
) -> Iterator[Mapping[str, Any]]:
    """The records, page by page; whoever asks for fewer than there are is told so on standard error."""
    after, left = None, limit
    while True:
        first = PAGE if left is None else min(PAGE, left)
        page = session.ask(of.text, filter=filter_, first=first, after=after, order=order)[of.field]
        yield from islice(page["nodes"], left)
        left = None if left is None else left - len(page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            return
        if left is not None and left <= 0:
            session.tell(f"magistrate: there are more than {limit}; --all lists them")
            return
        after = page["pageInfo"]["endCursor"]


def _together(filters: Sequence[Filter | None]) -> Filter | None:
    said = [each for each in filters if each]
    return {"and": said} if len(said) > 1 else said[0] if said else None


def _read(said: str | None) -> Filter | None:
    if said is None:
        return None
    try:
        found = json.loads(said)
    except ValueError as error:
        raise Ended(Exit.USAGE, f'--filter must be JSON, like {{"modelId": {{"eq": "x"}}}}: {error}') from error
    if not isinstance(found, dict):
        raise Ended(Exit.USAGE, "--filter must be a JSON object")
    return found


def _eq(name: str, value: str | bool | None) -> Filter | None:
    return None if value is None else {name: {"eq": value}}


def _in(name: str, of: str, said: list[str] | None, option: str) -> Filter | None:
    return {name: {"in": choices.each_chosen(of, said, option)}} if said else None


def _within(outer: str, inner: Filter | None) -> Filter | None:
    return {outer: inner} if inner else None


def models(
    session: Session,
    owner: Annotated[str | None, _OWNER] = None,
    tier: Annotated[list[str] | None, choices.option("RiskTier", "--tier", help="Of the latest version.")] = None,
    status: Annotated[list[str] | None, choices.option("VersionStatus", "--status", help="Of the latest version.")] = None,
    environment: Annotated[str | None, _ENVIRONMENT] = None,
    tag: Annotated[str | None, typer.Option(help="With this tag.")] = None,
    filter_: Annotated[str | None, _FILTER] = None,
    limit: Annotated[int, _LIMIT] = LIMIT,
    all_: Annotated[bool, _ALL] = False,
    form: Annotated[Form | None, _FORM] = None,
) -> None:
    """List models, each with its latest version and where it runs."""
    filters = [
        _eq("ownerId", owner), _within("latestVersion", _in("tier", "RiskTier", tier, "--tier")),
        _within("latestVersion", _in("status", "VersionStatus", status, "--status")),
        {"running": {"some": {"environment": {"eq": environment}}}} if environment else None,
        {"tags": {"some": {"eq": tag}}} if tag else None,
    ]  # fmt: skip
    _write(session, lists.MODELS, filters, filter_, limit, all_, form)


def versions(
    session: Session,
    model: Annotated[str | None, _MODEL] = None,
    owner: Annotated[str | None, _OWNER] = None,
    tier: Annotated[list[str] | None, choices.option("RiskTier", "--tier", help="In this tier; any number.")] = None,
    status: Annotated[list[str] | None, choices.option("VersionStatus", "--status", help="In this status; any number.")] = None,
    environment: Annotated[str | None, _ENVIRONMENT] = None,
    awaits: Annotated[
        str | None, choices.option("GovernanceRole", "--awaits", metavar="ROLE", help="That await approval by a role.")
    ] = None,
    eligible: Annotated[
        bool | None, typer.Option("--eligible/--not-eligible", help="That are eligible for deployment, or are not.")
    ] = None,
    filter_: Annotated[str | None, _FILTER] = None,
    limit: Annotated[int, _LIMIT] = LIMIT,
    all_: Annotated[bool, _ALL] = False,
    form: Annotated[Form | None, _FORM] = None,
) -> None:
    """List versions of models, with where each stands."""
    filters = [
        _eq("modelId", model), _eq("ownerId", owner), _in("tier", "RiskTier", tier, "--tier"),
        _in("status", "VersionStatus", status, "--status"),
        {"deployedIn": {"some": {"eq": environment}}} if environment else None,
        _eq("missingApproval", choices.chosen("GovernanceRole", awaits, "--awaits") if awaits else None),
        None if eligible is None else {"eligible": eligible},
    ]  # fmt: skip
    _write(session, lists.VERSIONS, filters, filter_, limit, all_, form)


def changes(
    session: Session,
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL[@VERSION]", help="Of a model, or to a version.")] = None,
    status: Annotated[list[str] | None, choices.option("ChangeStatus", "--status", help="In this status; any number.")] = None,
    risk: Annotated[list[str] | None, choices.option("ChangeRisk", "--risk", help="Of this risk; any number.")] = None,
    type_: Annotated[list[str] | None, choices.option("ChangeType", "--type", help="Of this kind; any number.")] = None,
    environment: Annotated[str | None, _ENVIRONMENT] = None,
    requester: Annotated[str | None, typer.Option(metavar="USER", help="Requested by somebody.")] = None,
    filter_: Annotated[str | None, _FILTER] = None,
    oldest_first: Annotated[bool, _OLDEST] = False,
    limit: Annotated[int, _LIMIT] = LIMIT,
    all_: Annotated[bool, _ALL] = False,
    form: Annotated[Form | None, _FORM] = None,
) -> None:
    """List changes of what runs."""
    of_plan: list[Filter | None] = [_in("changeType", "ChangeType", type_, "--type"), _eq("environment", environment)]
    if model:
        model_id, version = version_of(model) if "@" in model else (model, None)
        of_plan += [_eq("modelId", model_id), _eq("targetVersion", version)]
    filters = [_within("plan", each) for each in of_plan]
    filters += [
        _in("status", "ChangeStatus", status, "--status"), _in("riskLevel", "ChangeRisk", risk, "--risk"),
        _eq("requester", requester),
    ]  # fmt: skip
    _write(session, lists.CHANGES, filters, filter_, limit, all_, form, oldest_first)


def incidents(
    session: Session,
    model: Annotated[str | None, _MODEL] = None,
    status: Annotated[str | None, choices.option("IncidentStatus", "--status", help="Open or resolved.")] = None,
    severity: Annotated[
        list[str] | None, choices.option("IncidentSeverity", "--severity", help="This severe; any number.")
    ] = None,
    environment: Annotated[str | None, _ENVIRONMENT] = None,
    filter_: Annotated[str | None, _FILTER] = None,
    oldest_first: Annotated[bool, _OLDEST] = False,
    limit: Annotated[int, _LIMIT] = LIMIT,
    all_: Annotated[bool, _ALL] = False,
    form: Annotated[Form | None, _FORM] = None,
) -> None:
    """List incidents."""
    filters = [
        _eq("modelId", model), _in("status", "IncidentStatus", [status] if status else None, "--status"),
        _in("severity", "IncidentSeverity", severity, "--severity"), _eq("environment", environment),
    ]  # fmt: skip
    _write(session, lists.INCIDENTS, filters, filter_, limit, all_, form, oldest_first)


def people(
    session: Session,
    role: Annotated[list[str] | None, choices.option("GovernanceRole", "--role", help="Who hold a role; any number.")] = None,
    tier: Annotated[str | None, choices.option("RiskTier", "--tier", help="Authorised for a tier.")] = None,
    department: Annotated[str | None, typer.Option(help="Of a department.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="Who are active, or are not.")] = None,
    filter_: Annotated[str | None, _FILTER] = None,
    limit: Annotated[int, _LIMIT] = LIMIT,
    all_: Annotated[bool, _ALL] = False,
    form: Annotated[Form | None, _FORM] = None,
) -> None:
    """List people and what they may do."""
    filters = [
        {"roles": {"some": {"in": choices.each_chosen("GovernanceRole", role, "--role")}}} if role else None,
        {"authorizedTiers": {"some": {"eq": choices.chosen("RiskTier", tier, "--tier")}}} if tier else None,
        _eq("department", department), _eq("active", active),
    ]  # fmt: skip
    _write(session, lists.PEOPLE, filters, filter_, limit, all_, form)


def policies(
    session: Session,
    tier: Annotated[str | None, choices.option("RiskTier", "--tier", help="That apply to a tier.")] = None,
    filter_: Annotated[str | None, _FILTER] = None,
    limit: Annotated[int, _LIMIT] = LIMIT,
    all_: Annotated[bool, _ALL] = False,
    form: Annotated[Form | None, _FORM] = None,
) -> None:
    """List policies, each as its latest revision says it."""
    applies = {"some": {"eq": choices.chosen("RiskTier", tier, "--tier")}} if tier else None
    filters = [{"content": {"applicableTiers": applies}} if applies else None]
    _write(session, lists.POLICIES, filters, filter_, limit, all_, form)


def deployments(
    session: Session,
    model: Annotated[str | None, _MODEL] = None,
    environment: Annotated[str | None, _ENVIRONMENT] = None,
    active: Annotated[bool | None, typer.Option("--active/--ended", help="That run, or ran.")] = None,
    filter_: Annotated[str | None, _FILTER] = None,
    oldest_first: Annotated[bool, _OLDEST] = False,
    limit: Annotated[int, _LIMIT] = LIMIT,
    all_: Annotated[bool, _ALL] = False,
    form: Annotated[Form | None, _FORM] = None,
) -> None:
    """List what runs where, and what ran."""
    filters = [_eq("modelId", model), _eq("environment", environment), _eq("active", active)]
    _write(session, lists.DEPLOYMENTS, filters, filter_, limit, all_, form, oldest_first)


def environments(
    session: Session,
    stage: Annotated[list[str] | None, choices.option("Stage", "--stage", help="Of a stage; any number.")] = None,
    filter_: Annotated[str | None, _FILTER] = None,
    limit: Annotated[int, _LIMIT] = LIMIT,
    all_: Annotated[bool, _ALL] = False,
    form: Annotated[Form | None, _FORM] = None,
) -> None:
    """List environments and their stages."""
    _write(session, lists.ENVIRONMENTS, [_in("stage", "Stage", stage, "--stage")], filter_, limit, all_, form)


def datasheets(
    session: Session,
    filter_: Annotated[str | None, _FILTER] = None,
    limit: Annotated[int, _LIMIT] = LIMIT,
    all_: Annotated[bool, _ALL] = False,
    form: Annotated[Form | None, _FORM] = None,
) -> None:
    """List datasheets of data sets."""
    _write(session, lists.DATASHEETS, [], filter_, limit, all_, form)
