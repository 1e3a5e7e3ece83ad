"""Texts of operations that are long, deep or repetitive, each with the code that it is refused with; None if it is answered."""


def chained(times: int, inside: str, last: str, on: str = "Viewer") -> str:
    """Fragments that spread the next one twice each: a few lines that mean 2 to the power of `times`."""
    chain = "".join(f"fragment F{each} on {on} {{ {inside.replace('NEXT', f'...F{each + 1}')} }}" for each in range(times))
    return f"{chain} fragment F{times} on {on} {{ {last} }}"


TWICE = "NEXT NEXT"
HOSTILE: dict[str, tuple[str, str | None]] = {
    "depth without end": ("{ a " * 200_000, "INVALID_INPUT"),
    "lists without end": ("{ viewer(a: " + "[" * 500_000, "INVALID_INPUT"),
    "a megabyte of nothing": ("{ viewer { id } }" + " ," * 500_000, None),
    "a megabyte of comment": ("{ viewer { id } } #" + "x" * 1_000_000, None),
    "a megabyte of text": ('{ model(modelId: "' + "x" * 1_000_000 + '") { name } }', "INVALID_INPUT"),
    "a megabyte of name": ("{ " + "x" * 1_000_000 + " }", "INVALID_INPUT"),
    "a megabyte of digits": ("{ models(first: " + "9" * 1_000_000 + ") { totalCount } }", "INVALID_INPUT"),
    "a megabyte of operations": ("query A { viewer { id } } " * 38_000, "LIMIT_EXCEEDED"),
    "one field again and again": ("{ viewer { " + "id " * 1_990 + "} }", None),
    "one record again and again": ('{ model(modelId: "x") { ' + "owner { name } " * 490 + "} }", None),
    "fields that do not exist": ("{ " + " ".join(f"modls{each}" for each in range(1_990)) + " }", "INVALID_INPUT"),
    "a fragment of itself": ("{ viewer { ...A } } fragment A on Viewer { ...A }", "INVALID_INPUT"),
    "fragments in a circle": (
        "{ viewer { ...F0 } }" + chained(150, "...F0 NEXT", "...F0"), "INVALID_INPUT",
    ),
    "fragments that double": ("{ viewer { ...F0 } }" + chained(150, TWICE, "id"), None),
    "fragments that double what is read": (
        '{ model(modelId: "x") { ...F0 } }' + chained(150, TWICE, "owner { name }", "Model"), "LIMIT_EXCEEDED",
    ),
    "fragments that double a page": (
        "query($n: Int = 0) { models(first: 1) { nodes { ...F0 } } }"
        + chained(150, TWICE, "versions(first: $n) { totalCount }", "Model"), None,
    ),
    "fragments that double aliases": ("{ viewer { ...F0 } }" + chained(150, TWICE, "a: id"), "LIMIT_EXCEEDED"),
    "fragments that double directives": (
        "{ viewer { ...F0 } }" + chained(120, "...@skip(if: false) { NEXT } NEXT", "id"), "LIMIT_EXCEEDED",
    ),
    "fragments in fragments": ("{ viewer { ...F0 } }" + chained(190, "NEXT", "id"), None),
    "directives that do not exist": ("{ viewer { id " + "@a " * 990 + "} }", "INVALID_INPUT"),
}  # fmt: skip
