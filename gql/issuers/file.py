"""Reads the file that `MAGISTRATE_IDENTITY` names."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from documents.issuers import Issuers
from documents.values import problem_in
from gql.faults import IdentityRefused

FILE_BYTES = 1024 * 1024


def read_issuers(path: Path) -> Issuers:
    """Reads the issuers. Raises IdentityRefused, which names the first wrong key, for a file that is not as it must be."""
    try:
        text = path.read_bytes()
        if len(text) > FILE_BYTES:
            raise IdentityRefused(path, "it", f"has more than {FILE_BYTES:,} bytes")
        return Issuers.model_validate(tomllib.loads(text.decode()))
    except OSError as error:
        raise IdentityRefused(path, "it", f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise IdentityRefused(path, "it", f"is not TOML: {error}") from None
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        raise IdentityRefused(path, f"`{_key(first['loc'])}`", problem_in(first["msg"])) from None


def _key(location: tuple[int | str, ...]) -> str:
    """The key as TOML writes it, the tables of a list counted from 1: `issuer[2].group[1].roles`."""
    said = ""
    for step in location:
        said += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if said else step
    return said or "issuer"
