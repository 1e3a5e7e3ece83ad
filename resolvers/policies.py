"""Policies in the graph: their requirements, revisions and mutations."""

from typing import Annotated

import strawberry
from pydantic import AfterValidator, BaseModel, Field
from strawberry import Parent

from documents.access import Permission
from documents.audit.event import AuditEventType
from documents.contents import Content
from documents.people import Stakeholder
from documents.policies import (
    BoundPolicy,
    Enforcement,
    Policy,
    PolicyContent,
    PolicyRevision,
    PolicyStatus,
    PolicyTerms,
    Requirement,
    Roles,
    Tiers,
    each_requirement_once,
)
from documents.stages import Stages
from documents.values import LIST_LENGTH, Key, Moment, Name, Statement
from documents.versions.version import ModelVersion
from resolvers.graph.connections import connection
from resolvers.graph.context import Context, Info, asked_of
from resolvers.graph.edges import one, pages
from resolvers.graph.filters import filters
from resolvers.graph.inputs import graph_input, said
from resolvers.graph.mutation import Payload, mutation, query
from resolvers.graph.types import Node, Part, field, node, shape


@node(Policy)
class PolicyNode(Node):
    @field("The status says whether it is in force now.")
    @staticmethod
    def status(policy: Parent[Policy], info: Info) -> PolicyStatus:
        return policy.status_at(info.context.now)

    @field("The revision that is in force now; null if none.")
    @staticmethod
    def in_force(policy: Parent[Policy], info: Info) -> PolicyRevision | None:
        return policy.in_force(info.context.now)

    versions = pages(
        ModelVersion,
        "The versions that a revision of it binds, oldest first.",
        ("registered_at", 1),
        own={"round.policies.policy_id": "policy_id"},
    )


@shape(PolicyRevision)
class PolicyRevisionShape:
    content = one(Content, "The exact text that it has.", digest="digest")
    author = one(Stakeholder, "The person who wrote it; null for a service.", user_id="author")

    @field("The content that the revision has.", reads=["digest"], loads=[Content])
    @staticmethod
    async def says(revision: Parent[PolicyRevision], info: Info) -> PolicyContent:
        return await _read(revision.digest, info.context)


@shape(BoundPolicy)
class BoundPolicyShape:
    policy = one(Policy, "The policy as its newest revision reads.", policy_id="policy_id")

    @field("The content that the revision has.", reads=["digest"], loads=[Content])
    @staticmethod
    async def says(bound: Parent[BoundPolicy], info: Info) -> PolicyContent:
        return await _read(bound.digest, info.context)

    @field(
        "The other revision that is in force now; null if none.",
        reads=["policy_id", "revision"],
        loads=[Policy],
    )
    @staticmethod
    async def newer_revision(bound: Parent[BoundPolicy], info: Info) -> PolicyRevision | None:
        policy: Policy = await info.context.one(Policy).load((bound.policy_id,))
        return policy.newer_than(bound.revision, info.context.now)


async def _read(digest: str, context: Context) -> PolicyContent:
    kept: Content = await context.one(Content).load((digest,))
    return PolicyContent.model_validate_json(kept.canonical)


PolicyFilter = filters(Policy, "policy_id", "content", "revisions")


@query()
async def policy(info: Info, policy_id: Key) -> Policy | None:
    """The policy that has the id; null if none."""
    return await Policy.seek({"policy_id": policy_id}, asked_of(info, Policy))


policies = connection(Policy, "policies", "The policies are listed by their id.", ("policy_id", 1))


@graph_input("A requirement is one thing that must hold.")
class RequirementInput(Requirement): ...


Requirements = Annotated[tuple[RequirementInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_requirement_once)]


@graph_input("A policy is to be written.")
class CreatePolicyInput(PolicyTerms):
    policy_id: Key = Field(description="The id that names the policy, such as `POL-005`.")
    requirements: Requirements = Field(default=(), description="The requirements that must be met, each once.")
    effective_from: Moment | None = Field(default=None, description="The time it comes into force; default is now.")
    effective_until: Moment | None = Field(default=None, description="The time it ends; default is never.")


