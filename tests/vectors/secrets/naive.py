"""The envelope of docs/secrets.md, written down from its definition alone."""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def associated(*parts: str) -> bytes:
    """Each part with its length before it."""
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)


def wrapped_key(
    master: bytes, key_id: str, data_key: bytes, nonce: bytes, place: tuple[str, str, str]
) -> bytes:
    """A data key under a local master key."""
    context = associated("lacuna secret 1 key", key_id, *place)
    return nonce + AESGCM(master).encrypt(nonce, data_key, context)


def envelope(
    *,
    key_id: str,
    wrapped: bytes,
    data_key: bytes,
    nonce: bytes,
    value: bytes,
    place: tuple[str, str, str],
) -> bytes:
    """All of it, as it stands in the column."""
    name = key_id.encode("ascii")
    sealed = AESGCM(data_key).encrypt(nonce, value, associated("lacuna secret 1 value", *place))
    return (
        b"\x01"
        + len(name).to_bytes(1, "big")
        + name
        + len(wrapped).to_bytes(2, "big")
        + wrapped
        + nonce
        + sealed
    )
