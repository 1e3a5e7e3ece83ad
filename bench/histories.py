"""Records of several kinds with a history each, and the events that tell it, made by the product's own code.

What the product does for one change in one transaction is done here for hundreds at once: it makes the stored documents, the
changes between them and the events in the same way, and writes them in bulk.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from itertools import islice
from typing import Any, cast
from unittest.mock import patch

from bench.data import AT, PURPOSES
from documents.access import SYSTEM
from documents.audit.trail import AuditHead, EventIds, Occurrence, Request
from documents.contents import Content, ContentKind, next_revision
from documents.datasheets import DatasetRecord, Datasheet
from documents.environments import DeploymentEnvironment
from documents.incidents import Escalation, Incident, IncidentSeverity, IncidentStatus
from documents.numbers import version_key
from documents.stages import Stage
from documents.store.record import Identity, Record
from documents.store.session import Database
from documents.store.units import Raw, RecordChange, Unit
from documents.versions.model import Model

STEPS = 5  # events of a record
AT_ONCE = 500  # events of a transaction
BLOCK = 5_000  # records that change in turns: more than a verification keeps in memory
LONG = "What it is for, said at length. " * 80  # over 2 KiB (`details.PART_BYTES`), so its event cites a content
History = Iterator[Record]
"""A record, again after each of its changes."""


async def load(database: Database, first: int, last: int) -> None:
    """Appends the events numbered from `first` to before `last`, and stores the records that they tell of."""
    for start in range(first, last, BLOCK * STEPS):
        with database.bound(), ExitStack() as stack:
            for each in ("_insert", "_update"):  # the documents are written in bulk, at the end of the block
                stack.enter_context(patch.object(Record, each, _unwritten))
            await _block(database, start, min(last - start, BLOCK * STEPS))


async def _unwritten(_: Record, __: Raw) -> None:
    """Stands for the write of one document."""


async def _block(database: Database, start: int, count: int) -> None:
    changes, contents, records = _Changes(), _Contents(), min(BLOCK, -(-count // STEPS))
    histories = [_history(start + each, contents) for each in range(records)]
    told = (history for _ in range(STEPS) for history in histories)
    while each := list(islice(told, min(AT_ONCE, count))):
        for history in each:
            await next(history).write(cast("Unit", changes))
        await _appended(database, changes.taken(), contents.taken())
        count -= len(each)
    for kind in KINDS:
        documents = [each.was for each in changes.records.values() if type(each) is kind]
        for at in range(0, len(documents), AT_ONCE):
            await _inserted(database, kind, cast("list[Raw]", documents[at : at + AT_ONCE]))


async def _appended(database: Database, changes: Sequence[RecordChange], contents: Sequence[Raw]) -> None:
    request, ids = Request("bench", "192.0.2.1", "Bench"), EventIds()
    told = [Occurrence.of(each, each.record.event, "bench", SYSTEM, request) for each in changes]

    async def append(unit: Unit) -> None:
        head = await AuditHead.touch()
        if contents:
            await Content.insert_raws(contents)
            unit.kept.update(each["digest"] for each in contents)
        unit.kept.update(digest for each in told for digest in each.details.contents)  # earlier revisions are kept already
        await head.append(told, AT, ids)

    await database.transact(append, AT)


async def _inserted(database: Database, kind: type[Record], documents: Sequence[Raw]) -> None:
    async def insert(unit: Unit) -> None:
        await kind.insert_raws(documents)

    await database.transact(insert, AT)


class _Changes:
    """What a unit of work remembers of the records that it stores."""

    def __init__(self) -> None:
        self.records: dict[Any, Record] = {}
        self._made: list[RecordChange] = []

    def remember(self, record: Record, before: Raw | None, after: Raw) -> None:
        self.records[record.id] = record
        self._made.append(RecordChange(record, before, after))

    def taken(self) -> list[RecordChange]:
        made, self._made = self._made, []
        return made


class _Contents:
    """The contents that are still to be stored."""

    def __init__(self) -> None:
        self._made: list[Raw] = []

    def add(self, kind: ContentKind, digest: str, text: bytes) -> None:
        self._made.append({"_id": Identity(), "revision": 1, "digest": digest, "kind": str(kind), "canonical": text.decode()})

    def taken(self) -> list[Raw]:
        made, self._made = self._made, []
        return made


def _history(number: int, contents: _Contents) -> History:
    """Of ten records four are incidents, three are models, two are environments and one is a datasheet."""
    of = number % 10
    if of < 4:
        return _incident(number)
    if of < 7:
        return _model(number)
    return _environment(number) if of < 9 else _sheet(number, contents)


def _incident(number: int) -> History:
    severity, *graver = reversed(IncidentSeverity)
    incident = Incident(
        incident_id=f"INC-{number:032x}", model_id=f"model-{number}", version="1.0.0", version_key=version_key("1.0.0"),
        environment=None, severity=severity, status=IncidentStatus.OPEN, title=f"Something went wrong, number {number}",
        description=LONG[:400], opened_by="olivia", opened_at=AT,
    )  # fmt: skip
    yield incident
    for after in graver:
        escalation = Escalation(before=incident.severity, after=after, reason="It spreads.", by="olivia", at=AT)
        incident.severity, incident.escalations = after, (*incident.escalations, escalation)
        yield incident
    for step in range(STEPS):
        incident.title = f"Something went wrong, number {number}, in the end {step}"
        yield incident


def _model(number: int) -> History:
    model = Model.register(f"model-{number}", f"The model {number}", "Made to be measured", ("bench",), "olivia", SYSTEM, AT)
    yield model
    for step in range(STEPS):
        model.description = PURPOSES[step % 3] if step != 1 or number % 50 else LONG
        yield model


def _environment(number: int) -> History:
    environment = DeploymentEnvironment(name=f"place-{number}", stage=Stage.TEST, declared_by="olivia", declared_at=AT)
    yield environment
    for step in range(STEPS):
        environment.description = f"Where new ideas are tried, the {step}th time"
        yield environment


def _sheet(number: int, contents: _Contents) -> History:
    dataset_id, sheet = f"dataset-{number}", None
    for step in range(STEPS + 1):
        at = AT + timedelta(minutes=step)
        record = DatasetRecord(
            dataset_id=dataset_id, dataset_name=f"Dataset {number}", purpose=PURPOSES[step % 3], instance_count=step
        )
        sheet = sheet or Datasheet(dataset_id=dataset_id, content=record)
        revision, text = next_revision(sheet.revisions, ContentKind.DATASHEET, record, "olivia", at)
        contents.add(ContentKind.DATASHEET, revision.digest, text)
        sheet.content, sheet.revisions = record, (*sheet.revisions, revision)
        yield sheet


KINDS: tuple[type[Record], ...] = (Incident, Model, DeploymentEnvironment, Datasheet)
