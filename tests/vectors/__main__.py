"""`python -m tests.vectors` makes the vectors in `docs/vectors` anew: the same files, unless the format or the story changed."""

import asyncio
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from gql.embedded import Engine
from tests.vectors import primitives
from tests.vectors.made import make

FOLDER = Path(__file__).parents[2] / "docs" / "vectors"


def main() -> None:
    with TemporaryDirectory(prefix="magistrate-vectors-") as folder, Engine(Path(folder)) as engine:
        made = Path(folder) / "vectors"
        asyncio.run(make(engine.uri, made))
        primitives.write(made)
        shutil.rmtree(FOLDER, ignore_errors=True)
        shutil.copytree(made, FOLDER)


if __name__ == "__main__":
    main()
