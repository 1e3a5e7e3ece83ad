"""What verification costs, beside reading and hashing the same events."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import histories
from bench.measuring import AnswersDiffer
from bench.report import Row, Table
from bench.stand import Size, Stand
from bench.trails import READERS
from documents.audit.export import export
from documents.audit.trail import AuditHead
from documents.books import BOOKS
from gql.settings import PREFIX

EVENTS = {Size.TINY: (60,), Size.SHORT: (1_000, 10_000), Size.FULL: (10_000, 100_000, 1_000_000)}
LONG = 100_000  # a longer trail is verified in one round


@dataclass(frozen=True, slots=True)
class Verified:
    """What an event costs to read and hash, and to verify, in microseconds of the reader's processor time; and peak memory.

    `chained` and `chained_times` are without the records. Each ratio, to read and hash, is the median of the rounds' ratios.
    """

    of: str
    events: int
    hashed: float
    chained: float
    chained_times: float
    verified: float
    times: float
    megabytes_hashed: float
    megabytes: float


async def measure(stand: Stand) -> list[dict[str, Any]]:
    """Measures the verification of trails of growing length, in the database and as an export."""
    found = []
    async with stand.database("trail") as (_, database):
        environment = os.environ | {PREFIX + "MONGODB_URI": stand.engine.uri, PREFIX + "DATABASE": database.name}
        for count in EVENTS[stand.size]:
            with database.bound():
                head = await AuditHead.require("head")
            await histories.load(database, head.size, count)
            folder = stand.engine.folder / f"export-{count}"
            with database.bound():
                await export(folder, books=BOOKS)
            stand.tell(f"verification of {count:,} events")
            rounds = 1 if count > LONG else stand.effort.rounds
            found += [asdict(verification(of, environment, folder, count, rounds)) for of in READERS]
    return found


def verification(of: str, environment: Mapping[str, str], folder: Path, events: int, rounds: int) -> Verified:
    """Reads the trail in turns by the readers of `of`, each in a process of its own.

    Raises AnswersDiffer unless all compute the same root.
    """
    readers = [each.__name__ for each in READERS[of]]
    turns = [[_read(environment, each, folder) for each in readers] for _ in range(rounds)]
    if len({each["root"] for turn in turns for each in turn}) != 1:
        raise AnswersDiffer(f"verification: {turns}")
    hashed, chained, verified = ([each["seconds"] / events * 1e6 for each in those] for those in zip(*turns, strict=True))
    bare, _, ours = (max(each["megabytes"] for each in those) for those in zip(*turns, strict=True))
    costs = [(median(those), _ratio(those, hashed)) for those in (chained, verified)]
    return Verified(of, events, median(hashed), *costs[0], *costs[1], bare, ours)


def _ratio(ours: Sequence[float], bare: Sequence[float]) -> float:
    return median(one / other for one, other in zip(ours, bare, strict=True))


def tables(rows: Sequence[Row]) -> Sequence[Table]:
    columns = (
        "the trail in", "events", "read and hashed, µs each", "verified, µs each", "ratio", "with the records, µs each", "ratio",
        "MB to hash", "MB to verify",
    )  # fmt: skip
    told = [
        (
            each["of"], f"{each['events']:,}", f"{each['hashed']:.1f}", f"{each['chained']:.1f}", f"{each['chained_times']:.2f}",
            f"{each['verified']:.1f}", f"{each['times']:.2f}", f"{each['megabytes_hashed']:.0f}", f"{each['megabytes']:.0f}",
        )
        for each in rows
    ]  # fmt: skip
    return [Table("Verification: processor time an event, and memory at its highest", columns, told)]


def _read(environment: Mapping[str, str], what: str, folder: Path) -> Any:
    command = [sys.executable, "-m", "bench.trails", what, str(folder)]
    read = subprocess.run(command, env=environment, capture_output=True, check=False)
    if read.returncode:
        raise RuntimeError(read.stderr.decode())
    return json.loads(read.stdout)
