"""What the rules about changes ask of other records, loaded for many changes at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from documents.access import Actor, GovernanceRole, Permission, Relation, authorship
from documents.changes.life import UNDER_WAY, ChangeStatus
from documents.changes.request import ChangeRequest
from documents.changes.situations import Situation, situations
from documents.people import Stakeholder
from documents.store.fields import fields_at
from documents.store.filters import among, to_query
from documents.versions.accountability import relations
from documents.versions.version import ModelVersion

_P = Permission
AUTHORED = frozenset({_P.UPDATE_CHANGE_REQUEST, _P.SUBMIT_CHANGE_FOR_REVIEW, _P.REOPEN_CHANGE, _P.CANCEL_CHANGE})
"""The mutations that are for whoever requested the change, or stands for that person."""

SITUATED = frozenset({_P.SUBMIT_CHANGE_FOR_REVIEW, _P.START_DEPLOYMENT, _P.ROLLBACK_CHANGE})
"""The mutations that ask what runs where."""

_ACTIVE, _THERE = fields_at("user_id", "active"), fields_at("change_id", "plan.model_id", "plan.environment")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules about one change ask of other records, as far as it was loaded."""

    change: ChangeRequest
    author: frozenset[Relation] = frozenset()
    """AUTHOR for whoever requested it; once that person has left, for the owner of its version and for tech leads too."""
    to_version: frozenset[Relation] = frozenset()
    """The relations of the caller to the version that it is about."""
    situation: Situation | None = None
    original: ChangeRequest | None = None
    """The change that it takes back; None if it takes none back."""
    in_progress: str | None = None
    """The id of a change in progress for the same model and environment; None if there is none."""
    rollback: str | None = None
    """The id of a submitted rollback of it that is not over; None if there is none."""

    @property
    def met(self) -> Situation:
        if self.situation is None:
            raise AssertionError(f"it was not loaded what {self.change.change_id} meets")
        return self.situation


async def surroundings(changes: Sequence[ChangeRequest], asked: Collection[Permission], by: Actor) -> list[Surroundings]:
    """What the mutations `asked` need of other records, for each change.

    The number of database commands does not grow with the number of changes.
    """
    wanted = {*asked}
    authored, situated = AUTHORED & wanted, SITUATED & wanted
    related = await _relations(changes, by) if authored else {}
    authors = await _authors(changes, by, related) if authored else {}
    met = await situations([each.plan for each in changes]) if situated else [None] * len(changes)
    originals = await _originals(changes) if situated else {}
    others = await _in_progress(changes) if _P.START_DEPLOYMENT in wanted else {}
    rollbacks = await _rollbacks(changes) if _P.ROLLBACK_CHANGE in wanted else {}
    return [
        Surroundings(
            change=change,
            author=authors.get(change.change_id, frozenset()),
            to_version=related.get(change.change_id, frozenset()),
            situation=situation,
            original=originals.get(change.rolls_back_id or ""),
            in_progress=others.get((change.plan.model_id, change.plan.environment)),
            rollback=rollbacks.get(change.change_id),
        )
        for change, situation in zip(changes, met, strict=True)
    ]


async def _relations(changes: Sequence[ChangeRequest], by: Actor) -> Mapping[str, frozenset[Relation]]:
    """The relations of an actor to the version of each change, by the change's id."""
    names = {each.change_id: (each.plan.model_id, each.about or "") for each in changes}
    query = to_query(among(ModelVersion.keys, sorted({*names.values()})))
    found = await ModelVersion.read(query, fields=fields_at(*ModelVersion.keys, "accountability"))
    held = {(each.model_id, each.version): each.accountability for each in found}
    return {change_id: relations(held[name], by) for change_id, name in names.items() if name in held}


async def _authors(
    changes: Sequence[ChangeRequest], by: Actor, related: Mapping[str, frozenset[Relation]]
) -> Mapping[str, frozenset[Relation]]:
    """The standing of an actor to each change, by the change's id."""
    others = sorted({each.requester for each in changes if each.requester != by.id})
    found = await Stakeholder.read({"user_id": {"$in": others}}, fields=_ACTIVE) if others else []
    left = {each.user_id for each in found if not each.active}

    def stands(change: ChangeRequest) -> bool:
        if change.requester not in left:
            return by.id == change.requester
        return GovernanceRole.TECH_LEAD in by.roles or Relation.OWNER in related.get(change.change_id, frozenset())

    return {each.change_id: authorship(stands(each)) for each in changes}


async def _originals(changes: Sequence[ChangeRequest]) -> Mapping[str, ChangeRequest]:
    ids = sorted({each.rolls_back_id for each in changes if each.rolls_back_id})
    found = await ChangeRequest.every({"change_id": {"$in": ids}}) if ids else []
    return {each.change_id: each for each in found}


async def _in_progress(changes: Sequence[ChangeRequest]) -> Mapping[tuple[str, str], str]:
    """The id of a change in progress for each model and environment of the changes that has one."""
    places = sorted({(each.plan.model_id, each.plan.environment) for each in changes})
    query = to_query(among(("plan.model_id", "plan.environment"), places)) | {"status": ChangeStatus.IN_PROGRESS}
    found = await ChangeRequest.read(query, fields=_THERE) if places else []
    return {(each.plan.model_id, each.plan.environment): each.change_id for each in found}


async def _rollbacks(changes: Sequence[ChangeRequest]) -> Mapping[str, str]:
    """The id of a submitted rollback that is not over, for each change that has one.

    A draft does not count: only its requester could submit it, so a forgotten draft would bar every other rollback.
    """
    ids = [each.change_id for each in changes]
    query = {"rolls_back_id": {"$in": ids}, "status": {"$in": UNDER_WAY}}
    found = await ChangeRequest.read(query, fields=fields_at("change_id", "rolls_back_id")) if ids else []
    return {each.rolls_back_id or "": each.change_id for each in found}
