"""The examples in `examples/`, and the data that they all ask about."""

import json
from pathlib import Path
from typing import Any

from tests.examples import BOT, REGISTRATION, decide, eligible, register, submit
from tests.journey import WEIGHTS
from tests.operations import DORA, TOM, deployed
from tests.service import ALICE, CAROL, DAVID, RITA, Service

EXAMPLES = Path(__file__).parents[1] / "examples"
BASE: dict[str, Any] = {"modelId": "base", "version": "1.0.0"}
NEXT: dict[str, Any] = BOT | {"version": "2.0.0"}
DORA_SHOWN = {"name": "Dora"}
REVIEWERS = ((CAROL, "ETHICS_REVIEWER"), (DAVID, "SECURITY_REVIEWER"), (ALICE, "MODEL_OWNER"))


def example(name: str) -> str:
    return (EXAMPLES / f"{name}.graphql").read_text()


def variables_of(path: Path) -> dict[str, Any]:
    """What stands in the file of variables beside an example; without such a file nothing does."""
    beside = path.with_suffix(".variables.json")
    variables: dict[str, Any] = json.loads(beside.read_text()) if beside.exists() else {}
    return variables


async def happened(service: Service) -> None:
    """A model that was deployed; its next version, built on one that was then retired, excepted, held, and not yet decided."""
    await eligible(service)
    await service.do("updateModelVersion", **BOT, artifacts=[WEIGHTS])
    for reviewer, _ in REVIEWERS:
        await decide(service, reviewer)
    await service.enrol(DORA, TOM)
    await deployed(service)
    await register(service, **BASE)
    built_on = [{"relation": "FINE_TUNED_FROM", "on": {"governed": BASE}}]
    known = {name: REGISTRATION[name] for name in ("purpose", "ownerId", "dataStewardId")}
    await service.do("registerModelVersion", **NEXT, **known, dependsOn=built_on)
    await service.do("retireModelVersion", **BASE, reason="Its licence ended")
    await submit(service, **NEXT)
    service.later(days=2)
    until = {"requirementId": "POL-003.access-control", "expiresAt": "2026-08-30T00:00:00Z"}
    await service.do("grantWaiver", RITA, **NEXT, **until, rationale="It is reached from inside only")
    await service.do("placeHold", CAROL, **NEXT, reason="It answers in riddles")
    accepted = {"riskId": "SEC-002", "rationale": "It sees nothing secret", "expiresAt": "2026-08-01T00:00:00Z"}
    grave = [{"riskId": each, "likelihood": 4, "impact": 4} for each in ("SEC-001", "SEC-002")]
    await service.do("createRiskAssessment", ALICE, **NEXT, responses=grave)
    await service.do("acceptRisk", RITA, **NEXT, **accepted)
    service.later(days=179)  # 181 after the first were registered
