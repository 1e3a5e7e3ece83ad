"""Reviewed content in the graph: revisions, and the exact texts behind their digests."""

from documents.contents import Content, Revision
from documents.people import Stakeholder
from documents.values import Digest
from resolvers.graph.context import Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.mutation import query
from resolvers.graph.types import Node, Part, node, shape


@node(Content, hidden=["revision"])
class ContentNode(Node): ...


@shape(Revision)
class RevisionShape:
    content = one(Content, "Its exact text.", digest="digest")
    author = one(Stakeholder, "Whoever wrote it, if a person did.", user_id="author")


@query()
async def content(info: Info, digest: Digest) -> Content | None:
    """A reviewed content as it was, by the SHA-256 of its canonical text."""
    return await Content.seek({"digest": digest}, asked_of(info, Content))


PART = Part(queries=[content])
