"""Signs the trail: finds the signing key, and signs in a background task of the server."""

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from documents.audit.checkpoints import AuditCheckpoint, sign, tell
from documents.audit.forks import parting
from documents.audit.notes import NOTE_LENGTH, BadNote, Checkpoint, SigningKey, opened, unverified
from documents.audit.pins import Kept, kept_in
from documents.audit.runs import Keeping
from documents.audit.trail import AuditHead
from documents.errors import Inconsistent, TrailNotSound, Unreadable
from documents.store.server import UnreadableDocument
from gql.faults import AuditKeyRefused, FileUnusable
from gql.private import write_private
from gql.settings import PREFIX, Settings

KEY_FILE, TAIL = "audit-key", NOTE_LENGTH
DAY = timedelta(days=1)
log = logging.getLogger(__name__)


def signing_key(settings: Settings, origin: str) -> SigningKey | None:
    """The key of the settings, else the key in the folder of an embedded database, which is made if there is none.

    None for a MongoDB of the operator's without a key in the settings; AuditKeyRefused for a key that cannot sign this trail.
    """
    folder = settings.data_dir / KEY_FILE
    if settings.audit_key:
        return _of(_read(settings.audit_key.get_secret_value(), f"{PREFIX}AUDIT_KEY"), f"{PREFIX}AUDIT_KEY", origin)
    if settings.mongodb_uri:
        return None
    try:
        if not folder.exists():
            write_private(folder, f"{SigningKey.made(origin).text}\n")
        return _of(_read(folder.read_text(), str(folder)), str(folder), origin)
    except (OSError, UnicodeDecodeError) as error:
        raise AuditKeyRefused(str(folder), f"cannot be read: {error}") from error


def has_key(settings: Settings) -> bool:
    """Whether there is a signing key, so that `signing_key` makes none."""
    return bool(settings.audit_key) or (not settings.mongodb_uri and (settings.data_dir / KEY_FILE).exists())


def previous_keys(settings: Settings) -> list[SigningKey]:
    """The keys of before that may endorse the signing key: that of the settings, else the files `audit-key.1` and so on.

    Raises AuditKeyRefused for what is no key.
    """
    if settings.audit_key_previous:
        return [_read(settings.audit_key_previous.get_secret_value(), f"{PREFIX}AUDIT_KEY_PREVIOUS")]
    if settings.audit_key or settings.mongodb_uri:
        return []
    found = []
    for file in sorted(each for each in settings.data_dir.glob(f"{KEY_FILE}.*") if each.suffix[1:].isdecimal()):
        try:
            found.append(_read(file.read_text(), str(file)))
        except (OSError, UnicodeDecodeError) as error:
            raise AuditKeyRefused(str(file), f"cannot be read: {error}") from error
    return found


def put_aside(settings: Settings, origin: str) -> Path | None:
    """Renames the key in the data folder, so that the next start makes one for the trail `origin`, which the old key endorses.

    Returns the new place of the old key; None if there is no key, or the key is of that trail already.
    """
    file = settings.data_dir / KEY_FILE
    if not file.exists() or _read(file.read_text(), str(file)).name == origin:
        return None
    number = 1
    while (aside := file.with_name(f"{KEY_FILE}.{number}")).exists():
        number += 1
    return file.rename(aside)


def _read(text: str, where: str) -> SigningKey:
    try:
        return SigningKey.read(text)
    except ValueError as error:
        raise AuditKeyRefused(where, str(error)) from None


def _of(key: SigningKey, where: str, origin: str) -> SigningKey:
    if key.name != origin:
        raise AuditKeyRefused(where, f"is for the trail {key.name}, and this one is {origin}")
    return key


class Signer:
    """Signs the trail with a key, unless the trail contradicts a file of the checkpoints that were signed."""

    def __init__(self, key: SigningKey, file: Path | None = None, previous: list[SigningKey] | None = None) -> None:
        self.key, self.file, self._previous = key, file, previous or []
        self.refused: str | None = None
        """Why nothing is signed, since the last attempt; None if it was signed."""
        self._whole_at: datetime | None = None

    async def sign(self, at: datetime) -> AuditCheckpoint | None:
        """The newest checkpoint, signed now if there are new events, and appended to the file; None if nothing may be signed."""
        try:
            return await self._sign(at)
        except OSError as error:
            raise FileUnusable(self.file or Path(), f"checkpoints cannot be kept in it: {error.strerror}") from error

    async def _sign(self, at: datetime) -> AuditCheckpoint | None:
        if refused := await self._contradiction(at):
            if not self.refused:
                # No event tells of it: a restored trail must stay a beginning of what was signed until it is declared restored.
                log.error("the audit trail is not signed: %s", refused)
            self.refused = refused
            return None
        try:
            signed = await sign(self.key, at, self._previous)
        except Inconsistent as found:
            if not self.refused:
                log.error("%s", found)
            self.refused = str(found)
            await tell(found, at)
            return None
        except TrailNotSound as refusal:  # nothing can be appended either
            if not self.refused:
                log.error("the audit trail is not signed: %s", refusal)
            self.refused = str(refusal)
            return None
        self.refused = None
        if signed and self.file:
            await asyncio.to_thread(_append, self.file, opened(signed.text, [self.key.verifier]), signed.text)
        return signed

    async def _contradiction(self, at: datetime) -> str | None:
        """What the trail contradicts of the file: of its last checkpoint; once a day, and until nothing is found, of all."""
        whole = self._whole_at is None or at - self._whole_at >= DAY
        # The file is read before the head: whatever is in it was committed by then.
        kept = await kept_in_file(self.file, whole=whole) if self.file else Kept()
        try:
            head = await AuditHead.wanted("head")
        except (Unreadable, UnreadableDocument, TrailNotSound):
            return "its head cannot be read"
        if head is None:
            return None
        if head.origin != self.key.name:
            return f"it goes on as {head.origin}, and the key is of {self.key.name}: start the server with a key of that name"
        found = await parting(kept, head)
        if found:
            self._whole_at = None
            kind, seq, says = found[0]
            place = "" if seq is None else f" at {seq}"
            return f"it contradicts the checkpoints in {self.file}: {kind.name}{place}. {says}"
        if whole:
            self._whole_at = at
        return None


