"""Which release served the embedded data of a folder last. Loads nothing else: the supervisor asks at each start."""

from pathlib import Path

from gql.release import RELEASE

RELEASE_FILE, DATABASE = "release", "database"


def is_due(folder: Path) -> bool:
    """Whether the embedded data in a folder were last served by another release."""
    return (folder / DATABASE).is_dir() and release_in(folder) != RELEASE


def release_in(folder: Path) -> str:
    """The release that served the data in a folder last; empty where none said so, as 0.1.0 did not."""
    noted = folder / RELEASE_FILE
    return noted.read_text().strip() if noted.exists() else ""


def note_release(folder: Path) -> None:
    """Notes that this release served the data in a folder."""
    if release_in(folder) != RELEASE:
        (folder / RELEASE_FILE).write_text(f"{RELEASE}\n")
