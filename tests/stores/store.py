"""A store: every document that a release left in a database, byte for byte, in one file; beside it what is to be known of it.

Nothing here knows Magistrate: a store is written and loaded through the driver alone, whatever later releases look like.
"""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

FOLDER = Path(__file__).parents[1] / "data" / "stores"
AS_IT_IS: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
Documents = Mapping[str, list[RawBSONDocument]]


@dataclass(frozen=True)
class Store:
    """What is to be known of a store."""

    release: str
    schema: int
    """The form of its documents, the last of its collection `migrations`."""
    taken_at: str
    """What the clock said when the last document was written, RFC 3339: nothing in it is younger."""
    review_days: list[int]
    """The setting of that name; a start with others judges every version anew."""
    verifier_keys: list[str]
    """The keys that signed its trail, the last one the checkpoint below."""
    checkpoint: str
    """The trail's last checkpoint, a signed note, of all of its events."""
    counts: dict[str, int]
    """How many documents each collection has."""

    @classmethod
    def of(cls, release: str, folder: Path = FOLDER) -> Self:
        return cls(**json.loads((folder / f"{release}.json").read_text()))

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)

    def keep(self, documents: Documents, indexes: Mapping[str, list[Any]], folder: Path = FOLDER) -> Path:
        """Writes both files, deterministically; FileExistsError where there is a store of the release."""
        records: Iterable[bytes] = (
            bson.encode({"collection": name, "indexes": indexes.get(name, []), "documents": documents[name]})
            for name in sorted(documents)
        )
        with (folder / f"{self.release}.json").open("x") as file:
            file.write(json.dumps(asdict(self), indent=2) + "\n")
        path = folder / f"{self.release}.bson.gz"
        path.write_bytes(gzip.compress(b"".join(records), mtime=0))
        return path


def releases(folder: Path = FOLDER) -> list[str]:
    """The releases of which a store is kept, the oldest first."""
    return sorted((each.stem for each in folder.glob("*.json")), key=lambda each: [int(part) for part in each.split(".")])


def documents_of(release: str, folder: Path = FOLDER) -> dict[str, list[RawBSONDocument]]:
    """The documents of a store, by collection, in the order of their ids."""
    return {name: each["documents"] for name, each in _records(release, folder).items()}


def indexes_of(release: str, folder: Path = FOLDER) -> dict[str, list[dict[str, Any]]]:
    """The indexes that the release had, as the database lists them, by collection."""
    return {name: [bson.decode(one.raw) for one in each["indexes"]] for name, each in _records(release, folder).items()}


async def load(database: Any, release: str, folder: Path = FOLDER) -> Store:
    """Writes the documents of a store into an empty database of the driver's, and makes no index."""
    for name, documents in documents_of(release, folder).items():
        if documents:
            await database[name].insert_many(documents)
    return Store.of(release, folder)


async def index(database: Any, release: str, folder: Path = FOLDER) -> None:
    """Makes the indexes that the release had, under their names and with their options."""
    for name, listed in indexes_of(release, folder).items():
        if made := [each for each in listed if each["name"] != "_id_"]:
            await database.command("createIndexes", name, indexes=made)


def _records(release: str, folder: Path) -> dict[str, RawBSONDocument]:
    raw = gzip.decompress((folder / f"{release}.bson.gz").read_bytes())
    return {each["collection"]: each for each in bson.decode_iter(raw, AS_IT_IS)}
