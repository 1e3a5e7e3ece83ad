"""The parts of the benchmark, in the order in which they are measured and shown."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench import beside, cases, growth, load, nodejs, verifying, workers
from bench.report import Row, Table
from bench.stand import Stand


@dataclass(frozen=True, slots=True)
class Part:
    """What is measured under one name: a function that measures it, and one that makes tables of what was found."""

    measure: Callable[[Stand], Awaitable[list[dict[str, Any]]]]
    tables: Callable[[Sequence[Row]], Sequence[Table]]
    optional: bool = False
    """Whether it is measured only if it is named."""
    versions: Callable[[], Mapping[str, str]] = dict
    """The versions of what was measured, by name, beside those that every part has."""


PARTS = {
    "mutations": Part(cases.mutations, cases.mutation_tables),
    "rates": Part(cases.rates, cases.rate_tables),
    "load": Part(load.measure, load.tables),
    "questions": Part(cases.questions, cases.question_tables),
    "beside": Part(beside.measure, beside.tables),
    "growth": Part(growth.measure, growth.tables),
    "verification": Part(verifying.measure, verifying.tables),
    "process": Part(workers.measure, workers.tables),
    "peers": Part(nodejs.measure, nodejs.tables, optional=True, versions=nodejs.versions),
}
