"""Writes, for one type under one selection, the Python functions that read it.

There are two sources: the stored document inside a stand-in, which is read directly, and any other object, which is read by its
attributes. Both give exactly what graphql-core would give, or raise: reading changes nothing, so the caller may begin again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from graphql import GraphQLBoolean, GraphQLEnumType, GraphQLFloat, GraphQLInt, GraphQLList, GraphQLString
from pydantic import BaseModel

from documents.store.fields import Fields, nests
from documents.store.standins import Found, believed, plain_items, stored
from documents.values import BigInt, Hash
from gql.executor.kinds import DEFINITION, EXACT, Surprise, admit, choices, model_of, moment, nullable

if TYPE_CHECKING:
    from gql.executor.compiler import Plain, Reader

Read = Callable[[Any], dict[str, Any]]
MISSING = object()
PLAINEST = {
    (str, "String"): EXACT[GraphQLString],
    (bool, "Boolean"): EXACT[GraphQLBoolean],
    (int, "Int"): EXACT[GraphQLInt],
    (BigInt, "BigInt"): "type({v}) is int",
    (Hash, "Hash"): "type({v}) is str and {v}.isascii()",  # of other text pydantic refuses some
    (float, "Float"): EXACT[GraphQLFloat],
}
"""For stored values of a type under a scalar the check that they are answered as they are."""


ITEMS = {GraphQLString: str, GraphQLBoolean: bool}
"""For some scalars the Python type of which every item of a list is answered as it is."""


def reading(reader: Reader) -> Read:
    """The function that reads a source of the reader's type."""
    model = model_of(reader.kind)
    if model is None:
        return _Writer(reader).by_attributes()
    try:
        of_document = _Writer(reader).of_document(model)
    except Surprise:  # its fields are declared in a way that the writer does not know
        return _Writer(reader).by_attributes()
    by_attributes: Read | None = None

    def read(source: Any) -> dict[str, Any]:
        nonlocal by_attributes
        if type(source) is Found and source._kind is model:
            try:
                return of_document(source)
            except Exception:  # noqa: BLE001, S110  whatever it is, the attributes say what the value is, or raise
                pass
        if by_attributes is None:
            by_attributes = _Writer(reader).by_attributes()
        return by_attributes(source)

    return read


