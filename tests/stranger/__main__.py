import sys
from pathlib import Path

from tests.stranger import verified

for each in verified(Path(sys.argv[1])):
    print(*each)  # noqa: T201
