"""What the checks of each rules number answer about the versions of every kept store."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.eligibility.rules import RULES
from documents.versions.version import ModelVersion

FOLDER = Path(__file__).parents[1] / "data" / "answers"
Answers = Mapping[str, Any]


DAYS_BEFORE = (0, 90)
"""How long before a store was taken its versions are judged: 90 days before, the reviews of some were not yet overdue."""


async def answers(taken_at: datetime) -> dict[str, Answers]:
    """The answers about each version of the bound database, by the version's key and the days before `taken_at`.

    They are the outcome and the check of each requirement, whether the version is eligible, and its standing. Reasons and
    remedies are left out: their wording may change under one rules number.
    """
    found = {}
    for days in DAYS_BEFORE:
        for case in await case_files(await ModelVersion.every({}), taken_at - timedelta(days=days)):
            found[f"{case.version.key}, {days} days before"] = _answer(Judgement(case))
    return {key: found[key] for key in sorted(found)}


def _answer(judged: Judgement) -> Answers:
    return {
        "eligible": judged.eligibility.eligible,
        "requirements": {each.requirement_id: f"{each.check.value} {each.outcome.value}" for each in judged.requirements},
        "standing": judged.standing.model_dump(mode="json", exclude={"as_of", "rules"}),
    }


def kept(number: int = RULES) -> dict[str, dict[str, Answers]]:
    """The answers under a rules number, by release, version and days; empty if none are kept."""
    path = FOLDER / f"{number}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def keep(release: str, found: Mapping[str, Answers]) -> Path:
    """Keeps the answers of today's rules about the store of a release; ValueError where others are kept already."""
    every = kept()
    if every.get(release, found) != found:
        raise ValueError(f"rules number {RULES} answered otherwise about the store of {release}: raise RULES first")
    path = FOLDER / f"{RULES}.json"
    path.write_text(json.dumps(every | {release: found}, indent=1, sort_keys=True) + "\n")
    return path