async def sign_in_turns(signer: Signer, clock: Callable[[], datetime], seconds: float, alarm: asyncio.Event) -> None:
    """Signs the trail now and every `seconds` seconds; any number of processes can do so at once.

    Sets `alarm` when the trail begins to contradict what was signed, and when it no longer does.
    """
    while True:
        was_refused = signer.refused
        try:
            await signer.sign(clock())
        except FileUnusable as refusal:
            log.error("%s", refusal)
        except Exception:
            log.exception("the audit trail was not signed")
        if bool(signer.refused) != bool(was_refused):
            alarm.set()
        await asyncio.sleep(seconds)


async def checkpoint(
    key: SigningKey, at: datetime, file: Path | None = None, previous: list[SigningKey] | None = None
) -> AuditCheckpoint | None:
    """The newest checkpoint, signed now if there are new events, and appended to `file`; None if the trail cannot be signed."""
    return await Signer(key, file, previous).sign(at)


def keeping(settings: Settings) -> Keeping | None:
    """What reads the checkpoints in the file of the settings; None without one. It raises FileUnusable where it cannot."""
    if (file := settings.checkpoint_file) is None:
        return None

    async def read(whole: bool) -> Kept:
        try:
            return await kept_in_file(file, whole=whole)
        except OSError as error:
            raise FileUnusable(file, f"its checkpoints cannot be read: {error.strerror}") from error

    return read


async def kept_in_file(path: Path, *, whole: bool = True) -> Kept:
    """The checkpoints in the file that a server keeps, or the last of them; none if there is no file."""
    return await asyncio.to_thread(_kept, path, whole)


def _kept(path: Path, whole: bool) -> Kept:
    try:
        with path.open("rb") as file:
            notes = kept_in(file.read().decode(errors="replace")) if whole else [note for _, note in _last_notes(file)]
    except FileNotFoundError:
        return Kept()
    if notes and not _is_whole(notes[-1]):  # it was cut off while it was written, and proves nothing
        notes.pop()
    return Kept.of(notes if whole else notes[-1:], None)


def _last_notes(file: BinaryIO) -> list[tuple[int, str]]:
    """The last notes of a file, each with the place in the file at which it begins; the first may be cut off."""
    start = max(0, file.seek(0, os.SEEK_END) - 2 * TAIL)
    file.seek(start)
    raw = file.read()
    notes, at = list[tuple[int, str]](), 0
    for note in kept_in(raw.decode(errors="replace")):
        at = max(raw.find(note.encode(), at), at)
        notes.append((start + at, note))
        at += len(note.encode())
    return notes


def _is_whole(note: str) -> bool:
    try:
        unverified(note)
    except BadNote:
        return False
    return True


def _is_cut_off(note: str, origin: str) -> bool:
    """Whether a text is the beginning of a checkpoint of the trail `origin`, and no more."""
    first = f"{origin}\n"
    return not _is_whole(note) and (note.startswith(first) or first.startswith(note))


def _append(path: Path, fresh: Checkpoint, note: str) -> None:
    """Appends the note of a checkpoint and an empty line to a file, unless the last one in it is as new."""
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        notes = _last_notes(file)
        if notes and _is_cut_off(notes[-1][1], fresh.origin):
            file.truncate(notes.pop()[0])  # by a kill, or a full disk
        last = unverified(notes[-1][1]) if notes and _is_whole(notes[-1][1]) else None
        if last and last.origin == fresh.origin and last.size >= fresh.size:
            return
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 2))
        gap = b"" if file.read() in {b"", b"\n\n"} else b"\n"
        file.write(gap + f"{note}\n".encode())
        file.flush()
        os.fsync(file.fileno())
