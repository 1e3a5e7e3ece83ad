"""Reviewed contents in the graph: their revisions, and the exact text of each digest."""

from typing import Annotated

import strawberry
from strawberry import Parent

from documents.contents import Content, ContentChange, Revision
from documents.people import Stakeholder
from documents.store.standins import whole
from documents.values import Digest
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.mutation import query
from resolvers.graph.types import Node, Part, field, node, shape


@node(Content, hidden=["revision"])
class ContentNode(Node):
    @field(
        "The places where another content of its kind differs; null if that is not kept.",
        loads=[Content],
    )
    @staticmethod
    async def changes_since(
        content: Parent[Content],
        info: Info,
        other: Annotated[Digest, strawberry.argument(name="digest", description="The digest that the other content has.")],
    ) -> list[ContentChange] | None:
        before: Content | None = await info.context.one(Content).load((other,))
        return list(whole(content).changes_since(before)) if before and before.kind is content.kind else None


@shape(Revision)
class RevisionShape:
    content = one(Content, "The exact text that it has.", digest="digest")
    author = one(Stakeholder, "The person who wrote it; null for a service.", user_id="author")


@query()
async def content(info: Info, digest: Digest) -> Content | None:
    """The reviewed content that has the SHA-256, as it was; null if none."""
    return await Content.seek({"digest": digest}, asked_of(info, Content))


PART = Part(types=[ContentChange, ContentNode, RevisionShape], queries=[content])
