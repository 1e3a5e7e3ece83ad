"""What a reader makes of a foreign text, and a writer of a card: the fields, and what was left out, with the reason."""

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
    """A key made of a name; characters that a key may not have become hyphens. It is empty if no character is left."""
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
    """A list of omissions that is bounded, for a text can hold any number of them."""

    def __init__(self) -> None:
        self._left_out: list[Omission] = []
        self._more = 0

    @property
    def left_out(self) -> tuple[Omission, ...]:
        """At most 200 omissions; if there are more, the last says how many are not listed."""
        if not self._more:
            return tuple(self._left_out)
        return (*self._left_out[:-1], Omission(path="", reason=f"{self._more + 1} more are not listed here"))

    def leave(self, path: str, reason: str) -> None:
        """Adds an omission; beyond 200 it is only counted. A path is cut to 200 characters."""
        if len(self._left_out) < LIST_LENGTH:
            # JSON can hold an unpaired surrogate ("\ud800"), which can be neither stored nor sent as UTF-8.
            path, reason = (each.encode(errors="replace").decode() for each in (path, reason))
            self._left_out.append(Omission(path=path[:NAME_LENGTH], reason=reason))
        else:
            self._more += 1


class Reading(Omissions):
    """The fields of `kind` that a foreign text fills; a value that a field refuses is left out, with the reason."""

    def __init__(self, kind: type[BaseModel], **required: Any) -> None:
        super().__init__()
        self.kind, self.fields, self._required = kind, dict[str, Any](), required

    def again(self) -> Self:
        """A copy that can be changed alone: a transaction that is retried begins with what was read."""
        other = copy(self)
        other.fields, other._left_out = dict(self.fields), [*self._left_out]
        return other

    @property
    def content(self) -> BaseModel:
        """The fields as a record of `kind`; a required field that the text does not fill has the value given at the start."""
        return self.kind.model_validate(self._required | self.fields)

    def say(self, name: str, value: Any, path: str) -> None:
        """Fills a field with a value from `path`: a text gets one more paragraph, a list one more entry, an object more keys."""
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
        elif free:  # the part was validated alone: validating the whole object for each of thousands of keys takes too long
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
    """The fields of `said` that differ in `back`, each with its path and the reason."""
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
