"""The shape of an event of schema 1 or 2 in its canonical bytes, and the contents that it cites. Pure: imports no database."""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from documents.audit.findings import AuditFaultKind
from documents.canonical import is_sha256, quoted
from documents.store.units import Raw
from documents.values import Count, Digest, Value

_MEMBERS = {1: frozenset({"content"}), 2: frozenset({"content", "cites"})}  # of the objects that cite, by schema
_HOLDS_DIGEST = re.compile(r"(?s:(?:.+\.)?digest|frozen_plan|gate\.eligibility|approvals\.[0-9]+\.plan|(?:.+\.)?dossier\..+)")
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
    """The digests of the contents that an event cites. Accepts a malformed event, as it is stored or as its bytes have it.

    In schema 2 a citation is an object with one member, `content` or `cites`, whose value is a digest, at any depth of `details`.
    In schema 1 it is an object with the one member `content`, at any depth of `details`, or the text on either side of a change
    whose path is `frozen_plan`, `gate.eligibility` or `approvals.N.plan`, ends in the step `digest`, or leads below a step
    `dossier`. A digest is 64 lower-case hexadecimal digits. Nothing else is a citation: the `sha256` of an artefact, of evidence,
    of a test result or of an imported file is of bytes that are not kept here.
    """
    details = event.get("details")
    named = set(_in_objects(details, _MEMBERS.get(_schema(event), _MEMBERS[1])))
    if _schema(event) != 2 and isinstance(details, dict):
        named.update(_in_paths(details.get("changes")))
    return named


def _schema(event: Raw) -> int:
    told = event.get("schema")
    return told if type(told) is int else 1


def _in_objects(value: Any, members: frozenset[str]) -> Iterator[str]:
    """The digests of the objects below a value that have exactly one of the members; not recursive, for any depth."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            if len(value) == 1 and members >= value.keys() and is_sha256(told := next(iter(value.values()))):
                yield told
            else:
                waiting += value.values()


def _in_paths(changes: Any) -> Iterator[str]:
    """The digests that events of schema 1 tell as plain text, by the paths of the changes."""
    for change in changes if isinstance(changes, list) else ():
        path = change.get("path") if isinstance(change, dict) else None
        if isinstance(path, str) and _HOLDS_DIGEST.fullmatch(path):
            yield from (change[side] for side in ("from", "to") if is_sha256(change.get(side)))


def is_content(digest: Any, text: Any) -> bool:
    """Whether `text` is a string that hashes to `digest`."""
    # A text may hold an unpaired surrogate, which strict UTF-8 refuses to encode; a verification must not raise.
    return type(text) is str and sha256(text.encode(errors="surrogatepass")).hexdigest() == digest
