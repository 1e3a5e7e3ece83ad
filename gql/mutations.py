"""The mutations of a schema in the compact form that `magistrate call` reads, which starts without the schema."""

import json
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)


def in_json(schema: GraphQLSchema) -> str:
    """Mutations with the types of their inputs, and what of a payload is selected unless somebody says otherwise."""
    told: dict[str, Any] = {"mutations": {}, "inputs": {}, "enums": {}}
    assert schema.mutation_type  # noqa: S101  the schema has mutations
    for name, field in sorted(schema.mutation_type.fields.items()):
        payload, of = get_named_type(field.type), get_named_type(field.args["input"].type)
        assert isinstance(payload, GraphQLObjectType)  # noqa: S101
        told["mutations"][name] = {"says": field.description or "", "input": of.name, "select": _selected(payload)}
        _tell(of, told)
    return json.dumps(told, ensure_ascii=False, indent=1)


def _tell(of: GraphQLNamedType, told: dict[str, Any]) -> None:
    """Adds a type of inputs, and those of its fields."""
    if isinstance(of, GraphQLEnumType):
        told["enums"][of.name] = list(of.values)
    elif isinstance(of, GraphQLInputObjectType) and of.name not in told["inputs"]:
        fields = {name: {"type": str(each.type), "says": each.description or ""} for name, each in of.fields.items()}
        told["inputs"][of.name] = fields
        for each in of.fields.values():
            _tell(get_named_type(each.type), told)


def _selected(payload: GraphQLObjectType) -> str:
    """All leaves of a payload, and of the records in it."""
    parts = []
    for name, field in payload.fields.items():
        of = get_named_type(field.type)
        if is_leaf_type(of):
            parts.append(name)
        elif isinstance(of, GraphQLObjectType) and (leaves := _leaves(of)):
            parts.append(f"{name} {{ {' '.join(leaves)} }}")
    return " ".join(parts)


def _leaves(of: GraphQLObjectType) -> list[str]:
    """The fields that are leaves and need no argument."""
    return [name for name, each in of.fields.items() if is_leaf_type(get_named_type(each.type)) and _needs_nothing(each)]


def _needs_nothing(field: GraphQLField) -> bool:
    return not any(map(is_required_argument, field.args.values()))
