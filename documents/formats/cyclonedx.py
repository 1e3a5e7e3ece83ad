"""CycloneDX 1.7 (ECMA-424): the models of a bill of materials with their `modelCard`, read and written as JSON.

What a model card there has no place for is written as properties, `magistrate:card:<field>` with a JSON text for value; each
is believed as long as what stands beside it is what would be written for it, so that who edits the one is not overruled.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from documents.cards import CardContent, Metric, ModelCard
from documents.errors import InvalidInput
from documents.formats.exchange import INPUT, NO_FIELD, Export, Reading, lost
from documents.formats.huggingface.licenses import SPDX
from documents.values import camel


def _are(said: Any, kind: type) -> bool:
    return isinstance(said, list) and all(isinstance(each, kind) for each in said)


def _is_formats(said: Any) -> bool:
    return _are(said, dict) and all(each.keys() == {"format"} and isinstance(each["format"], str) for each in said)


KEPT = "cycloneDx"
OURS, MODEL_ID = "magistrate:card:", "magistrate:modelId"
READ, WRITTEN = ("1.5", "1.6", "1.7"), "1.7"
MODEL, NESTED, DEPTH = "machine-learning-model", 8, 32
NATIVE: Mapping[str, tuple[str, ...]] = {
    "developers": ("authors",),
    "license": ("licenses",),
    "model_type": ("modelCard", "modelParameters", "task"),
    "architecture": ("modelCard", "modelParameters", "modelArchitecture"),
    "training_data_sources": ("modelCard", "modelParameters", "datasets"),
    "metrics": ("modelCard", "quantitativeAnalysis", "performanceMetrics"),
    "primary_intended_users": ("modelCard", "considerations", "users"),
    "primary_intended_uses": ("modelCard", "considerations", "useCases"),
    "known_limitations": ("modelCard", "considerations", "technicalLimitations"),
    "ethical_considerations": ("modelCard", "considerations", "ethicalConsiderations"),
}
"""Where a field stands that has a place of its own."""
APPROACHES = {"supervised", "unsupervised", "reinforcement-learning", "semi-supervised", "self-supervised"}
BESIDES: Mapping[tuple[str, ...], Callable[[Any], bool]] = {
    ("modelCard", "modelParameters", "approach"): lambda said: said in [{"type": each} for each in APPROACHES],
    ("modelCard", "modelParameters", "architectureFamily"): lambda said: isinstance(said, str),
    ("modelCard", "modelParameters", "inputs"): _is_formats,
    ("modelCard", "modelParameters", "outputs"): _is_formats,
    ("modelCard", "considerations", "performanceTradeoffs"): lambda said: _are(said, str),
}
"""What is kept in `additionalInfo`, under `cycloneDx`, for there is no field for it; and of which shape the format has it."""
TOO_DEEP = f"is nested more than {DEPTH} deep"
NAMING = ("type", "bom-ref", "group", "name", "version", "description", "components", "properties", "modelCard")
_FIELDS = {camel(name): name for name in CardContent.model_fields}
_NO_KEY = re.compile(r"[^A-Za-z0-9._:@+-]+")


@dataclass(frozen=True)
class Component:
    """A model of a bill of materials: where it stands, and what is said of it."""

    path: str
    said: dict[str, Any]

    def text(self, name: str) -> str | None:
        value = self.said.get(name)
        return value if isinstance(value, str) and value else None

    @property
    def model_id(self) -> str:
        """The id that it was written with, else one made of its group and name."""
        ours = [value for name, value in _properties(self.said) if name == MODEL_ID]
        named = ours[0] if ours else ":".join(filter(None, [self.text("group"), self.text("name")]))
        return _NO_KEY.sub("-", named).strip("-")

    def read(self) -> Reading:
        return _Reader(self.said).reading


def read_models(text: str) -> Iterator[Component]:
    """Every component of a bill of materials that is a model, nested ones too; InvalidInput for a text that is no bill."""
    bom = _loaded(text)
    if not isinstance(bom, dict) or bom.get("bomFormat") != "CycloneDX" or bom.get("specVersion") not in READ:
        raise InvalidInput(INPUT, f"is no CycloneDX bill of materials of version {', '.join(READ)}, as JSON")
    main = bom.get("metadata", {})
    yield from _models({"components": [main["component"]]} if isinstance(main, dict) and "component" in main else {}, "metadata")
    yield from _models(bom, "")


def _models(within: Mapping[str, Any], above: str, depth: int = 1) -> Iterator[Component]:
    found = within.get("components")
    for place, each in enumerate(found if isinstance(found, list) else []):
        if isinstance(each, dict) and depth <= NESTED:
            path = f"{above}.components.{place}".removeprefix(".")
            if each.get("type") == MODEL:
                yield Component(path, each)
            yield from _models(each, path, depth + 1)


def read_model_card(text: str) -> Reading:
    """What a bill of materials says of the one model that is in it."""
    models = [*read_models(text)]
    if len(models) != 1:
        raise InvalidInput(INPUT, f"names {len(models)} models, and a card is about one; importModels registers several")
    return models[0].read()


def _loaded(text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ValueError("a key stands twice")
        return made

    def none(constant: str) -> Any:
        raise ValueError(f"{constant} is no number")

    try:
        loaded = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=once, parse_constant=none)
    except json.JSONDecodeError as error:
        raise InvalidInput(INPUT, f"is no JSON: {error.msg} in line {error.lineno}") from error
    except ValueError as error:
        raise InvalidInput(INPUT, "is no JSON that can be taken: a key stands twice, or a number has no end") from error
    except RecursionError as error:
        raise InvalidInput(INPUT, TOO_DEEP) from error
    if _deeper(loaded):
        raise InvalidInput(INPUT, TOO_DEEP)
    return loaded


def _deeper(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH):
        inside = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for values in inside for each in values]
    return bool(level)


class _Reader:
    """Reads one component."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said, self.reading = said, Reading(CardContent)
        known: dict[tuple[str, ...], Callable[[Any, str], None]] = {
            NATIVE["developers"]: self._each(lambda each: each["name"], "developers"),
            NATIVE["license"]: self._license,
            NATIVE["model_type"]: self._whole("model_type"),
            NATIVE["architecture"]: self._whole("architecture"),
            NATIVE["training_data_sources"]: self._each(_source, "training_data_sources"),
            NATIVE["metrics"]: self._metrics,
            NATIVE["primary_intended_users"]: self._each(str, "primary_intended_users"),
            NATIVE["primary_intended_uses"]: self._each(str, "primary_intended_uses"),
            NATIVE["known_limitations"]: self._each(str, "known_limitations"),
            NATIVE["ethical_considerations"]: self._each(_consideration, "ethical_considerations"),
            ("modelCard", "considerations", "fairnessAssessments"): self._each(_unfairness, "risks"),
            **dict.fromkeys(BESIDES, self._besides),
            ("modelCard", "properties"): self._properties,
        }
        if not isinstance(said.get("modelCard", {}), dict):
            self.reading.leave("modelCard", "is no object")
        ours = [*self._ours()]
        for path in (*((name,) for name in said if name not in NAMING), *_inside(said)):
            if path in ours:
                continue
            known.get(path, self._unknown)(_at(said, path), ".".join(path))

    def _ours(self) -> Iterator[tuple[str, ...]]:
        """Takes what we wrote ourselves; answers with the places that it speaks for."""
        for name, value in _properties(_at(self.said, ("modelCard",))):
            field = _FIELDS.get(name.removeprefix(OURS)) if name.startswith(OURS) else None
            if field is None:
                continue
            try:
                content = CardContent.model_validate_json(json.dumps({field: json.loads(value)}))
            except (ValueError, RecursionError):
                self.reading.leave(name, "is not what it was written as")
                continue
            place = NATIVE.get(field, ())
            if place and _at(_component(content), place) != _at(self.said, place):
                self.reading.leave(name, "is not what the model card says beside it")
                continue
            self.reading.fields[field] = getattr(content, field)
            yield place

    def _whole(self, field: str) -> Callable[[Any, str], None]:
        return lambda value, path: self.reading.say(field, value, path)

    def _each(self, meant: Callable[[Any], Any], field: str) -> Callable[[Any, str], None]:
        def read(value: Any, path: str) -> None:
            for place, each in enumerate(value if isinstance(value, list) else [value]):
                try:
                    self.reading.say(field, meant(each), f"{path}.{place}")
                except (KeyError, TypeError):
                    self.reading.leave(f"{path}.{place}", "is not of the shape that the format gives it")

        return read

    def _license(self, value: Any, path: str) -> None:
        match value:
            case [{"license": {"id": str(name)} | {"name": str(name)}} | {"expression": str(name)}]:
                self.reading.say("license", name, path)
            case _:
                self.reading.leave(path, "is not one licence")

    def _metrics(self, value: Any, path: str) -> None:
        """A figure with a slice is of a group, where the figure over all stands before it."""
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
        before = self.reading.fields.pop("metrics")
        self.reading.say("metrics", metrics[whole] | {"disaggregated": groups}, path)
        changed = self.reading.fields.get("metrics")
        self.reading.fields["metrics"] = (*before[:whole], *changed, *before[whole + 1 :]) if changed else before

    def _besides(self, value: Any, path: str) -> None:
        self.reading.say("additional_info", {KEPT: {path.rpartition(".")[2]: value}}, path)

    def _properties(self, value: Any, path: str) -> None:
        others = {name: value for name, value in _properties({"properties": value}) if not name.startswith(OURS)}
        if others:
            listed = [{"name": name, "value": each} for name, each in others.items()]
            self.reading.say("additional_info", {KEPT: {"properties": listed}}, path)

    def _unknown(self, _: Any, path: str) -> None:
        self.reading.leave(path, NO_FIELD)


