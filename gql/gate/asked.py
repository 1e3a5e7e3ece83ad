"""What the gate is asked: path, query and webhook body, read strictly so that nothing is answered by mistake. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from pydantic import TypeAdapter, ValidationError

from documents.changes.plan import PRODUCTION
from documents.errors import InvalidInput
from documents.tokens import parted
from documents.values import Digest, Key, problem_in
from documents.versions.dependencies import VersionName

BY_DIGEST, FLAGGER, METRIC = "sha256", "flagger", "metric"
PREFIX = "sha256:"
PARAMETERS = ("environment", "as")
METADATA = ("model", "version", "sha256", "environment")
_KEY: TypeAdapter[str] = TypeAdapter(Key)
_DIGEST: TypeAdapter[str] = TypeAdapter(Digest)


class Way(Enum):
    """The ways by which the gate is asked."""

    VERSION = "/gate/{model}/{version}"
    DIGEST = "/gate/sha256/{digest}"
    FLAGGER = "/gate/flagger/{token}"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a version, or bytes by their SHA-256, and the environment where it is to run."""

    about: VersionName | str
    environment: str = PRODUCTION
    metric: bool = False
    """Whether a no is answered with 200 too, for callers that take any other status for an error."""


def parts_of(raw_path: bytes) -> list[str] | None:
    """The two parts of the path below `/gate`, percent-decoded once; None if there are not two.

    The path is cut before it is decoded, so that `%2F` is a character of a part and never cuts it. What is not UTF-8 becomes a
    character that no name has.
    """
    parts = raw_path.split(b"/")[2:]
    return [unquote_to_bytes(each).decode(errors="replace") for each in parts] if len(parts) == 2 and all(parts) else None


def way_of(parts: list[str], method: str) -> Way:
    """The way by which a path is asked. A version of a model named `flagger` is asked as any other is, unless it is a token."""
    if parts[0] == BY_DIGEST:
        return Way.DIGEST
    if parts[0] == FLAGGER and (method == "POST" or _is_token(parts[1])):
        return Way.FLAGGER
    return Way.VERSION


def _is_token(text: str) -> bool:
    try:
        return bool(parted(text))
    except ValueError:
        return False


def in_path(way: Way, parts: list[str], query: bytes) -> Question:
    """What a path and its query ask; InvalidInput for what names no version or digest, and for unknown parameters."""
    said = _parameters(query)
    as_ = said.get("as")
    if as_ not in (None, METRIC):
        raise InvalidInput("as", f"must be {METRIC}, or left out")
    about = sha256_of(parts[1], "digest") if way is Way.DIGEST else _version(*parts)
    return Question(about, said.get("environment", PRODUCTION), metric=as_ == METRIC)


def _parameters(query: bytes) -> dict[str, str]:
    try:
        text = query.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=9)
    except ValueError as error:
        raise InvalidInput("query", "must be written as environment=NAME, percent-encoded") from error
    found = dict(pairs)
    if len(found) < len(pairs) or not found.keys() <= set(PARAMETERS):
        raise InvalidInput("query", f"may have {' and '.join(PARAMETERS)}, each once, and nothing else")
    return found


def in_webhook(query: bytes, body: Any) -> Question:
    """What the body of Flagger's webhook asks by its `metadata`; InvalidInput for keys that it cannot have, and for a query.

    Whoever says `?environment=staging` there would otherwise be told of production.
    """
    if query:
        raise InvalidInput("query", "is not read here: `metadata` of the webhook says all that is asked")
    metadata = body.get("metadata") if isinstance(body, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(each, str) for each in metadata.values()):
        raise InvalidInput("metadata", f"must be an object of texts, with {_WANTED}")
    if unknown := metadata.keys() - set(METADATA):
        raise InvalidInput("metadata", f"has {len(unknown)} keys that the gate does not know; it may have {', '.join(METADATA)}")
    return Question(_about(metadata), metadata.get("environment", PRODUCTION))


_WANTED = "model and version, or sha256"


def _about(metadata: Mapping[str, str]) -> VersionName | str:
    match metadata:
        case {"sha256": digest} if metadata.keys().isdisjoint({"model", "version"}):
            return sha256_of(digest, "metadata.sha256")
        case {"model": model, "version": version} if "sha256" not in metadata:
            return _version(model, version, "metadata.")
    raise InvalidInput("metadata", f"must have {_WANTED}")


def _version(model: str, version: str, under: str = "") -> VersionName:
    for name, said in (("model", model), ("version", version)):
        if _is_token(said):  # a refusal further on would repeat it
            raise InvalidInput(f"{under}{name}", "is a token: it is no name, and is best revoked, for others may have logged it")
    return VersionName(model_id=_read(_KEY, model, f"{under}model"), version=_read(_KEY, version, f"{under}version"))


def sha256_of(text: str, path: str) -> str:
    """The SHA-256 that a text names, in either case and with or without `sha256:` before it, as registries write digests."""
    return _read(_DIGEST, text.removeprefix(PREFIX).lower(), path)


def _read(kind: TypeAdapter[str], text: str, path: str) -> str:
    try:
        return kind.validate_python(text)
    except ValidationError as error:
        raise InvalidInput(path, problem_in(error.errors(include_url=False)[0]["msg"])) from error
