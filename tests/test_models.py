"""Models: the names under which versions are governed."""

from tests.examples import BOT, REGISTRATION, register
from tests.service import Service


async def test_a_model_lists_its_versions_by_their_numbers_and_knows_the_highest(service: Service) -> None:
    await register(service, version="1.10.0")
    named = {name: value for name, value in REGISTRATION.items() if name != "name"}
    for each in ("1.9.0", "2.0.0", "2.0.0-rc.1"):
        await service.do("registerModelVersion", **named | {"version": each})
    asked = "model(modelId: $modelId) { versions(first: 9) { nodes { version } } latestVersion { version } }"
    found = (await service.ask(f"query($modelId: String!) {{ {asked} }}", modelId=BOT["modelId"]))["model"]
    assert [each["version"] for each in found["versions"]["nodes"]] == ["1.9.0", "1.10.0", "2.0.0-rc.1", "2.0.0"]
    assert found["latestVersion"] == {"version": "2.0.0"}
