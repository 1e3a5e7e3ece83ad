"""A service with an issuer of programs, and a run that its rule lets in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from documents.issuers import Issuers
from gql.app import create_app
from gql.issuers.fetching import Fetcher
from gql.issuers.tokens import linked
from tests.examples import register
from tests.providers import ISSUER, Provider
from tests.service import Person, Service

VIEWER = "{ viewer { id mutations } }"
RULE: dict[str, Any] = {
    "claims": {"repository": "acme/*", "ref": "refs/heads/main", "environment": "production"},
    "service": "release-pipeline",
    "mutations": ["registerModel", "attachEvidence", "openIncident", "createChangeRequest"],
    "models": ["support-*"],
    "environments": ["staging"],
}
GITHUB: dict[str, Any] = {
    "name": "github", "issuer": ISSUER, "audience": "https://models.example.org", "kind": "workloads",
}  # fmt: skip
CLAIMS: dict[str, Any] = {
    "aud": "https://models.example.org", "sub": "repo:acme/app:environment:production", "repository": "acme/app",
    "ref": "refs/heads/main", "environment": "production", "run_id": "4711", "run_attempt": "1",
    "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main",
}  # fmt: skip
RUN = "github: acme/app run 4711 by acme/app/.github/workflows/release.yml@refs/heads/main"


@asynccontextmanager
async def let_in(server: str) -> AsyncIterator[tuple[Service, Provider]]:
    """The service with a version on record, and the provider that signs for its pipelines."""
    service, provider = await Service.started(server), Provider()
    configure(service, provider, RULE)
    with service.database.bound():
        await register(service)
    yield service, provider
    await service.close()


def configure(service: Service, provider: Provider, *rules: dict[str, Any]) -> None:
    """Starts the server anew with these rules."""
    issuers = Issuers.model_validate({"issuer": [GITHUB | {"rule": rules}]})
    verifier = linked(issuers, lambda: service.now, Fetcher(httpx.ASGITransport(provider.app)))
    service.app = create_app(service.settings, lambda: service.now, service.database, issued=verifier)
    service.http = httpx.AsyncClient(transport=httpx.ASGITransport(service.app, client=("192.0.2.1", 9)), base_url="http://test")


def run(service: Service, provider: Provider, **claims: Any) -> Person:
    return Person("release-pipeline", provider.signs(None, {}, service.now, **CLAIMS | claims))


@pytest.fixture(scope="module")
async def begun(server: str) -> AsyncIterator[tuple[Service, Provider]]:
    async with let_in(server) as service_and_provider:
        yield service_and_provider


@pytest.fixture
async def pipelines(begun: tuple[Service, Provider]) -> AsyncIterator[tuple[Service, Provider]]:
    """What `let_in` made, as it was then."""
    async with begun[0].put_back():
        configure(*begun, RULE)
        yield begun
