"""Version numbers: how they order."""

from semver import Version


def version_key(version: str) -> str:
    """A text by which semantic versions order as such (semver.org, 2.0.0, section 11), and all others after them."""
    try:
        parsed = Version.parse(version)
    except ValueError:
        return f"~{version}"
    release = "".join(map(_sortable, (parsed.major, parsed.minor, parsed.patch)))
    if parsed.prerelease is None:
        return f"0{release}~"
    # A number orders below a word and a shorter list below a longer one: "!" is below whatever an identifier may hold.
    steps = (f"0{_sortable(int(each))}" if each.isdigit() else f"1{each}" for each in parsed.prerelease.split("."))
    return f"0{release}!{'!'.join(steps)}"


def _sortable(number: int) -> str:
    """A text that sorts as numbers do, however many digits they have: how many these are, then they."""
    return f"{len(str(number)):03}{number}"
