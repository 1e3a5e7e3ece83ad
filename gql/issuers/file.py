"""Reads the file that `MAGISTRATE_IDENTITY` names."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from documents.issuers import ClaimNames, Group, Issuer, Issuers, Rule
from documents.values import problem_in
from gql.faults import IdentityRefused

FILE_BYTES = 1024 * 1024
TABLES: Mapping[tuple[str, ...], type[BaseModel]] = {
    (): Issuers, ("issuer",): Issuer, ("issuer", "claims"): ClaimNames, ("issuer", "group"): Group, ("issuer", "rule"): Rule,
}  # fmt: skip
"""What the tables of the file are read as, by where they stand."""


def read_issuers(path: Path) -> Issuers:
    """Reads the issuers. Raises IdentityRefused, which names the first wrong key, for a file that is not as it must be."""
    try:
        text = path.read_bytes()
        if len(text) > FILE_BYTES:
            raise IdentityRefused(path, "it", f"has more than {FILE_BYTES:,} bytes")
        found = Issuers.model_validate(tomllib.loads(text.decode()))
    except OSError as error:
        raise IdentityRefused(path, "it", f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise IdentityRefused(path, "it", f"is not TOML: {error}") from None
    except ValidationError as wrong:
        first = _first(wrong.errors(include_url=False, include_input=False))
        raise IdentityRefused(path, f"`{_key(first['loc'])}`", _problem(first)) from None
    for index, each in enumerate(found.issuer):
        for key, file in (("jwks", each.jwks_file), ("client_secret_file", each.client_secret_file)):
            if file and (why := _unreadable(Path(file))):
                raise IdentityRefused(path, f"`{_key(('issuer', index, key))}`", f"names {file}, which cannot be read: {why}")
    return found


def _unreadable(path: Path) -> str | None:
    try:
        path.open("rb").close()
    except OSError as error:
        return error.strerror
    return None


def _first(errors: Sequence[ErrorDetails]) -> ErrorDetails:
    """The first fault; where a key is missing, one of its table that is no key, because it may be the missing one misspelt."""
    first = errors[0]
    beside = [each for each in errors if each["type"] == "extra_forbidden" and each["loc"][:-1] == first["loc"][:-1]]
    return beside[0] if first["type"] == "missing" and beside else first


def _problem(error: ErrorDetails) -> str:
    """What is wrong with a key, in the words of TOML."""
    path = tuple(each for each in error["loc"] if isinstance(each, str))
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            fields = TABLES[path[:-1]].model_fields.items()
            return f"is no key here; known are {', '.join(_written(*path[:-1], each.alias or name) for name, each in fields)}"
        case "tuple_type" | "model_type" if path in TABLES:
            return f"must be {_written(*path)}"
        case "tuple_type":
            return "must be a list"
        case "string_type":
            return "must be a text"
        case "bool_type":
            return "must be true or false"
        case _:
            return problem_in(error["msg"])


def _written(*path: str) -> str:
    """A key as the file writes it: a table in brackets, and one of several in two."""
    if path not in TABLES:
        return path[-1]
    said = ".".join(path)
    return f"[{said}]" if TABLES[path] is ClaimNames else f"[[{said}]]"


def _key(location: tuple[int | str, ...]) -> str:
    """The key as TOML writes it, the tables of a list counted from 1: `issuer[2].group[1].roles`."""
    said = ""
    for step in location:
        said += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if said else step
    return said or "issuer"
