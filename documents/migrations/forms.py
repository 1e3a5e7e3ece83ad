"""Which forms the data came into, as the trail tells it, and whether the stored migrations say the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from semver import Version

from documents.audit.event import AuditEvent
from documents.audit.fold import Told
from documents.audit.told import told_of
from documents.canonical import quoted
from documents.errors import FormNotAsTold
from documents.migrations.record import Migration
from documents.store.session import bound_database
from documents.store.units import Unit
from documents.values import is_count

KNOWN = 200  # the forms of whose making the trail is asked, those of later releases included
AT_ONCE, LISTED = 100, 5
UNTOLD = Version.parse("999.0.0")  # the oldest writer of a form that does not say which it is


@dataclass(frozen=True, slots=True)
class Forms:
    """The migrations of which the trail tells, by number, and the numbers of the stored ones."""

    told: Mapping[int, Told]
    stored: frozenset[int]
    odd: tuple[str, ...] = ()
    """The first stored numbers that are no whole numbers, as they are shown."""
    without_trail: bool = False
    """Whether there is no event at all, as in data of a preview: then what is stored counts."""

    @property
    def newest(self) -> int | None:
        """The newest form, as the trail tells it; None where it tells of none."""
        return max(self.stored if self.without_trail else self.told, default=None)

    @property
    def oldest_writer(self) -> Version:
        """The oldest release that may write to data of the newest form, as the trail tells it."""
        newest = self.told.get(self.newest) if self.newest is not None else None
        said = newest.scalars(["oldest_writer"]).get("oldest_writer") if newest else None
        try:
            return Version.parse(said) if isinstance(said, str) else UNTOLD
        except ValueError:
            return UNTOLD

    def must_agree(self) -> None:
        """Raises FormNotAsTold unless each told migration is stored, and nothing else is."""
        untold = () if self.without_trail else sorted(self.stored - self.told.keys())
        gone = sorted(self.told.keys() - self.stored)
        said = [
            *(f"one has {each} in the place of its number" for each in self.odd),
            *(f"migration {each} is stored, and the trail does not tell of it" for each in untold),
            *(f"the trail tells of migration {each}, and it is not stored" for each in gone),
        ]
        if said:
            raise FormNotAsTold("; ".join(said[:LISTED]))


async def told_forms() -> Forms:
    """The forms of the bound database. No stored value makes it raise."""
    found = await _read()
    try:
        found.must_agree()
    except FormNotAsTold:  # another process may have ended a step in between, so both are read as of one moment

        async def work(unit: Unit) -> Forms:
            return await _read()

        return await bound_database().look(work, datetime.now(UTC))
    return found


async def _read() -> Forms:
    numbers: set[int] = set()
    odd: list[str] = []
    async for rows in Migration.raw_windows({}, [("_id", 1)], AT_ONCE, ["number"]):
        for number in (each.get("number") for each in rows):
            if isinstance(number, int) and is_count(number):
                numbers.add(int(number))
            elif len(odd) < LISTED:
                odd.append(quoted(number))
    keys = {str(each) for each in range(KNOWN)} | {str(each) for each in sorted(numbers)[:KNOWN]}
    told = {int(key): each for key, each in (await told_of(Migration, keys)).items()}
    without_trail = not told and not await AuditEvent.raw_window({}, [], 1, ["seq"])
    return Forms(told, frozenset(numbers), tuple(odd), without_trail)
