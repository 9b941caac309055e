"""Who holds the master keys: a keyring file (``local``, the default) or AWS KMS (``aws-kms``).

New data keys are wrapped by the provider of SECRETS_PROVIDER. A stored one is unwrapped by the
provider that its master key's name tells of, so rows of both may lie side by side while a site
moves from one to the other.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

from django.conf import settings

from database.encryption.errors import Undecryptable
from database.encryption.kms import AwsKms
from database.encryption.local import LocalKeyring
from database.encryption.place import Place


class KeyProvider(Protocol):
    """Wraps data keys of 32 bytes, each bound to the place of its secret.

    Undecryptable: the wrapped key was changed, belongs elsewhere, or its master key is gone.
    KeyringError, ProviderFailed: nothing can be said of it now.
    """

    def newest(self) -> str:
        """The name of the master key that wraps now."""

    def names(self) -> list[str]:
        """The master keys that can be used, the oldest first."""

    def generate(self, place: Place) -> tuple[bytearray, str, bytes]:
        """A new data key, which the caller clears; the name of its master key; and it wrapped."""

    def wrap(self, data_key: bytearray, place: Place) -> tuple[str, bytes]:
        """The name of the newest master key, and the data key wrapped by it."""

    def unwrap(self, key_id: str, wrapped: bytes, place: Place) -> bytearray:
        """The data key, which the caller clears."""

    def rewrap(self, key_id: str, wrapped: bytes, place: Place) -> tuple[str, bytes]:
        """As ``wrap``, from the wrapped data key."""


def wrapping() -> KeyProvider:
    """The provider of SECRETS_PROVIDER."""
    if settings.SECRETS_PROVIDER == "aws-kms":
        return _kms(settings.SECRETS_KMS_KEY)
    return local(settings.SECRETS_KEYRING)


def holding(key_id: str, place: Place) -> KeyProvider:
    """The provider that holds the master key of this name."""
    if LocalKeyring.knows(key_id):
        return local(settings.SECRETS_KEYRING)
    if AwsKms.knows(key_id):
        return _kms(settings.SECRETS_KMS_KEY)
    raise Undecryptable(place, f"no provider here has a master key named {key_id}")


@lru_cache(maxsize=8)
def local(path: Path) -> LocalKeyring:
    """The keyring at this path; it follows the file."""
    return LocalKeyring(path)


@lru_cache(maxsize=8)
def _kms(key: str) -> AwsKms:
    return AwsKms(key)