@strawberry.type(description="The policy is written.")
class CreatePolicyPayload(Payload):
    policy: Policy = strawberry.field(description="The policy that was written.")


@mutation(event=AuditEventType.POLICY_CHANGED, permit=Permission.CREATE_POLICY, resource=Policy)
async def create_policy(info: Info, input: CreatePolicyInput) -> CreatePolicyPayload:
    """Writes a policy, which applies, once in force, to drafts of its tiers and to what is submitted then."""
    by, at = info.context.actor, info.context.now
    told = {name: value for name, value in said(input).items() if name != "policy_id"}
    content = PolicyContent(**told | {"effective_from": input.effective_from or at})
    policy = await Policy.written(input.policy_id, content, by.id, at)
    await policy.store()
    return CreatePolicyPayload(policy=policy)


class _OfPolicy(BaseModel):
    policy_id: Key = Field(description="The id that names the policy.")
    expected_revision: int | None = Field(default=None, description="Another `revision` is CONFLICT.")

    async def load(self) -> Policy:
        return await Policy.require(self.policy_id, revision=self.expected_revision)


@graph_input("A policy is to be revised; what is left out stays.")
class RevisePolicyInput(_OfPolicy):
    name: Name | None = Field(default=None, description="The name that the policy has.")
    description: Statement | None = Field(default=None, description="The text says what the policy is for.")
    applicable_tiers: Tiers | None = Field(default=None, description="The tiers that it applies to, each once.")
    stages: Stages | None = Field(default=None, description="The stages of environments that it binds, each once.")
    required_roles: Roles | None = Field(default=None, description="The roles whose approval it requires.")
    requirements: Requirements | None = Field(default=None, description="The requirements that must be met.")
    enforcement: Enforcement | None = Field(default=None, description="The enforcement says what an unmet requirement does.")
    effective_from: Moment | None = Field(default=None, description="The time it comes into force; default is now or later.")
    effective_until: Moment | None = Field(default=None, description="The time it ends; null for no end.")


@strawberry.type(description="The policy is revised.")
class RevisePolicyPayload(Payload):
    policy: Policy = strawberry.field(description="The policy that was revised.")


@mutation(event=AuditEventType.POLICY_CHANGED, permit=Permission.REVISE_POLICY, resource=Policy)
async def revise_policy(info: Info, input: RevisePolicyInput) -> RevisePolicyPayload:
    """Writes the next revision of a policy; the one before is in force until then, and binds what was submitted."""
    policy = await input.load()
    told = {each: value for each, value in said(input).items() if each in PolicyContent.model_fields}
    await policy.revise(
        {each: value for each, value in told.items() if value is not None or each == "effective_until"},
        info.context.actor.id, info.context.now,
    )  # fmt: skip
    await policy.store()
    return RevisePolicyPayload(policy=policy)


@graph_input("A policy is to be retired.")
class RetirePolicyInput(_OfPolicy):
    effective_from: Moment | None = Field(default=None, description="The time it is no longer in force; default is now.")


@strawberry.type(description="The policy is retired.")
class RetirePolicyPayload(Payload):
    policy: Policy = strawberry.field(description="The policy that was retired.")


@mutation(event=AuditEventType.POLICY_CHANGED, permit=Permission.RETIRE_POLICY, resource=Policy)
async def retire_policy(info: Info, input: RetirePolicyInput) -> RetirePolicyPayload:
    """Ends a policy by a last revision that is never in force; what was submitted under it stays bound to it."""
    policy, at = await input.load(), info.context.now
    await policy.retire(input.effective_from or at, info.context.actor.id, at)
    await policy.store()
    return RetirePolicyPayload(policy=policy)


PART = Part(
    types=[PolicyNode, PolicyRevisionShape, BoundPolicyShape, PolicyStatus, PolicyFilter],
    queries=[policy, policies],
    mutations=[create_policy, revise_policy, retire_policy],
)
