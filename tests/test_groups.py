"""Questions about groups are answered as going through the records says: elements, periods, edges, conditions, order, cut."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.held import EDGES, GROUPS, NAMES, VERDICTS, Held
from tests.service import Service

Raw = dict[str, Any]
Row = tuple[Raw, tuple[Raw, ...]]  # a record, and the elements of lists, each within the one before, that stand for it
ZONES = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu", "Pacific/Kiritimati"]
STATS = ("values", "min", "max", "avg", "sum")


@pytest.fixture(scope="module")
async def held(server: str) -> AsyncIterator[Held]:
    service = await Service.started(server)
    held = Held(service)
    with service.database.bound():
        await held.fill(Random(1948))
    yield held
    await service.close()


# What can be asked, and what it means in memory


def first_day(of: Any, period: str, zone: str) -> str | None:
    if of is None:
        return None
    try:
        on = date.fromisoformat(of) if isinstance(of, str) else of.astimezone(ZoneInfo(zone)).date()
    except OverflowError:  # a year that no calendar of Python has: such a moment is taken as in UTC
        on = of.date()
    if not isinstance(of, str) and on.year < 1000:
        on = of.date()
    match period:
        case "WEEK":
            on = max(date(1000, 1, 1), on - timedelta(days=on.weekday()))
        case "MONTH":
            on = on.replace(day=1)
        case "QUARTER":
            on = on.replace(month=(on.month - 1) // 3 * 3 + 1, day=1)
        case "YEAR":
            on = on.replace(month=1, day=1)
    return on.isoformat()


@dataclass(frozen=True)
class By:
    """A grouping: what is sent, where the key stands in the answer, and what the key is of a row."""

    said: Callable[[str], Raw]
    key: str
    of: Callable[[Held, Row], Any]
    lists: tuple[str, ...] = ()
    where: tuple[Callable[[Raw], bool], ...] = ()


def inside(raw: Any, path: str) -> Any:
    for step in path.split("."):
        raw = raw.get(step) if isinstance(raw, dict) else None
    return raw


def anything(_: Raw) -> bool:
    return True


def upper(value: str | None) -> str | None:
    return value and value.upper()


def where_metric(dice: Random) -> Any:
    name = dice.choice(NAMES)
    least = dice.choice([-1.0, 0.5])
    group = dice.choice(GROUPS)
    return dice.choice([
        ({"metricName": {"eq": name}}, lambda one: one["metric_name"] == name),
        ({"metricName": {"in": [name, "parity"]}, "value": {"gte": least}},
         lambda one: one["metric_name"] in (name, "parity") and one["value"] >= least),
        ({"metricName": {"eq": name}, "not": {"dataset": {"startsWith": "$"}}},
         lambda one: one["metric_name"] == name and not (one["dataset"] or "").startswith("$")),
        ({"metricName": {"eq": name}, "disaggregated": {"some": {"group": {"eq": group}, "value": {"lt": least}}}},
         lambda one: one["metric_name"] == name
         and any(each["group"] == group and each["value"] < least for each in one["disaggregated"])),
        ({"metricName": {"eq": name}, "dateMeasured": {"isNull": False, "lt": "2026-01-01"}},
         lambda one: one["metric_name"] == name and one["date_measured"] is not None and one["date_measured"] < "2026-01-01"),
    ])  # fmt: skip


def where_decision(dice: Random) -> tuple[Raw | None, Callable[[Raw], bool]]:
    verdict, since = dice.choice(VERDICTS), dice.choice(EDGES)
    return dice.choice([
        (None, anything),
        ({"verdict": {"eq": upper(verdict)}}, lambda one: one["verdict"] == verdict),
        ({"decidedAt": {"gte": since.isoformat()}, "verdict": {"ne": upper(verdict)}},
         lambda one: one["decided_at"] >= since and one["verdict"] != verdict),
        ({"expiresAt": {"isNull": True}}, lambda one: one["expires_at"] is None),
    ])  # fmt: skip


def periods(dice: Random) -> tuple[str, str]:
    return dice.choice(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]), dice.choice(ZONES)


def groupings(dice: Random) -> list[By]:
    """Up to three groupings, of which those by elements are about one list."""
    period, zone = periods(dice)
    plain = [
        By(lambda way: {"tier": way}, "tier", lambda _, row: upper(row[0]["tier"])),
        By(lambda way: {"standing": {"riskBand": way}}, "standingRiskBand",
           lambda _, row: upper(row[0]["standing"]["risk_band"])),
        By(lambda way: {"registeredAt": {"period": period, "zone": zone, "direction": way}}, "registeredAt",
           lambda _, row: first_day(row[0]["registered_at"], period, zone)),
        By(lambda way: {"standing": {"nextReview": {"period": period, "zone": zone, "direction": way}}}, "standingNextReview",
           lambda _, row: first_day(row[0]["standing"]["next_review"], period, zone)),
        By(lambda way: {"owner": {"department": way}}, "ownerDepartment",
           lambda held, row: held.people.get(row[0]["owner_id"], {}).get("department")),
    ]  # fmt: skip
    asked, meets = where_metric(dice)
    of_metric = ("card.metrics",)

    def metric(inner: Raw, filtered: bool) -> Raw:
        return {"card": {"metrics": inner | ({"where": asked} if filtered else {})}}

    filtered = dice.random() < 0.5
    metrics = [
        By(lambda way: metric({"metricName": way}, filtered), "cardMetricsMetricName", lambda _, row: row[1][0]["metric_name"],
           of_metric, (meets if filtered else anything,)),
        By(lambda way: metric({"dataset": way}, not filtered), "cardMetricsDataset", lambda _, row: row[1][0]["dataset"],
           of_metric, (anything if filtered else meets,)),
        By(lambda way: metric({"dateMeasured": {"period": period, "direction": way}}, False), "cardMetricsDateMeasured",
           lambda _, row: first_day(row[1][0]["date_measured"], period, zone), of_metric),
        By(lambda way: metric({"disaggregated": {"group": way, "where": {"value": {"gt": 0}}}}, False),
           "cardMetricsDisaggregatedGroup", lambda _, row: row[1][1]["group"], (*of_metric, "disaggregated"),
           (anything, lambda one: one["value"] > 0)),
    ]  # fmt: skip
    said, holds = where_decision(dice)
    more = {"where": said} if said else {}
    decisions = [
        By(lambda way: {"round": {"decisions": {"reviewerId": way} | more}}, "roundDecisionsReviewerId",
           lambda _, row: row[1][0]["reviewer_id"], ("round.decisions",), (holds,)),
        By(lambda way: {"round": {"decisions": {"decidedAt": {"period": period, "zone": zone, "direction": way}}}},
           "roundDecisionsDecidedAt", lambda _, row: first_day(row[1][0]["decided_at"], period, zone), ("round.decisions",)),
    ]  # fmt: skip
    others = [
        [By(lambda way: {"deployedIn": way}, "deployedIn", lambda _, row: row[1][0], ("deployed_in",))],
        [By(lambda way: {"datasheets": {"datasetId": way}}, "datasheetsDatasetId", lambda _, row: row[1][0]["dataset_id"],
            ("datasheets",))],
    ]  # fmt: skip
    of_elements = dice.choice([[], metrics, metrics, decisions, *others])
    return [*{each.key: each for each in dice.choices([*plain, *of_elements, *of_elements], k=dice.randrange(4))}.values()]


def rows_of(raw: Raw, by: list[By]) -> Iterator[Row]:
    """A row for each element of the lists that are grouped by."""
    chain = max((each.lists for each in by), key=len, default=())

    def met(level: int, element: Raw) -> bool:
        return all(each.where[level](element) for each in by if len(each.where) > level)

    def below(at: Raw, level: int) -> Iterator[tuple[Raw, ...]]:
        if level == len(chain):
            yield ()
            return
        for element in inside(at, chain[level]) or ():
            if met(level, element):
                yield from ((element, *rest) for rest in below(element, level + 1))

    yield from ((raw, found) for found in below(raw, 0))


@dataclass(frozen=True)
class Source:
    """A list whose elements are counted and summed up under filters, and how it is written."""

    lists: tuple[str, ...]
    names: tuple[str, ...]
    asked: tuple[Raw | None, ...]
    meets: tuple[Callable[[Raw], bool], ...]

    def elements(self, by: list[By], rows: list[Row]) -> list[Raw]:
        """Each element once that stands for the group, or lies in a record of it."""
        chain = max((each.lists for each in by), key=len, default=())
        shared = (
            len([1 for one, other in zip(chain, self.lists, strict=False) if one == other]) if chain[:1] == self.lists[:1] else 0
        )
        seen: dict[tuple[int, ...], tuple[Raw, tuple[Raw, ...]]] = {}
        for raw, found in rows:
            seen[(id(raw), *map(id, found[:shared]))] = (raw, found[:shared])
        every: list[Raw] = []
        for raw, found in seen.values():
            if all(meet(each) for meet, each in zip(self.meets, found, strict=False)):
                every += self._below(found[-1] if found else raw, shared)
        return every

    def _below(self, at: Raw, level: int) -> list[Raw]:
        if level == len(self.lists):
            return [at]
        held = [each for each in inside(at, self.lists[level]) or () if self.meets[level](each)]
        return [one for each in held for one in self._below(each, level + 1)]

    def selected(self, alias: str, body: str) -> tuple[str, dict[str, Raw | None]]:
        """The selection, and its variables by their names."""
        names = [f"{alias}{at}" for at in range(len(self.names))]
        said = " { ".join(f"{name}(where: ${of})" for name, of in zip(self.names, names, strict=True))
        return f"{alias}: {said} {{ {body} }}{' }' * (len(names) - 1)}", dict(zip(names, self.asked, strict=True))


def sources(dice: Random) -> Source:
    asked, meets = where_metric(dice)
    if dice.random() < 0.5:
        decided, holds = where_decision(dice)
        return Source(("round.decisions",), ("roundDecisions",), (decided,), (holds,))
    if dice.random() < 0.5:
        return Source(("card.metrics",), ("cardMetrics",), (asked,), (meets,))
    group = dice.choice(GROUPS)
    inner = ({"group": {"eq": group}}, lambda one: one["group"] == group) if dice.random() < 0.5 else (None, anything)
    return Source(("card.metrics", "disaggregated"), ("cardMetrics", "disaggregated"), (asked, inner[0]), (meets, inner[1]))


NUMBERS = " ".join(f"{each} {{ value }}" for each in STATS)
TYPES = {"cardMetrics": "MetricFilter", "disaggregated": "GroupValueFilter", "roundDecisions": "DecisionFilter"}


def stats(numbers: list[float]) -> dict[str, float | None]:
    mean = sum(numbers) / len(numbers) if numbers else None
    least, most = min(numbers, default=None), max(numbers, default=None)
    return {"values": len(numbers), "min": least, "max": most, "avg": mean, "sum": sum(numbers)}


def compared(operator: str, value: Any, to: Any) -> bool:
    match operator:
        case "gte":
            return value is not None and bool(value >= to)
        case "lt":
            return value is not None and bool(value < to)
        case "isNull":
            return (value is None) is to
    return bool(value != to)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(120))
async def test_groups_are_what_going_through_the_records_says(held: Held, seed: int) -> None:
    dice = Random(seed)
    by, several = groupings(dice), [sources(dice) for _ in range(dice.randrange(4))]
    ways = [dice.choice(["ASC", "DESC"]) for _ in by]
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for raw in held.versions:
        for row in rows_of(raw, by):
            groups[tuple(each.of(held, row) for each in by)].append(row)

    wanted = {key: expected(by, several, rows) for key, rows in groups.items()}
    variables: Raw = {"groupBy": [each.said(way) for each, way in zip(by, ways, strict=True)]}
    declared, selections = "", ""
    for at, source in enumerate(several):
        body = "count min { decidedAt } max { expiresAt }" if source.names == ("roundDecisions",) else f"count {NUMBERS}"
        said, given = source.selected(f"s{at}", body)
        variables |= given
        selections += f" {said}"
        declared += "".join(f" ${name}: {TYPES[of]}" for name, of in zip(given, source.names, strict=True))

    # The order of a figure, which may leave groups alike, comes before that of the keys.
    order = [*wanted]
    for place, way in reversed([*enumerate(ways)]):
        order.sort(key=lambda key: (key[place] is not None, key[place]), reverse=way == "DESC")
    named, figure = dice.choice(figures(several))
    if dice.random() < 0.5:
        way = dice.choice(["ASC", "DESC"])
        order.sort(key=lambda key: ((told := figure(wanted[key])) is not None, told), reverse=way == "DESC")
        variables["orderBy"] = [named(way)]
    if dice.random() < 0.5:
        named, figure = dice.choice(figures(several))
        operator, to = dice.choice([("gte", 1), ("lt", 3), ("ne", 2), ("isNull", False)])
        variables["having"] = named({operator: to})
        turned = dice.random() < 0.5
        if turned:
            variables["having"] = {"not": variables["having"]}
        order = [key for key in order if compared(operator, figure(wanted[key]), to) is not turned]
    if dice.random() < 0.5:
        variables["first"] = dice.randrange(5)
        order = order[: variables["first"]]

    keys = " ".join(each.key for each in by) or "tier"
    query = f"""query($groupBy: [ModelVersionGroupBy!] $having: ModelVersionHaving $orderBy: [ModelVersionGroupOrder!] $first: Int
        {declared}) {{
        modelVersionAggregates(groupBy: $groupBy, having: $having, orderBy: $orderBy, first: $first) {{
            keys {{ {keys} }} count distinct {{ modelId ownerId standingRiskBand }}
            {" ".join(f"{each} {{ standingRiskScore }}" for each in STATS)} {selections} }} }}"""
    found = (await held.service.ask(query, **variables))["modelVersionAggregates"]
    assert [tuple(each["keys"][one.key] for one in by) for each in found] == order
    for each, key in zip(found, order, strict=True):
        each.pop("keys")
        each["standingRiskScore"] = {of: each.pop(of)["standingRiskScore"] for of in STATS}
        for at, source in enumerate(several):
            each[f"s{at}"] = flattened(source, each[f"s{at}"])
        assert each == wanted[key]


def flattened(source: Source, told: Raw) -> Raw:
    for name in source.names[1:]:
        told = told[name]
    return {of: next(iter(said.values())) if isinstance(said, dict) else said for of, said in told.items()}


def expected(by: list[By], several: list[Source], rows: list[Row]) -> Raw:
    records = [*{id(raw): raw for raw, _ in rows}.values()]
    scores = [raw["standing"]["risk_score"] for raw in records if raw["standing"]["risk_score"] is not None]
    told: Raw = {
        "count": len(records),
        "standingRiskScore": stats(scores),
        "distinct": {
            "modelId": len({raw["model_id"] for raw in records}), "ownerId": len({raw["owner_id"] for raw in records}),
            "standingRiskBand": len({raw["standing"]["risk_band"] for raw in records} - {None}),
        },
    }  # fmt: skip
    for at, source in enumerate(several):
        elements = source.elements(by, rows)
        if source.names == ("roundDecisions",):
            decided = [each["decided_at"] for each in elements]
            expires = [each["expires_at"] for each in elements if each["expires_at"]]
            bounds = {"min": written(min(decided, default=None)), "max": written(max(expires, default=None))}
            told[f"s{at}"] = {"count": len(elements)} | bounds
        else:
            told[f"s{at}"] = {"count": len(elements)} | stats([each["value"] for each in elements])
    return told


def written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def figures(several: list[Source]) -> list[tuple[Callable[[Any], Raw], Callable[[Raw], Any]]]:
    """What groups are chosen and ordered by: how it is written around a condition or a way, and what it is of a group."""
    found: list[tuple[Callable[[Any], Raw], Callable[[Raw], Any]]] = [
        (lambda said: {"count": said}, lambda told: told["count"]),
        (lambda said: {"distinct": {"modelId": said}}, lambda told: told["distinct"]["modelId"]),
    ]
    score = "standingRiskScore"
    found += [(partial(_around, [(of, None), (score, None)]), partial(_at, score, of)) for of in STATS]
    for at, source in enumerate(several):
        ways = [*zip(source.names, source.asked, strict=True)]
        found.append((partial(_around, [*ways, ("count", None)]), partial(_at, f"s{at}", "count")))
        if source.names != ("roundDecisions",):
            found += [(partial(_around, [*ways, (of, None), ("value", None)]), partial(_at, f"s{at}", of)) for of in STATS]
    return found


def _around(ways: list[tuple[str, Raw | None]], said: Any) -> Raw:
    for name, asked in reversed(ways):
        said = {name: said | {"where": asked} if asked else said}
    return dict(said)


def _at(place: str, name: str, told: Raw) -> Any:
    return told[place][name]
