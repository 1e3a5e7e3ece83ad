"""What inputs have in common."""

from asyncio import to_thread
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, TypeVar, get_args

import strawberry
from pydantic import BaseModel, BeforeValidator, Field
from pydantic_core import PydanticUndefined

from documents.values import Key
from documents.versions.version import ModelVersion

M = TypeVar("M", bound=BaseModel)


def graph_input(description: str, *, one_of: bool = False) -> Callable[[type[M]], type[M]]:
    """Makes a model a GraphQL input whose optional fields show no default, so that `said` knows what was left out.

    Null in a field that cannot be null stands for its default.
    """

    def declare(cls: type[M]) -> type[M]:
        for field in cls.model_fields.values():
            if field.is_required() or field.default_factory is not None:
                continue
            default = field.default
            field.default, field.default_factory = PydanticUndefined, partial(_itself, default)
            if type(None) not in get_args(field.annotation):
                field.metadata = [*field.metadata, BeforeValidator(partial(_unless_null, default))]
        cls.model_rebuild(force=True)
        return strawberry.pydantic.input(cls, description=description, one_of=one_of)

    return declare


def said(input: BaseModel) -> dict[str, Any]:
    """The fields that the client set, null or not."""
    return {name: getattr(input, name) for name in type(input).model_fields if name in input.model_fields_set}


def _itself(value: Any) -> Any:
    return value


def _unless_null(default: Any, given: Any) -> Any:
    return default if given is None else given


class FileInput(BaseModel):
    """The input of a mutation that reads a file, which is done before the transaction and in a thread: it can take a second."""

    @cached_property
    def reading(self) -> Any:
        """What the file says; InvalidInput for one that cannot be read."""
        raise NotImplementedError

    async def read(self) -> None:
        await to_thread(lambda: self.reading)


class OfVersion(BaseModel):
    """The input of a mutation on a version."""

    model_id: Key = Field(description="The model has this id.")
    version: Key = Field(description="The version has this name.")
    expected_revision: int | None = Field(default=None, description="Another `revision` is CONFLICT.")

    async def load(self) -> ModelVersion:
        """The version that the input names, as long as it is at the expected revision."""
        return await ModelVersion.require(self.model_id, self.version, revision=self.expected_revision)
