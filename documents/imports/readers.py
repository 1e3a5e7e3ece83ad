"""The readers of imported files: one for each source of a card, and one for each source of models."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from documents.errors import InvalidInput
from documents.formats.cyclonedx.bill import read_models
from documents.formats.cyclonedx.modelcard import read_component
from documents.formats.cyclonedx.modelcard import read_model_card as read_bill
from documents.formats.exchange import Omission, Reading, as_key
from documents.formats.huggingface.modelcard import read_model, read_model_card
from documents.formats.huggingface.results import read_results
from documents.imports.report import CardSource, digest_of
from documents.values import Digest

CARD_READERS: Mapping[CardSource, Callable[[str], Reading]] = {
    CardSource.HUGGING_FACE: read_model_card,
    CardSource.CYCLONE_DX: read_bill,
    CardSource.HUGGING_FACE_RESULTS: read_results,
}


@dataclass(frozen=True, slots=True)
class Named:
    """A version that a file names: its path there, the file's SHA-256, and what the file says of it."""

    path: str
    sha256: Digest
    model_id: str
    name: str | None
    version: str | None
    purpose: str | None
    card: Reading


def named_in_bill(text: str) -> Iterator[Named]:
    """The models of a CycloneDX bill of materials. Raises InvalidInput for a text that is no bill."""
    sha256 = digest_of(text)
    for each in read_models(text):
        card = read_component(each)
        purpose = each.text("description") or _first_use(card)
        yield Named(each.path, sha256, each.model_id, each.text("name"), each.text("version"), purpose, card)


def named_in_card(
    path: str, text: str, model_id: str | None, name: str | None, version: str | None, purpose: str | None
) -> Named | Omission:
    """The model of a card of the Hub; an omission for a text that is no card.

    An argument that is not None takes precedence over what the card says.
    """
    try:
        found = read_model(text)
    except InvalidInput as error:
        return Omission(path=path, reason=error.problem)
    name = name or found.name
    model_id = model_id or as_key(name or "")
    return Named(path, digest_of(text), model_id, name, version or found.version, purpose or _first_use(found.card), found.card)


def _first_use(card: Reading) -> str | None:
    return next(iter(card.fields.get("primary_intended_uses", ())), None)
