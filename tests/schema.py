"""The served schema, to look things up in."""

from typing import Any

from gql.schema import build_schema

BUILT = build_schema()
SCHEMA: Any = BUILT._schema
TYPES: dict[str, Any] = {name: kind for name, kind in SCHEMA.type_map.items() if not name.startswith("__")}
QUERIES: dict[str, Any] = SCHEMA.query_type.fields
MUTATIONS: dict[str, Any] = SCHEMA.mutation_type.fields
