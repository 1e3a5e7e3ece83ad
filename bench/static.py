"""Answers from memory: what a request costs without the database, on our server and on a bare one."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from starlette.applications import Starlette

from bench import questions
from bench.data import model_id
from bench.questions import LEAVES, Question
from documents.store.session import Database, bound_database
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from gql.app import create_app
from gql.credentials import Credential
from gql.firststart import utc_now
from gql.identity import Doorkeeper, Identity
from gql.schema import PARTS, Schema, build_schema
from gql.settings import Settings
from resolvers.graph.context import Info
from resolvers.graph.mutation import query
from resolvers.graph.types import Part

LISTED = 100  # versions
ORDER = (("registered_at", 1), ("_id", 1))
OBJECT = ("modelId", "name", "description", "tags", "ownerId", "registeredBy", "registeredAt")
_kept: WeakKeyDictionary[Database, dict[str, Any]] = WeakKeyDictionary()


@query()
async def static_versions(info: Info) -> list[ModelVersion]:
    """The versions that were registered first, as they were at the first request."""
    versions: list[ModelVersion] = (await _held())["versions"]
    return versions


@query()
async def static_model(info: Info) -> Model:
    """The model that was registered first, as it was at the first request."""
    model: Model = (await _held())["model"]
    return model


async def _held() -> dict[str, Any]:
    database = bound_database()
    if database not in _kept:
        model = await Model.seek({"model_id": model_id(0)})
        _kept[database] = {"versions": await ModelVersion.read({}, ORDER, LISTED), "model": model}
    return _kept[database]


STATIC = Part(queries=[static_versions, static_model])


@cache
def schema() -> Schema:
    """Our schema with two more queries, which answer from memory. The other servers serve it, too."""
    return build_schema((*PARTS, STATIC))


class Acquainted(Doorkeeper):
    """Takes every caller for the first one who signed in, without another look at the database."""

    first: Identity | None = None

    async def identify(self, credential: Credential, address: str, **options: Any) -> Identity:
        self.first = self.first or await super().identify(credential, address, **options)
        return self.first


def static(settings: Settings, database: Database) -> Starlette:
    """Our app as it is served, but for `Acquainted` and the two queries."""
    with patch("gql.app.schema_of", lambda _: schema()), patch("gql.app.Doorkeeper", Acquainted):
        return create_app(settings, utc_now, database)


async def answers(database: Database) -> dict[str, Any]:
    """The answers to the static questions, by field: made by hand, as bare endpoints make theirs."""
    return {name: value for each in QUESTIONS for name, value in (await each.bare(questions.raw_of(database))).items()}


async def _versions(database: Any) -> dict[str, Any]:
    return {"staticVersions": await questions.listed(database, LISTED)}


async def _model(database: Any) -> dict[str, Any]:
    return {"staticModel": await questions.model(database, model_id(0))}


QUESTIONS: Sequence[Question] = (
    Question("list", f"query List {{ staticVersions {{ {LEAVES} }} }}", _versions),
    Question("object", f"query Object {{ staticModel {{ {' '.join(OBJECT)} }} }}", _model),
)
