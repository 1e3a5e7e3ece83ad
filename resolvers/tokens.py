"""API tokens in the graph: mutations make a token, whose text is shown once, and revoke it."""

import strawberry
from pydantic import BaseModel, Field

from documents.access import Permission, may_make_tokens
from documents.audit.event import AuditEventType
from documents.enrolment import enrol, invite, refuse_ended
from documents.names import refuse_name_of_person
from documents.people import Stakeholder
from documents.reach import ALL, Reach
from documents.tokens import ApiToken
from documents.values import Key, Moment, Name, Names, TokenId
from resolvers.graph.context import Context, Info
from resolvers.graph.inputs import graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, shape


@graph_input("A service is a program that signs in.")
class ServiceInput(BaseModel):
    name: Key = Field(description="The name that events call it by; no user id of a person.")
    mutations: tuple[Permission, ...] = Field(max_length=100, description="The mutations that it may use; reading it always may.")
    models: Names = Field(default=ALL, description="The models that its changes may be about; `*` is any text.")
    environments: Names = Field(default=ALL, description="The environments that its changes may be about; `*` is any text.")

    @property
    def reach(self) -> Reach:
        return Reach(self.models, self.environments)


@graph_input("A holder is who a token is for.", one_of=True)
class TokenHolderInput(BaseModel):
    user_id: Key | None = Field(default=None, description="The user id of a person who has not enrolled and is to.")
    service: ServiceInput | None = Field(default=None, description="The program that uses the token as it is.")


@graph_input("A token is to be made.")
class CreateApiTokenInput(BaseModel):
    name: Name = Field(description="The name says what it is for.")
    holder: TokenHolderInput | None = Field(default=None, description="The holder that it is for; default is the caller.")
    expires_at: Moment | None = Field(default=None, description="The time it expires; default is a year or a week.")


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
        await refuse_ended(by)
        may_make_tokens(by)
        return await invite(await Stakeholder.require(holder.user_id), input.name, input.expires_at, by, at)
    if holder and holder.service:
        service = holder.service
        token, text = ApiToken.service(service.name, service.mutations, service.reach, input.name, input.expires_at, by, at)
        await refuse_name_of_person(token.holder)
    elif by.enrolling:
        return await enrol(input.name, input.expires_at, by, at)
    else:
        token, text = ApiToken.personal(input.name, input.expires_at, by, at)
    await refuse_ended(by)
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
    """Ends a token at once: the caller's own, or as an administrator anybody's."""
    token = await ApiToken.require(input.token_id)
    token.revoke(by=info.context.actor, at=info.context.now)
    await token.store()
    return RevokeApiTokenPayload(api_token=token)


PART = Part(types=[shape(ApiToken, hidden=["secret_hash", "renewal"])], mutations=[create_api_token, revoke_api_token])
