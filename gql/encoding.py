"""Writes the JSON of an answer: one spelling, by whatever way the answer was made.

Moments and dates are texts before they come here. Text beyond ASCII is written in UTF-8, and a float with the fewest digits that
give it back (`1e16`). What orjson does not write, the standard library does, which escapes what is beyond ASCII.
"""

import json
from typing import Any

import orjson

_AS_TOLD = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
"""Neither a moment nor a record is a value of an answer: one that is there is a fault, and is not spelled in another way."""


def encoded(said: Any) -> bytes:
    """The JSON of plain values; TypeError for any other.

    orjson refuses an unpaired surrogate, an integer beyond 64 bits and what is nested deeper than 254 levels.
    """
    try:
        return orjson.dumps(said, option=_AS_TOLD)
    except TypeError:
        return json.dumps(said, separators=(",", ":")).encode()
