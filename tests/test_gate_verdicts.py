"""One verdict at every door: the gate over HTTP, the graph and a deployment that is to start agree on versions in any state."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from tests.examples import BOT, attach, decide, document, read, register, submit
from tests.gating import OTHER, PLACES, TRIAL, VERSIONS, WEIGHTS, ask, changes, populated, version_path, walk
from tests.operations import DORA
from tests.service import ALICE, BOB, CAROL, DAVID, RITA, Service, mutating

REASON = "code text modelId version remedy { mutation arguments fill permitted }"
DOSSIER = "scope tier artifacts dependencies card assessment datasheets"
VERDICT = f"eligible modelId version environment checkedAt dossier {{ {DOSSIER} }} reasons {{ {REASON} }}"
OF_VERSION = f"""query($modelId: String!, $version: String!, $environment: String!) {{
    modelVersion(modelId: $modelId, version: $version) {{
        status standing {{ dossier {{ {DOSSIER} }} }} verdict(environment: $environment) {{ {VERDICT} }}
        eligibility {{ eligible stages tier missingApprovals {{ remedy {{ mutation }} }} violations {{ remedy {{ mutation }} }}
            holds {{ remedy {{ mutation }} }} blockingIncidents {{ remedy {{ mutation }} }} }} }} }}"""
OF_BYTES = f"""query($sha256: Hash!, $environment: String!) {{ eligibility(sha256: $sha256, environment: $environment) {{
    eligible known modelVersion {{ modelId version }} reasons {{ {REASON} }}
    holders {{ modelVersion {{ modelId version status }} obstacle reasons {{ code }} eligibility {{ eligible }} }} }} }}"""
PARTS = {
    "APPROVAL_MISSING": "missingApprovals", "REQUIREMENT_UNMET": "violations", "HELD": "holds",
    "CRITICAL_INCIDENT": "blockingIncidents",
}  # fmt: skip
STOPPING = {"HELD", "REJECTED", "CRITICAL_INCIDENT"}


async def agreed_on_version(service: Service, of: dict[str, Any], environment: str) -> dict[str, Any]:
    """The verdict of the gate, which is the graph's to the letter and follows from its eligibility."""
    answer = await ask(service, version_path(**of), environment=environment)
    said = answer.json()
    found = (await service.ask(OF_VERSION, **of, environment=environment))["modelVersion"]
    assert said == found["verdict"] and answer.status_code == (200 if said["eligible"] else 403)
    assert said["eligible"] is not bool(said["reasons"])
    assert said["dossier"] == found["standing"]["dossier"]
    if environment == "production":  # the policies here bind STAGING and PRODUCTION alike
        of_both = found["eligibility"]
        experimental = of_both["tier"] == "TIER_4_EXPERIMENTAL"
        assert said["eligible"] is (of_both["eligible"] and not experimental)
        for code, part in PARTS.items():
            told = [each["remedy"] and each["remedy"]["mutation"] for each in said["reasons"] if each["code"] == code]
            assert told == [each["remedy"] and each["remedy"]["mutation"] for each in of_both[part]], (code, said)
        codes = {each["code"] for each in said["reasons"]}
        assert ("RETIRED" in codes, "REJECTED" in codes) == (found["status"] == "RETIRED", found["status"] == "REJECTED")
    return dict(said)


async def agreed_on_bytes(service: Service, sha256: str, environment: str) -> dict[str, Any]:
    """The verdict of the gate on bytes, which is the graph's and follows from the holders by the rule, worked out here again."""
    answer = await ask(service, f"/gate/sha256/{sha256}", environment=environment)
    said = answer.json()
    found = (await service.ask(OF_BYTES, sha256=sha256, environment=environment))["eligibility"]
    assert (said["eligible"], said["reasons"], found["known"]) == (found["eligible"], found["reasons"], True)
    holders = [(each["modelVersion"]["modelId"], each["modelVersion"]["version"]) for each in found["holders"]]
    assert [(each["modelId"], each["version"]) for each in said["holders"]] == holders
    able = [each["modelVersion"] for each in found["holders"] if each["obstacle"] is None]
    stopped = any(stops(each) for each in found["holders"])
    assert said["eligible"] is (bool(able) and not stopped)
    if said["eligible"]:
        assert {name: said[name] for name in ("modelId", "version")} == found["modelVersion"]
        assert (said["modelId"], said["version"]) == (able[0]["modelId"], able[0]["version"])
        one = (await ask(service, version_path(modelId=said["modelId"], version=said["version"]), environment=environment)).json()
        assert one["eligible"] and one["dossier"] == said["dossier"]
    else:
        assert said["reasons"] and (said["modelId"], said["version"], said["dossier"]) == (None, None, None)
    return dict(said)


