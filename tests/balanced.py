"""The records of a database, compared with its trail by the product's own rule."""

from documents.audit.books import take_all
from documents.audit.ledger import Ledger
from documents.audit.ordinary import ordinary
from documents.audit.records import Balance
from documents.books import BOOKS
from tests.service import Service


async def unbalanced(service: Service) -> list[str]:
    """What differs between the records and the trail of a database that nobody writes to meanwhile."""
    found = await balance(service)
    return [f"{each.resource} {each.path}: {each.detail}" for each in found.faults]


async def balance(service: Service) -> Balance:
    trail = await service.trail()

    async def rest() -> None:
        """Nobody else works meanwhile."""

    with Ledger() as ledger:
        take_all(ledger, ((each, ordinary(each)) for each in trail))
        return await BOOKS.balance(ledger, len(trail), rest)
