"""The shape of an event of schema 1 in its canonical bytes, and the contents that it cites. Pure: imports no database."""

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
    """The fields of an event, as its canonical bytes hold them. Only `details` may hold further ones."""

    # Not derived from AuditEvent: a verifier imports no database, and a change of the stored class must not change the check.
    seq: Count
    schema_version: Annotated[int, Field(alias="schema", ge=1, le=2)]  # Literal[1] would accept `true`, for Python has True == 1
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
    """The faults of an event that is not of the shape `Said`, each as its kind and a sentence."""
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        path = ".".join(map(str, each["loc"]))
        yield _KINDS.get(each["type"], AuditFaultKind.INVALID_FIELD), f"{quoted(path)}: {each['msg']}."


def cited(event: Raw) -> set[str]:
    """The digests of the contents that the changes of `event` cite, before or after. Accepts a malformed event."""
    details = event.get("details")
    changes = details.get("changes") if isinstance(details, dict) else None
    named = [_named(change.get("path"), change.get(side)) for change in _objects(changes) for side in ("from", "to")]
    return {digest for digest in named if tree.is_hash(digest)}


def _named(path: Any, value: Any) -> Any:
    """The digest that one side of a change cites: `{"content": digest}`, or the value of a path that ends in `.digest`."""
    if isinstance(value, dict):
        return next(iter(value.values())) if value.keys() in ({"content"}, {"cites"}) else None
    return value if isinstance(path, str) and path.endswith(".digest") else None


def _objects(values: Any) -> Iterator[dict[str, Any]]:
    return (each for each in (values if isinstance(values, list) else ()) if isinstance(each, dict))


def is_content(digest: str, text: Any) -> bool:
    """Whether `text` is a string that hashes to `digest`."""
    # A text may hold an unpaired surrogate, which strict UTF-8 refuses to encode; a verification must not raise.
    return isinstance(text, str) and sha256(text.encode(errors="surrogatepass")).hexdigest() == digest