def stops(holder: dict[str, Any]) -> bool:
    codes = {each["code"] for each in holder["reasons"]}
    return bool(codes & ({"CRITICAL_INCIDENT"} if holder["modelVersion"]["status"] == "RETIRED" else STOPPING))


async def starts(service: Service, change_id: str) -> bool:
    """Whether the change may start now; it is put back as if nobody had tried."""
    async with service.put_back():
        answer = (await service.post(mutating("startDeployment", ""), {"input": {"changeId": change_id}}, DORA)).json()
    codes = [each["extensions"]["code"] for each in answer.get("errors", ())]
    assert codes in ([], ["POLICY_BLOCKED"])
    return not codes


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(4))
async def test_every_door_gives_the_same_verdict_whatever_people_did_before(service: Service, seed: int) -> None:
    await populated(service)
    random, planned, allowed = Random(seed), await changes(service), set[str]()
    for steps in (0, 4, 6, 6):
        await walk(service, random, steps)
        for version in VERSIONS:
            of = {"modelId": BOT["modelId"], "version": version}
            verdicts = {place: await agreed_on_version(service, of, place) for place in PLACES}
            allowed |= {place for place, verdict in verdicts.items() if verdict["eligible"]}
            assert await starts(service, planned[version]) is verdicts["production"]["eligible"]
        for place in PLACES:
            await agreed_on_version(service, TRIAL, place)
            for each in (WEIGHTS, OTHER):
                await agreed_on_bytes(service, each["sha256"], place)
    assert allowed == set(PLACES)


async def test_a_verdict_changes_with_the_time_alone_and_at_every_door_at_once(service: Service) -> None:
    """An approval ends after five days, a waiver after ten, and a policy asks for more after fifteen."""
    begins = service.now
    await register(service, artifacts=[WEIGHTS])
    await document(service)
    await submit(service)

    def after(days: int) -> str:
        return (begins + timedelta(days=days)).isoformat()

    async def now() -> tuple[bool, set[str]]:
        verdict = await agreed_on_version(service, BOT, "production")
        assert (await agreed_on_bytes(service, WEIGHTS["sha256"], "production"))["eligible"] is verdict["eligible"]
        return verdict["eligible"], {each["code"] for each in verdict["reasons"]}

    await decide(service, CAROL, expiresAt=after(5))
    for each in (DAVID, ALICE):
        await decide(service, each)
    assert await now() == (True, set())
    service.now = begins + timedelta(days=5)
    assert await now() == (False, {"APPROVAL_MISSING"})
    await decide(service, CAROL)
    assert await now() == (True, set())
    proof = (await read(service, "evidence { evidenceId }"))["evidence"][0]
    waived = {"requirementId": "POL-003.access-control", "rationale": "For now.", "expiresAt": after(10)}
    await service.do("grantWaiver", RITA, **BOT, **waived)
    await service.do("withdrawEvidence", BOB, **BOT, **proof, reason="It was wrong.")
    for each in (CAROL, DAVID, ALICE):
        await decide(service, each)
    assert await now() == (True, set())
    service.now = begins + timedelta(days=10)
    assert await now() == (False, {"REQUIREMENT_UNMET"})
    await attach(service)
    assert await now() == (True, set())
    asks: dict[str, Any] = {"requiredRoles": ["COMPLIANCE_OFFICER"], "bindsApprovedFrom": after(15)}
    await service.do("revisePolicy", RITA, policyId="POL-001", **asks)
    assert await now() == (True, set())
    service.now = begins + timedelta(days=15)
    assert await now() == (False, {"APPROVAL_MISSING"})
