"""`magistrate import`: models and cards from files that are there already. What would change is shown before it is done."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from gql.client import mlflow, sources, tracking
from gql.client.commands import Session, command
from gql.client.exits import Ended, Exit
from gql.client.sources import Kind, Source
from gql.client.subjects import VERSION, version_of

STORED = """
query($modelId: String!, $version: String!) {
  model(modelId: $modelId) { ownerId }
  modelVersion(modelId: $modelId, version: $version) { status card { completeness emptySections } }
}
"""
REPORT = "leftOut { path reason }"
MODELS = f"models {{ path filled {REPORT} modelVersion {{ modelId version status tier }} }} {REPORT}"
NOTHING_NEW = "changes no field"  # so a server says that all is there already
OF_MLFLOW = (Kind.ML_MODEL, Kind.REGISTERED)
SIGNS = {"create": "+", "fill": "~", "same": "="}


@dataclass
class Step:
    """What becomes of one version that a file names."""

    source: Source
    action: str
    model: str
    version: str
    says: str
    done: dict[str, Any] | None = None

    @property
    def line(self) -> str:
        return f"{SIGNS[self.action]} {self.model}@{self.version}  {self.says}, from {self.source.path}"

    @property
    def told(self) -> dict[str, Any]:
        return {
            "file": str(self.source.path), "kind": self.source.kind.name, "action": self.action, "modelId": self.model,
            "version": self.version, "result": self.done,
        }  # fmt: skip


@dataclass
class Wanted:
    """What the options say of all files."""

    owner: str | None
    steward: str | None
    subject: tuple[str, str] | None
    version: str | None
    purpose: str | None
    at: str | None
    fill: bool


@dataclass
class Failures:
    """The files that failed. The first one's exit code is that of the command."""

    session: Session
    told: list[dict[str, Any]] = field(default_factory=list)
    first: Exit = Exit.DONE

    def add(self, path: Path, ended: Ended) -> None:
        if ended.status is Exit.OUT_OF_REACH:
            raise ended  # so would all the others fail
        self.first = self.first or ended.status
        self.told.append({"file": str(path), "message": ended.says, "exitCode": int(ended.status), "remedy": ended.remedy})
        self.session.tell(f"{path}: " + Ended(ended.status, ended.says, ended.remedy).line.removeprefix("magistrate: "))


def add_to(app: typer.Typer) -> None:
    command(app, "import")(import_)


def import_(
    session: Session,
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Files, folders, patterns, and mlflow:URL for a tracking server.",
            show_default=False,
        ),
    ],
    owner: Annotated[str | None, typer.Option(metavar="USER", help="The model owner of new versions.")] = None,
    steward: Annotated[str | None, typer.Option(metavar="USER", help="The data steward of new versions.")] = None,
    as_: Annotated[
        str | None, typer.Option("--as", metavar=VERSION, help="What the one file is about, whatever it says itself.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="NAME", help="The version, where a file names none.")
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="What new versions are for, where a file does not say.")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="URI", help="Where the files of a model of MLflow lie for others; else runs:/...")
    ] = None,
    fill: Annotated[bool, typer.Option("--fill", help="Fill the empty fields of cards of versions that are registered.")] = False,
    apply: Annotated[
        bool | None, typer.Option("--apply/--plan", help="Do it without asking, or only show it. Without both a terminal asks.")
    ] = None,
) -> None:
    """Import models and their cards: from cards of the Hugging Face Hub, CycloneDX bills and MLflow.

    First it shows what would be created (+), filled (~) and left as it is (=). Files that cannot be imported do not stop the
    others; the exit code is that of the first of them.
    """
    wanted = Wanted(owner, steward, version_of(as_) if as_ else None, version, purpose, at, fill or bool(as_))
    failures, steps = Failures(session), list[Step]()
    servers = [each for each in paths if each.startswith(tracking.SCHEME)]
    files = list(dict.fromkeys(sources.found(each for each in paths if each not in servers)))
    read = [*_read(files, failures), *(source for each in servers for source in tracking.read(each))]
    if as_ and len(read) > 1:
        raise Ended(Exit.USAGE, f"--as is about one file, and there are {len(read)}")
    for each in read:
        try:
            steps += _planned(session, each, wanted)
        except Ended as ended:
            failures.add(each.path, ended)
    if not read and not failures.told:
        raise Ended(Exit.UNKNOWN, f"there is nothing to import in {', '.join(paths)}")
    doing = [each for each in steps if each.action != "same"]
    if not session.in_json:
        session.show(None, [each.line for each in steps] + ([_summed(steps)] if steps else []))
    applied = bool(doing) and (apply if apply is not None else _confirmed(session))
    if applied:
        _apply(session, doing, wanted, failures)
    elif doing and apply is None:
        session.tell("magistrate: nothing was done yet; --apply does it")
    if session.in_json:
        session.show({"applied": applied, "steps": [each.told for each in steps], "failures": failures.told}, "")
    if failures.first:
        raise typer.Exit(failures.first)


def _confirmed(session: Session) -> bool:
    if session.in_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    return typer.confirm("Do it?", err=True)


def _summed(steps: Sequence[Step]) -> str:
    count = {action: sum(each.action == action for each in steps) for action in SIGNS}
    return f"{count['create']} to create, {count['fill']} to fill, {count['same']} as they are"


