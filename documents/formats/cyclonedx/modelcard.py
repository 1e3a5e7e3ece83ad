"""Reads and writes model cards in CycloneDX bills of materials.

A field that CycloneDX cannot hold is written as a property `magistrate:card:<field>`, with JSON as its value. If the field also
has a place in CycloneDX, the property is read only if that place still says what we would write there. So an edit by another
program at that place is not overruled by our property.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from documents.cards import CardContent, ModelCard
from documents.errors import InvalidInput
from documents.formats.cyclonedx.bill import MODEL, MODEL_ID, Component, read_models
from documents.formats.cyclonedx.layout import BESIDES, KEPT, NATIVE, at, placed, properties
from documents.formats.exchange import INPUT, NO_FIELD, Export, Reading, lost
from documents.values import LIST_LENGTH, camel

OURS, WRITTEN = "magistrate:card:", "1.7"
NAMING = ("type", "bom-ref", "group", "name", "version", "description", "components", "properties", "modelCard")
_FIELDS = {camel(name): name for name in CardContent.model_fields}


def read_model_card(text: str) -> Reading:
    """Reads the card of the one model in a bill. Raises InvalidInput for a text that is no bill, or has not exactly one model."""
    models = [*read_models(text)]
    if len(models) != 1:
        raise InvalidInput(INPUT, f"names {len(models)} models, and a card is about one; importModels registers several")
    return read_component(models[0])


def read_component(component: Component) -> Reading:
    """Reads the card of one model of a bill."""
    return _Reader(component.said).reading


class _Reader:
    """Reads one component."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said, self.reading = said, Reading(CardContent)
        known: dict[tuple[str, ...], Callable[[Any, str], None]] = {
            NATIVE["developers"]: self._each(lambda each: each["name"], "developers", "name"),
            NATIVE["license"]: self._license,
            NATIVE["model_type"]: self._whole("model_type"),
            NATIVE["architecture"]: self._whole("architecture"),
            NATIVE["training_data_sources"]: self._each(_source, "training_data_sources", "type", "ref", "name", "contents"),
            NATIVE["metrics"]: self._metrics,
            NATIVE["primary_intended_users"]: self._each(str, "primary_intended_users"),
            NATIVE["primary_intended_uses"]: self._each(str, "primary_intended_uses"),
            NATIVE["known_limitations"]: self._each(str, "known_limitations"),
            NATIVE["ethical_considerations"]: self._each(_consideration, "ethical_considerations", "name", "mitigationStrategy"),
            ("modelCard", "considerations", "fairnessAssessments"): self._each(
                _unfairness, "risks", "groupAtRisk", "harms", "mitigationStrategy"
            ),
            **dict.fromkeys(BESIDES, self._besides),
            ("modelCard", "properties"): self._properties,
        }
        if not isinstance(said.get("modelCard", {}), dict):
            self.reading.leave("modelCard", "is no object")
        ours = [*self._ours()]  # first: what our own properties say is not read a second time from its place in CycloneDX
        for path in (*((name,) for name in said if name not in NAMING), *_inside(said)):
            if path in ours:
                continue
            known.get(path, self._unknown)(at(said, path), ".".join(path))

    def _ours(self) -> Iterator[tuple[str, ...]]:
        """Reads the properties that we wrote, and yields the path in CycloneDX of each field that they hold."""
        for name, value in properties(at(self.said, ("modelCard",))):
            field = _FIELDS.get(name.removeprefix(OURS)) if name.startswith(OURS) else None
            if field is None:
                continue
            try:
                content = CardContent.model_validate_json(json.dumps({field: json.loads(value)}))
            except (ValueError, RecursionError):
                self.reading.leave(name, "is not what it was written as")
                continue
            place = NATIVE.get(field, ())
            if place and at(placed(content), place) != at(self.said, place):
                self.reading.leave(name, "is not what the model card says beside it")
                continue
            self.reading.fields[field] = getattr(content, field)
            yield place

    def _whole(self, field: str) -> Callable[[Any, str], None]:
        return lambda value, path: self.reading.say(field, value, path)

    def _each(self, meant: Callable[[Any], Any], field: str, *known: str) -> Callable[[Any, str], None]:
        """A reader of a list: `meant` turns an entry into a value of `field`; keys of an entry beyond `known` are left out."""

        def read(value: Any, path: str) -> None:
            for place, each in enumerate(value if isinstance(value, list) else [value]):
                try:
                    self.reading.say(field, meant(each), f"{path}.{place}")
                except (KeyError, TypeError):
                    self.reading.leave(f"{path}.{place}", "is not of the shape that the format gives it")
                else:
                    beside = [name for name in each if name not in {"bom-ref", *known}] if isinstance(each, dict) else []
                    for name in beside:
                        self._unknown(None, f"{path}.{place}.{name}")

        return read

    def _license(self, value: Any, path: str) -> None:
        match value:
            case [{"license": {"id": str(name)} | {"name": str(name)}} | {"expression": str(name)}]:
                self.reading.say("license", name, path)
            case _:
                self.reading.leave(path, "is not one licence")

    def _metrics(self, value: Any, path: str) -> None:
        """Reads figures. One with a `slice` is the figure of a group if the figure over all comes before it."""
        for place, each in enumerate(value if isinstance(value, list) else [value]):
            match each:
                case {"type": str(kind), "value": str(said), **more} if _is_number(said):
                    self._metric(kind, float(said), more.get("slice"), f"{path}.{place}")
                    if "confidenceInterval" in more:
                        self.reading.leave(f"{path}.{place}.confidenceInterval", NO_FIELD)
                case _:
                    self.reading.leave(f"{path}.{place}", "has no `type`, or a `value` that is no number")

    def _metric(self, kind: str, value: float, part: Any, path: str) -> None:
        metrics = self.reading.fields.get("metrics", ())
        whole = next((at for at, each in enumerate(metrics) if each["metric_name"] == kind and not each["conditions"]), None)
        if part is None or whole is None:
            conditions = None if part is None else f"slice {part}"
            self.reading.say("metrics", {"metric_name": kind, "value": value, "conditions": conditions}, path)
            return
        groups = (*metrics[whole].get("disaggregated", ()), {"group": part, "value": value})
        if len(groups) > LIST_LENGTH:
            self.reading.leave(path, f"is beyond the {LIST_LENGTH} that the field takes")
            return
        # `say` appends to a list. Popping the list first validates the changed metric alone, and restores it if that is refused.
        before = self.reading.fields.pop("metrics")
        self.reading.say("metrics", metrics[whole] | {"disaggregated": groups}, path)
        changed = self.reading.fields.get("metrics")
        self.reading.fields["metrics"] = (*before[:whole], *changed, *before[whole + 1 :]) if changed else before

    def _besides(self, value: Any, path: str) -> None:
        self.reading.say("additional_info", {KEPT: {path.rpartition(".")[2]: value}}, path)

    def _properties(self, value: Any, path: str) -> None:
        others = {name: value for name, value in properties({"properties": value}) if not name.startswith(OURS)}
        if others:
            listed = [{"name": name, "value": each} for name, each in others.items()]
            self.reading.say("additional_info", {KEPT: {"properties": listed}}, path)

    def _unknown(self, _: Any, path: str) -> None:
        self.reading.leave(path, NO_FIELD)


