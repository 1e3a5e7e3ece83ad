"""Kills processes of a server under load, two hundred times, and says whether anything was lost."""

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.faults.plan import Victim, plan
from tests.faults.run import Outcome, run
from tests.faults.stand import Stand

WORKERS, CLIENTS = 6, 6
KILLS = {Victim.WORKER: 180, Victim.ENGINE: 20, Victim.SUPERVISOR: 6}
KILLING, LIMIT = 520.0, 600.0  # seconds: after which nothing more is killed, and for everything


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", default=random.randrange(10**6), help="of a plan to carry out again")
    parser.add_argument("--engine", type=Path, help="the embedded database's program, if not the one that is found")
    chosen = parser.parse_args()
    say(f"seed {chosen.seed}")
    with TemporaryDirectory() as folder:
        stand = Stand(Path(folder), WORKERS, chosen.engine)
        carrying_out = run(plan(chosen.seed, KILLS), chosen.seed, stand, CLIENTS, KILLING)
        outcome = asyncio.run(asyncio.wait_for(carrying_out, LIMIT))
    for line in report(outcome):
        say(line)


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def report(outcome: Outcome) -> Iterator[str]:
    acknowledged, again = outcome.acknowledged, sum(each.attempts > 1 for each in outcome.acknowledged)
    yield f"{len(outcome.kills)} of {sum(KILLS.values())} kills; seconds until a mutation was acknowledged again:"
    for victim, kills in Counter(each.victim for each in outcome.kills).items():
        took = [seconds for kill, seconds in outcome.recoveries if kill.victim is victim]
        yield f"  {kills:4} {victim:<24} median {median(took):.1f}, at most {max(took):.1f}"
    for when, kills in sorted(Counter(each.when for each in outcome.kills).items()):
        yield f"  {kills:4} {when}"
    yield f"{len(acknowledged)} mutations acknowledged, {again} of them sent more than once"
    yield f"{outcome.events} events, {outcome.checkpoints} checkpoints: nothing is lost or there twice, and the chain is whole"


if __name__ == "__main__":
    main()