def _read(files: Sequence[tuple[Path, bool]], failures: Failures) -> Iterator[Source]:
    for path, named in files:
        try:
            source = sources.read(path)
            if source is not None:
                yield source
            elif named:
                raise Ended(Exit.USAGE, "is no card with front matter, no CycloneDX bill and no model of MLflow")
        except Ended as ended:
            failures.add(path, ended)


def _planned(session: Session, source: Source, wanted: Wanted) -> Iterator[Step]:
    names = [wanted.subject] if wanted.subject else list(source.names)
    if wanted.subject and source.kind is Kind.REGISTERED and len(source.names) != 1:
        raise Ended(Exit.USAGE, f"has {len(source.names)} versions, and --as is about one")
    if not names:
        raise Ended(Exit.USAGE, f"says not which version it is about: say --as {VERSION}")
    for model, named in names:
        version = named or wanted.version or ""
        if not model or not version:
            raise Ended(Exit.USAGE, f"names no {'version' if model else 'model'}: say --as {VERSION}, or --version NAME for many")
        stored = session.ask(STORED, modelId=model, version=version)
        held = stored["modelVersion"]
        if held:
            yield _of_registered(source, model, version, held["card"], wanted)
        elif source.kind is Kind.RESULTS:
            raise Ended(Exit.UNKNOWN, f"holds results of {model}@{version}, which is not registered")
        else:
            if not (wanted.owner and wanted.steward):
                raise Ended(Exit.USAGE, "brings a new version: say --owner and --steward")
            if source.kind in OF_MLFLOW and not mlflow.purpose(source, named, wanted.purpose):
                raise Ended(Exit.USAGE, "does not say what the model is for: say --purpose")
            new = "a version of a registered model" if stored["model"] else "a new model"
            yield Step(source, "create", model, version, f"{new}, with its card")


def _of_registered(source: Source, model: str, version: str, card: dict[str, Any] | None, wanted: Wanted) -> Step:
    if not wanted.fill:
        return Step(source, "same", model, version, "is registered (--fill fills its card)")
    empty = ", ".join(card["emptySections"]) if card else "all of it"
    if not empty:
        return Step(source, "same", model, version, "is registered, and its card has no empty section")
    return Step(source, "fill", model, version, f"the empty fields of its card (empty: {empty})")


def _apply(session: Session, steps: Sequence[Step], wanted: Wanted, failures: Failures) -> None:
    """One mutation a file: a bill with several models is imported whole."""
    imported = dict[Path, dict[str, Any] | Ended]()
    for each in steps:
        path = each.source.path
        try:
            if each.action == "fill":
                _fill(session, each)
            elif each.source.kind in OF_MLFLOW:
                each.done = mlflow.register(session, each.source, each.model, each.version, wanted)
            else:
                if path not in imported:
                    imported[path] = _import(session, each, wanted)
                    _tell_left_out(session, path, imported[path])
                each.done = _mine(each, imported[path])
        except Ended as ended:
            failures.add(path, ended)
            continue
        _tell_left_out(session, path, each.done or {})
        if not session.in_json:
            typer.echo(
                f"done: {each.model}@{each.version}" if each.action != "same" else f"nothing new: {each.model}@{each.version}"
            )


def _import(session: Session, step: Step, wanted: Wanted) -> dict[str, Any] | Ended:
    try:
        return session.change("importModels", _input(step, wanted), MODELS)
    except Ended as ended:
        return ended


def _mine(step: Step, imported: dict[str, Any] | Ended) -> dict[str, Any]:
    """What an import made of one of the versions that a file names."""
    if isinstance(imported, Ended):
        raise imported
    for each in imported["models"]:
        version = each["modelVersion"]
        if version and (version["modelId"], version["version"]) == (step.model, step.version):
            mine: dict[str, Any] = {"receipt": imported["receipt"]} | each
            return mine
    why = "; ".join(each["reason"] for each in imported["leftOut"]) or "it has another name there"
    raise Ended(Exit.USAGE, f"{step.model}@{step.version} was left out: {why}")


def _tell_left_out(session: Session, path: Path, done: dict[str, Any] | Ended) -> None:
    for each in done.get("leftOut", ()) if isinstance(done, dict) else ():
        session.tell(f"{path}: left out: {each['path']}: {each['reason']}")


def _fill(session: Session, step: Step) -> None:
    named = {"modelId": step.model, "version": step.version}
    try:
        if step.source.kind in OF_MLFLOW:
            step.done = mlflow.fill(session, step.source, named)
        else:
            fields = named | {"format": step.source.kind.value, "text": step.source.text}
            step.done = session.change("importModelCard", fields, f"filled {REPORT} missing {{ requirementId reason }}")
    except Ended as ended:
        if NOTHING_NEW not in ended.says:
            raise
        step.action, step.done = "same", {"filled": [], "leftOut": []}


def _input(step: Step, wanted: Wanted) -> dict[str, Any]:
    source: dict[str, Any]
    if step.source.kind is Kind.BILL:
        source = {"cycloneDx": step.source.text}
    else:
        said = {"purpose": wanted.purpose, "name": step.source.says.get("name")}
        card = {"text": step.source.text, "modelId": step.model, "version": step.version}
        source = {"huggingFace": [card | {name: value for name, value in said.items() if value}]}
    return {"ownerId": wanted.owner, "dataStewardId": wanted.steward, "source": source}
