"""Notes in a data folder which release served its embedded database last.

It imports no records, because the supervisor reads the note at each start.
"""

from pathlib import Path

from gql.private import write_private
from gql.release import RELEASE

RELEASE_FILE, DATABASE = "release", "database"


def is_due(folder: Path) -> bool:
    """Whether another release served the embedded database of a folder last."""
    return (folder / DATABASE).is_dir() and release_in(folder) != RELEASE


def release_in(folder: Path) -> str:
    """The release that served a folder last; empty if there is no note, which 0.1.0 did not make."""
    noted = folder / RELEASE_FILE
    return noted.read_text().strip() if noted.exists() else ""


def note_release(folder: Path) -> None:
    """Notes that this release serves the folder."""
    if release_in(folder) != RELEASE:
        write_private(folder / RELEASE_FILE, f"{RELEASE}\n")
