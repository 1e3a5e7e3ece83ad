"""Files that models come from: what kind each is, and which versions it names. A server reads them; this says what it would do.

Cards of the Hugging Face Hub, their evaluation results, CycloneDX bills of materials, folders of MLflow with an `MLmodel`, and
registered models of MLflow as JSON.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from gql.client import files
from gql.client.exits import Ended, Exit

LONGEST = 262_144  # characters of a file, as the graph takes it
ML_MODEL = "MLmodel"
RESULTS = ".eval_results"
NESTED = 8  # levels of components of a bill that a server looks into
_NO_KEY = re.compile(r"[^A-Za-z0-9._:@+-]+")
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r"^#[ \t]+(?:model card(?: (?:for|of))?:?\s*)?(.+?)\s*$", re.IGNORECASE | re.MULTILINE)


class Kind(Enum):
    """What a file is."""

    CARD = "HUGGING_FACE"
    RESULTS = "HUGGING_FACE_RESULTS"
    BILL = "CYCLONE_DX"
    ML_MODEL = "MLFLOW"
    REGISTERED = "MLFLOW_REGISTERED_MODEL"


@dataclass(frozen=True)
class Source:
    """A file with the versions that it names, each as (model id, version); what it does not say is empty."""

    path: Path
    kind: Kind
    text: str
    names: tuple[tuple[str, str], ...] = ()
    says: Mapping[str, Any] = field(default_factory=dict)


def as_key(name: str) -> str:
    """An id made of a name, as a server makes it."""
    return _NO_KEY.sub("-", name).strip("-")


def found(paths: Iterable[str]) -> Iterator[tuple[Path, bool]]:
    """The files that paths and patterns name, and whether each was named itself. Folders are looked through."""
    for each in paths:
        path = Path(each)
        if path.is_dir():
            if (path / ML_MODEL).is_file():
                yield path / ML_MODEL, True
            else:
                yield from ((one, False) for one in _inside(path))
        elif path.exists() or not any(sign in each for sign in "*?["):
            yield path, True
        else:
            matching = _matching(path, each)
            if not matching:
                raise Ended(Exit.UNKNOWN, f"no file matches {each}")
            yield from ((one, True) for one in matching if one.is_file())


def _matching(path: Path, pattern: str) -> list[Path]:
    try:
        return sorted(Path("/").glob(pattern.lstrip("/")) if path.is_absolute() else Path().glob(pattern))
    except (ValueError, NotImplementedError) as error:
        raise Ended(Exit.USAGE, f"{pattern!r} is no pattern of files: {error}") from error


def _inside(folder: Path) -> Iterator[Path]:
    """The files below a folder that may be one; those of a model of MLflow are one, and hidden folders are left out."""
    if (folder / ML_MODEL).is_file():
        yield folder / ML_MODEL
        return
    try:
        within = sorted(folder.iterdir())
    except OSError as error:
        raise Ended(Exit.USAGE, f"{folder} cannot be read: {(error.strerror or str(error)).lower()}") from error
    for each in within:
        if each.is_dir() and not each.is_symlink():
            if not each.name.startswith(".") or each.name == RESULTS:
                yield from _inside(each)
        elif not each.is_file():
            continue
        elif each.suffix in (".md", ".json") or (folder.name == RESULTS and each.suffix in (".yaml", ".yml")):
            yield each


def read(path: Path) -> Source | None:
    """What a file is; None if it is none of these. Ended if it cannot be read."""
    try:
        with path.open("rb") as opened:  # by no more than can be one: what is no file has no size, and may have no end
            content = opened.read(4 * LONGEST + 1)
        if len(content) > 4 * LONGEST:
            raise Ended(Exit.USAGE, f"{path} is too long: a file has {LONGEST:,} characters at most")
        text = content.decode().replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Ended(Exit.USAGE, f"{path} cannot be read: {error}") from error
    if len(text) > LONGEST:
        raise Ended(Exit.USAGE, f"{path} is too long: a file has {LONGEST:,} characters at most")
    if path.name == ML_MODEL:
        return _ml_model(path, text)
    if path.parent.name == RESULTS:
        return Source(path, Kind.RESULTS, text)
    if front := _FRONT.match(text):
        return _card(path, text, front)
    return _in_json(path, text) if text.lstrip("\ufeff \t\r\n").startswith("{") else None


def _card(path: Path, text: str, front: re.Match[str]) -> Source:
    said = files.parsed(front[1], str(path), aliases=False)
    said = said if isinstance(said, dict) else {}
    name = said.get("model_name")
    if not name and isinstance(index := said.get("model-index"), list) and index and isinstance(index[0], dict):
        name = index[0].get("name")
    if not name and (title := _TITLE.search(text, front.end())):
        name = title[1]
    version = said.get("version")
    named = (as_key(name) if isinstance(name, str) else "", version if isinstance(version, str) else "")
    return Source(path, Kind.CARD, text, (named,), {"name": name if isinstance(name, str) else None})


def _in_json(path: Path, text: str) -> Source | None:
    try:
        said = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    return _bill(path, text, said) if said.get("bomFormat") == "CycloneDX" else _registered(path, text, said)


def _registered(path: Path, text: str, said: Mapping[str, Any]) -> Source | None:
    """A registered model as MLflow's REST API answers with it (`RegisteredModel`), or as mlflow-export-import writes it."""
    around = said.get("mlflow")
    model = (around if isinstance(around, dict) else said).get("registered_model")
    if not isinstance(model, dict) or not isinstance(model.get("name"), str):
        return None
    return registered(path, model, model.get("versions") or model.get("latest_versions"), text)


def registered(path: Path, model: Mapping[str, Any], listed: Any, text: str = "") -> Source:
    """A registered model of MLflow with its versions; whatever is no version is left out."""
    told = [each for each in (listed if isinstance(listed, list) else ()) if isinstance(each, dict) and each.get("version")]
    versions = {str(each["version"]): each for each in told}
    names = tuple((as_key(model["name"]), each) for each in versions)
    return Source(path, Kind.REGISTERED, text, names, {"model": model, "versions": versions})


def _bill(path: Path, text: str, said: Mapping[str, Any]) -> Source:
    metadata = said.get("metadata")
    top = metadata.get("component") if isinstance(metadata, dict) else None
    return Source(path, Kind.BILL, text, (*_components([top], 1), *_components(said.get("components"), 1)))


def _components(said: Any, depth: int) -> Iterator[tuple[str, str]]:
    for each in said if isinstance(said, list) and depth <= NESTED else ():
        if not isinstance(each, dict):
            continue
        if each.get("type") == "machine-learning-model":
            properties = each.get("properties")
            ours = [
                one.get("value") for one in (properties if isinstance(properties, list) else ())
                if isinstance(one, dict) and one.get("name") == "magistrate:modelId"
            ]  # fmt: skip
            named = ours[0] if ours else ":".join(str(each[name]) for name in ("group", "name") if each.get(name))
            yield as_key(str(named)), str(each.get("version") or "")
        yield from _components(each.get("components"), depth + 1)


def _ml_model(path: Path, text: str) -> Source:
    """A model of MLflow, by the file that its folder has (mlflow/models/model.py)."""
    said = files.parsed(text, str(path), aliases=False)
    if not isinstance(said, dict) or not isinstance(said.get("flavors"), dict):
        raise Ended(Exit.USAGE, f"{path} is no {ML_MODEL} of MLflow: it names no flavors")
    name = str(said.get("artifact_path") or path.resolve().parent.name).rstrip("/").rpartition("/")[2]
    return Source(path, Kind.ML_MODEL, text, ((as_key(name), ""),), said)
