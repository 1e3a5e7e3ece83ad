"""Erasure: a version no longer says what a person who decided about it was called."""

from documents.versions.version import ModelVersion


def erase_name(version: ModelVersion, user_id: str) -> None:
    """Puts a placeholder in the place of the name of a person in every round, open or closed."""
    if version.round:
        version.round = version.round.without_name(user_id)
    if version.previous_round:
        version.previous_round = version.previous_round.without_name(user_id)
    version.closed_rounds = tuple(each.without_name(user_id) for each in version.closed_rounds)
