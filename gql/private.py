"""Files and folders that no other user of the machine may read, whatever the umask.

It imports no records, because the supervisor uses it at each start.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

FOLDER, FILE = 0o700, 0o600
OURS = (
    "admin-token", "audit-key", "audit-key.*", "secret-key", "secret-key-previous", "database-uri", "lock", "release",
    "engine.log", "engine.log.1", "engine.pid", "engine.toml", "database", "database-schema-*",
)  # fmt: skip
"""What the data folder has of ours. Anything else in it is somebody else's and keeps its mode."""


def write_private(path: Path, text: str) -> None:
    """Writes a file atomically; at no moment can another user read it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(open_private(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def open_private(path: str | Path, flags: int) -> int:
    """Opens or makes a file that its owner alone may read and write; to be given to `open` as `opener`."""
    opened = os.open(path, flags, FILE)
    os.fchmod(opened, FILE)
    return opened


def make_private(folder: Path) -> list[Path]:
    """Makes the data folder its owner's alone, and what is ours in it; returns what others could read or enter before.

    A folder of another owner, or one that everybody shares as /tmp is, keeps its mode and is returned too.
    """
    folder.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    if folder.stat().st_mode & stat.S_ISVTX or folder.stat().st_uid != os.geteuid():
        return [folder]
    return [each for each in _ours(folder) if _narrowed(each)]


def _ours(folder: Path) -> Iterator[Path]:
    yield folder
    for pattern in OURS:
        for each in folder.glob(pattern):
            yield each
            if each.is_dir() and not each.is_symlink():
                yield from each.rglob("*")


def _narrowed(path: Path) -> bool:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or not found.st_mode & 0o077 or found.st_uid != os.geteuid():
        return False
    path.chmod(FOLDER if stat.S_ISDIR(found.st_mode) else FILE)
    return True
