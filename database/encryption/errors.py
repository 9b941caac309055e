"""What encryption answers with when it cannot do as it was asked; never with a secret in it."""

from __future__ import annotations

from database.encryption.place import Place


class EncryptionError(Exception):
    """The text is for the reader and says what to do."""


class KeyringError(EncryptionError):
    """The local master keys are missing, unreadable or not private."""


class ProviderFailed(EncryptionError):
    """The key provider does not answer, or does not let us."""


class CannotSeal(EncryptionError, ValueError):
    """A value cannot be encrypted as asked. Also a ValueError: ``loaddata`` then names the row."""


class Undecryptable(EncryptionError):
    """A stored value was changed, moved, or lost its master key."""

    def __init__(self, place: Place, why: str) -> None:
        super().__init__(
            f"The secret in {place.table}.{place.column} of row {place.row} cannot be decrypted:"
            f" {why}."
        )
        self.place = place
        self.why = why

    def __reduce__(self) -> tuple[type[Undecryptable], tuple[Place, str]]:
        return type(self), (self.place, self.why)
