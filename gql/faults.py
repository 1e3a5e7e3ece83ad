"""Foreseen faults of a server or a command: each is told in one line and has an exit code of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar


class CannotServe(Exception):
    """A foreseen fault. `says` is its line on standard error, in the place of a traceback; `status` is the exit code."""

    status: ClassVar[int]
    says: ClassVar[str]

    def __str__(self) -> str:
        return self.says.format(**vars(self))


@dataclass(eq=False)
class SettingRefused(CannotServe):
    status = 2
    says = "{variable} is wrong: it must be {description}"
    variable: str
    description: str


@dataclass(eq=False)
class UnknownVariable(CannotServe):
    """A variable that begins like a setting and is none. Only a hardened server is stopped by it."""

    status = 2
    says = "{variable} is no setting{hint}"
    variable: str
    meant: str | None

    @property
    def hint(self) -> str:
        return f"; {self.meant} is one" if self.meant else ""

    def __str__(self) -> str:
        return self.says.format(variable=self.variable, hint=self.hint)


@dataclass(eq=False)
class CannotListen(CannotServe):
    status = 3
    says = "cannot listen on {host} port {port}: {reason}; MAGISTRATE_HOST and MAGISTRATE_PORT choose another address"
    host: str
    port: int
    reason: str


@dataclass(eq=False)
class FolderNotWritable(CannotServe):
    status = 4
    says = "cannot write to the data folder {folder}: {reason}; MAGISTRATE_DATA_DIR chooses another"
    folder: Path
    reason: str


@dataclass(eq=False)
class FolderInUse(CannotServe):
    status = 5
    says = "the data folder {folder} is in use by the server with process id {holder}; MAGISTRATE_DATA_DIR chooses another"
    folder: Path
    holder: str


@dataclass(eq=False)
class DatabaseUnusable(CannotServe):
    status = 6
    says = "the database cannot be used: {reason}; MAGISTRATE_MONGODB_URI says where it is"
    reason: str


@dataclass(eq=False)
class NoReplicaSet(CannotServe):
    status = 7
    says = "the database has no transactions: run MongoDB as a replica set (one node is enough) or a sharded cluster"


@dataclass(eq=False)
class NotPrepared(CannotServe):
    status = 8
    says = "{reason}"
    reason: str


@dataclass(eq=False)
class EngineMissing(CannotServe):
    status = 9
    says = (
        "no database: {looked_for} is not there; install magistrate[embedded], name a secantusd-rs in MAGISTRATE_ENGINE, "
        "or a MongoDB in MAGISTRATE_MONGODB_URI"
    )
    looked_for: str


@dataclass(eq=False)
class EngineFailed(CannotServe):
    status = 10
    says = "the embedded database did not start: {reason}; its output is in {log}"
    reason: str
    log: Path


@dataclass(eq=False)
class AuditKeyRefused(CannotServe):
    status = 12
    says = "the key in {where} cannot sign the audit trail: it {reason}"
    where: str
    reason: str


@dataclass(eq=False)
class WorkerFailed(CannotServe):
    status = 11
    says = "the server did not start: {reason}"
    reason: str


@dataclass(eq=False)
class TrailFaulty(CannotServe):
    """A command was asked to look for faults of the trail, and found some."""

    status = 13
    says = "{problem}"
    problem: str


@dataclass(eq=False)
class FileUnusable(CannotServe):
    status = 14
    says = "{file} cannot be used: {reason}"
    file: Path
    reason: str


@dataclass(eq=False)
class NotSignedYet(CannotServe):
    status = 15
    says = (
        "event {seq} waits for the next checkpoint, the last being of {size} events: a server that runs signs by "
        "{due:%Y-%m-%dT%H:%M:%SZ}, `magistrate audit checkpoint` at once"
    )
    seq: int
    size: int
    due: datetime


@dataclass(eq=False)
class NotMigrated(CannotServe):
    status = 16
    says = "{reason}"
    reason: str


@dataclass(eq=False)
class CopyFailed(CannotServe):
    status = 17
    says = "nothing was migrated: the copy of {folder} to {copy} failed: {reason}"
    folder: Path
    copy: Path
    reason: str


@dataclass(eq=False)
class SecretKeyMissing(CannotServe):
    status = 18
    says = (
        "MAGISTRATE_SECRET_KEY is not set: it seals people, tokens and the end of the trail, a MongoDB of your own needs one, "
        "and `magistrate admin secret-key` prints one"
    )


@dataclass(eq=False)
class SecretKeyRefused(CannotServe):
    status = 19
    says = "the secret key in {where} cannot be used: it {reason}"
    where: str
    reason: str


@dataclass(eq=False)
class IdentityRefused(CannotServe):
    status = 20
    says = "the file of MAGISTRATE_IDENTITY, {file}, cannot be used: {key} {problem}"
    file: Path
    key: str
    problem: str


STATUSES = frozenset(each.status for each in CannotServe.__subclasses__())


@contextmanager
def ending() -> Iterator[None]:
    """Ends the process with the status of a CannotServe that is raised inside, after its line on standard error."""
    try:
        yield
    except CannotServe as fault:
        sys.stderr.write(f"magistrate: {fault}\n")
        sys.exit(fault.status)
