"""What the client half says of the schema without having it: texts of questions, and enumerations."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from graphql import GraphQLEnumType, GraphQLSchema, build_schema, parse, validate

import gql.cli
import gql.client
from gql.client import choices, lists
from gql.client.exits import Ended
from gql.client.lists import Listed
from tests.documented import ROOT

SCHEMA: GraphQLSchema = build_schema((ROOT / "schema.graphql").read_text())
SERVER = {
    "admin",
    "audit",
    "confirmation",
    "demo",
    "migration",
    "offline",
    "recovery",
    "reports",
    "restoring",
    "trail",
    "uncovered",
}


def texts() -> Iterator[tuple[str, str]]:
    """Every constant of a module of the client half that is a text of GraphQL."""
    for package in (gql.client, gql.cli):
        for found in pkgutil.iter_modules(package.__path__):
            if package is gql.cli and found.name in SERVER:
                continue
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            for name, value in vars(module).items():
                if isinstance(value, str) and value.lstrip().startswith(("query", "mutation", "{ viewer")):
                    yield f"{found.name}.{name}", value


@pytest.mark.parametrize(("name", "text"), list(texts()))
def test_each_question_of_a_command_is_one_of_the_schema(name: str, text: str) -> None:
    assert validate(SCHEMA, parse(text)) == [], name


@pytest.mark.parametrize("listed", [each for each in vars(lists).values() if isinstance(each, Listed)])
def test_each_list_is_a_connection_and_has_the_columns_that_it_selects(listed: Listed) -> None:
    assert validate(SCHEMA, parse(listed.text)) == []
    assert all(each.split(".")[-1] in listed.select for each in listed.columns)


@pytest.mark.parametrize("name", choices.ENUMERATIONS)
def test_each_enumeration_of_the_options_is_that_of_the_schema(name: str) -> None:
    of = SCHEMA.type_map[name]
    assert isinstance(of, GraphQLEnumType) and choices.ENUMERATIONS[name] == tuple(of.values)


@pytest.mark.parametrize(
    ("of", "said", "meant"),
    [
        ("GovernanceRole", "ethics", "ETHICS_REVIEWER"), ("GovernanceRole", "ethics-reviewer", "ETHICS_REVIEWER"),
        ("RiskTier", "2", "TIER_2_IMPORTANT"), ("RiskTier", "tier_2_important", "TIER_2_IMPORTANT"),
        ("VersionStatus", "pending", "PENDING_APPROVAL"), ("ChangeStatus", "rolled back", "ROLLED_BACK"),
    ],
)  # fmt: skip
def test_a_value_is_known_by_words_that_no_other_has(of: str, said: str, meant: str) -> None:
    assert choices.chosen(of, said, "--x") == meant


@pytest.mark.parametrize(("of", "said"), [("GovernanceRole", "owner"), ("RiskTier", "TIER"), ("RiskTier", ""), ("RiskTier", "_")])
def test_words_that_several_values_have_are_refused(of: str, said: str) -> None:
    with pytest.raises(Ended):
        choices.chosen(of, said, "--x")
