"""SHA-256 of local files, which may be larger than memory: they are read in chunks, and a terminal is told how far it is."""

import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from gql.client.exits import Ended, Exit, shown

CHUNK = 1 << 20  # bytes that are held at once
EVERY = 0.2  # seconds between two words on a terminal
UNITS = ("B", "KB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Digest:
    """The SHA-256 of a file in hexadecimal digits, and its size in bytes."""

    sha256: str
    size: int


def digest_of(file: Path) -> Digest:
    """Reads a file once. Ended if it cannot be read, or was changed meanwhile, for the digest would be that of neither."""
    try:
        with file.open("rb", buffering=0) as opened:
            before = os.fstat(opened.fileno())
            digest, size, progress = hashlib.sha256(), 0, _Progress(file.name, before.st_size)
            held = memoryview(bytearray(CHUNK))
            while read := opened.readinto(held):
                digest.update(held[:read])
                size += read
                progress.tell(size)
            progress.end()
            after = os.fstat(opened.fileno())
    except OSError as error:
        raise Ended(Exit.USAGE, f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    if stat.S_ISREG(before.st_mode) and (size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise Ended(Exit.CONFLICT, f"{file} was changed while it was read")
    return Digest(digest.hexdigest(), size)


class _Progress:
    """How much of a file was read, on a terminal and nowhere else."""

    def __init__(self, name: str, whole: int) -> None:
        self._name, self._whole, self._told, self._shown = name, whole, monotonic(), sys.stderr.isatty()
        self._any = False

    def tell(self, size: int) -> None:
        if self._shown and monotonic() - self._told >= EVERY:
            self._told, self._any = monotonic(), True
            percent = f" ({100 * size // self._whole}%)" if self._whole else ""
            sys.stderr.write(f"\r{shown(self._name)}: {amount(size)} of {amount(self._whole)}{percent}\x1b[K")
            sys.stderr.flush()

    def end(self) -> None:
        if self._any:
            sys.stderr.write("\r\x1b[K")


def amount(size: float) -> str:
    """A number of bytes to read: 3.2 GB."""
    unit = 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {UNITS[unit]}" if unit else f"{size:.0f} B"
