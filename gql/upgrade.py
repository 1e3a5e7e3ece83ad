"""Migrates an embedded database from an earlier release to this one, after a copy of its folder was made."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from documents import migrations
from documents.errors import Refusal
from documents.kinds import RECORDS, open_database
from documents.migrations import Migration
from gql import secretkey
from gql.checkpoints import keeping
from gql.embedded import Engine
from gql.faults import CopyFailed, NotPrepared
from gql.noted import DATABASE
from gql.release import RELEASE
from gql.settings import Settings

Clock = Callable[[], datetime]


def upgrade_embedded(folder: Path, settings: Settings, clock: Clock) -> Sequence[Migration]:
    """Migrates the embedded database in a folder that the caller has locked; copies it first if any step is pending.

    The copy of an interrupted run is kept, because it was made before the first step. Raises NotPrepared where the trail tells of
    other migrations than are stored, and where it is not fit to migrate by.
    """
    try:
        with Engine(folder, settings.engine, settings.engine_cache) as engine:
            newest = asyncio.run(_newest(engine.uri, settings))
        if newest is None or newest >= migrations.SCHEMA:
            return ()
        copy_of(folder, newest)
        with Engine(folder, settings.engine, settings.engine_cache) as engine:
            return asyncio.run(_migrate(engine.uri, settings, clock))
    except Refusal as refusal:
        raise NotPrepared(str(refusal)) from refusal


def copy_of(folder: Path, form: int) -> Path:
    """Copies the files of a database that no server is using into a folder beside them; CopyFailed if that fails."""
    copy = folder / f"database-schema-{form}"
    if not copy.exists():
        unfinished = copy.with_suffix(".part")
        try:
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(folder / DATABASE, unfinished)
        except OSError as error:
            raise CopyFailed(folder / DATABASE, copy, str(error.strerror or error).lower()) from error
        unfinished.rename(copy)
    return copy


async def _newest(uri: str, settings: Settings) -> int | None:
    database = open_database(uri, settings.database)
    try:
        return await migrations.form(database)
    finally:
        database.close()


async def _migrate(uri: str, settings: Settings, clock: Clock) -> Sequence[Migration]:
    database = open_database(uri, settings.database)
    database.keyring = secretkey.keyring(settings)
    try:
        await database.prepare(RECORDS)
        return await migrations.migrate(database, clock, RELEASE, RECORDS, keeping(settings))
    finally:
        database.close()
