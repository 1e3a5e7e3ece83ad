"""Profiles: where somebody is signed in, by which token. They are kept in a file that its owner alone can read.

The file is `magistrate/config.toml` in $XDG_CONFIG_HOME, else in `~/.config` (XDG Base Directory Specification).
"""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gql.client.exits import Ended, Exit

DEFAULT = "default"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
OTHERS = 0o077  # the permissions of everybody but the owner


@dataclass(frozen=True)
class Profile:
    """A server, and the token of somebody there. `token_id` is its public half; `user` is who it signed in."""

    url: str
    token: str = field(repr=False)
    user: str | None = None

    @property
    def token_id(self) -> str:
        return self.token.split("_")[1] if self.token.count("_") > 1 else ""


def config_file() -> Path:
    return _home("XDG_CONFIG_HOME", ".config") / "config.toml"


def cache_folder() -> Path:
    return _home("XDG_CACHE_HOME", ".cache")


def _home(variable: str, otherwise: str) -> Path:
    named = os.environ.get(variable, "")
    # A path that is not absolute is to be ignored, says the specification.
    return (Path(named) if Path(named).is_absolute() else Path.home() / otherwise) / "magistrate"


def named(name: str) -> str:
    """The name of a profile; Ended if it cannot be one."""
    if not NAME.fullmatch(name):
        raise Ended(Exit.USAGE, f"{name!r} is no name of a profile: up to 64 letters, digits, _ and -")
    return name


def read(file: Path | None = None) -> dict[str, Profile]:
    """The profiles by their names; none if there is no file. Ended if others may read it, or it holds something else."""
    import tomllib

    file = file or config_file()
    try:
        with file.open("rb") as opened:
            _only_mine(file, os.fstat(opened.fileno()))
            found = tomllib.load(opened).get("profiles", {})
        if not isinstance(found, dict):
            raise TypeError("profiles must be a table")
        return {named(name): _profile(name, kept) for name, kept in found.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise Ended(Exit.USAGE, f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, TypeError) as error:
        raise Ended(Exit.USAGE, f"{file} is no file of profiles: {error}", "magistrate login") from error


def _profile(name: str, kept: Any) -> Profile:
    if not isinstance(kept, dict) or not all(isinstance(kept.get(each), str) for each in ("url", "token")):
        raise TypeError(f"profiles.{name} must be a table with url and token, which are texts")
    return Profile(kept["url"], kept["token"], kept.get("user"))


def _only_mine(file: Path, opened: os.stat_result) -> None:
    """Refuses a file that others may read or write: it is judged once opened, so that a symlink counts for what it leads to."""
    if not stat.S_ISREG(opened.st_mode):
        raise Ended(Exit.USAGE, f"{file} is no file")
    if opened.st_uid != os.geteuid():
        raise Ended(Exit.USAGE, f"{file} belongs to somebody else, and holds your tokens")
    if opened.st_mode & OTHERS:
        raise Ended(Exit.USAGE, f"{file} holds your tokens, and others may read or write it", f"chmod 600 {file.resolve()}")


@contextmanager
def changing(file: Path | None = None) -> Iterator[dict[str, Profile]]:
    """The profiles, to be changed; they are written when the block ends. Two commands at once wait for each other."""
    import fcntl

    file = (file or config_file()).resolve()  # what a symlink leads to is replaced, and the symlink stays
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            profiles = read(file)
            yield profiles
            _write(file, profiles)
        finally:
            os.close(folder)
    except OSError as error:
        raise Ended(Exit.USAGE, f"{file} cannot be written: {(error.strerror or str(error)).lower()}") from error


def _write(file: Path, profiles: Mapping[str, Profile]) -> None:
    """Writes beside the file, mode 0600 from the first byte, and puts that in its place: a reader sees the old or the new."""
    import tempfile

    descriptor, beside = tempfile.mkstemp(prefix=".config-", dir=file.parent)  # 0600, and never through a symlink
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(_toml(profiles))
            opened.flush()
            os.fsync(opened.fileno())
        Path(beside).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(beside).unlink()
        raise


def _toml(profiles: Mapping[str, Profile]) -> str:
    lines = ["# Written by `magistrate login` and `magistrate logout`, which keep no comments."]
    for name, each in profiles.items():
        kept = {"url": each.url, "token": each.token, "user": each.user}
        lines += ["", f"[profiles.{name}]", *(f"{key} = {_text(value)}" for key, value in kept.items() if value is not None)]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """A basic string of TOML: one of JSON is one, but for DEL, which TOML has escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
