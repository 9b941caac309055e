"""Signed notes (C2SP signed-note): a text, an empty line, and signature lines others may add to.

Algorithms are kept in a registry by their type byte, so that one more is one more row.
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.proofs.errors import NoteError

ED25519 = 0x01
COSIGNATURE = 0x04
MOST_SIGNATURES = 100
_LARGEST_NOTE = 1_000_000
_SECRET_PREFIX = "PRIVATE+KEY+"  # noqa: S105 - the same before every key
_MARK = "\u2014 "
_LAST_MOMENT = 253_402_300_799  # the year 9999 ends: what a datetime can show
_KEY_ID = re.compile("[0-9a-f]{8}")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_NOT_IN_NAME = re.compile("[\\s+\x00-\x1f\x7f\x85\ud800-\udfff]")


class Algorithm(NamedTuple):
    """How keys of one type sign: sizes in bytes, and functions over the note's text."""

    name: str
    public_size: int
    secret_size: int
    public_of: Callable[[bytes], bytes]
    sign: Callable[[bytes, bytes, datetime | None], bytes]
    verify: Callable[[bytes, bytes, bytes], datetime | None]


class VerifierKey(NamedTuple):
    """A public key with its name: `name+key id+base64(type || key)`."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The 4 bytes by which signature lines refer to the key."""
        text = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(text).digest()[:4]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of a written verifier key; NoteError names what is wrong with it."""
        name, key_id, kind, public = _written_key(text, "verifier key")
        if len(public) != ALGORITHMS[kind].public_size:
            raise NoteError(
                f"The key {name} has {len(public)} bytes; "
                f"{ALGORITHMS[kind].name} has {ALGORITHMS[kind].public_size}."
            )
        key = cls(name, kind, public)
        if key.key_id.hex() != key_id:
            raise NoteError(
                f"The key {name} has the id {key.key_id.hex()}, but {key_id} is written."
            )
        return key

    def verify(self, text: bytes, signature: bytes) -> datetime | None:
        """The moment a cosignature gives, None for a plain one; NoteError when it does not hold."""
        try:
            return ALGORITHMS[self.kind].verify(self.public, text, signature)
        except InvalidSignature:
            raise NoteError(f"The signature by {self.name} does not hold.") from None

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode(bytes([self.kind]) + self.public)}"


class Signer(Protocol):
    """Whatever can sign a note: a key in memory, or a device that keeps its own."""

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""

    def sign(self, text: bytes) -> bytes:
        """The signature over a note's text."""


class SigningKey:
    """A secret key in memory: `PRIVATE+KEY+name+key id+base64(type || seed)`."""

    def __init__(self, name: str, seed: bytes, *, kind: int = ED25519) -> None:
        algorithm = _algorithm(kind, name)
        check_name(name)
        if len(seed) != algorithm.secret_size:
            raise NoteError(f"The secret key {name} must have {algorithm.secret_size} bytes.")
        self._seed = seed
        self.verifier = VerifierKey(name, kind, algorithm.public_of(seed))

    @classmethod
    def generate(cls, name: str, *, kind: int = ED25519) -> Self:
        """A new key from the system's randomness."""
        return cls(name, secrets.token_bytes(_algorithm(kind, name).secret_size), kind=kind)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key of a written secret key; NoteError, never repeating the secret."""
        if not text.startswith(_SECRET_PREFIX):
            raise NoteError(f"A secret key must begin with {_SECRET_PREFIX}.")
        name, key_id, kind, seed = _written_key(text.removeprefix(_SECRET_PREFIX), "secret key")
        key = cls(name, seed, kind=kind)
        if key.verifier.key_id.hex() != key_id:
            raise NoteError(f"The secret key {name} does not fit the key id {key_id}.")
        return key

    def export(self) -> str:
        """The secret key in writing; whoever reads it can sign."""
        secret = encode(bytes([self.verifier.kind]) + self._seed)
        return f"{_SECRET_PREFIX}{self.verifier.name}+{self.verifier.key_id.hex()}+{secret}"

    def sign(self, text: bytes, *, at: datetime | None = None) -> bytes:
        """The signature over a note's text; a cosignature needs its moment `at`."""
        return ALGORITHMS[self.verifier.kind].sign(self._seed, text, at)

    def __repr__(self) -> str:
        return f"<SigningKey {self.verifier}>"


class Signature(NamedTuple):
    """A signature that holds; `at` is the moment (UTC, whole seconds) of a cosignature."""

    key: VerifierKey
    at: datetime | None


class Note(NamedTuple):
    """An opened note: its text, and the signatures by known keys in the order of their lines."""

    text: str
    signatures: tuple[Signature, ...]


def sign(text: str, signers: Iterable[Signer]) -> str:
    """The note over the text, which must end with a line feed, with a line for each signer."""
    _check_text(text)
    lines = [signature_line(signer.verifier, signer.sign(text.encode())) for signer in signers]
    if not lines:
        raise NoteError("A note must be signed by one key at least.")
    return f"{text}\n{''.join(lines)}"


def cosign(note: str, key: SigningKey, *, at: datetime) -> str:
    """A witness's signature line (cosignature/v1) for a note, to be added to it."""
    text, _ = split(note)
    return signature_line(key.verifier, key.sign(text.encode(), at=at))


