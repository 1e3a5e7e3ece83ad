"""The governance roles in the graph: their duties, and the way of escalation."""

from typing import Annotated

import strawberry

from documents.access import GovernanceRole
from documents.people import Stakeholder
from documents.roles import DEFINED, ROLES, RoleDefinition
from documents.store.fields import fields_at
from documents.values import Key
from documents.versions.accountability import turned_to
from documents.versions.version import ModelVersion
from resolvers.graph.context import Info
from resolvers.graph.mutation import query
from resolvers.graph.types import Part


@strawberry.type(description="A step is a role that is turned to.")
class EscalationStep:
    role: GovernanceRole = strawberry.field(description="The role that is turned to.")
    people: list[Stakeholder] = strawberry.field(description="The people who are accountable in it, or else its active holders.")


@query()
async def role_definitions(info: Info) -> list[RoleDefinition]:
    """The definitions say what each governance role is for."""
    return list(ROLES)


@query()
async def escalation_path(
    info: Info,
    role: Annotated[GovernanceRole, strawberry.argument(description="The role that cannot settle it.")],
    model_id: Annotated[Key, strawberry.argument(description="The model has this id.")],
    version: Annotated[Key, strawberry.argument(description="The version has this name.")],
) -> list[EscalationStep] | None:
    """The roles that a role turns to about a version, nearest first; null where there is no such version."""
    about = await ModelVersion.seek({"model_id": model_id, "version": version}, fields_at("tier", "accountability"))
    if about is None:
        return None
    path = DEFINED[role].escalates_to
    holders = await Stakeholder.read({"active": True, "roles": {"$in": list(path)}}, [("user_id", 1)])
    return [EscalationStep(role=each, people=turned_to(each, about.tier, about.accountability, holders)) for each in path]


PART = Part(types=[RoleDefinition], queries=[role_definitions, escalation_path])
