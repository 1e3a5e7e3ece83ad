"""`magistrate register`: a model and a version of it in one, and the same again changes nothing."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gql.client import artifacts, choices, files
from gql.client.commands import Session, command
from gql.client.exits import Ended, Exit
from gql.client.subjects import VERSION, version_of

OF_MODEL = ("name", "description", "tags")
STORED = """
query($modelId: String!, $version: String!) {
  model(modelId: $modelId) { name description tags ownerId }
  modelVersion(modelId: $modelId, version: $version) {
    purpose useCases restrictions tier tierRationale ownerId dataStewardId status artifacts { kind uri sha256 size }
    dependsOn { relation governed { modelId version } external { name version supplier uri } }
  }
  viewer { id stakeholder { roles } }
}
"""
DONE = "modelVersion { modelId version status tier classification { matches { keyword source } } }"


def add_to(app: typer.Typer) -> None:
    command(app)(register)


def register(
    session: Session,
    subject: Annotated[
        str | None, typer.Argument(metavar=f"[{VERSION}]", help="What is registered, unless --from says it.", show_default=False)
    ] = None,
    name: Annotated[str | None, typer.Option(help="The model's name; else its id. [a new model]")] = None,
    description: Annotated[str | None, typer.Option(help="What the model is. [a new model]")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag of the model; any number. [a new model]")] = None,
    purpose: Annotated[str | None, typer.Option(help="What the version is for; its words decide the risk tier.")] = None,
    use_case: Annotated[list[str] | None, typer.Option(help="What it is used for; any number.")] = None,
    restriction: Annotated[list[str] | None, typer.Option(help="What it must not be used for; any number.")] = None,
    tier: Annotated[str | None, choices.option("RiskTier", "--tier", help="A tier of your own.")] = None,
    tier_rationale: Annotated[str | None, typer.Option(help="Why a lighter tier than that of the words is right.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="USER", help="The model owner; you, if you are one.")] = None,
    steward: Annotated[str | None, typer.Option(metavar="USER", help="The data steward.")] = None,
    artifact: Annotated[
        list[str] | None,
        typer.Option("--artifact", metavar="[KIND=]PATH|URI", help=f"What is governed: {artifacts.SPELLED}; any number."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="URI", help="Where local artefacts lie for others: their names are added.")
    ] = None,
    depends_on: Annotated[
        list[str] | None,
        typer.Option(metavar="RELATION=MODEL@VERSION", help="What it stands on; external:NAME@VERSION is not governed here."),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="The fields in YAML or JSON; options come over it.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The idempotency key; without it one is made.")] = None,
) -> None:
    """Register a version of a model, and the model if it is new.

    The same again ends with 0 and changes nothing. Where something that is said differs from what is registered, it ends with 7.
    Local artefacts are read in chunks, and their SHA-256 is what approvals bind to.
    """
    said = _from_file(from_, at)
    if subject:
        said["modelId"], said["version"] = version_of(subject)
    given = {
        "name": name, "description": description, "tags": tag, "purpose": purpose, "useCases": use_case,
        "restrictions": restriction, "tierRationale": tier_rationale, "ownerId": owner, "dataStewardId": steward,
    }  # fmt: skip
    said |= {field: value for field, value in given.items() if value}
    if tier:
        said["tier"] = choices.chosen("RiskTier", tier, "--tier")
    if not said.get("modelId") or not said.get("version"):
        raise Ended(Exit.USAGE, f"say what is registered: {VERSION}", "magistrate register --help")
    if artifact:
        said["artifacts"] = [artifacts.artifact(each, at) for each in artifact]
    if depends_on:
        said["dependsOn"] = [_dependency(each) for each in depends_on]
    _register(session, said, key)


def _from_file(file: str | None, at: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    said = files.read_object(file)
    if isinstance(said.get("artifacts"), list):
        beside = Path() if file == "-" else Path(file).parent
        said["artifacts"] = [artifacts.in_file(each, beside, at) for each in said["artifacts"]]
    return said


def _dependency(text: str) -> dict[str, Any]:
    relation, _, on = text.partition("=")
    named = choices.chosen("DependencyRelation", relation, "--depends-on")
    if not on.removeprefix("external:"):
        raise Ended(Exit.USAGE, f"--depends-on must be RELATION={VERSION}, and {text!r} is not")
    if on.startswith("external:"):
        name, _, version = on.removeprefix("external:").partition("@")
        return {"relation": named, "on": {"external": {"name": name} | ({"version": version} if version else {})}}
    model, version = version_of(on)
    return {"relation": named, "on": {"governed": {"modelId": model, "version": version}}}


def _register(session: Session, said: dict[str, Any], key: str | None) -> None:
    stored = _stored(session, said)
    if stored["modelVersion"]:
        _same(session, said, stored)
        return
    viewer = stored["viewer"]
    if "ownerId" not in said and "MODEL_OWNER" in ((viewer["stakeholder"] or {}).get("roles") or ()):
        said["ownerId"] = viewer["id"]
    _whole(said)
    try:
        payload = _new(session, said, stored["model"], key)
    except Ended as ended:
        if ended.status is not Exit.CONFLICT:
            raise
        before, stored = stored, _stored(session, said)  # somebody was quicker: what they registered may be the same
        if stored["modelVersion"]:
            _same(session, said, stored)
            return
        if before["model"] or not stored["model"]:
            raise
        payload = _new(session, said, stored["model"], key and f"{key}-version")  # it was another version of the new model
    version = payload["modelVersion"]
    words = ", ".join(each["keyword"] for each in version["classification"]["matches"])
    says = f"{version['modelId']}@{version['version']} is registered: {version['status']}, {version['tier']}"
    session.show({"registered": True} | payload, says + (f" by the words {words}" if words else ""))


def _stored(session: Session, said: Mapping[str, Any]) -> dict[str, Any]:
    return session.ask(STORED, modelId=str(said["modelId"]), version=str(said["version"]))


def _whole(said: Mapping[str, Any]) -> None:
    needed = {"purpose": "--purpose", "ownerId": "--owner", "dataStewardId": "--steward", "artifacts": "--artifact"}
    missing = [option for field, option in needed.items() if not said.get(field)]
    if missing:
        raise Ended(Exit.USAGE, f"{', '.join(missing)} must be given for a new version", "magistrate register --help")


def _new(session: Session, said: Mapping[str, Any], model: Mapping[str, Any] | None, key: str | None) -> dict[str, Any]:
    if model is None:
        return session.change("registerModel", {"name": said["modelId"]} | dict(said), DONE, key)
    if differing := list(_differing(said, model, OF_MODEL)):
        raise _conflict(f"the model {said['modelId']}", differing, f"magistrate show model {shlex.quote(said['modelId'])}")
    fields = {name: value for name, value in said.items() if name not in OF_MODEL}
    return session.change("registerModelVersion", fields, DONE, key)


def _same(session: Session, said: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Says that it is registered already; Ended by CONFLICT if something that is said differs."""
    of_version = [each for each in said if each not in (*OF_MODEL, "modelId", "version")]
    differing = [*_differing(said, stored["model"], OF_MODEL), *_differing(said, stored["modelVersion"], of_version)]
    named = f"{said['modelId']}@{said['version']}"
    if differing:
        raise _conflict(named, differing, f"magistrate show version {shlex.quote(named)}")
    version = {"modelId": said["modelId"], "version": said["version"]} | {
        each: stored["modelVersion"][each] for each in ("status", "tier")
    }
    session.show({"registered": False, "modelVersion": version}, f"{named} is registered already, with all that was said")


