"""`python -m bench.rejudging`: measures how much a raise of the rules number slows requests down.

It makes versions, serves them, and measures how long a small read takes: first on an idle server, then while the server computes
every standing anew.
"""

import asyncio
import json
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Annotated, Any

import httpx
import typer
from pydantic import SecretStr

from bench import data
from bench.cases import CLERKS
from bench.processes import Process
from bench.stand import ADMIN_TOKEN, SECRET_KEY
from documents.eligibility.rules import RULES
from documents.kinds import open_database
from gql.embedded import Engine
from gql.firststart import prepare
from gql.settings import PREFIX, Settings, read_settings

QUIET = 500  # reads on the idle server
PAUSE, PATIENCE = 0.01, 900.0  # seconds between reads; seconds after which the measurement fails
READ = (
    """query Read($modelId: String!) { modelVersion(modelId: $modelId, version: "1.0.0") { status tier standing { rules } } }"""
)
LEFT = {"standing.rules": {"$gte": 0, "$lt": RULES}}


def main(
    versions: Annotated[int, typer.Argument(min=25, help="How many versions are judged anew.")] = 2_000,
    writes: Annotated[bool, typer.Option(help="Whether a mutation is sent every half a second too.")] = False,
) -> None:
    """Measure a small read while every standing is computed anew, and how long that takes."""
    print(json.dumps(asyncio.run(_run(versions, writes)), indent=1))  # noqa: T201


async def _run(versions: int, writes: bool) -> dict[str, Any]:
    with TemporaryDirectory(prefix="magistrate-bench-") as folder, Engine(Path(folder), read_settings().engine) as engine:
        settings = Settings(
            mongodb_uri=engine.uri, database="bench", admin_token=SecretStr(ADMIN_TOKEN), secret_key=SecretStr(SECRET_KEY),
            data_dir=engine.folder,
        )  # fmt: skip
        database = open_database(engine.uri, "bench")
        await prepare(settings, database, lambda: data.AT)
        await data.people(database, CLERKS)
        await data.versions(database, 0, versions)
        process = Process(settings, "ours")
        process.environment[f"{PREFIX}JUDGEMENT_SECONDS"] = "1"
        with process:
            url = f"http://127.0.0.1:{process.port}/graphql"
            async with httpx.AsyncClient(headers={"authorization": f"Bearer {data.OWNER_TOKEN}"}, timeout=60) as client:
                quiet = [await _read(client, url, each, versions) for each in range(QUIET)]
                old = {"$set": {"standing.rules": RULES - 1}}
                await database.collection("model_versions").update_many({}, old)
                began, during, mutations = monotonic(), list[float](), list[float]()
                while left := await database.collection("model_versions").count_documents(LEFT):
                    during += [await _read(client, url, each, versions) for each in range(20)]
                    if writes:
                        mutations.append(await _write(client, url, len(mutations)))
                    if monotonic() - began > PATIENCE:
                        raise TimeoutError(f"{left} versions are left after {PATIENCE:.0f} s")
                took = monotonic() - began
        database.close()
    return {
        "engine": engine.program.name, "versions": versions, "seconds": round(took, 1),
        "quiet_ms": _summary(quiet), "during_ms": _summary(during), "mutation_ms": _summary(mutations) if writes else None,
        "p99_ratio": round(_summary(during)["p99"] / _summary(quiet)["p99"], 2),
    }  # fmt: skip


async def _read(client: httpx.AsyncClient, url: str, number: int, versions: int) -> float:
    began = monotonic()
    asked = {"query": READ, "variables": {"modelId": data.model_id(number % versions)}}
    answer = (await client.post(url, json=asked)).json()
    took = monotonic() - began
    if "errors" in answer or not answer["data"]["modelVersion"]:
        raise AssertionError(answer)
    await asyncio.sleep(PAUSE)
    return took


async def _write(client: httpx.AsyncClient, url: str, number: int) -> float:
    began = monotonic()
    said = (
        f'mutation {{ updateModelVersion(input: {{modelId: "{data.model_id(0)}", version: "1.0.0", restrictions: ["{number}"]}}) '
    )
    answer = (await client.post(url, json={"query": said + "{ receipt { seq } } }"})).json()
    if "errors" in answer:
        raise AssertionError(answer)
    return monotonic() - began


def _summary(seconds: list[float]) -> dict[str, float]:
    """Median, 99th percentile and maximum, in milliseconds."""
    cuts = quantiles(seconds, n=100)
    return {name: round(each * 1000, 1) for name, each in (("p50", cuts[49]), ("p99", cuts[98]), ("max", max(seconds)))}


if __name__ == "__main__":
    typer.run(main)
