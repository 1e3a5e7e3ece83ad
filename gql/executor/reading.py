"""Completes the value of a root field by the readers of a plan, a whole list at a time.

What it answers has no error. At the first error, whatever its kind, it raises: then graphql-core completes the value from the
beginning, and says what is wrong, where, and in which order.
"""

from __future__ import annotations

from asyncio import ensure_future, gather
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any

from graphql import GraphQLObjectType, get_argument_values
from graphql.pyutils import Path
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gql.executor.compiler import Compiler, Details, Reader, Step, Value
from gql.executor.kinds import Surprise
from resolvers.graph.types import Parents

Work = Coroutine[Any, Any, None]
Made = dict[str, Any]


class Reading(StrawberryGraphQLCoreExecutionContext):
    """An execution beside the one that answers, with which it shares all but the errors."""

    compiler: Compiler

    @classmethod
    def beside(cls, execution: Any, compiler: Compiler) -> Reading:
        made = cls.__new__(cls)
        vars(made).update(vars(execution), compiler=compiler)
        return made

    def handle_field_error(self, raw_error: Exception, *_: Any) -> None:
        raise Surprise from raw_error

    def complete_value(
        self, return_type: Any, field_details_list: Details, info: Any, path: Path, result: Any, position: Any
    ) -> Any:
        value = self.compiler.value(return_type, field_details_list)
        if value.finish:
            return value.finish(result)
        if value.reader is None:
            return super().complete_value(return_type, field_details_list, info, path, result, position)
        holder: Made = {}
        works = self.place(value, "value", [result], [holder], path)
        return self._after(holder, works) if works else holder["value"]

    async def _after(self, holder: Made, works: Sequence[Work]) -> Any:
        await all_of(works)
        return holder["value"]

    def complete_object_value(
        self, return_type: GraphQLObjectType, field_details_list: Details, info: Any, path: Path, result: Any, position: Any
    ) -> Any:  # of an abstract type
        value = Value(return_type, field_details_list, None, self.compiler.reader(return_type, field_details_list))
        holder: Made = {}
        works = self.place(value, "value", [result], [holder], path)
        return self._after(holder, works) if works else holder["value"]

    def place(self, value: Value, key: str, results: Sequence[Any], into: Sequence[Made], path: Path) -> list[Work]:
        """Puts the completed results under `key` into the objects that they are fields of; returns what is still to be done."""
        if value.finish:
            for made, result in zip(into, results, strict=True):
                made[key] = value.finish(result)
            return []
        if value.reader is None:
            return self._by_graphql_core(value, key, results, into, path)
        sources: dict[int, Any] = {}
        if value.is_list:
            lists = [self._listed(value, each) for each in results]
            for each in lists:
                if each is not None:
                    sources.update(zip(map(id, each), each, strict=True))
        else:
            sources.update(zip(map(id, results), results, strict=True))
        sources.pop(id(None), None)
        objects = dict(zip(sources, map(value.reader.read, sources.values()), strict=True))
        if value.is_list:
            for made, each in zip(into, lists, strict=True):
                made[key] = None if each is None else [objects[id(one)] if one is not None else None for one in each]
                if each is not None and not value.item_may_be_null and any(one is None for one in each):
                    raise Surprise
        else:
            for made, result in zip(into, results, strict=True):
                if result is None and not value.may_be_null:
                    raise Surprise
                made[key] = None if result is None else objects[id(result)]
        if value.reader.steps:
            return self.fill(value.reader, list(sources.values()), list(objects.values()), path)
        return []

    @staticmethod
    def _listed(value: Value, result: Any) -> Any:
        if result is None and value.may_be_null:
            return None
        if type(result) is not list and type(result) is not tuple:
            raise Surprise
        return result

    def _by_graphql_core(self, value: Value, key: str, results: Sequence[Any], into: Sequence[Made], path: Path) -> list[Work]:
        works: list[Work] = []
        for made, result in zip(into, results, strict=True):
            completed = self.complete_value(value.kind, value.details, None, path, result, None)
            if optimized_is_awaitable(completed):
                works.append(_put(completed, key, made))
            else:
                made[key] = completed
        return works

    def fill(self, reader: Reader, sources: list[Any], into: list[Made], path: Path) -> list[Work]:
        """Takes the steps of a reader for all its sources; returns what is still to be done."""
        works: list[Work] = []
        try:
            for step in reader.steps if sources else ():
                at = Path(path, step.key, reader.kind.name)
                info: Any = self.build_resolve_info(step.field, step.nodes, reader.kind, at)
                if step.together or step.awaits:
                    works.append(self._waited(step, sources, into, info))
                else:
                    results = [*self._resolved(step, sources, info)]
                    if any(map(optimized_is_awaitable, results)):
                        raise Surprise
                    works += self.place(step.value, step.key, results, into, at)
        except BaseException:
            for each in works:
                each.close()
            raise
        return works

    def _resolved(self, step: Step, sources: list[Any], info: Any) -> Any:
        if step.call:
            said = self.schema.extensions["strawberry-definition"].config.info_class(_raw_info=info, _field=step.declared)
            return [step.call(each, said) for each in sources]
        resolve: Any = step.field.resolve
        first = step.details[0]
        given = get_argument_values(step.field, first.node, self.variable_values, first.fragment_variable_values)
        if step.together:
            return resolve(Parents(sources), info, **given)
        return [resolve(each, info, **given) for each in sources]

    async def _waited(self, step: Step, sources: list[Any], into: list[Made], info: Any) -> None:
        resolved = self._resolved(step, sources, info)
        results = await resolved if step.together else await each_of(resolved)
        await all_of(self.place(step.value, step.key, results, into, info.path))


async def _put(completing: Awaitable[Any], key: str, made: Made) -> None:
    made[key] = await completing


async def all_of(works: Sequence[Work]) -> None:
    if len(works) == 1:
        await works[0]
    elif works:
        await each_of(works)


async def each_of(waiting: Sequence[Awaitable[Any]]) -> list[Any]:
    """Waits until all are done, and raises what the first of them raised: nothing goes on beside the execution that follows."""
    found = await gather(*[ensure_future(each) for each in waiting], return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return found
