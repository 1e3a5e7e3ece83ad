"""Letter case, folded alike by every reader of filters: character by character, without a database's own tables.

MongoDB, its stand-ins and Python each fold with other tables when they are told to ignore case. So a pattern names all characters
that count as one, and a text in memory is folded by the same table.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache

CASED = (range(0x2E00), range(0xA640, 0xAC00), range(0xFB00, 0x10000), range(0x10400, 0x11000), range(0x11800, 0x11A00),
         range(0x16E00, 0x17000), range(0x1E900, 0x1EA00))  # fmt: skip
"""Where Unicode has letters of two cases; looking through all of it would take long."""


def fold(character: str) -> str:
    """The one character that stands for all that differ from it by case alone.

    It is Unicode's full folding where that is a single character, else its lower case where that is: `ß` and `ẞ` are one, `ß` and
    `ss` are two. Accents count, and composed and decomposed characters differ.
    """
    folded = character.casefold()
    lower = folded if len(folded) == 1 else character.lower()
    return lower if len(lower) == 1 else character


def folded(text: str) -> str:
    return text.translate(_folds())


def any_case(text: str) -> str:
    """The regular expression for a text in any case; nothing in the text is an operator of the expression."""
    return "".join(_variants().get(each) or re.escape(each) for each in folded(text))


@cache
def _folds() -> Mapping[int, str]:
    each_cased = ((at, chr(at)) for those in CASED for at in those)
    return {at: fold(each) for at, each in each_cased if fold(each) != each}


@cache
def _variants() -> Mapping[str, str]:
    """For each folded character that others fold to, the class of them all; none of them is special in a class."""
    alike: dict[str, list[str]] = defaultdict(list)
    for at, each in _folds().items():
        alike[each].append(chr(at))
    return {each: f"[{each}{''.join(others)}]" for each, others in alike.items()}