def _inside(said: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The paths of a `modelCard` that are read: each member of its groups, and each part that is no object."""
    card = said.get("modelCard")
    for group, inside in (card if isinstance(card, dict) else {}).items():
        if isinstance(inside, dict):
            yield from (("modelCard", group, name) for name in inside)
        elif group != "bom-ref":
            yield "modelCard", group


def _is_number(said: str) -> bool:
    # CycloneDX has figures as free text; only decimal numbers are read.
    return re.fullmatch(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?", said) is not None


def _source(each: Any) -> str:
    """A dataset as one line: its `ref` in the bill, else its name and address."""
    if "ref" in each:
        return str(each["ref"])
    address = at(each, ("contents", "url"))
    return f"{each['name']} ({address})" if address and "name" in each else str(address or each["name"])


def _consideration(each: Any) -> str:
    mitigation = each.get("mitigationStrategy") if isinstance(each, dict) else None
    return f"{each['name']}\n\nMitigation: {mitigation}" if mitigation else str(each["name"])


def _unfairness(each: Any) -> dict[str, Any]:
    """A fairness assessment as a risk of a card."""
    said = f"{each['groupAtRisk']}: {each['harms']}" if "groupAtRisk" in each else each["harms"]
    return {"risk_type": "fairness", "description": said, "mitigation": each.get("mitigationStrategy")}


def write_model_card(card: ModelCard) -> Export:
    """Writes a bill of materials with one model, and lists what would be lost or altered if it were imported again."""
    content = CardContent(**{name: getattr(card, name) for name in CardContent.model_fields})
    component = placed(content)
    native = _Reader(component).reading.content
    # A field whose place in CycloneDX reads back differently, or that has no place, becomes one of our properties.
    unheld = [name for name in CardContent.model_fields if getattr(native, name) != getattr(content, name)]
    if unheld:
        said = json.loads(content.model_dump_json(include=set(unheld)))
        ours = [{"name": f"{OURS}{camel(name)}", "value": json.dumps(said[name], ensure_ascii=False)} for name in unheld]
        described = component.setdefault("modelCard", {})
        described["properties"] = [*described.get("properties", []), *ours]
    bom = {
        "$schema": f"http://cyclonedx.org/schema/bom-{WRITTEN}.schema.json", "bomFormat": "CycloneDX", "specVersion": WRITTEN,
        "version": 1,
        "components": [
            {"type": MODEL, "bom-ref": f"{card.model_id}@{card.version}", "name": card.model_name, "version": card.version}
            | component
            | {"properties": [{"name": MODEL_ID, "value": card.model_id}]}
        ],
    }  # fmt: skip
    text = json.dumps(bom, ensure_ascii=False, indent=2) + "\n"
    return Export(text=text, left_out=tuple(lost(content, read_model_card(text).content)))