class _Writer:
    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.lines: list[str] = []
        self.names: dict[str, Any] = {
            "Found": Found, "Surprise": Surprise, "MISSING": MISSING, "moment": moment, "inside": inside,
            "absent": absent, "admit": admit, "listed": listed,
        }  # fmt: skip
        self.nested: dict[str, Any] = {}
        self._count = 0

    def by_attributes(self) -> Read:
        kind = self.reader.kind
        self.say(1, "admit(source)")
        if kind.is_type_of:
            self.say(1, f"if not {self.constant(kind.is_type_of)}(source, None): raise Surprise")
        parts = []
        for key, details in self.reader.selected.items():
            if details[0].node.name.value == "__typename":
                parts.append(f"{key!r}: {kind.name!r}")
            elif plain := self.reader.plain.get(key):
                value = self.fresh()
                self.say(1, f"{value} = {self.taken(plain, 'source')}")
                exact = EXACT.get(nullable(plain.field.type)[0])
                finish = self.constant(plain.finish)
                self.say(
                    1,
                    f"if not ({exact.format(v=value)}): {value} = {finish}({value})" if exact else f"{value} = {finish}({value})",
                )
                parts.append(f"{key!r}: {value}")
            else:
                parts.append(f"{key!r}: None")
        return self.made(parts)

    def of_document(self, model: type[BaseModel]) -> Read:
        self.say(1, "raw, fetched = source._raw, source._fields")
        self.say(1, "if fetched is not None and fetched is not checked[0]: check(fetched)")
        parts = self.document(1, self.reader, model, "raw", "source", ())
        checked: list[Any] = [None]

        def check(fetched: Fields) -> None:
            _check(fetched, self.nested)
            checked[0] = fetched

        self.names |= {"checked": checked, "check": check}
        return self.made(parts)

    def document(
        self, depth: int, reader: Reader, model: type[BaseModel], raw: str, stand_in: str, path: tuple[str, ...]
    ) -> list[str]:
        """Writes how the document `raw` at a path is read; the parts of the object that it gives."""
        parts, checks = [], list[str]()
        for key, details in reader.selected.items():
            plain = reader.plain.get(key)
            if details[0].node.name.value == "__typename":
                parts.append(f"{key!r}: {reader.kind.name!r}")
            elif plain is None:
                parts.append(f"{key!r}: None")
            else:
                parts.append(f"{key!r}: {self.plain(depth, plain, model, raw, stand_in, path, checks)}")
        if checks:
            self.say(depth, f"if not ({' and '.join(checks)}): raise Surprise")
        return parts

    def plain(
        self, depth: int, plain: Plain, model: type[BaseModel], raw: str, stand_in: str, path: tuple[str, ...], checks: list[str]
    ) -> str:
        value, name = self.fresh(), plain.name
        if plain.derive is not None or name not in model.model_fields:
            stand_in = stand_in or f"Found({self.constant(model)}, {raw}, inside(source, {path!r}))"
            self.say(depth, f"{value} = {self.constant(plain.finish)}({self.taken(plain, stand_in)})")
            return value
        annotation = model.model_fields[name].annotation
        key = model.model_fields[name].alias or name
        if plain.inside is None:
            self.say(depth, f"{value} = {raw}[{key!r}]")
            return self.leaf(depth, plain, model, value, checks)
        nested = nests(annotation)
        if nested is None or nested is not model_of(plain.inside.kind):
            raise Surprise
        self.note((*path, name))
        self.say(depth, f"{value} = {raw}.get({key!r}, MISSING)")
        self.say(depth, f"if {value} is MISSING: {value} = absent(source, {path!r}, {self.constant(model)}, {name!r}, {raw})")
        return self.inner(depth, value, annotation, nullable(plain.field.type)[1], plain.inside, nested, (*path, name))

    def leaf(self, depth: int, plain: Plain, model: type[BaseModel], value: str, checks: list[str]) -> str:
        """Writes how a stored value is checked and said; the checks of the plainest values are made together."""
        kind, may_be_null = nullable(plain.field.type)
        bare, optional = _bare(model.model_fields[plain.name].annotation)
        said = self.fresh()
        if optional == may_be_null:
            if exact := PLAINEST.get((bare, getattr(kind, "name", ""))):
                checks.append(f"({value} is None or {exact.format(v=value)})" if optional else exact.format(v=value))
                return value
            if text := self.said(bare, kind, value):
                self.say(depth, f"{said} = None if {value} is None else {text}" if optional else f"{said} = {text}")
                return said
        believe = self.constant(believed(model, plain.name))
        as_it_is = f"{value} if {self.items(bare, kind, value)} else " if get_origin(bare) in {list, tuple} else ""
        self.say(depth, f"{said} = {as_it_is}{self.constant(plain.finish)}({believe}({value}))")
        return said

    def items(self, bare: Any, kind: Any, value: str) -> str:
        """The check that a stored list is answered as it is: it is empty, or all its items are texts or truth values."""
        item = plain_items(bare)
        if isinstance(kind, GraphQLList) and ITEMS.get(nullable(kind.of_type)[0]) is item is not None:
            return f"type({value}) is list and (not {value} or {{*map(type, {value})}} == {self.constant({item})})"
        return f"{value} == []"

    def said(self, bare: Any, kind: Any, value: str) -> str | None:
        """The expression that says a stored choice, list of choices or moment; None for any other value."""
        if bare is datetime:
            return f"moment({value})" if kind.name == "DateTime" else None
        if isinstance(kind, GraphQLEnumType) and (names := self.chosen(bare, kind)):
            return f"{names}[{value}]"
        if (
            isinstance(kind, GraphQLList)
            and get_origin(bare) in {list, tuple}
            and isinstance(nullable(kind.of_type)[0], GraphQLEnumType)
        ):
            names = self.chosen(get_args(bare)[0], nullable(kind.of_type)[0])
            each = self.fresh()
            return names and f"[{names}[{each}] for {each} in listed({value})]"
        return None

    def chosen(self, bare: Any, kind: GraphQLEnumType) -> str | None:
        """The constant that holds the names of the choices by their stored texts."""
        if bare is not kind.extensions[DEFINITION].wrapped_cls or not all(type(each.value) is str for each in bare):
            return None
        return self.constant({each.value: name for each, name in choices(kind).items()})

    def inner(
        self,
        depth: int,
        value: str,
        annotation: Any,
        may_be_null: bool,
        reader: Reader,
        model: type[BaseModel],
        path: tuple[str, ...],
    ) -> str:
        """Writes how a nested document, or a list of them, is read."""
        bare, optional = _bare(annotation)
        result = self.fresh()
        if optional != may_be_null:
            raise Surprise
        if optional:
            self.say(depth, f"if {value} is None: {result} = None")
            self.say(depth, "else:")
            depth += 1
        if get_origin(bare) in {list, tuple}:
            if _bare(get_args(bare)[0])[0] is not model:
                raise Surprise
            each = self.fresh()
            self.say(depth, f"if type({value}) is not list: raise Surprise")
            self.say(depth, f"{result} = []")
            self.say(depth, f"for {each} in {value}:")
            self.say(depth + 1, f"if type({each}) is not dict: raise Surprise")
            parts = self.document(depth + 1, reader, model, each, "", path)
            self.say(depth + 1, f"{result}.append({{{', '.join(parts)}}})")
            return result
        if bare is not model:
            raise Surprise
        self.say(depth, f"if type({value}) is not dict: raise Surprise")
        parts = self.document(depth, reader, model, value, "", path)
        self.say(depth, f"{result} = {{{', '.join(parts)}}}")
        return result

    def note(self, path: tuple[str, ...]) -> None:
        """Remembers that a nested document is read, which a projection may have left out."""
        at = self.nested
        for step in path:
            at = at.setdefault(step, {})

    def taken(self, plain: Plain, source: str) -> str:
        return f"{self.constant(plain.derive)}({source})" if plain.derive else f"{source}.{plain.name}"

    def say(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def fresh(self) -> str:
        self._count += 1
        return f"x{self._count}"

    def constant(self, value: Any) -> str:
        name = self.fresh()
        self.names[name] = value
        return name

    def made(self, parts: list[str]) -> Read:
        self.say(1, f"return {{{', '.join(parts)}}}")
        text = "\n".join(["def read(source):", *self.lines])
        exec(compile(text, f"<plan of {self.reader.kind.name}>", "exec"), self.names)  # noqa: S102
        read: Read = self.names["read"]
        return read


def _bare(annotation: Any) -> tuple[Any, bool]:
    """An annotation without its constraints, and whether its value may be None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        inside = [each for each in get_args(annotation) if each is not NoneType]
        if len(inside) == 1 and len(get_args(annotation)) == 2:
            return _bare(inside[0])[0], True
    return annotation, False


def listed(value: Any) -> list[Any]:
    if type(value) is not list:
        raise Surprise
    return value


def inside(source: Found, path: tuple[str, ...]) -> Fields:
    """The fields that were fetched of the value at a path."""
    fields = source._fields
    for step in path:
        if fields is None:
            return None
        fields = fields[step]
    return fields


def absent(source: Found, path: tuple[str, ...], model: type[BaseModel], name: str, raw: dict[str, Any]) -> None:
    """None if that is what a stand-in reads where the document at a path lacks a field; Surprise if not."""
    read = stored(model, name)
    if read is None or read(Found(model, raw, inside(source, path))) is not None:
        raise Surprise


def _check(fetched: Fields, nested: Mapping[str, Any]) -> None:
    if fetched is not None:
        for name, further in nested.items():
            if name not in fetched:
                raise Surprise
            _check(fetched[name], further)
