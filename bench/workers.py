"""The memory of a worker, and the time from the start of `magistrate serve` until it is ready."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from socket import create_server
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from bench import data
from bench.cases import question, verified
from bench.processes import GRACE, NEVER, Caller, get, megabytes, processor_seconds
from bench.questions import QUESTIONS
from bench.report import Row, Table
from bench.stand import ADMIN_TOKEN, SECRET_KEY, Effort, Size, Stand
from gql import children
from gql.settings import PREFIX

VERSIONS = 100
READS = {Size.TINY: 10, Size.SHORT: 1_000, Size.FULL: 1_000}
PATIENCE, TICK = 120.0, 0.01  # seconds


async def measure(stand: Stand) -> list[dict[str, Any]]:
    """Measures starts on the embedded database, and the memory of a worker before and after it answered lists."""
    stand.tell("starts")
    found, reads = await _starts(stand.effort), READS[stand.size]
    async with stand.database("process") as (settings, database):
        await data.versions(database, 0, VERSIONS)
        said = {"MONGODB_URI": settings.mongodb_uri, "DATABASE": database.name, "DATA_DIR": settings.data_dir}
        async with _serving(said) as (supervisor, port):
            stand.tell(f"the memory of a worker that answers {reads:,} lists")
            (worker,) = filter(_is_worker, _children(supervisor))
            await verified(port)
            quiet = megabytes(worker, "VmRSS")
            async with Caller(port) as caller:
                (listed,) = (question(each, "ours") for each in QUESTIONS if each.name == "list")
                for _ in range(reads):
                    await caller.ask(listed)
            read, peak = megabytes(worker, "VmRSS"), megabytes(worker, "VmHWM")
            return [*found, {"of": "worker", "quiet": quiet, "reads": reads, "read": read, "peak": peak}]


def tables(rows: Sequence[Row]) -> Sequence[Table]:
    starts, (memory,) = ([each for each in rows if (each["of"] == "worker") is whether] for whether in (False, True))
    columns = ("a start with the embedded database", "s until it is ready", "s of processor time until then")
    told = [(each["of"], f"{each['seconds']:.2f}", f"{each['processor']:.2f}") for each in starts]
    grown = [
        (said, f"{memory[name]:.0f}")
        for said, name in (("after its start", "quiet"), (f"after {memory['reads']:,} lists", "read"))
    ]
    return [
        Table("From start to ready", columns, told),
        Table("Memory", ("a worker", "MB"), [*grown, ("at its highest", f"{memory['peak']:.0f}")]),
    ]


async def _starts(effort: Effort) -> list[dict[str, Any]]:
    """The first start on an empty folder, and later ones on the same folder, in each of the rounds."""
    first, later = list[tuple[float, float]](), list[tuple[float, float]]()
    for _ in range(effort.rounds):
        with TemporaryDirectory(prefix="magistrate-bench-") as folder:
            for which in (first, later):
                began = monotonic()
                async with _serving({"DATA_DIR": folder}) as (supervisor, _):
                    took = monotonic() - began
                    which.append((took, processor_seconds([supervisor, *_children(supervisor)])))
    return [
        {"of": of, "seconds": median(took for took, _ in each), "processor": median(spent for _, spent in each)}
        for of, each in (("on an empty folder", first), ("a later one", later))
    ]


@asynccontextmanager
async def _serving(said: Mapping[str, Any]) -> AsyncIterator[tuple[int, int]]:
    """Runs `magistrate serve` with these settings; gives the process id of the supervisor, and the port, once it is ready."""
    with create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    usual = {"PORT": port, "ADMIN_TOKEN": ADMIN_TOKEN, "SECRET_KEY": SECRET_KEY, "VERIFICATION_SECONDS": NEVER}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) or name == f"{PREFIX}ENGINE"}
    environment |= {PREFIX + name: str(value) for name, value in {**usual, **said}.items()}
    process = children.start(
        [str(Path(sys.executable).with_name("magistrate")), "serve"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not await _ready(port):
                if process.poll() is not None:
                    raise RuntimeError(f"magistrate serve ended with {process.returncode}")
                await asyncio.sleep(TICK)
        yield process.pid, port
    finally:
        process.terminate()
        children.see_off(process, 2 * GRACE)


async def _ready(port: int) -> bool:
    try:
        async with Caller(port) as caller:
            return (await caller.ask(get("/readyz"))).startswith(b"ready")
    except (OSError, RuntimeError, asyncio.IncompleteReadError):
        return False


def _is_worker(pid: int) -> bool:
    return b"magistrate.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()


def _children(pid: int) -> list[int]:
    """The processes that a process has started and not yet waited for. Linux only."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