def _inside(said: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The parts of a model card: its properties, and what is in its three groups."""
    card = said.get("modelCard")
    for group, inside in (card if isinstance(card, dict) else {}).items():
        if isinstance(inside, dict):
            yield from (("modelCard", group, name) for name in inside)
        elif group != "bom-ref":
            yield "modelCard", group


def _at(said: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        said = said.get(step) if isinstance(said, dict) else None
    return said


def _properties(said: Any) -> list[tuple[str, str]]:
    found = _at(said, ("properties",))
    pairs = [(_at(each, ("name",)), _at(each, ("value",))) for each in (found if isinstance(found, list) else [])]
    return [(name, value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)]


def _is_number(said: str) -> bool:
    return re.fullmatch(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?", said) is not None


def _source(each: Any) -> str:
    """A dataset by its name and where it is, or by what it is called elsewhere in the bill."""
    if "ref" in each:
        return str(each["ref"])
    address = _at(each, ("contents", "url"))
    return f"{each['name']} ({address})" if address and "name" in each else str(address or each["name"])


def _consideration(each: Any) -> str:
    mitigation = each.get("mitigationStrategy") if isinstance(each, dict) else None
    return f"{each['name']}\n\nMitigation: {mitigation}" if mitigation else str(each["name"])


def _unfairness(each: Any) -> dict[str, Any]:
    """An assessment of fairness, as the risk that it is about."""
    said = f"{each['groupAtRisk']}: {each['harms']}" if "groupAtRisk" in each else each["harms"]
    return {"risk_type": "fairness", "description": said, "mitigation": each.get("mitigationStrategy")}


def write_model_card(card: ModelCard) -> Export:
    """A bill of materials with the one model in it, and what whoever reads the text would miss."""
    content = CardContent(**{name: getattr(card, name) for name in CardContent.model_fields})
    component = _component(content)
    native = _Reader(component).reading.content
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


def _component(card: CardContent) -> dict[str, Any]:
    """What has a place of its own."""
    kept = card.additional_info.get(KEPT)
    written: dict[str, Any] = {}
    for place, fits in BESIDES.items():
        if isinstance(kept, dict) and fits(kept.get(place[-1])):
            _put(written, place, kept[place[-1]])
    places = {
        "developers": [{"name": each} for each in card.developers],
        "license": [{"license": {"id" if card.license in SPDX.values() else "name": card.license}}] if card.license else None,
        "model_type": card.model_type,
        "architecture": card.architecture,
        "training_data_sources": [{"type": "dataset", "name": each} for each in card.training_data_sources],
        "metrics": [each for metric in card.metrics for each in _figures(metric)],
        "primary_intended_users": [*card.primary_intended_users],
        "primary_intended_uses": [*card.primary_intended_uses],
        "known_limitations": [*card.known_limitations],
        "ethical_considerations": [{"name": each} for each in card.ethical_considerations],
    }
    for field, value in places.items():
        if value:
            _put(written, NATIVE[field], value)
    return written


def _put(into: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *above, last = path
    for step in above:
        into = into.setdefault(step, {})
    into[last] = value


def _figures(metric: Metric) -> Iterator[dict[str, str]]:
    yield {"type": metric.metric_name, "value": repr(metric.value)}
    for each in metric.disaggregated:
        yield {"type": metric.metric_name, "value": repr(each.value), "slice": each.group}
