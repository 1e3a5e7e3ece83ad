"""Inputs: pydantic models that are GraphQL inputs, and the models that several of them extend."""

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
    """Makes a model a GraphQL input. The schema shows no defaults, so that `said` can tell which fields a client left out.

    A null in a field whose type does not include None stands for the default of the field.
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
    """The fields that the client sent, by name; null is None."""
    values = vars(input)  # not by attribute: reading a deprecated field so is a warning
    return {name: values[name] for name in type(input).model_fields if name in input.model_fields_set}


def _itself(value: Any) -> Any:
    return value


def _unless_null(default: Any, given: Any) -> Any:
    return default if given is None else given


class FileInput(BaseModel):
    """The input of a mutation that parses a file.

    The middleware has it parsed in a thread, before the transaction, because that can take a second.
    """

    @cached_property
    def reading(self) -> Any:
        """The parsed file; InvalidInput if it cannot be parsed."""
        raise NotImplementedError

    async def read(self) -> None:
        await to_thread(lambda: self.reading)


class OfVersion(BaseModel):
    """The input of a mutation on a version."""

    model_id: Key = Field(description="The model has this id.")
    version: Key = Field(description="The version has this name.")
    expected_revision: int | None = Field(default=None, description="Another `revision` is CONFLICT.")

    async def load(self) -> ModelVersion:
        """The version that the input names; CONFLICT if it is not at the expected revision."""
        return await ModelVersion.require(self.model_id, self.version, revision=self.expected_revision)
