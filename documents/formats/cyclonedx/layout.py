"""The layout of a model component: the path at which CycloneDX has each field of a card."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from documents.cards import CardContent, Metric
from documents.formats.huggingface.licenses import SPDX


def _are(said: Any, kind: type) -> bool:
    return isinstance(said, list) and all(isinstance(each, kind) for each in said)


def _is_formats(said: Any) -> bool:
    return _are(said, dict) and all(each.keys() == {"format"} and isinstance(each["format"], str) for each in said)


KEPT = "cycloneDx"
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
"""The path of each card field that CycloneDX has too."""
APPROACHES = {"supervised", "unsupervised", "reinforcement-learning", "semi-supervised", "self-supervised"}
BESIDES: Mapping[tuple[str, ...], Callable[[Any], bool]] = {
    ("modelCard", "modelParameters", "approach"): lambda said: said in [{"type": each} for each in APPROACHES],
    ("modelCard", "modelParameters", "architectureFamily"): lambda said: isinstance(said, str),
    ("modelCard", "modelParameters", "inputs"): _is_formats,
    ("modelCard", "modelParameters", "outputs"): _is_formats,
    ("modelCard", "considerations", "performanceTradeoffs"): lambda said: _are(said, str),
}
"""The paths that no card field has, each with a check of its value. `additionalInfo.cycloneDx` keeps their values."""


def placed(card: CardContent) -> dict[str, Any]:
    """The part of a component that holds the card fields with a path in CycloneDX."""
    kept = card.additional_info.get(KEPT)
    written: dict[str, Any] = {}
    for path, fits in BESIDES.items():
        if isinstance(kept, dict) and fits(kept.get(path[-1])):
            _put(written, path, kept[path[-1]])
    native = {
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
    for field, value in native.items():
        if value:
            _put(written, NATIVE[field], value)
    return written


def _put(into: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *above, last = path
    for step in above:
        into = into.setdefault(step, {})
    into[last] = value


def _figures(metric: Metric) -> Iterator[dict[str, str]]:
    """The metric's figure over all, and one for each group; CycloneDX has figures as text and groups as a `slice`."""
    yield {"type": metric.metric_name, "value": repr(metric.value)}
    for each in metric.disaggregated:
        yield {"type": metric.metric_name, "value": repr(each.value), "slice": each.group}


def at(said: Any, path: tuple[str, ...]) -> Any:
    """The value at `path`, or None if a step of it is missing or is no object."""
    for step in path:
        said = said.get(step) if isinstance(said, dict) else None
    return said


def properties(said: Any) -> list[tuple[str, str]]:
    """The names and values in the `properties` of an object; malformed entries are dropped."""
    found = at(said, ("properties",))
    pairs = [(at(each, ("name",)), at(each, ("value",))) for each in (found if isinstance(found, list) else [])]
    return [(name, value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)]
