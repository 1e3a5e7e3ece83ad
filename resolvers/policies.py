"""Policies in the graph: their requirements, revisions and mutations."""

from typing import Annotated

import strawberry
from pydantic import AfterValidator, BaseModel, Field
from strawberry import Parent

from documents.access import Permission
from documents.actions.others import OF_POLICY, of_policies
from documents.audit.event import AuditEventType
from documents.audit.trail import Receipt
from documents.contents import Content
from documents.eligibility.effects import PolicyEffect, StoppedVersion, effect_of
from documents.errors import AlreadyExists
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
from resolvers.graph.actions import actions_of
from resolvers.graph.aggregates import aggregates
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

    actions = actions_of(Policy, OF_POLICY, of_policies, "policy")
    versions = pages(
        ModelVersion,
        "The versions of which a revision of it binds an open round, oldest first.",
        ("registered_at", 1),
        own={"standing.policies": "policy_id"},
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


policy_aggregates = aggregates(Policy, "policy_aggregates", "Groups policies, counts each group and computes its figures.")


@graph_input("A requirement is one thing that must hold.")
class RequirementInput(Requirement): ...


_NULLABLE = {"effective_until", "binds_approved_from"}  # where null is an answer: never

BINDS_APPROVED = (
    "The time from which it also binds versions that were submitted before; default is never: it binds new submissions only."
)
DRY_RUN = "Whether nothing is changed, and only the versions that would stop being eligible are answered; default is false."

Requirements = Annotated[tuple[RequirementInput, ...], Field(max_length=LIST_LENGTH), AfterValidator(each_requirement_once)]


@graph_input("A policy is to be written.")
class CreatePolicyInput(PolicyTerms):
    policy_id: Key = Field(description="The id that names the policy, such as `POL-005`.")
    requirements: Requirements = Field(default=(), description="The requirements that must be met, each once.")
    effective_from: Moment | None = Field(default=None, description="The time it comes into force; default is now.")
    effective_until: Moment | None = Field(default=None, description="The time it ends; default is never.")
    binds_approved_from: Moment | None = Field(default=None, description=BINDS_APPROVED)
    dry_run: bool = Field(default=False, description=DRY_RUN)

    def written(self, info: Info) -> Policy:
        """The policy that the input describes, not stored yet."""
        by, at = info.context.actor, info.context.now
        told = {name: value for name, value in said(self).items() if name in PolicyContent.model_fields}
        return Policy.written(self.policy_id, PolicyContent(**told | {"effective_from": self.effective_from or at}), by.id, at)


@strawberry.type
class OfPolicyDryRun(Payload):
    """The fields that payloads of mutations with a dry run have in common."""

    receipt: Receipt | None = strawberry.field(  # type: ignore[assignment]  # a dry run has no event
        default=None, description="The receipt proves the event; null for a dry run."
    )
    effect: PolicyEffect | None = strawberry.field(
        default=None, description="The effect that it would have on versions that may be deployed; null unless it is a dry run."
    )


@strawberry.type(description="The policy is written.")
class CreatePolicyPayload(OfPolicyDryRun):
    policy: Policy | None = strawberry.field(default=None, description="The policy that was written; null for a dry run.")


async def try_policy(info: Info, input: CreatePolicyInput) -> CreatePolicyPayload:
    """What a policy would do, without writing it."""
    policy = input.written(info)
    if await Policy.wanted(input.policy_id):
        raise AlreadyExists(Policy.__name__, input.policy_id)
    return CreatePolicyPayload(effect=await effect_of(policy, info.context.now))


@mutation(event=AuditEventType.POLICY_CHANGED, permit=Permission.CREATE_POLICY, resource=Policy, tries=try_policy)
async def create_policy(info: Info, input: CreatePolicyInput) -> CreatePolicyPayload:
    """Writes a policy, which applies, once in force, to drafts of its tiers and to what is submitted then.

    From `bindsApprovedFrom` on it also binds versions that were submitted before; until then they show a notice of what they
    would lack. A dry run answers which versions would stop being eligible, and changes nothing.
    """
    policy = input.written(info)
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
    demands_confirmed: bool | None = Field(
        default=None, description="Whether the policy demands confirmed identities of those who approve or waive."
    )
    effective_until: Moment | None = Field(default=None, description="The time it ends; null for no end.")
    binds_approved_from: Moment | None = Field(default=None, description=BINDS_APPROVED)
    dry_run: bool = Field(default=False, description=DRY_RUN)

    async def revised(self, info: Info) -> Policy:
        """The policy with the revision that the input describes, not stored yet."""
        policy = await self.load()
        told = {each: value for each, value in said(self).items() if each in PolicyContent.model_fields}
        kept = {each: value for each, value in told.items() if value is not None or each in _NULLABLE}
        policy.revise(kept, info.context.actor.id, info.context.now)
        return policy


@strawberry.type(description="The policy is revised.")
class RevisePolicyPayload(OfPolicyDryRun):
    policy: Policy | None = strawberry.field(default=None, description="The policy that was revised; null for a dry run.")


async def try_revision(info: Info, input: RevisePolicyInput) -> RevisePolicyPayload:
    """What a revision would do, without writing it."""
    return RevisePolicyPayload(effect=await effect_of(await input.revised(info), info.context.now))


@mutation(event=AuditEventType.POLICY_CHANGED, permit=Permission.REVISE_POLICY, resource=Policy, tries=try_revision)
async def revise_policy(info: Info, input: RevisePolicyInput) -> RevisePolicyPayload:
    """Writes the next revision of a policy; the one before is in force until then, and binds what was submitted.

    From `bindsApprovedFrom` on the revision also binds versions that were submitted before. A revision that takes its place
    before then, and does not say so again, ends the announcement.
    """
    policy = await input.revised(info)
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
    policy.retire(input.effective_from or at, info.context.actor.id, at)
    await policy.store()
    return RetirePolicyPayload(policy=policy)


@shape(StoppedVersion)
class StoppedVersionShape:
    model_version = one(ModelVersion, "The version that would stop.", model_id="model_id", version="version")


PART = Part(
    types=[PolicyEffect, StoppedVersionShape, PolicyNode, PolicyRevisionShape, BoundPolicyShape, PolicyStatus, PolicyFilter],
    queries=[policy, policies, policy_aggregates],
    mutations=[create_policy, revise_policy, retire_policy],
)
