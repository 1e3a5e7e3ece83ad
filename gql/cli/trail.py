"""The work of the commands on the trail in the database of the settings. Only `checkpoint` writes to it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self, TypeVar

import typer
from pydantic import ConfigDict

from documents import migrations
from documents.audit import verify
from documents.audit.books import Books
from documents.audit.checkpoints import AuditCheckpoint
from documents.audit.event import AuditEvent
from documents.audit.export import export
from documents.audit.findings import Report
from documents.audit.forks import restored
from documents.audit.notes import VerifierKey
from documents.audit.proofs import prove_consistency, prove_inclusion
from documents.audit.restorations import ends_of
from documents.audit.sealing import NoSecretKey
from documents.audit.tlogproof import Proof
from documents.audit.trail import AuditHead
from documents.books import BOOKS
from documents.errors import FormNotAsTold, InvalidInput, NewerSchema, OlderSchema, PreviewSchema, Refusal, Unreadable
from documents.kinds import RECORDS
from documents.seals import FIELD
from documents.store.server import DriverError, UnreadableDocument
from documents.store.session import Database, bound_database
from documents.store.units import Raw, settles_nothing
from documents.values import Count, Digest, Value, camel
from gql import checkpoints, reach
from gql.cli.offline import misused
from gql.embedded import Engine
from gql.faults import (
    AuditKeyRefused,
    DatabaseUnusable,
    FileUnusable,
    FolderInUse,
    NotMigrated,
    NotPrepared,
    NotSignedYet,
    SecretKeyMissing,
    TrailFaulty,
)
from gql.firststart import utc_now
from gql.preflight import alone_in
from gql.release import RELEASE
from gql.secretkey import keyring_if_any
from gql.settings import PREFIX, Settings, read_settings

T = TypeVar("T")
Work = Callable[[Settings], Awaitable[T]]
Progress = Callable[[int, int], None]


def run(work: Work[T], *, migrated: bool = True) -> T:
    """Runs `work` with the database of the settings bound, and returns its result.

    Foreseen faults are CannotServe or typer.BadParameter. Data of an earlier release are refused unless `migrated` is False.
    """
    settings = read_settings()
    with _reachable(settings) as uri:
        reach.check(uri)
        try:
            return asyncio.run(_bound(settings, uri, work, migrated))
        except InvalidInput as refusal:
            raise misused(refusal) from refusal
        except NoSecretKey as error:
            raise SecretKeyMissing from error
        except OlderSchema as older:
            raise NotMigrated(str(older)) from older
        except (FormNotAsTold, NewerSchema, PreviewSchema) as refusal:
            raise NotPrepared(str(refusal)) from refusal
        except Unreadable as refusal:
            raise DatabaseUnusable(str(refusal)) from refusal
        except Refusal as refusal:  # the head is missing, or a hash that a proof needs
            raise TrailFaulty(str(refusal)) from refusal
        except DriverError as error:
            raise reach.unusable(error) from error
        except UnreadableDocument as error:
            raise DatabaseUnusable(f"something in it cannot be read: {str(error).splitlines()[0]}") from error


@contextmanager
def _reachable(settings: Settings) -> Iterator[str]:
    """The URI of the database. An embedded database that no server is running is started for the time of the block."""
    if settings.mongodb_uri:
        yield settings.mongodb_uri
        return
    folder = settings.data_dir.resolve()
    refuse_without_trail(folder)
    with ExitStack() as stack:
        try:
            stack.enter_context(alone_in(folder))
        except FolderInUse:
            uri = Engine.running_in(folder)
            if uri is None:
                raise
        else:
            uri = stack.enter_context(Engine(folder, settings.engine, settings.engine_cache)).uri
        yield uri


def refuse_without_trail(folder: Path) -> None:
    """Raises NotPrepared if a data folder holds no database."""
    if not (folder / "database").is_dir():
        raise NotPrepared(f"there is no trail in {folder}; set {PREFIX}DATA_DIR or {PREFIX}MONGODB_URI to where it is")


async def _bound(settings: Settings, uri: str, work: Work[T], migrated: bool) -> T:
    database = Database(uri, settings.database, settles_nothing)
    database.keyring = keyring_if_any(settings)
    try:
        with suppress(*(() if migrated else (OlderSchema,))):
            await migrations.check(database, RELEASE, as_told=True)
        await database.know(RECORDS)
        with database.bound():
            if await _first({}) is None and await AuditHead.raw_first({}) is None:
                raise NotPrepared(f"there is no trail in the database {settings.database}")
            return await work(settings)
    finally:
        database.close()


async def _compared() -> tuple[Books | None, bool]:
    """The records that are compared with the trail, and whether its end needs a seal: data of an earlier release have neither."""
    try:
        await migrations.check(bound_database(), RELEASE, as_told=True)
    except OlderSchema as older:
        typer.echo(f"the trail alone is verified, and no record or seal: {older}", err=True)
        return None, FIELD in (await AuditHead.raw_first({"name": "head"}) or {})
    return BOOKS, True


def verifying(checkpoint: str | None, keys: Sequence[str], progress: Progress) -> Work[Report]:
    async def work(settings: Settings) -> Report:
        books, sealed = await _compared()
        return await verify.verify(checkpoint=checkpoint, keys=keys, limit=None, progress=progress, books=books, sealed=sealed)

    return work


def exporting(folder: Path, first: int, last: int | None, progress: Progress) -> Work[Report]:
    async def work(settings: Settings) -> Report:
        try:
            books, sealed = await _compared()
            return await export(folder, first, last, progress, books, sealed=sealed)
        except OSError as error:
            raise FileUnusable(folder, str(error.strerror).lower()) from error

    return work


def signing() -> Work[AuditCheckpoint]:
    async def work(settings: Settings) -> AuditCheckpoint:
        origin = (await AuditHead.require("head")).origin
        key = checkpoints.signing_key(settings, origin)
        if key is None:
            raise AuditKeyRefused(f"{PREFIX}AUDIT_KEY", "is not set")
        signer = checkpoints.Signer(key, settings.checkpoint_file, checkpoints.previous_keys(settings))
        signed = await signer.sign(utc_now())
        if signed is None:
            raise TrailFaulty(f"the trail was not signed: {signer.refused or 'it has no event'}")
        return signed

    return work


class Receipt(Value):
    """The receipt of a mutation, in the JSON of the graph, or a part of it that names an event."""

    model_config = ConfigDict(alias_generator=camel)

    seq: Count | None = None
    event_id: str | None = None
    event_hash: Digest | None = None
    tree_size: Count | None = None
    root: Digest | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Reads the number of an event, its id, or a receipt in JSON; typer.BadParameter for anything else."""
        try:
            given = json.loads(text) if text.startswith("{") else {"seq": int(text)} if text.isdecimal() else {"eventId": text}
            receipt = cls.model_validate(given)
        except (ValueError, RecursionError) as error:
            raise typer.BadParameter(
                "must be a receipt in JSON, or the id or number of an event", param_hint="RECEIPT"
            ) from error
        if receipt.seq is None and receipt.event_id is None:
            raise typer.BadParameter("must have seq or eventId", param_hint="RECEIPT")
        return receipt

    async def event(self) -> Raw:
        told = {name: value for name, value in self if name in {"seq", "event_id", "event_hash"} and value is not None}
        if found := await _first(told):
            return found
        if self.event_hash:
            raise TrailFaulty("the trail does not hold the event of this receipt")
        raise typer.BadParameter("the trail has no such event", param_hint="RECEIPT")

    async def holds(self, size: int) -> bool:
        """Whether the tree of `size` events continues the tree of the receipt; True for a receipt without tree."""
        if self.tree_size is None or self.root is None:
            return True
        return 0 < self.tree_size <= size and (await prove_consistency(self.tree_size, size)).from_root == self.root


