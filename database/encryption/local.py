"""Master keys in a file: SECRETS_KEYRING, outside the database, the newest wraps.

A data key is wrapped with AES-256-GCM under a random nonce: 12 + 32 + 16 bytes. One master key may
wrap 2^32 of them (NIST SP 800-38D, 8.3); add a key long before.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from database.encryption import private_file
from database.encryption.errors import KeyringError, Undecryptable
from database.encryption.place import Place

KEY_LABEL: Final = "lacuna secret 1 key"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_WRAPPED_BYTES: Final = 60
_ID: Final = re.compile(r"local-[0-9a-f]{12}\Z")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One key: its name stands in every envelope whose data key it has wrapped."""

    key_id: str
    created_at: datetime
    secret: bytes = field(repr=False)

    @classmethod
    def make(cls) -> MasterKey:
        """A new one, of 256 random bits."""
        moment = datetime.now(UTC).replace(microsecond=0)
        return cls(f"local-{secrets.token_hex(6)}", moment, secrets.token_bytes(_KEY_BYTES))


class LocalKeyring:
    """The keys of the file as it stands now: every use looks whether it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loaded: tuple[private_file.Signature, dict[str, MasterKey]] | None = None

    @staticmethod
    def knows(key_id: str) -> bool:
        """Whether a key of this name would be in a keyring."""
        return bool(_ID.match(key_id))

    def keys(self) -> list[MasterKey]:
        """Every key, the oldest first; KeyringError says what is wrong with the file."""
        return list(self._keys().values())

    def newest(self) -> str:
        """See ``KeyProvider``."""
        return self._newest().key_id

    def names(self) -> list[str]:
        """See ``KeyProvider``."""
        return list(self._keys())

    def generate(self, place: Place) -> tuple[bytearray, str, bytes]:
        """See ``KeyProvider``."""
        data_key = bytearray(os.urandom(_KEY_BYTES))
        key_id, wrapped = self.wrap(data_key, place)
        return data_key, key_id, wrapped

    def wrap(self, data_key: bytearray, place: Place) -> tuple[str, bytes]:
        """See ``KeyProvider``."""
        master = self._newest()
        nonce = os.urandom(_NONCE_BYTES)
        context = place.associated(KEY_LABEL, master.key_id)
        return master.key_id, nonce + AESGCM(master.secret).encrypt(nonce, data_key, context)

    def unwrap(self, key_id: str, wrapped: bytes, place: Place) -> bytearray:
        """See ``KeyProvider``."""
        master = self._keys().get(key_id)
        if master is None:
            raise Undecryptable(
                place, f"its master key {key_id} is not in the keyring {self._path}"
            )
        if len(wrapped) != _WRAPPED_BYTES:
            raise Undecryptable(place, "its data key does not have the length of one")
        data_key = bytearray(_KEY_BYTES)
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            context = place.associated(KEY_LABEL, key_id)
            AESGCM(master.secret).decrypt_into(nonce, sealed, context, data_key)
        except InvalidTag:
            raise Undecryptable(
                place, "it was changed, or belongs to another row, column or table"
            ) from None
        return data_key

    def rewrap(self, key_id: str, wrapped: bytes, place: Place) -> tuple[str, bytes]:
        """See ``KeyProvider``."""
        data_key = self.unwrap(key_id, wrapped, place)
        try:
            return self.wrap(data_key, place)
        finally:
            data_key[:] = bytes(_KEY_BYTES)

    def create(self) -> MasterKey:
        """Make the file, with one key; KeyringError when there is one already."""
        made = MasterKey.make()
        self._write([made], new=True)
        return made

    def add(self) -> MasterKey:
        """Add a key, which wraps from now on."""
        made = MasterKey.make()
        self._write([*self.keys(), made])
        return made

    def remove(self, key_id: str) -> None:
        """Remove a key for ever; never the newest."""
        if key_id == self.newest():
            raise KeyringError(f"{key_id} is the key that wraps now. Add another first.")
        kept = [key for key in self.keys() if key.key_id != key_id]
        if len(kept) == len(self.keys()):
            raise KeyringError(
                f"The keyring {self._path} has no key {key_id!r}. It has: {', '.join(self.names())}"
            )
        self._write(kept)

    def _newest(self) -> MasterKey:
        return next(reversed(self._keys().values()))

    def _keys(self) -> dict[str, MasterKey]:
        """Read the file when it is not the one we have read."""
        try:
            now = private_file.signature(self._path.stat())
        except OSError:
            now = None
        if self._loaded is None or now != self._loaded[0]:
            self._loaded = self._read()
        return self._loaded[1]

    def _read(self) -> tuple[private_file.Signature, dict[str, MasterKey]]:
        file = self._path
        if settings.SECRETS_KEYRING_IS_MADE and settings.SECRETS_PROVIDER == "local":
            self._make_once()
        try:
            text, signature = private_file.read(file)
        except FileNotFoundError:
            raise KeyringError(
                f"There is no keyring at {file} (SECRETS_KEYRING). Restore it from its backup, or,"
                " where there has never been one, run: python manage.py secret_keys create"
            ) from None
        except private_file.NotPrivate:
            raise KeyringError(
                f"Others may read the keyring {file}. Run: chmod 600 {file}"
            ) from None
        except OSError as error:
            raise KeyringError(f"The keyring {file} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise _damaged(file, "it is no text") from None
        return signature, _parsed(text, file)

    def _make_once(self) -> None:
        if self._path.exists():
            return
        try:
            self.create()
        except KeyringError:
            if not self._path.exists():  # else another process was quicker
                raise

    def _write(self, keys: list[MasterKey], *, new: bool = False) -> None:
        entries = [
            {
                "id": key.key_id,
                "created_at": key.created_at.isoformat(),
                "key": base64.b64encode(key.secret).decode("ascii"),
            }
            for key in keys
        ]
        try:
            private_file.write(self._path, json.dumps({"keys": entries}, indent=2) + "\n", new=new)
        except FileExistsError:
            raise KeyringError(f"{self._path} exists already; it is not overwritten.") from None
        except OSError as error:
            raise KeyringError(
                f"The keyring {self._path} cannot be written: {error.strerror}."
            ) from None


def _parsed(text: str, file: Path) -> dict[str, MasterKey]:
    """The keys by name, the oldest first, which is the order of the file."""
    if not text.strip():
        raise _damaged(file, "it is empty")
    try:
        keys = [_key(entry) for entry in json.loads(text)["keys"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        keys = None  # what was read may stand in the error: it does not go further
    if keys is None:
        raise _damaged(file, "what it holds are no keys")
    if not keys:
        raise _damaged(file, "it holds no key")
    by_name = {key.key_id: key for key in keys}
    if len(by_name) < len(keys):
        raise _damaged(file, "it holds two keys of one name")
    return by_name


def _key(entry: dict[str, str]) -> MasterKey:
    secret = base64.b64decode(entry["key"], validate=True)
    created_at = datetime.fromisoformat(entry["created_at"])
    if len(secret) != _KEY_BYTES or not _ID.match(entry["id"]) or created_at.tzinfo is None:
        raise ValueError("no key")
    return MasterKey(entry["id"], created_at, secret)


def _damaged(file: Path, why: str) -> KeyringError:
    return KeyringError(
        f"The keyring {file} is damaged ({why}). Restore it from its backup: without its keys"
        " secrets cannot be read."
    )
