"""What an event of schema 1 says in its canonical bytes: the shape, and the contents that it cites. Pure: imports no database."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from documents.audit import tree
from documents.audit.findings import AuditFaultKind
from documents.canonical import quoted
from documents.store.units import Raw
from documents.values import Count, Digest, Value

_KINDS = {"missing": AuditFaultKind.MISSING_FIELD, "extra_forbidden": AuditFaultKind.UNKNOWN_FIELD}


class _Party(Value, strict=True):
    id: str
    type: Literal["user", "system", "automated"]


class _Resource(Value, strict=True):
    type: str
    id: str


class _Subject(Value, strict=True):
    model_id: str
    version: str


class _Request(Value, strict=True):
    id: str
    ip: str | None
    token: str | None
    token_issuer: str | None
    operation: str | None


class Said(Value, strict=True):
    """The shape of schema 1: what the canonical bytes hold, closed but for `details`."""

    seq: Count
    schema_version: Annotated[int, Field(alias="schema", ge=1, le=1)]  # a Literal would take `true` for 1
    origin: Annotated[str, Field(pattern=r"^[^\s+]+$")]
    event_id: Annotated[str, Field(pattern=r"^AUD-[0-9a-f]{32}$")]
    event_type: Annotated[str, Field(min_length=1)]
    outcome: Literal["success", "failure", "partial", "denied"]
    occurred_at: Annotated[str, Field(pattern=r"^[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{3}Z$")]
    actor: _Party
    resource: _Resource
    subject: _Subject | None
    action: str
    details: dict[str, Any]
    request: _Request
    previous_hash: Digest


def shape_faults(error: ValidationError) -> Iterator[tuple[AuditFaultKind, str]]:
    """What is wrong with a shape, kind by kind."""
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        path = ".".join(map(str, each["loc"]))
        yield _KINDS.get(each["type"], AuditFaultKind.INVALID_FIELD), f"{quoted(path)}: {each['msg']}."


def cited(event: Raw) -> set[str]:
    """The digests of the contents that the changes which `event` tells rest on."""
    details = event.get("details")
    changes = details.get("changes") if isinstance(details, dict) else None
    named = [_named(change.get("path"), change.get(side)) for change in _objects(changes) for side in ("from", "to")]
    return {digest for digest in named if tree.is_hash(digest)}


def _named(path: Any, value: Any) -> Any:
    """The content that a value names: one that stands in its place, or that a field called `digest` says."""
    if isinstance(value, dict):
        return value["content"] if value.keys() == {"content"} else None
    return value if isinstance(path, str) and path.endswith(".digest") else None


def _objects(values: Any) -> Iterator[dict[str, Any]]:
    return (each for each in (values if isinstance(values, list) else ()) if isinstance(each, dict))


def is_content(digest: str, text: Any) -> bool:
    return isinstance(text, str) and sha256(text.encode(errors="surrogatepass")).hexdigest() == digest
