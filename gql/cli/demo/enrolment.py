"""How the example's people come to tokens that nobody else has ever held."""

from gql.cli.demo.example import Example
from gql.cli.demo.scene import Scene

VIEWER = """
query Viewer {
  viewer { stakeholder { platformRole } }
}
"""

REGISTER_STAKEHOLDER = """
mutation RegisterStakeholder($input: RegisterStakeholderInput!) {
  registerStakeholder(input: $input) { stakeholder { userId } }
}
"""

CREATE_API_TOKEN = """
mutation CreateApiToken($input: CreateApiTokenInput!) {
  createApiToken(input: $input) { token apiToken { kind holder } }
}
"""  # noqa: S105


def enrol(scene: Scene, example: Example) -> None:
    scene.step("Everybody gets a token of their own")
    admin, people = example.administrator, example.people
    scene.ask(admin, VIEWER, {"stakeholder": {"platformRole": "ADMIN"}})
    scene.act(admin, f"registers {len(people)} people", REGISTER_STAKEHOLDER)
    for each in people:
        scene.ask(admin, REGISTER_STAKEHOLDER, {"stakeholder": {"userId": each.user_id}}, input=each.registration)
    scene.table(["name", "role", "department"], [[each.name, each.title, each.department] for each in people])
    scene.act(admin, "hands each an enrolment token", CREATE_API_TOKEN)
    handed = {}
    for each in people:
        expected = {"apiToken": {"kind": "ENROLMENT", "holder": each.user_id}}
        asked = {"name": "enrolment", "holder": {"userId": each.user_id}}
        handed[each] = scene.ask(admin, CREATE_API_TOKEN, expected, input=asked)["token"]
    scene.act("Each of them", "makes a token of their own with it, which ends it", CREATE_API_TOKEN)
    for each in people:
        expected = {"apiToken": {"kind": "PERSONAL", "holder": each.user_id}}
        made = scene.ask(each, CREATE_API_TOKEN, expected, token=handed[each], input={"name": "demo"})
        scene.tokens[each] = made["token"]
    alice = example.alice
    refusal = scene.refusal(alice, VIEWER, "UNAUTHENTICATED", "tries the enrolment token again", handed[alice])
    scene.fact("refused", refusal)
