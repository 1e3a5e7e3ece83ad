"""A change of the schema that breaks clients of the last release is named in the changelog; an addition need not be."""

import pytest
from graphql import GraphQLSchema, build_schema

from gql.schema import build_schema as build_served
from tests.schema_changes import CHANGELOG, breaking, faults, named, released, releases

BEFORE = """
    directive @shown(at: Int) on FIELD
    enum Tier { HIGH LOW }
    input Asked { tier: Tier }
    interface Named { name: String }
    type Model implements Named { name: String tier: Tier versions(first: Int): [String] }
    type Note { text: String }
    union Found = Model | Note
    type Query { model(asked: Asked): Model found: Found }
"""
CHANGELOG_OF = """# Changelog

## 0.3.0 (not released yet)

### Added

- `Model.owner`

### Removed from the schema

{names}

## 0.2.0

### Removed from the schema

- `Model.name`
"""


def schema(*replaced: str) -> GraphQLSchema:
    text = BEFORE
    for before, after in zip(replaced[::2], replaced[1::2], strict=True):
        assert before in text
        text = text.replace(before, after)
    return build_schema(text)


@pytest.mark.parametrize(
    ("replaced", "coordinate"),
    [
        (("type Model implements Named { name: String tier: Tier", "type Model implements Named { name: String"), "Model.tier"),
        (("name: String tier: Tier", "name: String tier: String"), "Model.tier"),
        (("versions(first: Int)", "versions"), "Model.versions(first:)"),
        (("versions(first: Int)", "versions(first: Int!)"), "Model.versions(first:)"),
        (("versions(first: Int)", "versions(first: Int, of: Tier!)"), "Model.versions(of:)"),
        (("HIGH LOW", "HIGH"), "Tier.LOW"),
        (("input Asked { tier: Tier }", "input Asked { tier: Tier, name: String! }"), "Asked.name"),
        (("input Asked { tier: Tier }", "input Asked { name: String }"), "Asked.tier"),
        (("union Found = Model | Note", "union Found = Model"), "Found"),
        (("union Found = Model | Note", "type Found { text: String }"), "Found"),
        (("type Model implements Named", "type Model"), "Model"),
        (("directive @shown(at: Int) on FIELD", "directive @shown(at: Int!) on FIELD"), "@shown(at:)"),
        (("directive @shown(at: Int) on FIELD", ""), "@shown"),
        (("directive @shown(at: Int) on FIELD", "directive @shown(at: Int) on QUERY"), "@shown"),
    ],
)
def test_a_breaking_change_must_be_named_by_its_coordinate(replaced: tuple[str, ...], coordinate: str) -> None:
    changes = breaking(schema(), schema(*replaced))
    assert coordinate in changes
    assert faults(changes, named(CHANGELOG_OF.format(names="- Nothing."), ["0.2.0"])) == [*changes.values()]
    names = ", ".join(f"`{each}`" for each in changes)
    assert faults(changes, named(CHANGELOG_OF.format(names=f"- {names}"), ["0.2.0"])) == []


@pytest.mark.parametrize(
    "replaced",
    [
        ("tier: Tier versions", "tier: Tier owner: String versions"),
        ("HIGH LOW", "HIGH LOW LEAST"),
        ("input Asked { tier: Tier }", "input Asked { tier: Tier, name: String }"),
        ("versions(first: Int)", "versions(first: Int, after: String)"),
        ("type Note { text: String }", "type Note { text: String! } type Other { text: String }"),
        ("type Note {", '"A note has a text." type Note {'),
    ],
)
def test_an_addition_need_not_be_named(replaced: tuple[str, ...]) -> None:
    assert faults(breaking(schema(), schema(*replaced)), []) == []


def test_a_pattern_names_several_changes_and_no_name_is_idle() -> None:
    changes = breaking(schema(), schema("name: String tier: Tier", "name: String", "versions(first: Int)", "versions"))
    assert faults(changes, ["Model.tier", "Model.versions*"]) == faults(changes, ["Model.*"]) == []
    assert faults(changes, ["Model.*", "Note.text"]) == ["`Note.text` is named, and did not change."]


def test_names_count_in_the_section_of_the_release_under_way_below_a_heading_about_the_schema() -> None:
    text = CHANGELOG_OF.format(names="- `Model.tier` and `Model.versions(first:)`: see `serve --help`; all of `ModelKeys.*`.")
    assert named(text, ["0.1.0", "0.2.0"]) == ["Model.tier", "Model.versions(first:)", "ModelKeys.*"]
    assert named(text, ["0.2.0", "0.3.0"]) == []  # nothing is under way: whatever breaks now has no section yet


def test_what_breaks_clients_of_the_last_release_is_named_in_the_changelog() -> None:
    """`python -m tests.schema_changes` lists what is not."""
    changes = breaking(released(releases()[-1]), build_served()._schema)
    assert faults(changes, named(CHANGELOG.read_text(), releases())) == []
