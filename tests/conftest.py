"""One embedded server for the run, one database and one app a test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from gql.embedded import Engine
from tests.service import Service


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Engine(tmp_path_factory.mktemp("data")) as engine:
        yield engine.uri


@pytest.fixture
async def service(server: str) -> AsyncIterator[Service]:
    service = await Service.started(server)
    with service.database.bound():
        yield service
    await service.close()
