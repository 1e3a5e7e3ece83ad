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
        "What it says otherwise than another content of its kind, such as an earlier revision, place by place; nothing where no "
        "such content is kept.",
        loads=[Content],
    )
    @staticmethod
    async def changes_since(
        content: Parent[Content],
        info: Info,
        other: Annotated[Digest, strawberry.argument(name="digest", description="The digest of the other content.")],
    ) -> list[ContentChange] | None:
        before: Content | None = await info.context.one(Content).load((other,))
        return list(whole(content).changes_since(before)) if before and before.kind is content.kind else None


@shape(Revision)
class RevisionShape:
    content = one(Content, "Its exact text.", digest="digest")
    author = one(Stakeholder, "Whoever wrote it, if a person did.", user_id="author")


@query()
async def content(info: Info, digest: Digest) -> Content | None:
    """A reviewed content as it was, by the SHA-256 of its canonical text."""
    return await Content.seek({"digest": digest}, asked_of(info, Content))


PART = Part(types=[ContentChange, ContentNode, RevisionShape], queries=[content])
