"""Models of MLflow: a folder with a file `MLmodel`, whose files become artefacts and whose facts become a card."""

import re
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from gql.client.commands import Session
from gql.client.digests import digest_of
from gql.client.exits import Ended, Exit
from gql.client.sources import ML_MODEL, Source

MOST = 200  # artefacts that a version takes
KEPT = ("run_id", "model_uuid", "model_id", "mlflow_version", "utc_time_created", "signature", "metadata")
CONFIG = {ML_MODEL, "conda.yaml", "python_env.yaml", "requirements.txt", "registered_model_meta", "input_example.json"}
TOKENIZER = re.compile(r"(^|/)(tokenizer|vocab|merges|special_tokens)[^/]*$")
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


def purpose(source: Source, otherwise: str | None) -> str | None:
    """What a model is for: what is said, else its metadata."""
    metadata = source.says.get("metadata")
    told = metadata.get("purpose") or metadata.get("description") if isinstance(metadata, dict) else None
    return otherwise or (told if isinstance(told, str) else None)


def artifacts(source: Source, at: str | None) -> list[dict[str, Any]]:
    """All files of the folder with their digests. They lie at `at`, else where MLflow keeps the run."""
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


def run(source: Source) -> dict[str, Any]:
    """The facts of a model as a training run of which a card is generated."""
    flavors = source.says["flavors"]
    own = [each for each in flavors if each != GENERIC] or list(flavors)
    kept = {name: source.says[name] for name in KEPT if source.says.get(name) is not None}
    return {"metadata": {"modelType": ", ".join(map(str, own))}, "additionalInfo": {"mlflow": {"flavors": flavors} | kept}}


def register(session: Session, source: Source, model: str, version: str, said: Said) -> dict[str, Any]:
    """Registers a version with its artefacts, and generates its card."""
    named = {"modelId": model, "version": version}
    fields = named | {
        "purpose": purpose(source, said.purpose), "ownerId": said.owner, "dataStewardId": said.steward,
        "artifacts": artifacts(source, said.at),
    }  # fmt: skip
    known = session.ask("query($modelId: String!) { model(modelId: $modelId) { modelId } }", modelId=model)["model"]
    made = "registerModelVersion" if known else "registerModel"
    payload = session.change(made, fields if known else fields | {"name": model}, DONE)
    return payload | {"card": fill(session, source, named)}


def fill(session: Session, source: Source, named: dict[str, Any]) -> dict[str, Any]:
    """Generates what the card of a version does not say yet; `filled` is empty if it says all."""
    held = (session.ask(CARD, **named)["modelVersion"] or {}).get("card") or {}
    facts = run(source)
    if held.get("modelType"):
        del facts["metadata"]
    if "mlflow" in (held.get("additionalInfo") or {}):
        del facts["additionalInfo"]
    return session.change("generateModelCard", named | facts, "filled") if facts else {"filled": []}
