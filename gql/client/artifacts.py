"""Artefacts as they are typed: `[KIND=]PATH` for a local file, which is read, and `[KIND=]URI[@sha256:DIGEST]`."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gql.client.choices import ENUMERATIONS
from gql.client.digests import digest_of
from gql.client.exits import Ended, Exit

SPELLED = "[KIND=]PATH or [KIND=]URI[@sha256:DIGEST]"
PATH = "path"  # in a file of inputs: the local file that an artefact is
_KINDED = re.compile(r"([A-Za-z]+)=(.*)", re.DOTALL)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two characters at least: C:\ is a drive
_DIGESTED = re.compile(r"(.+)@sha256:([0-9A-Fa-f]{64})")
_IN_URI = ("oci:", "docker:")  # schemes in which the digest is a part of the address


def artifact(text: str, at: str | None = None) -> dict[str, Any]:
    """The fields of an artefact. A local file is hashed, and lies at `at` by its name; WEIGHTS if no kind is said."""
    kind, where = "WEIGHTS", text
    if (kinded := _KINDED.fullmatch(text)) and kinded[1].upper() in ENUMERATIONS["ArtifactKind"]:
        kind, where = kinded[1].upper(), kinded[2]
    file = Path(where)
    if _URI.match(where) and not file.exists():
        return {"kind": kind} | _of_uri(where)
    if kinded and kind != kinded[1].upper() and not file.exists():
        raise Ended(Exit.USAGE, f"{kinded[1]} is no kind of artefact: {', '.join(ENUMERATIONS['ArtifactKind'])}")
    return {"kind": kind} | of_file(file, at)


def of_file(file: Path, at: str | None = None) -> dict[str, Any]:
    """URI, digest and size of a local file. Without `at` the URI is its bare name, which is the same on every machine."""
    if file.is_dir():
        raise Ended(Exit.USAGE, f"{file} is a folder: name its files, each with --artifact")
    if not file.exists():
        raise Ended(Exit.USAGE, f"there is no file {file}, and a URI has a scheme, like https:")
    from urllib.parse import quote

    name, digest = quote(os.fsencode(file.name)), digest_of(file)  # a name need not be UTF-8
    uri = f"{at.rstrip('/')}/{name}" if at else f"file:{name}"
    return {"uri": uri, "sha256": digest.sha256, "size": digest.size}


def _of_uri(uri: str) -> dict[str, Any]:
    if not (digested := _DIGESTED.fullmatch(uri)):
        if "@sha256:" in uri:  # registered as a part of the address, it would bind nobody to any bytes
            raise Ended(Exit.USAGE, f"@sha256: has 64 hexadecimal digits after it, and nothing else: {uri}")
        return {"uri": uri}
    return {"uri": uri if uri.startswith(_IN_URI) else digested[1], "sha256": digested[2].lower()}


def in_file(said: Any, beside: Path, at: str | None) -> Any:
    """An artefact of a file of inputs: `path` names a local file beside it, whose digest and size are taken."""
    if isinstance(said, str):
        return artifact(said, at)
    if not isinstance(said, Mapping) or PATH not in said:
        return said
    others = {name: value for name, value in said.items() if name != PATH}
    return {"kind": "WEIGHTS"} | of_file(beside / str(said[PATH]), at) | others