def proving(receipt: Receipt) -> Work[str]:
    async def work(settings: Settings) -> str:
        # `last` raises where what is stored is no checkpoint.
        event, signed = await receipt.event(), await AuditCheckpoint.newest() or await AuditCheckpoint.last()
        seq, text = event.get("seq"), event.get("canonical")
        signed = await _of_its_name(event, signed)
        size = signed.size if signed else 0
        if not isinstance(seq, int) or not isinstance(text, bytes):
            raise TrailFaulty("the event is not stored as events are")
        if signed is None or seq >= size:
            raise NotSignedYet(seq, size, _due(signed, settings.checkpoint_seconds))
        inclusion = await prove_inclusion(seq, size)
        proof = Proof(seq, inclusion.hashes, signed.text, text)
        try:
            proof.proven([VerifierKey.read(signed.verifier_key)])
        except ValueError as bad:
            raise TrailFaulty(f"event {seq} differs from what was signed: the proof {bad}") from bad
        if not await receipt.holds(size):
            raise TrailFaulty(f"the trail of {size} events does not continue the tree of the receipt")
        return proof.text

    return work


async def _of_its_name(event: Raw, newest: AuditCheckpoint | None) -> AuditCheckpoint | None:
    """The newest checkpoint of the name that an event bears: of a restored trail, not the newest of all."""
    ends = ends_of(each for _, each in await restored())
    end = ends.get(str(event.get("origin")))
    if newest is None or end is None:
        return newest
    last = await AuditCheckpoint.first({"size": {"$lte": end.seq}}, [("size", -1)])
    if last is None or last.size <= event["seq"]:
        raise TrailFaulty(f"event {event['seq']} was not signed before the trail was restored: only an export proves it")
    return last


def _due(signed: AuditCheckpoint | None, seconds: int) -> datetime:
    """The time at which a running server signs next, counted from its last signature."""
    turn, now = timedelta(seconds=seconds), utc_now()
    return now + turn if signed is None else signed.signed_at + ((now - signed.signed_at) // turn + 1) * turn


async def _first(query: Raw) -> Raw | None:
    return await AuditEvent.raw_first(query)
