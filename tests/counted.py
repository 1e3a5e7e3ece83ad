"""The counts that are kept, against what counting anew makes of the records."""

from documents import dashboard
from documents.dashboard import Figures
from documents.kinds import RECORDS
from documents.store.counts import missing
from tests.service import Service

WANTED = (dashboard.versions, dashboard.changes, dashboard.deployments)


async def miscounted(service: Service) -> list[str]:
    """The figures of the dashboard that are not what their filters count now, and the counts that miss something."""
    found = []
    with service.database.bound():
        for wanted in WANTED:
            figures: Figures = wanted(service.now)
            counted = await figures.kind.counts(*figures.query())
            told = {name: each["count"] for name, each in (await figures.counted()).items()}
            found += [f"{name}: {told[name]}, not {counted[name]}" for name in counted if told[name] != counted[name]]
        return [*found, *map(str, (await missing(RECORDS, service.now)).differences)]
