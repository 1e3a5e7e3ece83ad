"""The secret key, which seals people, tokens and the trail's end: from the settings or the data folder, changed at a start."""

from pathlib import Path

from pydantic import SecretStr

from documents.seals import Keyring, SecretKey
from gql.faults import SecretKeyMissing, SecretKeyRefused
from gql.private import write_private
from gql.settings import PREFIX, Settings

KEY_FILE, PREVIOUS_FILE = "secret-key", "secret-key-previous"


def keyring(settings: Settings) -> Keyring:
    """The keys of the settings, else those in the folder of an embedded database, where one is made if there is none.

    SecretKeyMissing for a MongoDB of the operator's without a key in the settings; SecretKeyRefused for what is no key.
    """
    return written(settings, offered(settings))


def offered(settings: Settings) -> Keyring:
    """The keys as `keyring` gives them and as it raises; one that is made is not written yet."""
    found = keyring_if_any(settings)
    if found is None and settings.mongodb_uri:
        raise SecretKeyMissing
    return found or Keyring(SecretKey.made(), _previous(settings))


def written(settings: Settings, offered: Keyring) -> Keyring:
    """The keys that `offered` gave, once the key is in the folder of an embedded database, unless there is one by now."""
    found = keyring_if_any(settings)
    if found is None:
        write_private(settings.data_dir / KEY_FILE, f"{offered.current.text}\n")
    return found or keyring_if_any(settings) or offered


def keyring_if_any(settings: Settings) -> Keyring | None:
    """The keys of the settings, else those in the folder of an embedded database; None if there are none. Makes nothing."""
    folder = None if settings.mongodb_uri else settings.data_dir
    current = _key(settings.secret_key, "SECRET_KEY", folder, KEY_FILE)
    previous = _previous(settings)
    if current is None:
        return None
    if previous and previous.id == current.id:
        raise SecretKeyRefused(f"{PREFIX}SECRET_KEY_PREVIOUS", "has the id of the present key: a new key needs a new id")
    return Keyring(current, previous)


def _previous(settings: Settings) -> SecretKey | None:
    folder = None if settings.mongodb_uri else settings.data_dir
    return _key(settings.secret_key_previous, "SECRET_KEY_PREVIOUS", folder, PREVIOUS_FILE)


def _key(given: SecretStr | None, setting: str, folder: Path | None, file: str) -> SecretKey | None:
    if given:
        return _read(given.get_secret_value(), f"{PREFIX}{setting}")
    if folder is None or not (folder / file).exists():
        return None
    try:
        return _read((folder / file).read_text(), str(folder / file))
    except (OSError, UnicodeDecodeError) as error:
        raise SecretKeyRefused(str(folder / file), f"cannot be read: {error}") from error


def _read(text: str, where: str) -> SecretKey:
    try:
        return SecretKey.read(text)
    except ValueError as error:
        raise SecretKeyRefused(where, str(error)) from None
