"""Prepares a database for serving: indexes, migrations; at first start a trail, policies, environments, an administrator."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from secrets import token_hex, token_urlsafe

from documents import environments, migrations
from documents.access import SYSTEM, PlatformRole
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of, refuse_told
from documents.eligibility.raising import raise_rules
from documents.eligibility.rules import RULES, RulesInForce
from documents.errors import AlreadyExists, InvalidInput, OlderSchema
from documents.kinds import RECORDS
from documents.migrations import SCHEMA, STEPS, Migration
from documents.people import Stakeholder
from documents.policies import Policy, defaults
from documents.reviews import ReviewCalendar
from documents.store.session import Database
from documents.store.units import Unit
from documents.tokens import ApiToken, TokenKind, parted
from gql import resealing, secretkey
from gql.checkpoints import keeping
from gql.private import write_private
from gql.release import RELEASE
from gql.settings import Settings
from gql.unrecorded import logged_if_unsound

ADMINISTRATOR, TOKEN_FILE = "admin", "admin-token"
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


async def prepare(settings: Settings, database: Database, clock: Clock = utc_now) -> tuple[str, str | None]:
    """Prepares a database, and migrates the data of an earlier release if the settings say so.

    Returns the name of the trail, and the token of the administrator if it was made now. Raises OlderSchema if the data must be
    migrated first, and NewerSchema if a later release wrote them.
    """
    database.keyring = database.keyring or secretkey.keyring(settings)
    try:
        form = await migrations.check(database, RELEASE)
    except OlderSchema as older:
        if not settings.migrate:
            raise
        form = older.found
    await database.prepare(RECORDS)
    await migrations.migrate(database, clock, RELEASE, RECORDS, keeping(settings))
    with database.bound():
        made = None if form else await _first_start(database, settings, clock())
        # A server starts over a trail that takes no events, so that somebody can look; what it cannot write waits for a start.
        with logged_if_unsound():
            await resealing.rotate(database.keyring, clock())
        with logged_if_unsound():
            await raise_rules(timedelta(days=settings.grace_days), clock())
        with logged_if_unsound():
            await _follow(database, settings, clock())
        with logged_if_unsound():
            if settings.admin_token:
                await _grant(database, settings.admin_token.get_secret_value(), clock())
        return await AuditHead.named(), made


async def _first_start(database: Database, settings: Settings, at: datetime) -> str | None:
    token = None if settings.admin_token else f"mag_{token_hex(8)}_{token_urlsafe(32)}"
    if token:
        # before the commit: if the write failed after it, nobody could sign in
        write_private(settings.data_dir / TOKEN_FILE, f"{token}\n")
    ids = EventIds()

    async def begin(unit: Unit) -> None:
        head = await AuditHead.begin(settings.origin)
        for policy_id, content in defaults(at).items():
            await Policy.written(policy_id, content, SYSTEM.id, at).store()
        for environment in environments.defaults(at):
            await environment.store()
        administrator = Stakeholder.register(
            ADMINISTRATOR, "Administrator", "admin@localhost", "Administration", PlatformRole.ADMIN, (), (), at, (SYSTEM.id,)
        )
        administrator.enrol(SYSTEM.id, (), at)  # whoever reads the token of the first start: the host confirms who that is
        await administrator.store()
        if token:
            await _token(token, at).store()
        await Migration(number=SCHEMA, at=at, release=RELEASE, oldest_writer=STEPS[-1].oldest_writer).store()
        rules = RulesInForce()
        rules.rise(RULES, at, at)
        await rules.store()
        await head.append(await occurrences_of(unit, "firstStart", SYSTEM, Request(ids[0])), at, ids)

    try:
        await database.transact(begin, at)
    except AlreadyExists:  # another process was first, and its token counts
        return None
    return token


async def _follow(database: Database, settings: Settings, at: datetime) -> None:
    """Stores the review intervals of the settings, if they differ from the stored ones."""
    if (await ReviewCalendar.kept()).days == settings.review_days:
        return
    ids = EventIds()

    async def follow(unit: Unit) -> None:
        head = await AuditHead.touch()
        calendar = await ReviewCalendar.kept()
        if calendar.days == settings.review_days:
            return  # another process was first
        calendar.keep(settings.review_days)
        await calendar.store()
        await head.append(await occurrences_of(unit, "keepReviewCalendar", SYSTEM, Request(ids[0]), ReviewCalendar), at, ids)

    await database.transact(follow, at)


async def _grant(database: Database, text: str, at: datetime) -> None:
    """Stores the token of the settings as one of the administrator's, unless it is stored already.

    Raises ToldAlready if the trail tells of it: somebody deleted it in the database.
    """
    try:
        token_id, _ = parted(text)
    except ValueError as error:
        raise InvalidInput("MAGISTRATE_ADMIN_TOKEN", f"is not a token: {error}") from error
    if await ApiToken.wanted(token_id):
        return
    await refuse_told(ApiToken, token_id)  # it may have been revoked before somebody deleted it
    ids = EventIds()

    async def grant(unit: Unit) -> None:
        head = await AuditHead.touch()
        await _token(text, at).store()
        await head.append(await occurrences_of(unit, "grantAdministrator", SYSTEM, Request(ids[0])), at, ids)

    with suppress(AlreadyExists):
        await database.transact(grant, at)


def _token(text: str, at: datetime) -> ApiToken:
    token, _ = ApiToken.of(text, TokenKind.PERSONAL, ADMINISTRATOR, "the first administrator", None, SYSTEM.id, at)
    return token
