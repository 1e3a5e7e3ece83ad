"""Records altered, removed, inserted and put back, without a word in the trail."""

from collections.abc import Iterable
from copy import deepcopy
from functools import partial

import bson
from bson import ObjectId

from documents.changes.request import ChangeRequest
from documents.deployments import Deployment
from documents.environments import DeploymentEnvironment
from documents.incidents import Incident
from documents.people import Stakeholder
from documents.policies import Policy
from documents.store.record import Record
from documents.store.session import AWARE
from documents.tokens import ApiToken
from documents.versions.model import Model
from documents.versions.version import ModelVersion
from tests.tampers.attacks import add, attack
from tests.tampers.held import TOLD, Found, Held, change, other, resolved, value_at
from tests.tampers.unfound import MARK
from tests.trails import Raw

EDITS: dict[str, tuple[str, ...]] = {
    "Stakeholder": (
        "name",
        "email",
        "department",
        "platform_role",
        "roles.*",
        "active",
        "registered_at",
        "authorized_tiers",
        "identity.confirmed",
        "identity.reset",
        "identity.enrolled_by",
    ),
    "ApiToken": ("name", "kind", "holder", "secret_hash", "issued_by", "created_at", "mutations", "expires_at", "revoked_at"),
    "Policy": (
        "content.enforcement",
        "content.required_roles",
        "content.demands_confirmed",
        "revisions.*.digest",
        "revisions.*.revision",
        "revisions.*.at",
    ),
    "Model": ("name", "description", "owner_id", "owner_set_by", "registered_at"),
    "ModelVersion": (
        "purpose",
        "tier",
        "tier_rationale",
        "owner_id",
        "registered_at",
        "card.known_limitations",
        "latest_assessment.tier",
        "card_revisions.*.digest",
        "artifacts.*.sha256",
        "artifacts.*.size",
        "holds.*.reason",
        "holds.*.lifted",
        "waivers.*.expires_at",
        "round.submitted_by",
        "closed_rounds.*.digest",
        "evidence.*.withdrawn",
        "retired",
        "acceptances.*.residual_score",
        "keyword_judgements.*.counts",
        "reviews.*.drift",
        "use_cases",
    ),
    "Datasheet": ("content.confidentiality", "content.instance_count", "revisions.*.author", "revisions.*.digest"),
    "ChangeRequest": (
        "status",
        "frozen_plan",
        "gate.eligibility",
        "gate.basis",
        "approvals.*.approved",
        "approvals.*.comments",
        "approvals.*.plan",
        "plan.target_version",
        "test_results.*.passed",
        "submissions",
        "moves",
        "completed_time",
        "comments.*.text",
    ),
    "Deployment": (
        "active",
        "by_rollback",
        "environment",
        "dossier.artifacts",
        "origins",
        "deployed_at",
        "number",
        "version",
    ),
    "Incident": ("title", "severity", "status", "resolution", "escalations.*.reason", "opened_by", "opened_at"),
    "ReviewCalendar": ("tier_1_critical",),
    "RiskTemplate": ("category", "description", "questions", "retired.reason", "retired.by"),
    "DeploymentEnvironment": ("stage", "status", "retirement", "description"),
    "Migration": ("at", "release", "oldest_writer"),
    "RulesInForce": ("raised.*.number",),
}
"""Shapes of fields of each kind of record that the trail tells: every kind of value, private and reviewed ones too."""


FOLLOWING = {
    "Stakeholder": ("search_tokens",), "ModelVersion": ("standing.status", "version_key"), "ChangeRequest": ("risk_level",),
    "Deployment": ("version_key",), "Incident": ("version_key",),
}  # fmt: skip
"""Shapes of stored fields that follow from others."""


def edited(kind: type[Record], shape: str, held: Held) -> Iterable[Found]:
    """A field of the first record that has one, altered to another value of its kind."""
    record, path = next((each, found) for each in held.records(kind) if (found := resolved(each, shape)))
    key = named(kind, record)
    change(record, path, other)
    return [Found("RECORD_DIFFERS", None, key, told_at(kind, path))]


def told_at(kind: type[Record], path: str) -> str:
    """The path at which a difference is found: that of the reviewed or derived field in which a value lies, or its own."""
    steps = path.split(".")
    outer = [".".join(steps[:count]) for count in range(1, len(steps) + 1)]
    whole = kind.reviewed | kind.derived
    return next((each for each in outer if ".".join("*" if step.isdigit() else step for step in each.split(".")) in whole), path)


def named(kind: type[Record], record: Raw) -> str:
    return f"{kind.__name__}/{'/'.join(str(record[each]) for each in kind.keys)}"


def removed(kind: type[Record], held: Held) -> Iterable[Found]:
    return [Found("RECORD_MISSING", None, named(kind, held.records(kind).pop()))]


def inserted(kind: type[Record], held: Held) -> Iterable[Found]:
    """A copy of a record under a key that the trail does not know."""
    copy = deepcopy(held.records(kind)[-1]) | {"_id": ObjectId()}
    change(copy, kind.keys[-1], other)
    held.records(kind).append(copy)
    return [Found("RECORD_UNKNOWN", None, named(kind, copy))]


