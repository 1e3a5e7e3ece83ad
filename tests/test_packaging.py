"""What a wheel holds, and that whoever installs it keeps their own `gql`."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gql.client import examples, inputs
from tests.documented import ROOT
from tests.operated import READY

STRANGER = 'raise ImportError("this is the gql of PyPI")'
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages: the wheel's, and another distribution's `gql`."""
    built, folder = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("site-packages")
    subprocess.run([sys.executable, "-c", BUILD, str(built)], cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    (folder / "gql").mkdir()
    (folder / "gql" / "__init__.py").write_text(STRANGER)
    return folder


def python(installed: Path, *words: str) -> subprocess.Popen[str]:
    """A process that finds what is installed there before the clone, and whatever a wheel needs beside it."""
    kept = {name: each for name, each in os.environ.items() if not name.startswith("MAGISTRATE_")}
    environment = kept | {"PYTHONPATH": str(installed), "MAGISTRATE_DATA_DIR": str(installed / "var"), "MAGISTRATE_PORT": "0"}
    return subprocess.Popen(
        [sys.executable, "-P", *words], env=environment, cwd=installed, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_wheel_has_one_package_at_its_top(installed: Path) -> None:
    top = {each.name for each in installed.iterdir() if each.is_dir()} - {"gql", "var"}
    assert {each for each in top if not each.endswith(".dist-info")} == {"magistrate"}
    told = python(installed, "-c", "import gql").communicate()[1]
    assert "this is the gql of PyPI" in told


def test_a_wheel_holds_the_examples_and_all_that_is_no_python(installed: Path) -> None:
    within = installed / "magistrate"
    assert {each.name for each in (within / "examples").iterdir()} == {each.name for each in examples.FOLDER.iterdir()}
    assert (within / "gql" / "client" / inputs.FILE.name).read_bytes() == inputs.FILE.read_bytes()
    kept = {each.relative_to(ROOT) for folder in ("documents", "gql", "resolvers") for each in (ROOT / folder).rglob("*.py")}
    assert kept <= {each.relative_to(within) for each in within.rglob("*.py")}


def test_the_command_finds_its_own_packages(installed: Path) -> None:
    said, complaint = python(installed, "-m", "magistrate", "query", "--examples", "--json").communicate()
    assert "who-is-awaited" in said and complaint == ""


@pytest.mark.exhaustive
def test_a_server_and_its_workers_find_theirs(installed: Path) -> None:
    serving = python(installed, "-m", "magistrate", "serve")
    assert serving.stdout
    said = ""
    while not said.endswith(READY):
        if not (line := serving.stdout.readline()):
            pytest.fail(serving.communicate()[1])
        said += line
    serving.terminate()
    serving.communicate(timeout=30)
    assert serving.returncode == 0
