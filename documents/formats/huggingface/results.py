"""Evaluation results of the Hub: the `model-index` of a card's front matter, and the files in `.eval_results/`.

The formats are those of modelcard.md and eval_results.yaml in huggingface/hub-docs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from documents.cards import CardContent, Metric
from documents.errors import InvalidInput
from documents.formats.exchange import INPUT, NO_FIELD, Reading
from documents.formats.huggingface.frontmatter import lines, loaded
from documents.values import NAME_LENGTH

# A figure may be written as text.
_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?")
_SAID_OF_DATASET, _SAID_OF_METRIC = ("config", "split", "revision"), ("config",)
UNKNOWN_TASK = "other"


def read_results(text: str) -> Reading:
    """Reads the metrics of a file of `.eval_results/`. Raises InvalidInput for a text that is no YAML list."""
    reading, entries = Reading(CardContent), loaded(lines(text))
    if not isinstance(entries, list):
        raise InvalidInput(INPUT, "is no list of evaluation results")
    for place, each in enumerate(entries):
        match each:
            case {"dataset": {"id": str(dataset), "task_id": str(task), **of_dataset}, "value": value, **more}:
                revision, notes = _conditions(of_dataset, ("revision",)), more.pop("notes", None)
                said = ", ".join(filter(None, [notes if isinstance(notes, str) else None, revision]))
                _say(reading, str(place), task, value, dataset=dataset, conditions=said, date=more.pop("date", None))
                _unheld(reading, str(place), more)
            case _:
                reading.leave(str(place), "has no `dataset` with `id` and `task_id`, or no `value`")
    return reading


def read_index(reading: Reading, index: Any) -> None:
    """Adds the metrics in the first model of a `model-index`; other models are left out."""
    match index:
        case [{"results": list(results)}, *others]:
            for place, each in enumerate(results):
                _read_result(reading, f"model-index.0.results.{place}", each)
            for place, _ in enumerate(others, 1):
                reading.leave(f"model-index.{place}", "is about another model")
        case _:
            reading.leave("model-index", "is no list of models with their `results`")


def _read_result(reading: Reading, path: str, result: Any) -> None:
    match result:
        case {"dataset": {"type": str(kind), **of_dataset}, "metrics": list(metrics), **more}:
            name = of_dataset.get("name")
            for place, each in enumerate(metrics):
                _read_metric(reading, f"{path}.metrics.{place}", each, name if isinstance(name, str) else kind, of_dataset)
            _unheld(reading, path, _without(more, "task"))
        case _:
            reading.leave(path, "has no `dataset` with a `type`, or no list of `metrics`")


def _read_metric(reading: Reading, path: str, metric: Any, dataset: str, of_dataset: Mapping[Any, Any]) -> None:
    match metric:
        case {"type": str(kind), "value": value, **more}:
            said = [_unlike(kind, more.pop("name", None)), _conditions(of_dataset, _SAID_OF_DATASET)]
            said.append(_conditions(more, _SAID_OF_METRIC))
            _say(reading, path, kind, value, dataset=dataset, conditions=", ".join(filter(None, said)))
            _unheld(reading, path, _without(more, "verified", "args", *_SAID_OF_METRIC))
        case _:
            reading.leave(path, "has no `type` or no `value`")


def _unlike(kind: str, name: Any) -> str | None:
    """What a metric's `name` says beyond its `type`: `zero-shot` of `accuracy (zero-shot)`; None if it says no more."""
    if not isinstance(name, str) or name.lower() == kind.lower():
        return None
    return name[len(kind) + 2 : -1] if name.startswith(f"{kind} (") and name.endswith(")") else name


def _conditions(said: Mapping[Any, Any], names: Sequence[str]) -> str:
    arguments = said.get("args")
    known = {name: said.get(name) for name in names} | (arguments if isinstance(arguments, dict) else {})
    return ", ".join(f"{name} {each}" for name, each in known.items() if isinstance(each, str | int | float))


def _say(reading: Reading, path: str, name: str, value: Any, dataset: str, conditions: str, date: Any = None) -> None:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        reading.leave(f"{path}.value", f"is no number: {str(value)[:NAME_LENGTH]}")
        return
    said = {"metric_name": name, "value": value, "dataset": dataset, "conditions": conditions or None}
    if date is not None and not _is_day(date):
        reading.leave(f"{path}.date", "is no day")
        date = None
    reading.say("metrics", said | {"date_measured": str(date)[:10] if date else None}, path)


def _is_day(said: Any) -> bool:
    return isinstance(said, str) and re.fullmatch(r"\d{4}-\d\d-\d\d(?:[T ].*)?", said) is not None


def _without(said: Mapping[Any, Any], *names: str) -> dict[Any, Any]:
    return {key: each for key, each in said.items() if key not in names}


def _unheld(reading: Reading, path: str, more: Mapping[Any, Any]) -> None:
    for name in more:
        reading.leave(f"{path}.{name}", NO_FIELD)


def index(name: str, metrics: Sequence[Metric], task: Any) -> Iterator[dict[str, Any]]:
    """A `model-index` of one model with the metrics that name a dataset, which the format requires; none without such metrics."""
    results = [_result(each, task if isinstance(task, str) else UNKNOWN_TASK) for each in metrics if each.dataset]
    if results:
        yield {"name": name, "results": results}


def _result(metric: Metric, task: str) -> dict[str, Any]:
    named = {"name": f"{metric.metric_name} ({metric.conditions})"} if metric.conditions else {}
    return {
        "task": {"type": task},
        "dataset": {"type": metric.dataset, "name": metric.dataset},
        "metrics": [{"type": metric.metric_name, "value": metric.value, **named}],
    }
