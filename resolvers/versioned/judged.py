"""The eligibility of versions, computed for all versions of a request together."""

from documents.eligibility.answer import Eligibility
from documents.eligibility.asking import judged
from documents.eligibility.judgement import Judgement
from documents.eligibility.loading import case_files
from documents.eligibility.verdicts import GateVerdict
from documents.environments import declared
from documents.store.pauses import pausing
from documents.store.standins import whole
from documents.versions.version import ModelVersion
from resolvers.graph.context import Context, Loader


def judgements(context: Context) -> Loader:
    """The loader from a version to its eligibility at the time of the request."""

    async def load(versions: list[ModelVersion]) -> list[Eligibility]:
        cases = await case_files([whole(each) async for each in pausing(versions)], context.now)
        return [Judgement(case).eligibility async for case in pausing(cases)]

    return context.loader("judgements", load, key=lambda version: version.id)


def verdicts(context: Context, environment: str) -> Loader:
    """The loader from a version to the verdict on it for an environment, at the time of the request."""

    async def load(versions: list[ModelVersion]) -> list[GateVerdict]:
        whole_ones = [whole(each) async for each in pausing(versions)]
        return [each.verdict for each in await judged(whole_ones, await declared(environment), context.now)]

    return context.loader(("verdicts", environment), load, key=lambda version: version.id)
