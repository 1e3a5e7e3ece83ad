"""Licences: the Hub's names and the SPDX identifiers that they stand for."""

from collections.abc import Mapping
from typing import Any

from documents.formats.exchange import Reading

SPDX: Mapping[str, str] = {
    each.lower(): each
    for each in (
        "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "BSL-1.0", "CC0-1.0", "CC-BY-2.0", "CC-BY-2.5",
        "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0",
        "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CDLA-Permissive-1.0",
        "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "AFL-3.0", "Artistic-2.0", "ECL-2.0", "EPL-1.0", "EPL-2.0", "EUPL-1.1",
        "EUPL-1.2", "ISC", "LPPL-1.3c", "MS-PL", "MPL-2.0", "OFL-1.1", "OSL-3.0", "PostgreSQL", "NCSA", "Unlicense", "WTFPL",
        "Zlib",
    )
}  # fmt: skip
OTHER = "other"


def read_license(reading: Reading, field: str, metadata: dict[str, Any]) -> None:
    """Takes `license` and `license_name` out of the metadata and fills `field`: with the SPDX identifier if there is one.

    The Hub's form for a licence that it has no name for is `license: other` with the name in `license_name`.
    """
    said, name = metadata.pop("license", None), metadata.pop("license_name", None)
    match [said] if isinstance(said, str) else said:
        case None:
            pass
        case [str(license)]:
            known = name if license == OTHER and isinstance(name, str) else SPDX.get(license, license)
            reading.say(field, known, "license")
        case _:
            reading.leave("license", "is not one licence")


def as_metadata(license: str | None) -> dict[str, Any]:
    """The metadata that name a licence: `license`, and `license_name` for one that the Hub has no name for."""
    if license is None:
        return {}
    known = {spdx: name for name, spdx in SPDX.items()}.get(license)
    return {"license": known} if known else {"license": OTHER, "license_name": license}
