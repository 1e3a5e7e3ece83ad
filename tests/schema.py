"""The served schema, to look things up in."""

from collections.abc import Iterator
from typing import Any

from graphql import get_named_type, is_composite_type

from gql.schema import build_schema

BUILT = build_schema()
SCHEMA: Any = BUILT._schema
TYPES: dict[str, Any] = {name: kind for name, kind in SCHEMA.type_map.items() if not name.startswith("__")}
QUERIES: dict[str, Any] = SCHEMA.query_type.fields
MUTATIONS: dict[str, Any] = SCHEMA.mutation_type.fields

Leaf = tuple[str, str]


def metadata(field: Any) -> dict[str, Any]:
    """What a field was declared with."""
    declared = field.extensions.get("strawberry-definition")
    return dict(declared.metadata) if declared else {}


def leaves(kind: str, above: tuple[str, str] = ("", "")) -> Iterator[Leaf]:
    """The path of each stored value in a type, as clients write it and as it is stored."""
    for name, field in SCHEMA.type_map[kind].fields.items():
        declared, inner = field.extensions["strawberry-definition"], get_named_type(field.type)
        model = SCHEMA.type_map[kind].extensions["strawberry-definition"].origin
        stored = model.model_fields.get(declared.python_name)
        if stored is not None and declared.is_basic_field:
            path = f"{above[0]}{name}", f"{above[1]}{stored.alias or declared.python_name}"
            yield from leaves(inner.name, (f"{path[0]}.", f"{path[1]}.")) if is_composite_type(inner) else [path]
