"""Models of MLflow, whose facts become a card.

The files of a folder with an `MLmodel` become artefacts. Of a registered model nothing but its address is known.
"""

import re
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from gql.client.commands import Session
from gql.client.digests import digest_of
from gql.client.exits import Ended, Exit
from gql.client.sources import ML_MODEL, Kind, Source

MOST = 200  # artefacts that a version takes
KEPT = ("run_id", "model_uuid", "model_id", "mlflow_version", "utc_time_created", "signature", "metadata")
CONFIG = {ML_MODEL, "conda.yaml", "python_env.yaml", "requirements.txt", "registered_model_meta", "input_example.json"}
TOKENIZER = re.compile(r"(^|/)(tokenizer|vocab|merges|special_tokens)[^/]*$")
REGISTERED = ("run_id", "source", "current_stage", "status", "aliases", "tags", "creation_timestamp", "last_updated_timestamp")
GENERIC = "python_function"  # the flavor that nearly every model has beside its own
CARD = """
query($modelId: String!, $version: String!) {
  modelVersion(modelId: $modelId, version: $version) { card { modelType additionalInfo } }
}
"""
DONE = "modelVersion { modelId version status tier }"


class Said(Protocol):
    """What the options of an import say of new versions."""

    owner: str | None
    steward: str | None
    purpose: str | None
    at: str | None


def purpose(source: Source, version: str, otherwise: str | None) -> str | None:
    """What a model is for: what is said, else its metadata, or the description of the version or of the registered model."""
    if source.kind is Kind.REGISTERED:
        told = _told(source, version).get("description") or source.says["model"].get("description")
    else:
        metadata = source.says.get("metadata")
        told = metadata.get("purpose") or metadata.get("description") if isinstance(metadata, dict) else None
    return otherwise or (told if isinstance(told, str) else None)


def artifacts(source: Source, version: str, at: str | None) -> list[dict[str, Any]]:
    """What the version consists of, at `at` or where MLflow keeps it: all files of a folder with their digests."""
    if source.kind is Kind.REGISTERED:
        names = source.says["model"]["name"], str(_told(source, version)["version"])
        return [{"kind": "WEIGHTS", "uri": at or f"models:/{'/'.join(quote(each, safe='') for each in names)}"}]
    return _files(source, at)


def _told(source: Source, version: str) -> dict[str, Any]:
    """What MLflow says of a version; of its only one, if somebody says that it is another one here."""
    versions: dict[str, dict[str, Any]] = source.says["versions"]
    return versions.get(version) or next(iter(versions.values()))


def _files(source: Source, at: str | None) -> list[dict[str, Any]]:
    folder = source.path.parent
    run, path = source.says.get("run_id"), source.says.get("artifact_path")
    base = at or (f"runs:/{run}/{path}" if run and path else "mlflow-model:")
    found = sorted(each for each in folder.rglob("*") if each.is_file())
    if len(found) > MOST:
        raise Ended(Exit.USAGE, f"has {len(found)} files, and a version takes {MOST} artefacts")
    return [_artifact(each, str(each.relative_to(folder)), base) for each in found]


def _artifact(file: Path, name: str, base: str) -> dict[str, Any]:
    digest = digest_of(file)
    return {"kind": _kind(name), "uri": f"{base.rstrip('/')}/{quote(name)}", "sha256": digest.sha256, "size": digest.size}


def _kind(name: str) -> str:
    if name in CONFIG:
        return "CONFIG"
    if name.endswith(".py"):
        return "CODE"
    return "TOKENIZER" if TOKENIZER.search(name) else "WEIGHTS"


def run(source: Source, version: str) -> dict[str, Any]:
    """The facts of a model as a training run of which a card is generated."""
    if source.kind is Kind.REGISTERED:
        told = _told(source, version)
        kept = {name: told[name] for name in REGISTERED if told.get(name)}
        if isinstance(tags := kept.get("tags"), dict):  # the keys of tags have dots, which a key of free JSON has not
            kept["tags"] = [{"key": key, "value": value} for key, value in tags.items()]
        return {
            "additionalInfo": {
                "mlflow": {"registered_model": source.says["model"]["name"], "version": str(told["version"])} | kept
            }
        }
    flavors = source.says["flavors"]
    own = [each for each in flavors if each != GENERIC] or list(flavors)
    kept = {name: source.says[name] for name in KEPT if source.says.get(name) is not None}
    return {"metadata": {"modelType": ", ".join(map(str, own))}, "additionalInfo": {"mlflow": {"flavors": flavors} | kept}}


def register(session: Session, source: Source, model: str, version: str, said: Said) -> dict[str, Any]:
    """Registers a version with its artefacts, and generates its card."""
    named = {"modelId": model, "version": version}
    fields = named | {
        "purpose": purpose(source, version, said.purpose), "ownerId": said.owner, "dataStewardId": said.steward,
        "artifacts": artifacts(source, version, said.at),
    }  # fmt: skip
    known = session.ask("query($modelId: String!) { model(modelId: $modelId) { modelId } }", modelId=model)["model"]
    made = "registerModelVersion" if known else "registerModel"
    payload = session.change(made, fields if known else fields | {"name": _name(source, model)}, DONE)
    return payload | {"card": fill(session, source, named)}


def _name(source: Source, model: str) -> str:
    return str(source.says["model"]["name"]) if source.kind is Kind.REGISTERED else model


def fill(session: Session, source: Source, named: dict[str, Any]) -> dict[str, Any]:
    """Generates what the card of a version does not say yet; `filled` is empty if it says all."""
    held = (session.ask(CARD, **named)["modelVersion"] or {}).get("card") or {}
    facts = run(source, named["version"])
    if held.get("modelType"):
        facts.pop("metadata", None)
    if "mlflow" in (held.get("additionalInfo") or {}):
        del facts["additionalInfo"]
    return session.change("generateModelCard", named | facts, "filled") if facts else {"filled": []}
