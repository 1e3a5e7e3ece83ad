"""Signs the trail: finds the signing key, and signs in a background task of the server."""

import asyncio
import fcntl
import logging
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from documents.audit.checkpoints import AuditCheckpoint, sign, tell
from documents.audit.notes import SigningKey
from documents.errors import Inconsistent
from gql.faults import AuditKeyRefused
from gql.private import write_private
from gql.settings import PREFIX, Settings

KEY_FILE, TAIL = "audit-key", 4096
log = logging.getLogger(__name__)


def signing_key(settings: Settings, origin: str) -> SigningKey | None:
    """The key of the settings, else the key in the folder of an embedded database, which is made if there is none.

    None for a MongoDB of the operator's without a key in the settings; AuditKeyRefused for a key that cannot sign this trail.
    """
    folder = settings.data_dir / KEY_FILE
    if settings.audit_key:
        return _read(settings.audit_key.get_secret_value(), f"{PREFIX}AUDIT_KEY", origin)
    if settings.mongodb_uri:
        return None
    try:
        if not folder.exists():
            write_private(folder, f"{SigningKey.made(origin).text}\n")
        return _read(folder.read_text(), str(folder), origin)
    except (OSError, UnicodeDecodeError) as error:
        raise AuditKeyRefused(str(folder), f"cannot be read: {error}") from error


def _read(text: str, where: str, origin: str) -> SigningKey:
    try:
        key = SigningKey.read(text)
    except ValueError as error:
        raise AuditKeyRefused(where, str(error)) from None
    if key.name != origin:
        raise AuditKeyRefused(where, f"is for the trail {key.name}, and this one is {origin}")
    return key


async def sign_in_turns(key: SigningKey, clock: Callable[[], datetime], seconds: float, file: Path | None) -> None:
    """Signs the trail now and every `seconds` seconds; any number of processes can do so at once."""
    while True:
        try:
            await checkpoint(key, clock(), file)
        except Exception:
            log.exception("the audit trail was not signed")
        await asyncio.sleep(seconds)


async def checkpoint(key: SigningKey, at: datetime, file: Path | None = None) -> AuditCheckpoint | None:
    """The newest checkpoint, signed now if there are new events, and appended to `file`; None if the trail cannot be signed."""
    try:
        signed = await sign(key, at)
    except Inconsistent as found:
        log.error("%s", found)
        await tell(found, at)
        return None
    if signed and file:
        await asyncio.to_thread(_append, file, signed)
    return signed


def _append(path: Path, signed: AuditCheckpoint) -> None:
    """Appends a checkpoint and an empty line to a file, unless the last one in it is as new."""
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        sizes = re.findall(rb"^[0-9]+$", file.read(), re.MULTILINE)
        if not sizes or int(sizes[-1]) < signed.size:
            file.write(f"{signed.text}\n".encode())
            file.flush()
            os.fsync(file.fileno())