def add_signatures(note: str, lines: str) -> str:
    """The note with further signature lines; NoteError when the result would be no note."""
    split(note + lines)
    return note + lines


def open_note(note: str, keys: Iterable[VerifierKey]) -> Note:
    """The note, if at least one of the keys has signed it.

    Lines by other keys are ignored, as their owners may add them at will. A wrong signature by one
    of the keys, or two of them, is refused: nobody honest writes that. Raises NoteError.
    """
    text, lines = split(note)
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[VerifierKey, Signature] = {}
    for name, key_id, signature in lines:
        key = known.get((name, key_id))
        if key is None:
            continue
        if key in found:
            raise NoteError(f"The note has two signatures by {name}.")
        found[key] = Signature(key, key.verify(text.encode(), signature))
    if not found:
        names = ", ".join(str(key) for key in known.values()) or "none"
        raise NoteError(f"The note has no signature by a known key; known: {names}.")
    return Note(text, tuple(found.values()))


def split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """A note's text and its signature lines as (name, key id, signature), nothing verified."""
    if len(note) > _LARGEST_NOTE:
        raise NoteError(f"The note has {len(note)} characters, more than {_LARGEST_NOTE}.")
    end = note.rfind("\n\n")
    if end < 0 or not note.endswith("\n"):
        raise NoteError("A note must be a text, an empty line and signature lines.")
    text, lines = note[: end + 1], note[end + 2 :].split("\n")[:-1]
    _check_text(text)
    if not 1 <= len(lines) <= MOST_SIGNATURES:
        raise NoteError(f"A note must have 1 to {MOST_SIGNATURES} signatures, not {len(lines)}.")
    return text, [_signature(number, line) for number, line in enumerate(lines, start=1)]


def signature_line(key: VerifierKey, signature: bytes) -> str:
    """The line that carries a signature by this key, line feed included."""
    return f"{_MARK}{key.name} {encode(key.key_id + signature)}\n"


def check_name(name: str) -> None:
    """Refuse what cannot name a key: nothing, white space, plus signs."""
    if not name or _NOT_IN_NAME.search(name):
        raise NoteError(f"The key name {name!r} must be text without white space or plus signs.")


def encode(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode()


def decode(text: str) -> bytes:
    """The bytes of base64 text; NoteError unless `encode` gives the very same text."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or encode(data) != text:
        raise NoteError(f"{text[:60]!r} is no canonical base64.")
    return data


def _signature(number: int, line: str) -> tuple[str, bytes, bytes]:
    name, space, text = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not space:
        raise NoteError(f"Signature line {number} must be a dash, a key name and base64.")
    check_name(name)
    data = decode(text)
    if len(data) <= 4:
        raise NoteError(f"Signature line {number} has no room for a key id and a signature.")
    return name, data[:4], data[4:]


def _check_text(text: str) -> None:
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteError("A note's text must be lines without control characters.")


def _written_key(text: str, what: str) -> tuple[str, str, int, bytes]:
    name, plus, rest = text.partition("+")
    key_id, second_plus, encoded = rest.partition("+")
    if not plus or not second_plus or not _KEY_ID.fullmatch(key_id):
        raise NoteError(f"A {what} must be written name+key id (8 hex digits)+base64.")
    check_name(name)
    try:
        data = decode(encoded)
    except NoteError:
        raise NoteError(f"The {what} {name} does not end in canonical base64.") from None
    _algorithm(data[0], name)
    return name, key_id, data[0], data[1:]


def _algorithm(kind: int, name: str) -> Algorithm:
    if kind not in ALGORITHMS:
        known = ", ".join(f"0x{known:02x} {ALGORITHMS[known].name}" for known in ALGORITHMS)
        raise NoteError(f"The key {name} has the unknown type 0x{kind:02x}; known: {known}.")
    return ALGORITHMS[kind]


def _ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _ed25519_sign(seed: bytes, text: bytes, at: datetime | None) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(text)


def _ed25519_verify(public: bytes, text: bytes, signature: bytes) -> datetime | None:
    Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    return None


def _cosigned_text(seconds: int, text: bytes) -> bytes:
    return b"cosignature/v1\ntime %d\n%b" % (seconds, text)


def _cosignature_sign(seed: bytes, text: bytes, at: datetime | None) -> bytes:
    if at is None or at.tzinfo is None:
        raise NoteError("A cosignature must say its moment, with a time zone.")
    seconds = int(at.timestamp())
    signature = _ed25519_sign(seed, _cosigned_text(seconds, text), None)
    return seconds.to_bytes(8, "big") + signature


def _cosignature_verify(public: bytes, text: bytes, signature: bytes) -> datetime | None:
    seconds = int.from_bytes(signature[:8], "big")
    if seconds > _LAST_MOMENT:
        raise InvalidSignature
    _ed25519_verify(public, _cosigned_text(seconds, text), signature[8:])
    return datetime.fromtimestamp(seconds, UTC)


ALGORITHMS = {
    ED25519: Algorithm("Ed25519", 32, 32, _ed25519_public, _ed25519_sign, _ed25519_verify),
    COSIGNATURE: Algorithm(
        *("Ed25519 cosignature", 32, 32),
        *(_ed25519_public, _cosignature_sign, _cosignature_verify),
    ),
}
