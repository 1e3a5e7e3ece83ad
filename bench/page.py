"""The committed figures, and the page that shows them: its tables stand between comments, which only this module writes."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.parts import PARTS, Part
from gql.embedded import Engine

ROOT = Path(__file__).parents[1]
PAGE, FIGURES = ROOT / "docs" / "speed.md", ROOT / "bench" / "figures.json"
PACKAGES = ("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "motor", "pymongo", "orjson")
DIGITS = 4  # of a figure that is kept


def committed() -> dict[str, Any]:
    """The committed figures by part: `rows`, and `on` what they were measured."""
    found: dict[str, Any] = json.loads(FIGURES.read_text())
    return found


def write(found: Mapping[str, Any]) -> None:
    """Keeps what `run` of `bench/__main__.py` returned and shows it on the page. Other parts stay as they are."""
    on = found["on"]
    kept = committed() | {
        name: {"on": on | {"versions": {**on["versions"], **PARTS[name].versions()}}, "rows": rounded(rows)}
        for name, rows in found.items()
        if name in PARTS
    }
    page = rewritten(PAGE.read_text(), kept, PARTS)
    FIGURES.write_text(json.dumps(kept, indent=1) + "\n")
    PAGE.write_text(page)


def rewritten(text: str, figures: Mapping[str, Any], parts: Mapping[str, Part]) -> str:
    """The page with the tables of these figures, each in its place. Raises ValueError if the page has no place for one."""
    for name, each in figures.items():
        begin, end = f"<!-- figures: {name} -->\n", f"<!-- end of figures: {name} -->\n"
        place = re.compile(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", re.DOTALL)
        if len(place.findall(text)) != 1:
            raise ValueError(f"the page needs one place for {name}, between {begin.strip()} and {end.strip()}")
        tables = "\n".join(table.markdown for table in parts[name].tables(each["rows"]))
        before, after = place.split(text)
        text = f"{before}\n{tables}\n{measured_on(each['on'])}\n\n{after}"
    return text


def measured_on(on: Mapping[str, Any]) -> str:
    """A sentence that tells the day, the machine and the versions."""
    at = datetime.fromisoformat(on["at"])
    versions = ", ".join(f"{name} {number}" for name, number in on["versions"].items())
    machine = f"{on['cores']} cores of {on['processor']}, {on['gigabytes']} GB"
    return f"*Measured on {at.day} {at:%B %Y}: {machine}; {versions}.*"


def machine(engine: Engine) -> dict[str, Any]:
    """The time, the machine and the versions of what every part is measured with."""
    packages = {each: version(each) for each in PACKAGES}
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "processor": _first("/proc/cpuinfo", "model name"),
        "gigabytes": round(int(_first("/proc/meminfo", "MemTotal").split()[0]) / 1024**2),
        "versions": {"Python": platform.python_version(), **packages, engine.program.name: _version_of(engine.program)},
    }


def rounded(value: Any) -> Any:
    """The value with each float in it rounded to four digits."""
    match value:
        case float():
            return float(f"{value:.{DIGITS}g}")
        case Mapping():
            return {name: rounded(each) for name, each in value.items()}
        case list() | tuple():
            return [rounded(each) for each in value]
    return value


def _first(path: str, name: str) -> str:
    """What a file of /proc says first under that name."""
    lines = (line.partition(":") for line in Path(path).read_text().splitlines())
    return next((said.strip() for named, _, said in lines if named.strip() == name), "unknown")


def _version_of(program: Path) -> str:
    if program.name == "secantusd-py":
        return version("secantusdb")
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.split()
    return said[1] if len(said) > 1 else "unknown"
