"""The binary form of a secret at rest: AES-256-GCM under a data key made for that one write.

docs/secrets.md specifies it byte by byte; tests/vectors/secrets holds examples. AES-GCM is NIST
SP 800-38D: nonces of 96 bits, tags of 128.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from database.encryption import providers
from database.encryption.errors import Undecryptable
from database.encryption.place import Place

VERSION: Final = 1
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
# What authenticates the value, besides its place; the wrapped data key has a label of its own.
VALUE_LABEL: Final = "lacuna secret 1 value"

_LARGEST_ID: Final = 255
_LARGEST_WRAPPED: Final = 0xFFFF


@dataclass(frozen=True, slots=True, repr=False)
class Envelope:
    """One stored secret: the master key's id, the wrapped data key, nonce, ciphertext and tag."""

    key_id: str
    wrapped: bytes
    nonce: bytes
    sealed: bytes

    @classmethod
    def parse(cls, blob: bytes) -> Envelope:
        """Take an envelope apart; ValueError when it cannot be one."""
        if len(blob) < 2 or blob[0] != VERSION:
            raise ValueError("it does not begin as an envelope does")
        start = 2 + blob[1]
        after = start + 2 + int.from_bytes(blob[start : start + 2])
        if blob[1] == 0 or after == start + 2 or len(blob) < after + NONCE_BYTES + TAG_BYTES:
            raise ValueError("it is shorter than it says")
        name = blob[2:start]
        if not all(0x21 <= sign <= 0x7E for sign in name):
            raise ValueError("its master key has no proper name")
        return cls(
            key_id=name.decode("ascii"),
            wrapped=blob[start + 2 : after],
            nonce=blob[after : after + NONCE_BYTES],
            sealed=blob[after + NONCE_BYTES :],
        )

    def __bytes__(self) -> bytes:
        return b"".join(
            (
                prefix(self.key_id),
                len(self.wrapped).to_bytes(2),
                self.wrapped,
                self.nonce,
                self.sealed,
            )
        )


def prefix(key_id: str) -> bytes:
    """How every envelope begins whose data key is wrapped by this master key."""
    name = key_id.encode("ascii")
    if not 0 < len(name) <= _LARGEST_ID:
        raise ValueError(f"A master key's name has 1 to {_LARGEST_ID} bytes, not {len(name)}.")
    return bytes((VERSION, len(name))) + name


def seal(value: bytes | bytearray, place: Place) -> bytes:
    """Encrypt ``value`` for its place, under the newest master key."""
    data_key, key_id, wrapped = providers.wrapping().generate(place)
    try:
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(data_key).encrypt(nonce, value, place.associated(VALUE_LABEL))
    finally:
        clear(data_key)
    if not 0 < len(wrapped) <= _LARGEST_WRAPPED:
        raise ValueError(f"A wrapped data key has 1 to {_LARGEST_WRAPPED} bytes.")
    return bytes(Envelope(key_id, wrapped, nonce, sealed))


def unseal(blob: bytes, place: Place) -> bytearray:
    """Decrypt; Undecryptable when anything of it was changed, or it belongs elsewhere.

    The caller clears what it gets (``clear``) once it is used.
    """
    envelope = _parsed(blob, place)
    holder = providers.holding(envelope.key_id, place)
    return _decrypted(envelope, holder.unwrap(envelope.key_id, envelope.wrapped, place), place)


def rewrap(blob: bytes, place: Place) -> bytes:
    """The same secret with its data key wrapped by the newest master key.

    Nonce and ciphertext stay as they are. The result has been decrypted once to see that it can be.
    """
    envelope = _parsed(blob, place)
    old, new = providers.holding(envelope.key_id, place), providers.wrapping()
    if old is new:
        key_id, wrapped = old.rewrap(envelope.key_id, envelope.wrapped, place)
    else:
        data_key = old.unwrap(envelope.key_id, envelope.wrapped, place)
        try:
            key_id, wrapped = new.wrap(data_key, place)
        finally:
            clear(data_key)
    made = bytes(replace(envelope, key_id=key_id, wrapped=wrapped))
    clear(unseal(made, place))
    return made


def clear(buffer: bytearray) -> None:
    """Overwrite with zeros. As far as Python allows: copies made elsewhere stay."""
    buffer[:] = bytes(len(buffer))


def _parsed(blob: bytes, place: Place) -> Envelope:
    try:
        return Envelope.parse(blob)
    except ValueError as error:
        why = str(error)
    raise Undecryptable(place, why)


def _decrypted(envelope: Envelope, data_key: bytearray, place: Place) -> bytearray:
    value = bytearray(len(envelope.sealed) - TAG_BYTES)
    try:
        AESGCM(data_key).decrypt_into(
            envelope.nonce, envelope.sealed, place.associated(VALUE_LABEL), value
        )
    except InvalidTag:
        raise Undecryptable(
            place, "it was changed, or belongs to another row, column or table"
        ) from None
    finally:
        clear(data_key)
    return value
