"""`magistrate migrate`: brings the data of an earlier release into the form of this one."""

from collections.abc import Sequence
from datetime import timedelta

import typer

from documents import migrations
from documents.eligibility.raising import affected
from documents.eligibility.rules import RULES, RulesInForce
from documents.errors import TrailNotSound
from documents.kinds import RECORDS, open_database
from documents.migrations import Migration
from documents.store.session import bound_database
from gql import secretkey
from gql.checkpoints import keeping
from gql.cli import trail
from gql.faults import NotPrepared
from gql.firststart import utc_now
from gql.noted import note_release
from gql.preflight import alone_in
from gql.release import RELEASE
from gql.settings import Settings, read_settings
from gql.upgrade import upgrade_embedded


def preview() -> None:
    """Prints what a migration would change, and changes nothing."""
    for line in trail.run(_previewed, migrated=False):
        typer.echo(line)


async def _previewed(settings: Settings) -> list[str]:
    database, now = bound_database(), utc_now()
    await database.know(RECORDS)
    steps, kinds = await migrations.pending(database), migrations.told_by_collection(RECORDS)
    lines = []
    for each in steps:
        lines += [f"step {each.number} ({each.name}): {each.does} Documents: {await each.remaining(kinds)}"]
        lines += [f"  adds {key}" for key in await each.added()]
    if (number := (await RulesInForce.kept()).number) < RULES:
        lines.append(f"rules: number {number} becomes {RULES}; servers compute the standing of every version anew")
        lines += [
            f"  {each.version}: {each.requirement_id} will block it from {each.begins:%Y-%m-%d} on: {each.reason}"
            async for each in affected(timedelta(days=settings.grace_days), now)
        ]
    return lines or [f"nothing to do: the data have the form of {RELEASE}, schema {migrations.SCHEMA}"]


def migrate() -> None:
    """Runs every pending step and prints it; an embedded database is copied first."""
    settings = read_settings()
    if settings.mongodb_uri:
        done = trail.run(_migrated, migrated=False)
    else:
        folder = settings.data_dir.resolve()
        trail.refuse_without_trail(folder)
        with alone_in(folder):
            done = upgrade_embedded(folder, settings, utc_now)
            note_release(folder)
    for each in done:
        typer.echo(f"step {each.number} ({each.name}): done, {each.documents} documents changed")
        for key in each.added:
            typer.echo(f"  added {key}")
        for record in each.unproven:
            typer.echo(f"  no baseline, for it differs from what the trail tells: {record}")
    if not done:
        typer.echo(f"nothing to do: the data have the form of {RELEASE}, schema {migrations.SCHEMA}")


async def _migrated(settings: Settings) -> Sequence[Migration]:
    database = open_database(str(settings.mongodb_uri), settings.database)
    database.keyring = secretkey.keyring(settings)
    try:
        await database.prepare(RECORDS)
        return await migrations.migrate(database, utc_now, RELEASE, RECORDS, keeping(settings))
    except TrailNotSound as refusal:
        raise NotPrepared(str(refusal)) from refusal
    finally:
        database.close()
