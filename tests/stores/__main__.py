"""Writes what later releases are tested on.

`python -m tests.stores write 0.2.0` writes the store of this release, once its version is in pyproject.toml.
`python -m tests.stores answers` writes what the checks answer about every kept store, once RULES was raised.
"""

import asyncio
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import bson

from documents.kinds import RECORDS
from documents.policies import Policy, PolicyStatus
from documents.versions.approvals import ApprovalStatus
from documents.versions.rules import decisions
from documents.versions.version import ModelVersion
from gql.embedded import Engine
from gql.firststart import utc_now
from tests.service import Service
from tests.standings import misjudged, misread
from tests.stores import answers
from tests.stores.journey import LASTS, REVIEW_DAYS, Enrolled, Journey
from tests.stores.opened import open_store
from tests.stores.store import FOLDER, Store, releases
from tests.stores.wholeness import untried

STATES = (
    "api_tokens.kind", "audit_events.actor.type", "audit_events.event_type", "audit_events.outcome", "change_requests.gate.basis",
    "change_requests.plan.change_type", "change_requests.status", "contents.kind", "incidents.severity", "incidents.status",
    "model_versions.artifacts.kind", "model_versions.depends_on.relation", "model_versions.round.decisions.verdict",
    "model_versions.standing.risk_band", "model_versions.standing.risk_trend", "model_versions.standing.status",
    "model_versions.tier", "policies.content.enforcement", "stakeholders.roles",
)  # fmt: skip
"""Where each choice must be made by itself: elsewhere it is enough that each is made somewhere."""

UNREACHABLE = (
    "AuditCaveat.", "AuditFaultKind.", "Permission.",  # some of their members are stored, and the others would be likewise
    "IdentityBasis.ISSUER",  # no issuer confirms anybody yet
    "ChangeRisk.LOW", "PlatformRole.SERVICE",  # no type of change has that risk, and no person that role
    "audit_events.revision filled", "audit_head.last_at null", "model_versions.standing null",  # what the code never stores
    "audit_verifications.found.faults.seq null",  # a fault of the head alone
    "judgements_due.",  # a mark is for a change that bears on more than 50 versions, and is gone once they are judged
    "judgement_turns.",  # nothing judges anew what lapses on the way, so that the store tells of it
    "migrations.name filled",  # a new database has no step behind it
    "migrations.added filled",  # by a step, and the journey begins in a new database
)  # fmt: skip
"""What cannot be stored, or need not be: beginnings of what `untried` answers."""


async def lacking(service: Service, documents: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What the journey left out, or left wrong."""
    with service.database.bound():
        versions, policies, at = await ModelVersion.every({}), await Policy.every({}), service.now
        wrong = [f"the standing of {each}" for each in (*await misjudged(), *await misread(at))]
    read = {each.status for version in versions for each in decisions.approvals(version, at)} | {ApprovalStatus.PENDING}
    unread = [f"an approval that reads {each.name}" for each in ApprovalStatus if each not in read]
    said = {each.status_at(at) for each in policies}
    unread += [f"a policy that is {each.name}" for each in PolicyStatus if each not in said]
    # A mark is null where an earlier release stored it, and in endings that no decision is: this journey makes neither both ways.
    untried_here = (each for each in untried(RECORDS, documents, STATES) if ".identity" not in each)
    untold = [each for each in untried_here if not each.startswith(UNREACHABLE)]
    return [*wrong, *unread, *untold]


async def write(uri: str, release: str, folder: Path) -> Path:
    """Goes the whole journey over a new database, and keeps what it left; RuntimeError if that is not all there is to leave."""
    service = Enrolled(uri)
    service.now = utc_now() - LASTS  # it ends today: keys for idempotency that are a week old the database may forget
    journey = Journey(service)
    checkpoint = await journey.go()
    stored = (await service.stored()).documents
    documents = {name: sorted(found.values(), key=lambda each: each["_id"]) for name, found in stored.items()}
    decoded = {name: [bson.decode(each.raw) for each in found] for name, found in documents.items()}
    if left_out := await lacking(service, decoded):
        raise RuntimeError("\n".join(["the journey is not whole; it lacks:", *sorted(left_out)]))
    collections = service.database.collections
    store = Store(
        release=release,
        schema=max(each["number"] for each in decoded["migrations"]),
        taken_at=service.now.isoformat(timespec="milliseconds"),
        review_days=[*REVIEW_DAYS],
        verifier_keys=[str(each.verifier) for each in journey.keys],
        checkpoint=checkpoint,
        counts={name: len(found) for name, found in sorted(documents.items()) if found},
    )
    path = store.keep(documents, {name: await collections[name].list_indexes().to_list(None) for name in documents}, folder)
    await service.close()
    return path


async def keep_answers(uri: str) -> Path:
    """Keeps the answers of today's rules about every store; ValueError where today's number has others already."""
    for release in releases():
        service = Service(uri)
        opened = await open_store(service, release)
        with service.database.bound():
            path = answers.keep(release, await answers.answers(opened.store.moment))
        await service.close()
    return path


def main(command: str = "", release: str = "", folder: str = str(FOLDER)) -> None:
    version = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    if (command, release) == ("answers", ""):
        with tempfile.TemporaryDirectory() as data, Engine(Path(data)) as engine:
            sys.stdout.write(f"{asyncio.run(keep_answers(engine.uri))}\n")
        return
    if (command, release) != ("write", version):
        sys.exit(f"{__doc__}\nThe version there is {version}. A folder after it takes the place of tests/data/stores.")
    if release in releases(Path(folder)):
        sys.exit(f"a store of {release} is kept in {folder} already, and no other takes its place")
    with tempfile.TemporaryDirectory() as data, Engine(Path(data)) as engine:
        path = asyncio.run(write(engine.uri, release, Path(folder)))
    sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")


main(*sys.argv[1:])
