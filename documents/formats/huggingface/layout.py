"""The layout of a card of the Hub: which headings and labels fill which fields."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from documents.formats.exchange import NO_FIELD, Reading
from documents.formats.huggingface.sections import Section, labels
from documents.formats.markdown import heading
from documents.values import Value


@dataclass(frozen=True)
class Entries:
    """A list field whose entries have a section each: the heading holds the entry's field `title`, labels hold the others."""

    field: str
    kind: type[Value]
    title: str

    def read(self, reading: Reading, section: Section) -> None:
        said = {label.replace(" ", "_"): value for label, value in section.labelled}
        entry: dict[str, Any] = {name: said.get(name) for name in self.kind.model_fields} | {self.title: section.title}
        for name in self.kind.model_fields.keys() & {"likelihood", "impact"}:
            entry[name] = entry[name] and entry[name].lower()
        reading.say(self.field, entry, section.path)

    def written(self, title: str, entries: Iterable[Value]) -> Iterator[str]:
        """The blocks that hold the entries, under a heading `title`; none if there are no entries."""
        said = [*entries]
        yield from [heading(2, title)] if said else []
        for each in said:
            others = (name for name in self.kind.model_fields if name != self.title)
            yield heading(3, getattr(each, self.title))
            yield labels((name.replace("_", " ").capitalize(), _text(getattr(each, name))) for name in others)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


@dataclass(frozen=True)
class Layout:
    """The tables of one kind of card: for each field its headings and labels, in the form that `sections.named` makes."""

    kind: type[BaseModel]
    titles: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, tuple[str, ...]]
    entries: Mapping[str, Entries]
    meant: Mapping[str, Callable[[str], Any]]
    """For a field that is no text, the function that makes its value of the text under a label."""

    @cached_property
    def _by_title(self) -> Mapping[str, str]:
        return {title: name for name, titles in self.titles.items() for title in titles}

    @cached_property
    def _by_label(self) -> Mapping[str, str]:
        return {label: name for name, labels in self.labels.items() for label in labels}

    def read(self, reading: Reading, body: Iterable[Section], settled: Container[str] = ()) -> None:
        """Fills fields from the sections of a body, except those in `settled`, which the metadata filled."""
        above: Section | None = None
        for section in body:
            if above and section.level > above.level:
                self.entries[above.name].read(reading, section)
            else:
                above = section if section.name in self.entries else None
                self._read_section(reading, section, settled)

    def _read_section(self, reading: Reading, section: Section, settled: Container[str]) -> None:
        for label, value in section.labelled:
            name = self._by_label.get(label)
            if name is None:
                reading.leave(f"{section.path}: {label}", NO_FIELD)
            elif name not in settled:
                reading.say(name, self.meant.get(name, str)(value), f"{section.path}: {label}")
        name = self._by_title.get(section.name)
        if not section.said:
            return
        if name is None:
            reading.leave(section.path, NO_FIELD)
        elif self.kind.model_fields[name].default == ():
            for each in section.entries:
                reading.say(name, each, section.path)
        else:
            reading.say(name, section.said, section.path)
