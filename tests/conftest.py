"""One embedded server for the run, one database and one app a test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from gql.embedded import Engine
from tests.service import Service, close_spares
from tests.standings import misjudged

settings.register_profile("long", max_examples=10_000)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Engine(tmp_path_factory.mktemp("data")) as engine:
        yield engine.uri
        close_spares(engine.uri)


@pytest.fixture
async def service(server: str, request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    service = await Service.started(server)
    honest = request.node.get_closest_marker("tampers") is None
    try:
        with service.database.bound():
            yield service
            if honest:
                assert await misjudged() == []
    finally:
        await service.close(spare=honest)
