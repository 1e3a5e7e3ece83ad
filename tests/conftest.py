"""One embedded server for the run, one database and one app a test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from documents.eligibility.judgement import Judgement
from documents.eligibility.load import case_files
from documents.versions.version import ModelVersion
from gql.embedded import Engine
from tests.service import Service, close_spares

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
                await standings_are_judged()
    finally:
        await service.close(spare=honest)


async def standings_are_judged() -> None:
    """The standing of every version that a test leaves is what the rule makes of it, as of the moment it was stored."""
    for version in await ModelVersion.every({}):
        assert version.standing is not None
        (case,) = await case_files([version], version.standing.as_of, with_people=False)
        assert Judgement(case).standing == version.standing
