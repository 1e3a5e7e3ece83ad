"""Version numbers: how semantic versions order (semver.org, 2.0.0, section 11), by a key, and by a regular expression."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

LONGEST = 100
"""The characters that a version may have that others are compared with: the expressions grow by the square of its length."""

_NUMBER = "(?:0|[1-9][0-9]*)"
_WORD = "[0-9]*[A-Za-z-][0-9A-Za-z-]*"  # an identifier that is no number
_IDENTIFIER = f"(?:{_NUMBER}|{_WORD})"
_FURTHER = rf"(?:\.{_IDENTIFIER})*"
_BUILD = r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"  # build metadata order nothing
_CHARACTERS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # in the order of ASCII
_DIGITS = "0123456789"
_SEMANTIC = re.compile(rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_IDENTIFIER}{_FURTHER}))?{_BUILD}")


def is_semantic(version: str) -> bool:
    return _SEMANTIC.fullmatch(version) is not None


@lru_cache(maxsize=4096)
def version_key(version: str) -> str:
    """A text by which semantic versions order as such (semver.org, 2.0.0, section 11), and all others after them."""
    found = _SEMANTIC.fullmatch(version)
    if found is None:
        return f"~{version}"
    release = "".join(_sortable(int(each)) for each in found.group(1, 2, 3))
    if found[4] is None:
        return f"0{release}~"
    # A number orders below a word and a shorter list below a longer one: "!" is below whatever an identifier may hold.
    steps = (f"0{_sortable(int(each))}" if each.isdigit() else f"1{each}" for each in found[4].split("."))
    return f"0{release}!{'!'.join(steps)}"


def _sortable(number: int) -> str:
    """A text that sorts as numbers do, however many digits they have: how many these are, then they."""
    return f"{len(str(number)):03}{number}"


# The regular expressions. They let a database compare versions wherever it holds them, in lists and in documents that are never
# rewritten, without a key beside each. They use only what PCRE, Python and Rust read alike.

SEMANTIC = f"^{_SEMANTIC.pattern}$"
PATTERN = 900
"""The characters that an expression may have: the embedded database takes 1,000."""
_END, _BEHIND = r"(?:\+|$)", r"(?:[.+]|$)"  # of the version but for its build metadata; of an identifier
_NO_NUMBER = "[0-9]*[A-Za-z-]"  # how an identifier begins that is no number


def above(version: str, *, or_equal: bool = False) -> list[str]:
    """The expressions of which a semantic version meets one if it is above another."""
    return _joined(_beside(version, _greater, _later, or_equal))


def below(version: str, *, or_equal: bool = False) -> list[str]:
    """The expressions of which a semantic version meets one if it is below another; none for the lowest version of all."""
    return _joined(_beside(version, _less, _earlier, or_equal))


def _joined(branches: Iterator[str]) -> list[str]:
    found: list[str] = []
    for each in branches:
        if found and len(found[-1]) + len(each) < PATTERN:
            found[-1] += f"|{each}"
        else:
            found.append(each)
    return [f"^(?:{each})" for each in found]


def _beside(
    version: str, numbers: Callable[[str], Iterator[str]], steps: Callable[[Sequence[str]], Iterator[str]], or_equal: bool
) -> Iterator[str]:
    found = _SEMANTIC.fullmatch(version)
    if found is None:
        raise ValueError("is no semantic version")
    parts, pre = found.group(1, 2, 3), found[4]
    for at, (part, end) in enumerate(zip(parts, (r"\.", r"\.", "(?:[+-]|$)"), strict=True)):
        ahead = "".join(rf"{each}\." for each in parts[:at])
        yield from (ahead + each + end for each in numbers(part))
    same = r"\.".join(parts)
    yield from (same + each for each in steps(pre.split(".") if pre else []))
    if or_equal:
        yield same + (f"-{_escaped(pre)}" if pre else "") + _END


def _greater(number: str) -> Iterator[str]:
    """The expressions for the numbers above a number."""
    yield f"[1-9][0-9]{{{len(number)},}}"
    for at, digit in enumerate(number):
        if digit < "9":
            yield f"{number[:at]}[{int(digit) + 1}-9][0-9]{{{len(number) - at - 1}}}"


def _less(number: str) -> Iterator[str]:
    """The expressions for the numbers below a number."""
    if len(number) > 1:
        yield f"(?:0|[1-9][0-9]{{0,{len(number) - 2}}})"
    for at, digit in enumerate(number):
        least = 1 if at == 0 and len(number) > 1 else 0
        if int(digit) > least:
            yield f"{number[:at]}[{least}-{int(digit) - 1}][0-9]{{{len(number) - at - 1}}}"


def _later(pre: Sequence[str]) -> Iterator[str]:
    """The expressions for what follows the release number in later versions of that release."""
    if not pre:
        return
    yield _END  # the release itself
    for at, each in enumerate(pre):
        ahead = "".join(rf"{_escaped(step)}\." for step in pre[:at])
        yield from (f"-{ahead}{other}" for other in _higher(each))
    yield rf"-{_escaped('.'.join(pre))}\."


def _earlier(pre: Sequence[str]) -> Iterator[str]:
    """The expressions for what follows the release number in earlier versions of that release."""
    if not pre:
        yield "-"
    for at, each in enumerate(pre):
        ahead = "".join(rf"{_escaped(step)}\." for step in pre[:at])
        yield from (f"-{ahead}{other}" for other in _lower(each))
        if at:
            yield f"-{_escaped('.'.join(pre[:at]))}{_END}"


def _higher(identifier: str) -> Iterator[str]:
    """The expressions for how the identifiers above an identifier begin."""
    if identifier.isdigit():
        yield from (each + _BEHIND for each in _greater(identifier))
        yield _NO_NUMBER
        return
    for at, character in enumerate(identifier):
        yield from _words(identifier[:at], _CHARACTERS[_CHARACTERS.index(character) + 1 :])
    yield f"{_escaped(identifier)}[0-9A-Za-z-]"


def _lower(identifier: str) -> Iterator[str]:
    """The expressions for how the identifiers below an identifier begin."""
    if identifier.isdigit():
        yield from (each + _BEHIND for each in _less(identifier))
        return
    yield f"[0-9]+{_BEHIND}"
    for at, character in enumerate(identifier):
        yield from _words(identifier[:at], _CHARACTERS[: _CHARACTERS.index(character)])
        if at and not identifier[:at].isdigit():
            yield _escaped(identifier[:at]) + _BEHIND


def _words(beginning: str, following: str) -> Iterator[str]:
    """The expressions for how words begin that begin with one text, and go on with one of these characters."""
    if beginning and not beginning.isdigit():
        if following:
            yield f"{_escaped(beginning)}[{_escaped(following)}]"
        return
    digits = "".join(each for each in following if each in _DIGITS)
    if letters := "".join(each for each in following if each not in _DIGITS):
        yield f"{beginning}[{_escaped(letters)}]"
    if digits:
        yield f"{beginning}[{digits}]{_NO_NUMBER}"


def _escaped(text: str) -> str:
    """Identifiers as an expression spells them; only these two characters of theirs mean something in one."""
    return text.replace("-", r"\-").replace(".", r"\.")
