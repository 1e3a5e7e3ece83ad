"""What the console script `magistrate` runs.

A wheel holds Magistrate's packages inside this one, because one of them is called `gql`, as a client library on PyPI is. So
installing Magistrate gives nobody another `gql`: only the processes of the command find these packages, and find them first. In a
clone the packages stand beside this one, and are found as any others.
"""

import sys
from pathlib import Path

WITHIN = Path(__file__).parent


def find_packages() -> None:
    """Lets this process, and no other, import the packages that a wheel holds here."""
    if (WITHIN / "gql").is_dir() and str(WITHIN) not in sys.path:
        sys.path.insert(0, str(WITHIN))


def main() -> None:
    """The console script."""
    find_packages()
    from gql.cli import main as run  # noqa: PLC0415  it is found only now

    run()