def doubled(kind: type[Record], held: Held) -> Iterable[Found]:
    """A second record under the key of another, where the unique index was dropped."""
    held.records(kind).append(deepcopy(held.records(kind)[-1]) | {"_id": ObjectId()})
    return [Found("RECORD_UNKNOWN", None, named(kind, held.records(kind)[-1]))]


def put_back(kind: type[Record], held: Held) -> Iterable[Found]:
    """A record as it was earlier on the journey, in the place of what became of it."""
    now = {each["_id"]: each for each in held.records(kind)}
    ever = (bson.decode(each, AWARE) for each in sorted(held.earlier[kind.collection]))
    old = next(each for each in ever if each["revision"] < now[each["_id"]]["revision"])
    held.records(kind)[held.records(kind).index(now[old["_id"]])] = old
    return [Found("RECORD_DIFFERS", None, named(kind, old))]


for at, kind_of in enumerate(TOLD):
    for shape in EDITS[kind_of.__name__]:
        add("records", f"{kind_of.__name__}: {shape}", partial(edited, kind_of, shape), f"edits, {at // 5}")
    for shape in FOLLOWING.get(kind_of.__name__, ()):
        add("records", f"{kind_of.__name__}: {shape}", partial(edited, kind_of, shape), "what follows")
    add("records", f"a {kind_of.__name__} removed", partial(removed, kind_of), "one of each kind less")
    add("records", f"a {kind_of.__name__} inserted", partial(inserted, kind_of), "one of each kind more")
    add("records", f"a second {kind_of.__name__} under a key", partial(doubled, kind_of), "two under each key")
for kind_of in (Stakeholder, ApiToken, Policy, Model, ModelVersion, ChangeRequest, Deployment, Incident):
    add("records", f"a {kind_of.__name__} put back", partial(put_back, kind_of), "as they were")


@attack("records")
def the_roles_of_two_people_swapped(held: Held) -> Iterable[Found]:
    one, two = (next(each for each in held.records(Stakeholder) if each["user_id"] == who) for who in ("alice", "carol"))
    one["roles"], two["roles"] = two["roles"], one["roles"]
    return [Found("RECORD_DIFFERS", None, named(Stakeholder, each), "roles") for each in (one, two)]


@attack("records")
def the_secrets_of_two_tokens_swapped(held: Held) -> Iterable[Found]:
    one, two = held.records(ApiToken)[:2]
    one["secret_hash"], two["secret_hash"] = two["secret_hash"], one["secret_hash"]
    return [Found("RECORD_DIFFERS", None, named(ApiToken, each), "secret_hash") for each in (one, two)]


@attack("records")
def the_last_revision_of_a_policy_removed(held: Held) -> Iterable[Found]:
    policy = held.records(Policy)[0]
    del policy["revisions"][(last := len(policy["revisions"]) - 1) :]
    return [Found("RECORD_DIFFERS", None, named(Policy, policy), f"revisions.{last}")]


@attack("records")
def all_holds_lifted(held: Held) -> Iterable[Found]:
    version = next(each for each in held.records(ModelVersion) if each["holds"])
    version["holds"] = []
    return [Found("RECORD_DIFFERS", None, named(ModelVersion, version), "holds")]


@attack("records")
def a_field_that_no_record_has(held: Held) -> Iterable[Found]:
    person = held.records(Stakeholder)[0]
    person["superuser"] = True
    return [Found("RECORD_DIFFERS", None, named(Stakeholder, person), "superuser")]


@attack("records")
def a_field_that_holds_nothing_and_that_no_record_has(held: Held) -> Iterable[Found]:
    deployment = held.records(Deployment)[0]
    deployment["note"] = [[]]
    return [Found("RECORD_DIFFERS", None, named(Deployment, deployment), "note")]


@attack("records")
def names_with_dots_that_hide_altered_values(held: Held) -> Iterable[Found]:
    """Each is the path of the value that was altered, and keeps what it was; some stand first in their record, some last."""
    shapes = {"artifacts.*.sha256": ModelVersion, "waivers.*.expires_at": ModelVersion, "approvals.*.approved": ChangeRequest}
    for shape, kind in shapes.items():
        record, path = next((each, found) for each in held.records(kind) if (found := resolved(each, shape)))
        shadow, rest = {path: value_at(record, path)}, deepcopy(record)
        change(rest, path, other)
        record.clear()
        record.update(shadow | rest if kind is ModelVersion else rest | shadow)
        yield Found("RECORD_DIFFERS", None, named(kind, record), path)


@attack("records")
def objects_that_become_names_with_dots_while_standings_wait(held: Held) -> Iterable[Found]:
    """The version is no longer retired, nor the environment; a mark has the standings judged anew, so none is compared."""
    held.at("judgements_due").append({"_id": ObjectId(), **MARK})
    for kind, field in ((ModelVersion, "retired"), (DeploymentEnvironment, "retirement"), (Incident, "resolution")):
        record = next(each for each in held.records(kind) if each[field])
        record.update({f"{field}.{name}": each for name, each in record.pop(field).items() if each is not None})
        yield Found("RECORD_DIFFERS", None, named(kind, record), field)


@attack("records")
def a_whole_collection(held: Held) -> Iterable[Found]:
    keys = [named(DeploymentEnvironment, each) for each in held.records(DeploymentEnvironment)]
    held.records(DeploymentEnvironment).clear()
    return [Found("RECORD_MISSING", None, each) for each in keys]
