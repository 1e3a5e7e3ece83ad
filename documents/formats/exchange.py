"""What comes of a foreign text, and of a text for others: what was understood, and what was left out and why."""

import re
from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError

from documents.values import LIST_LENGTH, NAME_LENGTH, Value, camel, problem_in

INPUT = "text"
NO_FIELD = "has no field here"
_NO_KEY = re.compile(r"[^A-Za-z0-9._:@+-]+")


def as_key(name: str) -> str:
    """A name as a human key; nothing of one without a letter or digit."""
    return _NO_KEY.sub("-", name).strip("-")


class Omission(Value):
    """An omission is something that was left out."""

    path: str = Field(description="The place where it is: a path, a heading or a field.")
    reason: str = Field(description="The reason why it was left out.")


class Export(Value):
    """An export holds something in a foreign format."""

    text: str = Field(description="The text that the file has.")
    left_out: tuple[Omission, ...] = Field(description="The things that importing the text would lose or alter.")


class Omissions:
    """What was left out, one by one."""

    def __init__(self) -> None:
        self._left_out: list[Omission] = []
        self._more = 0

    @property
    def left_out(self) -> tuple[Omission, ...]:
        """At most so many as a list takes: the last tells how many more there are."""
        if not self._more:
            return tuple(self._left_out)
        return (*self._left_out[:-1], Omission(path="", reason=f"{self._more + 1} more are not listed here"))

    def leave(self, path: str, reason: str) -> None:
        if len(self._left_out) < LIST_LENGTH:
            path, reason = (each.encode(errors="replace").decode() for each in (path, reason))  # no half characters
            self._left_out.append(Omission(path=path[:NAME_LENGTH], reason=reason))
        else:
            self._more += 1


class Reading(Omissions):
    """What a foreign text says, field by field of `kind`; what a field does not take is left out, with the reason."""

    def __init__(self, kind: type[BaseModel], **required: Any) -> None:
        super().__init__()
        self.kind, self.fields, self._required = kind, dict[str, Any](), required

    def again(self) -> Self:
        """One to go on from, as often as need be."""
        other = copy(self)
        other.fields, other._left_out = dict(self.fields), [*self._left_out]
        return other

    @property
    def content(self) -> BaseModel:
        """All of it that was understood, as the kind that it is; what is required and was not said stands as it was given."""
        return self.kind.model_validate(self._required | self.fields)

    def say(self, name: str, value: Any, path: str) -> None:
        """Fills a field: one that holds text already with a further paragraph, a list with a further entry."""
        said, problem, free = self.fields.get(name), None, self.kind.model_fields[name].default == {}
        match self.kind.model_fields[name].default:
            case () if said and len(said) == LIST_LENGTH:
                problem = f"is beyond the {LIST_LENGTH} that the field takes"
            case ():
                value = (*(said or ()), value)
            case _ if said is not None and not free:
                value = f"{said}\n\n{value}"
        if problem := problem or self._problem(name, value):
            self.leave(path, problem)
        elif free:  # what is free in its parts is so in all, and there can be thousands of them
            _join(self.fields.setdefault(name, {}), value)
        else:
            self.fields[name] = value

    def _problem(self, name: str, value: Any) -> str | None:
        try:
            self.kind.model_validate(self._required | {name: value})
        except ValidationError as error:
            (first, *_) = error.errors(include_url=False, include_input=False)
            inside = [str(each) for each in first["loc"][1:] if not isinstance(each, int)]
            return " ".join([*inside, problem_in(first["msg"])])
        return None


def _join(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, each in more.items():
        if isinstance(each, dict) and isinstance(there := into.setdefault(name, {}), dict):
            _join(there, each)
        else:
            into[name] = each


def lost(said: BaseModel, back: BaseModel) -> Iterator[Omission]:
    """What is not in `back` as it was `said`, by its path."""
    for name in type(said).model_fields:
        yield from _lost(getattr(said, name), getattr(back, name), camel(name))


def _lost(said: Any, back: Any, path: str) -> Iterator[Omission]:
    match said, back:
        case _ if said == back:
            pass
        case ((None | ()), _):
            yield Omission(path=path, reason="comes back although nothing is said")
        case _, (None | ()):
            yield Omission(path=path, reason="has no place in the format")
        case BaseModel(), BaseModel():
            yield from (Omission(path=f"{path}.{each.path}", reason=each.reason) for each in lost(said, back))
        case tuple(), tuple() if len(said) == len(back):
            for place, (one, other) in enumerate(zip(said, back, strict=True)):
                yield from _lost(one, other, f"{path}.{place}")
        case tuple(), tuple():
            missing = [place for place, each in enumerate(said) if each not in back]
            yield from (Omission(path=f"{path}.{place}", reason="has no place in the format") for place in missing)
            if not missing:
                yield Omission(path=path, reason="comes back in other parts")
        case _:
            yield Omission(path=path, reason="comes back otherwise")
