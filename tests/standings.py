"""What is true of every standing that a test leaves."""

from datetime import datetime
from itertools import groupby

from documents.eligibility.judgement import Judgement
from documents.eligibility.load import case_files
from documents.versions.version import ModelVersion


def judged_at(version: ModelVersion) -> datetime:
    assert version.standing is not None
    return version.standing.as_of


async def standings_are_judged() -> None:
    """The standing of every version that a test leaves is what the rule makes of it, as of the moment it was stored."""
    for at, together in groupby(sorted(await ModelVersion.every({}), key=judged_at), judged_at):
        versions = list(together)
        for version, case in zip(versions, await case_files(versions, at, with_people=False), strict=True):
            assert Judgement(case).standing == version.standing
