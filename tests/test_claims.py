"""Claims: what an issuer says of a person, and what that gives the person here; pure."""

from typing import Any

import pytest

from documents.access import GovernanceRole, PlatformRole
from documents.claims import Grants, claimed
from documents.errors import Unauthenticated
from documents.issuers import Issuer
from documents.risk.scales import RiskTier
from tests.providers import CORP

GROUPS: list[dict[str, Any]] = [
    {"is": "model-risk", "roles": ["RISK_MANAGER"], "tiers": ["TIER_1_CRITICAL", "TIER_2_IMPORTANT"]},
    {"is": "owners", "roles": ["MODEL_OWNER", "RISK_MANAGER"], "tiers": ["TIER_2_IMPORTANT"]},
    {"is": "audit", "platform_role": "AUDITOR"}, {"is": "admins", "platform_role": "ADMIN"},
]  # fmt: skip


def corp(**fields: Any) -> Issuer:
    return Issuer.model_validate(CORP | {"group": GROUPS} | fields)


@pytest.mark.parametrize(
    ("groups", "grants"),
    [
        ([], Grants()), (["unknown"], Grants()),
        (["model-risk", "owners"], Grants(
            (GovernanceRole.RISK_MANAGER, GovernanceRole.MODEL_OWNER), (RiskTier.TIER_1_CRITICAL, RiskTier.TIER_2_IMPORTANT),
        )),
        (["audit"], Grants(platform_role=PlatformRole.AUDITOR)), (["audit", "admins"], Grants(platform_role=PlatformRole.ADMIN)),
    ],
)  # fmt: skip
def test_groups_give_what_the_file_says(groups: list[str], grants: Grants) -> None:
    assert claimed(corp(), {"groups": groups}).grants == grants


def test_without_a_mapping_no_groups_are_needed() -> None:
    assert claimed(corp(group=[]), {}).grants == Grants()


@pytest.mark.parametrize(
    "claims",
    [
        {}, {"groups": None}, {"groups": "owners"}, {"groups": [1]}, {"groups": {"owners": True}}, {"groups": ["x"] * 1001},
        {"groups": ["owners"], "hasgroups": True}, {"groups": [], "_claim_names": {"groups": "src1"}},
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example.org"}}},
    ],
)  # fmt: skip
def test_groups_that_are_missing_or_were_cut_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated, match="groups"):
        claimed(corp(), claims)


@pytest.mark.parametrize("above", ["admins", "audit"])
def test_nobody_is_made_an_administrator_or_auditor_and_a_holder_of_a_role(above: str) -> None:
    with pytest.raises(Unauthenticated, match=f"the group {above} makes .* and the group owners gives MODEL_OWNER"):
        claimed(corp(), {"groups": ["owners", above]})


def test_whether_an_email_is_verified_is_said_of_the_claim_email_alone() -> None:
    said = {"groups": [], "email": "a@example.org", "upn": "b@example.org", "email_verified": True}
    assert claimed(corp(), said).email_verified
    assert not claimed(corp(claims={"email": "upn"}), said).email_verified
    assert claimed(corp(claims={"email": "upn"}, trust_email=True), said).email_verified


@pytest.mark.parametrize("department", [" ", "a\nb", "a\0", "x" * 201, "\ud800", 5, ["Risk"]])
def test_a_department_that_nobody_can_be_in_counts_as_not_said(department: Any) -> None:
    assert claimed(corp(), {"groups": [], "department": department}).department == ""


def test_an_email_counts_as_verified_by_what_the_issuer_says_or_the_file() -> None:
    said = {"email": "ada@example.org", "groups": []}
    assert not claimed(corp(), said).email_verified
    assert not claimed(corp(), said | {"email_verified": "true"}).email_verified
    assert claimed(corp(), said | {"email_verified": True}).email_verified
    assert claimed(corp(trust_email=True), said).email_verified


def test_other_names_of_claims_are_read() -> None:
    names = {"user_id": "upn", "name": "display", "email": "mail", "department": "ou", "groups": "roles"}
    said = {"upn": "ada", "display": "Ada", "mail": "a@b.org", "ou": "Risk", "roles": ["audit"], "name": 7}
    found = claimed(corp(claims=names), said)
    assert found[:5] == ("ada", "Ada", "a@b.org", False, "Risk") and found.grants.platform_role is PlatformRole.AUDITOR
    assert claimed(corp(), {"groups": [], "name": 7, "email": "x" * 501})[:5] == ("", "", "", False, "")
