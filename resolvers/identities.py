"""Identities in the graph: who enrolled whom, and mutations that confirm an identity or reset an enrolment."""

import strawberry
from pydantic import BaseModel, Field

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.enrolment import confirm, reset
from documents.identities import EnrolmentReset, Identity, IdentityMark
from documents.people import Stakeholder
from documents.values import Email, Key, Statement
from resolvers.graph.context import Info
from resolvers.graph.edges import one
from resolvers.graph.inputs import graph_input
from resolvers.graph.mutation import Payload, mutation
from resolvers.graph.types import Part, shape


@shape(Identity)
class IdentityShape:
    enroller = one(Stakeholder, "The person who made the enrolment token; null for the first start.", user_id="enrolled_by")
    confirmer = one(Stakeholder, "The person who confirmed the identity; null for the host.", user_id="confirmed_by")


@shape(IdentityMark)
class IdentityMarkShape:
    enroller = one(Stakeholder, "The person who made the enrolment token; null for the first start.", user_id="enrolled_by")
    email_setter = one(
        Stakeholder,
        "The person who set the e-mail address by which the person signs in; null for nobody.",
        user_id="email_set_by",
    )


@shape(EnrolmentReset)
class EnrolmentResetShape:
    resetter = one(Stakeholder, "The person who reset the enrolment.", user_id="by")


class _OfPerson(BaseModel):
    user_id: Key = Field(description="The user id that the person has.")
    expected_revision: int | None = Field(default=None, description="Another `revision` is CONFLICT.")

    async def load(self) -> Stakeholder:
        return await Stakeholder.require(self.user_id, revision=self.expected_revision)


@graph_input("An identity is to be confirmed.")
class ConfirmIdentityInput(_OfPerson):
    note: Statement = Field(description="The note says how it is known; the trail tells it.")
    email: Email | None = Field(
        default=None,
        description="The e-mail address that the person told you, and by which they sign in; null if you did not check it.",
    )


@strawberry.type(description="The identity is confirmed.")
class ConfirmIdentityPayload(Payload):
    stakeholder: Stakeholder = strawberry.field(description="The person whose identity is confirmed.")


@mutation(event=AuditEventType.IDENTITY_CONFIRMED, permit=Permission.CONFIRM_IDENTITY, resource=Stakeholder, alone=True)
async def confirm_identity(info: Info, input: ConfirmIdentityInput) -> ConfirmIdentityPayload:
    """Confirms that whoever signs in as a person is that person.

    Somebody does it whose own identity is confirmed, and who is neither the person nor had a part in the enrolment. The first
    ones are confirmed on the host: `magistrate admin confirm`.

    `email` says which address they checked. Another one than the person has is INVALID_INPUT, five times a day for each person.
    Without it the confirmation ends once the person signs in by an issuer that finds them by an address which somebody set here,
    and nobody is confirmed who does so already. Whoever set the address does not check it.
    """
    person = await input.load()
    await confirm(person, input.note, input.email, by=info.context.acting, at=info.context.now)
    return ConfirmIdentityPayload(stakeholder=person)


@graph_input("An enrolment is to be reset.")
class ResetEnrolmentInput(_OfPerson):
    reason: Statement = Field(description="The reason why it is reset; the trail tells it.")


@strawberry.type(description="The enrolment is reset.")
class ResetEnrolmentPayload(Payload):
    stakeholder: Stakeholder = strawberry.field(description="The person who can enrol again.")


@mutation(event=AuditEventType.ENROLMENT_RESET, permit=Permission.RESET_ENROLMENT, resource=Stakeholder)
async def reset_enrolment(info: Info, input: ResetEnrolmentInput) -> ResetEnrolmentPayload:
    """Ends all tokens of a person, whose identity is then not confirmed, and who can be given an enrolment token again."""
    person = await input.load()
    await reset(person, input.reason, by=info.context.actor, at=info.context.now)
    return ResetEnrolmentPayload(stakeholder=person)


PART = Part(types=[IdentityShape, IdentityMarkShape, EnrolmentResetShape], mutations=[confirm_identity, reset_enrolment])
