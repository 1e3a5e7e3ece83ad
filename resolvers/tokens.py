"""API tokens in the graph: mutations make a token, whose text is shown once, and revoke it."""

import strawberry
from pydantic import BaseModel, Field

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.people import Stakeholder
from documents.tokens import ApiToken
from documents.values import Key, Moment, Name, TokenId
from resolvers.graph.context import Context, Info
from resolvers.graph.inputs import graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, shape


@graph_input("A program that is to sign in.")
class ServiceInput(BaseModel):
    name: Key = Field(description="What events call it.")
    mutations: tuple[Permission, ...] = Field(max_length=100, description="The mutations that it may use; reading it may anyway.")


@graph_input("Whom a token is for.", one_of=True)
class TokenHolderInput(BaseModel):
    user_id: Key | None = Field(default=None, description="A person, who gets a token that only makes the person's own.")
    service: ServiceInput | None = Field(default=None, description="A program, which uses the token as it is.")


@graph_input("A token to make.")
class CreateApiTokenInput(BaseModel):
    name: Name = Field(description="What it is for.")
    holder: TokenHolderInput | None = Field(default=None, description="Whom it is for; left out: oneself.")
    expires_at: Moment | None = Field(
        default=None, description="Until when it serves; left out: a year, or a week for a token that enrols somebody."
    )


@strawberry.type(description="The token as made, with its secret for the only time.")
class CreateApiTokenPayload(Payload):
    api_token: ApiToken = strawberry.field(description="The token.")
    token: str | None = strawberry.field(
        description="The text to sign in with. Keep it: it is not shown again, and null where an idempotency key comes again."
    )


@mutation(event=AuditEventType.ACCESS_GRANTED, permit=Permission.CREATE_API_TOKEN, resource=ApiToken)
async def create_api_token(info: Info, input: CreateApiTokenInput) -> CreateApiTokenPayload:
    """Makes a token for oneself; an administrator also makes tokens for services, and for people ones that only enrol them."""
    token, text = await _made(info.context, input)
    if info.context.actor.enrolling:
        used = await ApiToken.require(info.context.actor.token or "")
        used.end("createApiToken", info.context.now)
        await used.store()
    await token.store()
    return CreateApiTokenPayload(api_token=token, token=text)


async def _made(context: Context, input: CreateApiTokenInput) -> tuple[ApiToken, str]:
    by, at, holder = context.actor, context.now, input.holder
    if holder and holder.service:
        return ApiToken.service(holder.service.name, holder.service.mutations, input.name, input.expires_at, by, at)
    if holder and holder.user_id and holder.user_id != by.id:
        return ApiToken.enrolment(await Stakeholder.require(holder.user_id), input.name, input.expires_at, by, at)
    return ApiToken.personal(input.name, input.expires_at, by, at)


@graph_input("A token to end.")
class RevokeApiTokenInput(BaseModel):
    token_id: TokenId = Field(description="Its public name; a whole token is refused, and appears nowhere.")


@strawberry.type(description="The token as ended.")
class RevokeApiTokenPayload(Payload):
    api_token: ApiToken = strawberry.field(description="The token.")


@mutation(event=AuditEventType.ACCESS_REVOKED, permit=Permission.REVOKE_API_TOKEN, resource=ApiToken)
async def revoke_api_token(info: Info, input: RevokeApiTokenInput) -> RevokeApiTokenPayload:
    """Ends a token at once: one's own, or as an administrator anybody's."""
    token = await ApiToken.require(input.token_id)
    token.revoke(by=info.context.actor, at=info.context.now)
    await token.store()
    return RevokeApiTokenPayload(api_token=token)


PART = Part(types=[shape(ApiToken, hidden=["secret_hash"])], mutations=[create_api_token, revoke_api_token])
