"""The field `actions`: what the viewer may do with a record now, and why not."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Annotated, Any, TypeVar

import strawberry
from strawberry import UNSET, Parent

from documents import errors
from documents.access import Permission
from documents.actions import action
from documents.actions.action import Asking
from documents.eligibility.answer import Remedy
from documents.errors import InvalidInput
from documents.formats.graph import for_client
from documents.store.pauses import pausing
from documents.store.record import Record
from documents.store.standins import whole
from resolvers.graph.context import Context, Info

R = TypeVar("R", bound=Record)
Loads = Callable[[Sequence[R], Collection[Permission], Asking], Awaitable[Sequence[tuple[action.Action, ...]]]]
Only = Annotated[
    list[str] | None,
    strawberry.argument(description="The names of the mutations that are asked about; without it all are."),
]


@strawberry.type(description="A refusal says why a mutation would be refused, as the error that it would answer with.")
class ActionRefusal:
    code: str = strawberry.field(description="The code that the error would have.")
    message: str = strawberry.field(description="The message that the error would have.")
    needs: list[str] = strawberry.field(description="The roles and people of whom one is needed; empty unless it is FORBIDDEN.")
    from_state: str | None = strawberry.field(
        name="from", description="The state from which it is not possible; null unless it is INVALID_STATE."
    )
    allowed: list[str] = strawberry.field(description="The states from which it is possible; empty unless it is INVALID_STATE.")
    path: str | None = strawberry.field(
        description="The field of the input that would have to be otherwise; null unless it is INVALID_INPUT."
    )
    remedy: Remedy | None = strawberry.field(description="The mutation that has to come before; null if none is known.")

    @classmethod
    def of(cls, refusal: errors.Refusal) -> "ActionRefusal":
        said = for_client(refusal)
        facts = said.facts
        states = refusal.code == errors.InvalidState.code
        remedy = facts.get("remedy")
        return cls(
            code=refusal.code, message=str(said), needs=facts.get("needs", []), from_state=facts.get("from_"),
            allowed=facts.get("allowed", []) if states else [], path=facts.get("path"),
            remedy=Remedy.model_validate(remedy) if remedy else None,
        )  # fmt: skip


@strawberry.type(description="A choice is a value of the input on which the answer depends, such as a role or the id of a hold.")
class ActionChoice:
    argument: str = strawberry.field(description="The field of the input that takes the value.")
    value: str = strawberry.field(description="The value, as the input takes it.")
    allowed: bool = strawberry.field(
        description="Whether the mutation would accept this value, with some values of its other arguments."
    )
    refusal: ActionRefusal | None = strawberry.field(description="The refusal with that value; null if it would be accepted.")


@strawberry.type(description="An action is a mutation that concerns the record, and whether the viewer may use it now.")
class Action:
    mutation: str = strawberry.field(description="The name that the mutation has.")
    allowed: bool = strawberry.field(
        description="Whether the mutation would accept some input now. Other records that it names are checked when it is sent."
    )
    refusal: ActionRefusal | None = strawberry.field(
        description="The refusal of the most sensible input, such as of the role that the viewer has; null if allowed."
    )
    choices: list[ActionChoice] = strawberry.field(
        description="The values of the input on which the answer depends, of each argument the most sensible first. The list is "
        "empty if the answer depends on none, or if the viewer may not use the mutation at all."
    )

    @classmethod
    def of(cls, found: action.Action) -> "Action":
        return cls(
            mutation=found.permission.value, allowed=found.refusal is None, refusal=_refusal(found.refusal),
            choices=[
                ActionChoice(
                    argument=each.argument, value=each.value, allowed=each.refusal is None, refusal=_refusal(each.refusal)
                )
                for each in found.picks
            ],
        )  # fmt: skip


def _shown(found: Sequence[action.Action]) -> list[Action]:
    return [Action.of(each) for each in found]


def _refusal(refusal: errors.Refusal | None) -> ActionRefusal | None:
    return None if refusal is None else ActionRefusal.of(refusal)


def actions_of(kind: type[R], offered: Collection[Permission], load: Loads[R], what: str) -> Any:
    """The field of a record that lists the mutations that concern it; all records of a request load together."""

    async def resolve(root: Parent[Any], info: Info, only: Only = UNSET) -> list[Action]:
        asked, asking = asked_about(only, offered), asking_in(info.context)

        async def loaded(records: list[Any]) -> Sequence[list[Action]]:
            found = await load([whole(each) async for each in pausing(records)], asked, asking)
            return [_shown(each) async for each in pausing(found)]

        loader = info.context.loader(("actions", kind, asked), loaded, key=lambda record: record.id)
        answer: list[Action] = await loader.load(root)
        return answer

    said = f"The mutations that concern the {what}, each with whether the viewer may use it now, and if not, why."
    return strawberry.field(resolver=resolve, description=said)


def asking_in(context: Context) -> Asking:
    return Asking(context.actor, context.person, context.now)


def asked_about(only: list[str] | None, offered: Collection[Permission]) -> frozenset[Permission]:
    """The mutations that are asked about; InvalidInput for one that does not concern the record."""
    if only is None or only is UNSET:
        return frozenset(offered)
    known = {each.value: each for each in offered}
    for index, name in enumerate(only):
        if name not in known:
            raise InvalidInput(f"only.{index}", f"must be one of the mutations that concern it: {', '.join(known)}")
    return frozenset(known[each] for each in only)
