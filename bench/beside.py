"""What a small read waits while a huge or hostile request is answered beside it, by one worker."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from math import ceil
from statistics import median
from time import monotonic
from typing import Any

from graphql import get_introspection_query

from bench.cases import serving
from bench.data import model_id
from bench.processes import Caller, post
from bench.questions import LEAVES
from bench.report import Row, Table
from bench.stand import ADMIN_TOKEN, Size, Stand

VERSIONS = {Size.TINY: 20, Size.SHORT: 500, Size.FULL: 500}
READS = {Size.TINY: 5, Size.SHORT: 400, Size.FULL: 1_000}  # that are timed: quiet, and beside each
PAUSE = 0.002  # seconds between an answer and the next read
SMALL = f'{{ modelVersion(modelId: "{model_id(7)}", version: "3.0.0") {{ modelId version tier status }} }}'
PAGE = f"{{ models(first: 100) {{ nodes {{ name versions(first: 5) {{ nodes {{ {LEAVES} }} }} }} }} }}"
TEXTS = " ".join(f"... on ModelVersionAggregateFilter{number} {{ id }}" for number in range(250))
FILTERED = "query($f: ModelVersionFilter!) { modelVersions(first: 1, filter: $f) { totalCount } }"

Request = Callable[[int], tuple[str, Mapping[str, Any]]]
"""The text and variables of a request. The number makes each text another one: the server keeps what it has read."""

BESIDE: Mapping[str, Request] = {
    "500 versions of 31 leaves in 100 models": lambda _: (PAGE, {}),
    "the whole schema": lambda number: (get_introspection_query(input_value_deprecation=True) + f"# {number}", {}),
    "a text of 250 unknown types": lambda number: (f"{{ nodes(ids: []) {{ {TEXTS} }} }} # {number}", {}),
    "a filter of 11,700 values": lambda _: (FILTERED, {"f": {"modelId": {"in": ["x"] * 11_700}}}),
    "a megabyte of escapes": lambda number: (f'{{ model(modelId: "{chr(233) * 140_000}") {{ name }} }} # {number}', {}),
}


@dataclass(frozen=True, slots=True)
class Beside:
    """The times of small reads in milliseconds, median and 99th percentile, and the latter as a multiple of its quiet value."""

    case: str
    """What was asked for beside, again and again; `nothing` in quiet."""
    answers: int
    """How many such requests were answered meanwhile."""
    middle: float
    late: float
    times: float


async def measure(stand: Stand) -> list[dict[str, Any]]:
    """Measures small reads in quiet, and beside each of the huge and hostile requests."""
    found = list[Beside]()
    async with (
        serving(stand, versions=VERSIONS[stand.size]) as (servers, _),
        Caller(servers.ours[0].port) as small,
        Caller(servers.ours[0].port) as huge,
    ):
        await _times(small, READS[stand.size])
        for case, request in {"nothing": None, **BESIDE}.items():
            stand.tell(f"small reads beside {case}")
            numbers = count()
            going = asyncio.create_task(_again(huge, request, numbers)) if request else None
            took = await _times(small, READS[stand.size])
            if going:
                going.cancel()
                await asyncio.wait([going])
                if not going.cancelled():
                    going.result()
                await huge.again()
            late = sorted(took)[ceil(len(took) * 0.99) - 1] * 1e3
            quiet = found[0].late if found else late
            found.append(Beside(case, max(next(numbers) - 1, 0), median(took) * 1e3, late, late / quiet))
    return [asdict(each) for each in found]


def tables(rows: Sequence[Row]) -> Sequence[Table]:
    columns = ("beside", "answers meanwhile", "ms, median", "99th", "99th to quiet")
    told = [
        (each["case"], f"{each['answers']:,}", f"{each['middle']:.1f}", f"{each['late']:.1f}", f"{each['times']:.1f}")
        for each in rows
    ]
    return [Table("A small read beside others, on one worker", columns, told)]


async def _times(caller: Caller, reads: int) -> list[float]:
    took, asked = [], post("/graphql", {"query": SMALL}, ADMIN_TOKEN)
    for _ in range(reads):
        begun = monotonic()
        if b'"errors"' in (said := await caller.ask(asked)):
            raise RuntimeError(said.decode())
        took.append(monotonic() - begun)
        await asyncio.sleep(PAUSE)
    return took


async def _again(caller: Caller, request: Request, numbers: "count[int]") -> None:
    for number in numbers:
        text, variables = request(number)
        await caller.ask(post("/graphql", {"query": text, "variables": variables}, ADMIN_TOKEN))
