"""The actions of incidents, policies and models, and those of a caller that need no record."""

from collections.abc import Collection, Sequence

from documents.access import Permission
from documents.actions.action import Action, Asking, Picks, Rules, actions, value_picks
from documents.environments import may_declare
from documents.incidents import Incident
from documents.policies import Policy
from documents.stages import Stage
from documents.store.filters import among, to_query
from documents.store.pauses import pausing
from documents.versions.model import Model
from documents.versions.version import ModelVersion

_P = Permission


async def of_incidents(incidents: Sequence[Incident], asked: Collection[Permission], asking: Asking) -> list[tuple[Action, ...]]:
    """The actions of each incident; the number of database commands does not grow with the number of incidents."""
    names = [(each.model_id, each.version) for each in incidents]
    wanted = to_query(among(ModelVersion.keys, names)) if names and _P.RESOLVE_INCIDENT in asked else None
    found = await ModelVersion.every(wanted) if wanted else []
    versions = {(each.model_id, each.version): each for each in found}
    cases = ((each, versions.get(name)) for each, name in zip(incidents, names, strict=True))
    return [actions(OF_INCIDENT, asked, each, asking, each[0].place) async for each in pausing(cases)]


def _escalate(of: tuple[Incident, ModelVersion | None], asking: Asking) -> Picks:
    incident, _ = of
    incident.may_escalate()
    return value_picks("severity", [each.name for each in incident.graver], lambda _: None)


def _resolve(of: tuple[Incident, ModelVersion | None], asking: Asking) -> Picks:
    incident, version = of
    if version:
        incident.may_resolve(version, asking.by)
    return None


OF_INCIDENT: Rules[tuple[Incident, ModelVersion | None]] = {_P.ESCALATE_INCIDENT: _escalate, _P.RESOLVE_INCIDENT: _resolve}


async def of_policies(policies: Sequence[Policy], asked: Collection[Permission], asking: Asking) -> list[tuple[Action, ...]]:
    """The actions of each policy, which ask for no other record."""
    return [actions(OF_POLICY, asked, each, asking) async for each in pausing(policies)]


def _anyhow(record: object, asking: Asking) -> Picks:
    """The rule of a mutation that asks for no more than the permission."""
    return None


def _retire_policy(policy: Policy, asking: Asking) -> Picks:
    policy.may_retire(asking.at)
    return None


OF_POLICY: Rules[Policy] = {_P.REVISE_POLICY: _anyhow, _P.RETIRE_POLICY: _retire_policy}


async def of_models(models: Sequence[Model], asked: Collection[Permission], asking: Asking) -> list[tuple[Action, ...]]:
    """The actions of each model, which ask for no other record."""
    return [actions(OF_MODEL, asked, each, asking, each.place) async for each in pausing(models)]


def _update_model(model: Model, asking: Asking) -> Picks:
    model.permits(asking.by, _P.UPDATE_MODEL)
    return None


def _register_version(model: Model, asking: Asking) -> Picks:
    model.permits(asking.by, _P.REGISTER_MODEL_VERSION)
    return None


OF_MODEL: Rules[Model] = {_P.UPDATE_MODEL: _update_model, _P.REGISTER_MODEL_VERSION: _register_version}


def of_caller(asked: Collection[Permission], asking: Asking) -> tuple[Action, ...]:
    """The actions that need no record."""
    return actions(OF_CALLER, asked, None, asking)


def _declare(record: None, asking: Asking) -> Picks:
    return value_picks("stage", [each.name for each in Stage], lambda name: may_declare(asking.by, Stage[name]))


OF_CALLER: Rules[None] = {
    _P.REGISTER_MODEL: _anyhow,
    _P.IMPORT_MODELS: _anyhow,
    _P.SAVE_DATASHEET: _anyhow,
    _P.IMPORT_DATASHEET: _anyhow,
    _P.CREATE_RISK_TEMPLATE: _anyhow,
    _P.CREATE_POLICY: _anyhow,
    _P.DECLARE_ENVIRONMENT: _declare,
    _P.OPEN_INCIDENT: _anyhow,
    _P.REGISTER_STAKEHOLDER: _anyhow,
    _P.CREATE_API_TOKEN: _anyhow,
}
