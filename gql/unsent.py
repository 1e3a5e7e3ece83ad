"""Keeps the names of the schema from clients that did not send them, where an error says what is wrong with a request.

graphql-core leaves out its suggestions (`hide_suggestions`) and still names types, required arguments and required fields.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    GraphQLSchema,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_introspection_type,
    is_object_type,
    is_specified_directive,
    is_specified_scalar_type,
)

HIDDEN = "?"
_SELECT = re.compile(r" Did you mean '\w+ { \.\.\. }'\?$")
"""The suggestion that graphql-core makes all the same: to select fields."""
_NAME = re.compile(r"(?<=['`\"(\[.@$])[_A-Za-z]\w*")
"""A name as graphql-core and the rules here quote one, alone or within `'Type.field(argument:)'` and `'[Type!]'`."""


def names_of(schema: GraphQLSchema) -> frozenset[str]:
    """The names of everything that this schema defines; not those that every schema has."""
    names = set[str]()
    for name, kind in schema.type_map.items():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        names.add(name)
        if is_object_type(kind) or is_interface_type(kind):
            names.update(kind.fields, *(each.args for each in kind.fields.values()))
        elif is_input_object_type(kind):
            names.update(kind.fields)
        elif is_enum_type(kind):
            names.update(kind.values)
    for directive in schema.directives:
        if not is_specified_directive(directive):
            names.update((directive.name, *directive.args))
    return frozenset(names)


def without(names: frozenset[str], query: str | None, variables: Mapping[str, Any] | None) -> Callable[[str], str]:
    """What puts a question mark for each quoted name of these that neither the text nor the variables have."""
    if not names:
        return str
    sent = f"{query} {json.dumps(variables, ensure_ascii=False)}"

    def kept(found: re.Match[str]) -> str:
        name = found[0]
        return HIDDEN if name in names and not re.search(rf"\b{name}\b", sent) else name

    return lambda message: _NAME.sub(kept, _SELECT.sub("", message))
