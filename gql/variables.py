"""Finds variables of the environment that begin with MAGISTRATE_ and mean nothing, which are mostly misspelt ones."""

import re
import sys
from collections.abc import Mapping
from difflib import get_close_matches

from gql.client.credentials import VARIABLES
from gql.faults import UnknownVariable
from gql.settings import PREFIX, Settings

KNOWN = frozenset({*(PREFIX + each.upper() for each in Settings.model_fields), *VARIABLES})
NAMES = sorted(each.removeprefix(PREFIX) for each in KNOWN)
OF_KUBERNETES = re.compile(r"(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT_\d+_(TCP|UDP|SCTP)(_.+)?)")
"""What Kubernetes puts into the environment of each container beside a Service that is called `magistrate`."""


def unknown(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The variables that mean nothing here, each with the one that may be meant. An empty variable counts as unset."""
    found: dict[str, str | None] = {}
    for name in sorted(environment):
        rest = name.removeprefix(PREFIX)
        if rest == name or name in KNOWN or not environment[name] or OF_KUBERNETES.fullmatch(rest):
            continue
        meant = get_close_matches(rest.upper(), NAMES, 1, 0.7)  # without what they all begin with, by which all are alike
        found[name] = f"{PREFIX}{meant[0]}" if meant else None
    return found


def check(environment: Mapping[str, str], *, hardened: bool) -> None:
    """Warns on standard error of variables that mean nothing; a server that is to be hardened does not start with one.

    There a setting that does not count may be the one that was to protect it (UnknownVariable).
    """
    for name, meant in unknown(environment).items():
        if hardened:
            raise UnknownVariable(name, meant)
        sys.stderr.write(f"magistrate: {UnknownVariable(name, meant)}\n")
