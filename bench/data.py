"""The data that are measured on: people and versions, made by the product's own rules and recorded in its trail."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from documents.access import SYSTEM, GovernanceRole, PlatformRole
from documents.audit.event import AuditEventType
from documents.audit.trail import AuditHead, EventIds, Request, occurrences_of
from documents.people import Stakeholder
from documents.risk.scales import RiskTier
from documents.store.record import Record
from documents.store.session import Database
from documents.store.units import Unit
from documents.tokens import ApiToken, TokenKind
from documents.versions.model import Model
from documents.versions.parts import Artifact, ArtifactKind
from documents.versions.rules import registration
from documents.versions.version import ModelVersion

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNER, STEWARD, OWNER_TOKEN = "olivia", "sam", f"mag_olivia_{'o' * 43}"
VERSIONS_A_MODEL, VERSIONS_AT_ONCE = 5, 50
PURPOSES = ("Answers what customers ask most often", "Judges applications for credit", "Ranks candidates for hiring")


async def people(database: Database, clerks: int) -> None:
    """Registers the accountable people, with a token for the owner, and `clerks` people, from `clerk-0` on, to be changed."""
    member, tiers = PlatformRole.MEMBER, tuple(RiskTier)
    roles = {OWNER: GovernanceRole.MODEL_OWNER, STEWARD: GovernanceRole.DATA_STEWARD}
    roles |= {f"clerk-{number}": GovernanceRole.BUSINESS_OWNER for number in range(clerks)}

    async def work(unit: Unit) -> None:
        for name, role in roles.items():
            mail, at = f"{name}@example.org", AT
            await Stakeholder.register(name, name.title(), mail, "ML Engineering", member, (role,), tiers, at).store()
        token, _ = ApiToken.of(OWNER_TOKEN, TokenKind.PERSONAL, OWNER, "bench", None, OWNER, AT)
        await token.store()

    await _recorded(database, work, Stakeholder, AuditEventType.ACCESS_GRANTED)


async def versions(database: Database, first: int, last: int) -> None:
    """Registers the versions numbered from `first` to before `last`, five for each model; each is judged as usual."""
    for start in range(first, last, VERSIONS_AT_ONCE):
        numbers = range(start, min(start + VERSIONS_AT_ONCE, last))
        await _recorded(database, partial(_registered, numbers), ModelVersion, AuditEventType.MODEL_REGISTERED)


def model_id(number: int) -> str:
    """The id of the model that version number `number` belongs to."""
    return f"model-{number // VERSIONS_A_MODEL:06}"


def version(number: int) -> str:
    """The name of version number `number`."""
    return f"{number % VERSIONS_A_MODEL + 1}.0.0"


async def _recorded(
    database: Database, change: Callable[[Unit], Awaitable[None]], resource: type[Record], event: AuditEventType
) -> None:
    async def work(unit: Unit) -> None:
        head, ids = await AuditHead.touch(), EventIds()
        await change(unit)
        await head.append(await occurrences_of(unit, "bench", SYSTEM, Request(ids[0]), resource, event), AT, ids)

    with database.bound():
        await database.transact(work, AT)


async def _registered(numbers: range, unit: Unit) -> None:
    for each in numbers[::VERSIONS_A_MODEL]:
        name = f"The model of version {each}"
        await Model.register(model_id(each), name, "Made to be measured", ("bench",), OWNER, SYSTEM, AT).store()
    for each in numbers:
        await _version(each).store()


def _version(number: int) -> ModelVersion:
    artifact = Artifact(kind=ArtifactKind.WEIGHTS, uri=f"https://example.org/{number}", sha256=f"{number:064x}", size=number)
    return registration.register(
        model_id(number), version(number), f"{PURPOSES[number % 3]}, in region {number}",
        ("Say where an order is", "Explain what is sold"), ("Not for advice about law",),
        None, None, OWNER, STEWARD, (artifact,), (), by=SYSTEM, at=AT + timedelta(seconds=number),
    )  # fmt: skip
