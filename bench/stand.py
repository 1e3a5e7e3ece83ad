"""The stand that the parts are measured on: a database server of its own, and how much is measured."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from pydantic import SecretStr

from bench import data
from documents.kinds import open_database
from documents.store.session import Database
from gql.embedded import Engine
from gql.firststart import prepare
from gql.settings import Settings

ADMIN_TOKEN = "mag_bench_" + "b" * 43
WORKERS = 4  # of one server at most: they take turns at the database, as those that the product starts
SECRET_KEY = f"bench+{'b' * 42}A="


class Size(StrEnum):
    """How much is measured."""

    TINY = "tiny"
    SHORT = "short"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a case is measured: the number of rounds, and for about how many seconds each contender works in a round."""

    rounds: int
    seconds: float


EFFORTS = {Size.TINY: Effort(1, 0.05), Size.SHORT: Effort(5, 0.4), Size.FULL: Effort(5, 1.0)}


@dataclass(frozen=True, slots=True)
class Stand:
    """A running database server. `tell` shows what is measured next."""

    engine: Engine
    size: Size
    tell: Callable[[str], None]

    @property
    def effort(self) -> Effort:
        return EFFORTS[self.size]

    @asynccontextmanager
    async def database(self, name: str) -> AsyncIterator[tuple[Settings, Database]]:
        """A prepared database of that name without models, and the settings to serve it."""
        settings = Settings(
            mongodb_uri=self.engine.uri, database=name, admin_token=SecretStr(ADMIN_TOKEN), secret_key=SecretStr(SECRET_KEY),
            data_dir=self.engine.folder, workers=WORKERS,
        )  # fmt: skip
        database = open_database(self.engine.uri, name)
        try:
            await prepare(settings, database, lambda: data.AT)  # the policies are in force when the versions are registered
            yield settings, database
        finally:
            database.close()
