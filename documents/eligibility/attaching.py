"""Attaches evidence, and refuses it for a requirement that the records decide: there it would meet nothing."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from documents.access import Actor
from documents.eligibility.checks import CHECKS, Unmet
from documents.eligibility.loading import case_files
from documents.errors import DecidedByRecords
from documents.formats.graph import in_graph_terms
from documents.policies import Requirement, RequirementCheck, all_policies, binding, contents_of, from_then_on
from documents.risk.scales import RiskTier
from documents.versions.evidence import Evidence
from documents.versions.rules import evidence
from documents.versions.version import ModelVersion


async def attach(version: ModelVersion, proof: Evidence, by: Actor, at: datetime) -> None:
    """Attaches evidence and stores the version; InvalidInput for a requirement that no policy has, or that the records decide.

    The policies are those that bind the version, and those in force or upcoming for any tier.
    """
    policies = await all_policies()
    to_come = (bound for tier in RiskTier for bound in from_then_on(policies, tier, at).values())
    rounds = (binding(policies, each.policies, each.bound_since, each.tier) for each in version.open_rounds)
    bound = (each for opened in rounds for held in opened.values() for each in held)
    says = await contents_of(policies, chain(bound, *to_come))
    asked = [asked for each in says.values() for asked in each.requirements]
    evidence.attach(version, proof, {each.requirement_id for each in asked}, by)
    await _refuse_decided(version, [each for each in asked if each.requirement_id == proof.requirement_id], at)
    await version.store()


async def _refuse_decided(version: ModelVersion, asked: Sequence[Requirement], at: datetime) -> None:
    """DecidedByRecords, with the remedy that would help, unless one policy at least asks for evidence there."""
    if any(each.check is RequirementCheck.EVIDENCE for each in asked):
        return
    (case,) = await case_files([version], at)
    result = CHECKS[asked[0].check].rule(case, asked[0])
    what = "is decided by the records, which no evidence changes"
    if isinstance(result, Unmet):
        mends = in_graph_terms(result.remedy) if result.remedy else None
        raise DecidedByRecords("requirement_id", f"{what}: {result.reason}", mends)
    raise DecidedByRecords("requirement_id", f"{what}: they meet it", None)
