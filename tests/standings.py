"""What is true of every standing that a test leaves."""

from documents.eligibility.judgement import Judgement
from documents.eligibility.load import case_files
from documents.versions.version import ModelVersion


async def standings_are_judged() -> None:
    """The standing of every version that a test leaves is what the rule makes of it, as of the moment it was stored."""
    for version in await ModelVersion.every({}):
        assert version.standing is not None
        (case,) = await case_files([version], version.standing.as_of, with_people=False)
        assert Judgement(case).standing == version.standing
