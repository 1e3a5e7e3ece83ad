"""The gate of `make bench-check`: no request may cost much more, beside a bare server, than the committed figures say."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.cases import MUTATIONS, serving
from bench.questions import QUESTIONS
from bench.report import Table
from bench.stand import Stand

MOST = 1.2  # times the committed ratio
VERSIONS = 100
AGAIN = 2
CHECKED = ("list", "model", "filtered", "dashboard", "version", "a person's department")


@dataclass(frozen=True, slots=True)
class Ratio:
    """What a case costs our server as a multiple of a bare one: as committed and as measured now."""

    case: str
    committed: float
    now: float

    @property
    def is_worse(self) -> bool:
        return self.now > MOST * self.committed

    def __str__(self) -> str:
        more = f"{self.now / self.committed - 1:.0%}"
        return f"{self.case}: {self.now:.2f} times a bare server, {more} above the committed {self.committed:.2f}"


async def run(stand: Stand, figures: Mapping[str, Any]) -> list[Ratio]:
    """The ratios of all cases, measured beside a bare server."""
    before = ratios(figures)
    async with serving(stand, "bare", versions=VERSIONS) as (servers, _):

        async def measure(cases: Sequence[str]) -> dict[str, float]:
            found = await servers.reads([each for each in QUESTIONS if each.name in cases])
            found += await servers.writes([each for each in MUTATIONS if each in cases])
            return {each.case: each.costs["bare"].times for each in found}

        return await check(before, measure, stand.tell)


async def check(
    before: Mapping[str, float], measure: Callable[[Sequence[str]], Awaitable[Mapping[str, float]]], tell: Callable[[str], None]
) -> list[Ratio]:
    """The ratios of all cases. One that is beyond is measured again, and once more: other load may have been to blame."""
    now = dict(await measure([*before]))
    for _ in range(AGAIN):
        worse = [each.case for each in compared(before, now) if each.is_worse]
        if not worse:
            break
        tell(f"once more: {', '.join(worse)}")
        now |= {case: min(now[case], again) for case, again in (await measure(worse)).items()}
    return compared(before, now)


def ratios(figures: Mapping[str, Any]) -> dict[str, float]:
    """The committed ratios of ours to bare, by case. Raises ValueError if one that is checked is missing."""
    rows = [each for part in ("questions", "mutations") for each in figures.get(part, {"rows": ()})["rows"]]
    rows = [each for each in rows if each.get("versions", VERSIONS) == VERSIONS]
    found = {each["case"]: each["costs"]["bare"]["times"] for each in rows if each["case"] in CHECKED}
    if missing := set(CHECKED) - found.keys():
        raise ValueError(f"the committed figures do not have, for {VERSIONS} versions: {', '.join(sorted(missing))}")
    return found


def compared(before: Mapping[str, float], now: Mapping[str, float]) -> list[Ratio]:
    """The ratios of the cases that were measured now."""
    return [Ratio(case, before[case], ratio) for case, ratio in now.items()]


def table(found: Sequence[Ratio]) -> Table:
    told = [(each.case, f"{each.committed:.2f}", f"{each.now:.2f}", "worse" if each.is_worse else "") for each in found]
    return Table("Ours to bare", ("case", "committed", "now", ""), told)
