"""API tokens in the graph: who may sign in with which. Mutations make a token, whose text is shown once, and revoke it."""

import strawberry
from pydantic import BaseModel, Field

from documents.access import Permission, may_make_tokens
from documents.audit.event import AuditEventType
from documents.enrolment import enrol, invite
from documents.names import refuse_name_of_person
from documents.people import Stakeholder, refuse_unknown
from documents.reach import ALL, Reach
from documents.tokens import USUAL, ApiToken, Program, Scopes
from documents.values import Key, Moment, Name, Names, Statement, TokenId
from resolvers.graph.aggregates import aggregates
from resolvers.graph.connections import connection
from resolvers.graph.context import Context, Info, asked_of
from resolvers.graph.edges import one
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Node, Part, node


@node(ApiToken, hidden=["secret_hash", "renewal"], permit=Permission.READ_TOKENS)
class ApiTokenNode(Node):
    owner = one(Stakeholder, "The person who answers for it; null where nobody is named.", user_id="owner_id")


ApiTokenFilter = filters(
    ApiToken,
    "token_id",
    "name",
    "kind",
    "holder",
    "owner_id",
    "issued_by",
    "created_at",
    "expires_at",
    "revoked_at",
    "last_used_at",
)


@query(permit=Permission.READ_TOKENS)
async def api_token(info: Info, token_id: TokenId) -> ApiToken | None:
    """The token that has the public name; null if none. Administrators and auditors read it."""
    return await ApiToken.seek({"token_id": token_id}, asked_of(info, ApiToken))


api_tokens = connection(
    ApiToken,
    "api_tokens",
    "Everybody's tokens are listed latest first, for administrators and auditors. `viewer { tokens }` has one's own.",
    ("created_at", -1),
    permit=Permission.READ_TOKENS,
)


api_token_aggregates = aggregates(
    ApiToken,
    "api_token_aggregates",
    "Groups tokens, counts each group and computes its figures.",
    permit=Permission.READ_TOKENS,
)


@graph_input("A service is a program that signs in.")
class ServiceInput(BaseModel):
    name: Key = Field(description="The name that events call it by; no user id of a person.")
    mutations: tuple[Permission, ...] = Field(max_length=100, description="The mutations that it may use; reading it always may.")
    models: Names = Field(default=ALL, description="The models that its changes may be about; `*` is any text.")
    environments: Names = Field(default=ALL, description="The environments that its changes may be about; `*` is any text.")
    scopes: Scopes = Field(default=USUAL, description="The doors that the token opens, each once; default is GRAPH and GATE.")
    owner_id: Key | None = Field(
        default=None, description="The user id of the active person who answers for the token; default is the caller."
    )

    def program(self, caller: str) -> Program:
        reach = Reach(self.models, self.environments)
        return Program(self.name, self.owner_id or caller, self.mutations, reach, self.scopes)


@graph_input("A holder is who a token is for.", one_of=True)
class TokenHolderInput(BaseModel):
    user_id: Key | None = Field(default=None, description="The user id of a person who has not enrolled and is to.")
    service: ServiceInput | None = Field(default=None, description="The program that uses the token as it is.")


@graph_input("A token is to be made.")
class CreateApiTokenInput(BaseModel):
    name: Name = Field(description="The name says what it is for.")
    holder: TokenHolderInput | None = Field(default=None, description="The holder that it is for; default is the caller.")
    expires_at: Moment | None = Field(default=None, description="The time it expires; default is a year or a week.")
    purpose: Statement | None = Field(default=None, description="The purpose that it is made for; the trail tells it.")


@strawberry.type(description="The token is made.")
class CreateApiTokenPayload(Payload):
    api_token: ApiToken = strawberry.field(description="The token that was made.")
    token: str | None = strawberry.field(description="The secret text that signs in; it is shown once and null later.")


@mutation(event=AuditEventType.ACCESS_GRANTED, permit=Permission.CREATE_API_TOKEN, resource=ApiToken)
async def create_api_token(info: Info, input: CreateApiTokenInput) -> CreateApiTokenPayload:
    """Makes a token for the caller; an administrator also makes them for services, and ones that enrol people.

    Whoever has enrolled gets no second enrolment token before `resetEnrolment`; another one for the same person ends the first.
    """
    token, text = await _made(info.context, input)
    return CreateApiTokenPayload(api_token=token, token=text)


async def _made(context: Context, input: CreateApiTokenInput) -> tuple[ApiToken, str]:
    by, at, holder = context.actor, context.now, input.holder
    if holder and holder.user_id and holder.user_id != by.id:
        may_make_tokens(by)
        return await invite(await Stakeholder.require(holder.user_id), input.name, input.expires_at, by, at, input.purpose)
    if holder and holder.service:
        program = holder.service.program(by.id)
        token, text = ApiToken.service(program, input.name, input.expires_at, by, at, input.purpose)
        await refuse_name_of_person(token.holder)
        await refuse_unknown({"holder.service.owner_id": holder.service.owner_id})
    elif by.enrolling:
        return await enrol(input.name, input.expires_at, by, at, input.purpose)
    else:
        token, text = ApiToken.personal(input.name, input.expires_at, by, at, input.purpose)
    await token.store()
    return token, text


@graph_input("A token is to be revoked.")
class RevokeApiTokenInput(BaseModel):
    token_id: TokenId = Field(description="The public name that it has; a whole token is refused.")


@strawberry.type(description="The token is revoked.")
class RevokeApiTokenPayload(Payload):
    api_token: ApiToken = strawberry.field(description="The token that was ended.")


@mutation(event=AuditEventType.ACCESS_REVOKED, permit=Permission.REVOKE_API_TOKEN, resource=ApiToken)
async def revoke_api_token(info: Info, input: RevokeApiTokenInput) -> RevokeApiTokenPayload:
    """Ends a token at once: the caller's own, one that the caller answers for, or as an administrator anybody's."""
    token = await ApiToken.require(input.token_id)
    token.revoke(by=info.context.actor, at=info.context.now)
    await token.store()
    return RevokeApiTokenPayload(api_token=token)


PART = Part(
    types=[ApiTokenNode, ApiTokenFilter],
    queries=[api_token, api_tokens, api_token_aggregates],
    mutations=[create_api_token, revoke_api_token],
)
