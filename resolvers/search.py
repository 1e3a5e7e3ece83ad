"""Searching all nouns at once."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
from strawberry import UNSET

from documents.datasheets import Datasheet
from documents.people import Stakeholder
from documents.policies import Policy
from documents.search import Searchable, search
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from resolvers.graph.connections import After, Before, Connection, First, Last, window
from resolvers.graph.context import Info, asked_of
from resolvers.graph.mutation import query
from resolvers.graph.types import Node, Part

KINDS: Sequence[type[Searchable]] = (Model, ModelVersion, Datasheet, Policy, Stakeholder)

Words = Annotated[
    str,
    strawberry.argument(
        description="Words, 200 characters at most; case and accents do not count, and the last may be only begun."
    ),
]


@query(name="search")
async def found(
    info: Info, query: Words, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
) -> Connection[Node]:
    """Models, versions, datasheets, policies and people whose names and texts hold every word, kind by kind, oldest first."""
    return await search({each: asked_of(info, each) for each in KINDS}, query, window(first, after, last, before))  # type: ignore[return-value]


PART = Part(queries=[found])
