"""A quick reading of the events that are as the product stores them; the full checks are for all others. Pure.

What is returned here was checked exactly: the stored fields are what the bytes say, the bytes are canonical and hash to the
stored hash, and they have the shape of an event. None only says that somebody has to look closer, as
`documents.audit.verification` does. So a check here may be stricter than the full one, and is never weaker.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from json.encoder import encode_basestring as _text
from operator import itemgetter
from types import NoneType
from typing import Any, NamedTuple

from documents.audit import tree
from documents.audit.schema import cited
from documents.canonical import UNSPEAKABLE, is_sha256
from documents.store.units import Raw
from documents.values import MAX_SAFE_INTEGER

HASHED = (
    "action", "actor", "details", "event_id", "event_type", "occurred_at", "origin", "outcome", "previous_hash", "request",
    "resource", "schema", "seq", "subject",
)  # fmt: skip
NOT_HASHED = frozenset({"_id", "event_hash", "nodes", "canonical"})
"""What is stored beside the bytes: it follows from them."""
_HASHED = frozenset(HASHED)
_OUTCOMES, _ACTORS = frozenset({"success", "failure", "partial", "denied"}), frozenset({"user", "system", "automated"})
_ORIGIN, _EVENT_ID = re.compile(r"[^\s+]+"), re.compile(r"AUD-[0-9a-f]{32}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_BEYOND_UFFFF = re.compile(rb"[\xf0-\xff]")
# Inside a text of canonical bytes quotation marks are escaped, so this is an object that has one of these members only.
_CITES = b'{"c'
_CITED = re.compile(rb'\{"(?:content|cites)":"([0-9a-f]{64})"\}')
_fields = itemgetter(*HASHED)


class Ordinary(NamedTuple):
    """An event that was found to be ordinary."""

    said: Raw
    """The fields that its bytes have, and others beside them; the time need not be a text."""
    at: str
    """Its time."""
    leaf: str
    """The hash of its bytes."""
    cites: Collection[str]
    """The digests of the contents that it cites."""


def ordinary(event: Raw) -> Ordinary | None:
    """The reading of a stored event, as the driver decodes it; None if it is not ordinary."""
    try:
        at, text = event["occurred_at"].isoformat(timespec="milliseconds"), event["canonical"]
        # `_form` and this function look up all that stands in `HASHED`, and each of the other fields, so there is no further one.
        whole = len(event) == len(HASHED) + len(NOT_HASHED) and "_id" in event and "nodes" in event
        if not whole or type(text) is not bytes or not at.endswith("+00:00"):
            return None
        leaf = tree.leaf_hash(text)
        return _read(event, f"{at[:-6]}Z", text, leaf) if leaf == event["event_hash"] else None
    except _NOT_ORDINARY:
        return None


def ordinary_bytes(text: bytes) -> Ordinary | None:
    """The reading of an event of which there are only the bytes; None if it is not ordinary."""
    try:
        said = json.loads(text)
        at = said["occurred_at"]
        if said.keys() != _HASHED or not _MOMENT.fullmatch(at) or not datetime.fromisoformat(at):
            return None
        return _read(said, at, text, tree.leaf_hash(text))
    except _NOT_ORDINARY:
        return None


_NOT_ORDINARY = (*UNSPEAKABLE, LookupError, AttributeError)


def _read(event: Raw, at: str, text: bytes, leaf: str) -> Ordinary | None:
    """The reading of an event whose bytes are the canonical form of its fields. Raises one of `_NOT_ORDINARY` for some others."""
    if _form(event, at).encode() != text or not (text.isascii() or _BEYOND_UFFFF.search(text) is None):
        return None
    if event["schema"] != 2:  # an event of schema 1 can cite by a text too
        return Ordinary(event, at, leaf, cited(event))
    return Ordinary(event, at, leaf, [each.decode() for each in _CITED.findall(text)] if _CITES in text else ())


def _form(event: Raw, at: str) -> str:
    """The canonical form of an event, at the time `at`, that has the shape of one; empty for another.

    Where there is a character beyond U+FFFF, names need not be in order (`_object`).
    """
    action, actor, details, event_id, kind, _, origin, outcome, previous, request, resource, schema, seq, subject = _fields(event)
    who, by, of, key, token = actor["id"], actor["type"], resource["type"], resource["id"], request["token"]
    if not (
        type(seq) is type(schema) is int and 0 <= seq < MAX_SAFE_INTEGER and 1 <= schema <= 2
        and type(action) is type(event_id) is type(kind) is type(origin) is type(outcome) is str
        and type(who) is type(by) is type(of) is type(key) is type(request["id"]) is str
        and len(actor) == len(resource) == 2 and len(request) == 5
        and type(details) is dict
        and _EVENT_ID.fullmatch(event_id) and kind and _ORIGIN.fullmatch(origin) and outcome in _OUTCOMES and by in _ACTORS
        and is_sha256(previous)
    ):  # fmt: skip
        return ""
    ip, operation, issuer = request["ip"], request["operation"], request["token_issuer"]
    if subject is None:
        about = "null"
    elif len(subject) == 2 and type(model := subject["model_id"]) is type(version := subject["version"]) is str:
        about = f'{{"model_id":{_text(model)},"version":{_text(version)}}}'
    else:
        return ""
    return (
        f'{{"action":{_text(action)},"actor":{{"id":{_text(who)},"type":"{by}"}},"details":{_object(details)},'
        f'"event_id":"{event_id}","event_type":{_text(kind)},"occurred_at":"{at}","origin":{_text(origin)},'
        f'"outcome":"{outcome}","previous_hash":"{previous}","request":{{"id":{_text(request["id"])},'
        f'"ip":{_TEXTS[type(ip)](ip)},"operation":{_TEXTS[type(operation)](operation)},"token":{_TEXTS[type(token)](token)},'
        f'"token_issuer":{_TEXTS[type(issuer)](issuer)}}},"resource":{{"id":{_text(key)},"type":{_text(of)}}},'
        f'"schema":{schema},"seq":{seq},"subject":{about}}}'
    )


def _object(value: Mapping[Any, Any]) -> str:
    if len(value) == 3 and "from" in value and "to" in value and "path" in value:  # a change, as most objects are
        was, path, now = value["from"], value["path"], value["to"]
        return f'{{"from":{_FORMS[type(was)](was)},"path":{_FORMS[type(path)](path)},"to":{_FORMS[type(now)](now)}}}'
    # Sorted by code points, which is the order of RFC 8785 section 3.2.3 unless a character is beyond U+FFFF.
    return f"{{{','.join([f'{_text(name)}:{_FORMS[type(each)](each)}' for name, each in sorted(value.items())])}}}"


def _list(value: list[Any]) -> str:
    return f"[{','.join([_FORMS[type(each)](each) for each in value])}]"


def _integer(value: int) -> str:
    if abs(value) > MAX_SAFE_INTEGER:
        raise ValueError
    return str(value)


_TEXTS: Mapping[type, Callable[[Any], str]] = {str: _text, NoneType: lambda _: "null"}
_FORMS: Mapping[type, Callable[[Any], str]] = {
    **_TEXTS, dict: _object, list: _list, int: _integer, bool: lambda value: "true" if value else "false",
}  # fmt: skip
"""The canonical forms by exact type. It has no number but integers, because others can be spelled in several ways."""