def _conflict(what: str, differing: list[str], remedy: str) -> Ended:
    return Ended(Exit.CONFLICT, f"{what} is registered already, with another {' and another '.join(differing)}", remedy)


def _differing(said: Mapping[str, Any], stored: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    """The fields that are said and differ; what is not said is not compared."""
    for name in names:
        if name in said and not _is_stored(name, said[name], stored.get(name)):
            yield name


def _is_stored(name: str, said: Any, stored: Any) -> bool:
    if name == "artifacts" and isinstance(said, list):  # in any order, and a size need not be said
        both = len(said) == len(stored) and all(any(_within(each, one) for one in stored) for each in said)
        return both and all(any(_within(each, one) for each in said) for one in stored)
    if name == "dependsOn" and isinstance(said, list):
        return said == [_as_input(each) for each in stored]
    return bool(said == stored)


def _within(said: Any, stored: Mapping[str, Any]) -> bool:
    return isinstance(said, Mapping) and all(stored.get(name) == value for name, value in said.items())


def _as_input(dependency: Mapping[str, Any]) -> dict[str, Any]:
    """A stored dependency in the form of an input: without what is null."""
    on = {name: dependency[name] for name in ("governed", "external") if dependency[name]}
    plain = {name: {key: value for key, value in of.items() if value is not None} for name, of in on.items()}
    return {"relation": dependency["relation"], "on": plain}
