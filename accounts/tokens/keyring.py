"""The keys that sign access tokens: a file outside the database, TOKEN_KEYRING.

Several keys lie in it. The newest whose time has come signs; another verifies until it is retired
and the last token it signed has expired. A key is named by its RFC 7638 thumbprint (``kid``).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from accounts.tokens.errors import KeyringError
from database.encryption import private_file

# How far the clocks of hosts may differ.
LEEWAY: Final = timedelta(seconds=30)
_KEY_BYTES: Final = 32
_KID: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class Key:
    """One key pair; ``signs_from`` leaves time for others to learn of it before it is used."""

    secret: Ed25519PrivateKey = field(repr=False)
    created_at: datetime
    signs_from: datetime
    retired_at: datetime | None = None

    @classmethod
    def make(cls, *, after: timedelta = timedelta(0)) -> Key:
        """A new one, which signs when ``after`` has passed.

        Its name begins with no dash, so that it can be typed behind a command.
        """
        now = _now()
        while True:
            key = cls(Ed25519PrivateKey.generate(), now, now + after)
            if not key.kid.startswith("-"):
                return key

    @property
    def public(self) -> Ed25519PublicKey:
        """The half that verifies."""
        return self.secret.public_key()

    @property
    def kid(self) -> str:
        """What tokens call it."""
        return thumbprint(self.public)

    def signs(self, moment: datetime) -> bool:
        """Whether it may sign at this moment."""
        return self.retired_at is None and self.signs_from <= moment

    def verifies(self, moment: datetime) -> bool:
        """Whether a token that it signed may still be valid at this moment."""
        lifetime = timedelta(minutes=settings.ACCESS_TOKEN_MINUTES)
        return self.retired_at is None or moment <= self.retired_at + lifetime + LEEWAY

    def may_have_signed(self, moment: datetime) -> bool:
        """Whether a token made at this moment may be its work: it made none once retired."""
        return self.retired_at is None or moment <= self.retired_at + LEEWAY

    def as_jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 8037, section 2)."""
        return {**_members(self.public), "kid": self.kid, "alg": "EdDSA", "use": "sig"}


@dataclass(frozen=True, slots=True)
class Keyring:
    """Every key, the oldest first."""

    keys: tuple[Key, ...]

    def signer(self, moment: datetime | None = None) -> Key:
        """The newest key that signs now; KeyringError when none does."""
        moment = moment or _now()
        ready = [key for key in self.keys if key.signs(moment)]
        if not ready:
            raise KeyringError(
                f"No key of {settings.TOKEN_KEYRING} signs at this moment. Add one that does:"
                " python manage.py token_keys add --now"
            )
        return ready[-1]

    def find(self, kid: str, moment: datetime | None = None) -> Key | None:
        """The key of this name, if it still verifies."""
        moment = moment or _now()
        return next((key for key in self.keys if key.kid == kid and key.verifies(moment)), None)

    def public_keys(self, moment: datetime | None = None) -> list[dict[str, str]]:
        """Every key by which tokens are verified now, as JSON Web Keys."""
        moment = moment or _now()
        return [key.as_jwk() for key in self.keys if key.verifies(moment)]


def thumbprint(key: Ed25519PublicKey) -> str:
    """The key's name: SHA-256 of its required members (RFC 7638, RFC 8037 appendix A.3)."""
    canonical = json.dumps(_members(key), sort_keys=True, separators=(",", ":"))
    return _text(hashlib.sha256(canonical.encode("ascii")).digest())


_loaded: dict[Path, tuple[private_file.Signature, Keyring]] = {}


def current() -> Keyring:
    """The keyring as the file stands now; beside the private server one is made when missing.

    The file is read again whenever it was replaced, so running processes follow ``token_keys``.
    """
    file: Path = settings.TOKEN_KEYRING
    try:
        now = private_file.signature(file.stat())
    except OSError:
        now = None
    known = _loaded.get(file)
    if known is None or known[0] != now:
        if now is None and settings.TOKEN_KEYRING_IS_MADE:
            _create_once()
        known = _loaded[file] = _read(file)
    return known[1]


def create() -> Key:
    """Make the file with one key; KeyringError when there is one already."""
    made = Key.make()
    _write(Keyring((made,)), new=True)
    return made


def add(*, after: timedelta = timedelta(0)) -> Key:
    """Add a key that signs when ``after`` has passed, and is published at once."""
    made = Key.make(after=after)
    _write(Keyring((*_kept(), made)))
    return made


def retire(kid: str) -> Key:
    """Let a key sign no more; what it signed is valid until it expires."""
    keys = _kept()
    chosen = _chosen(keys, kid)
    if chosen.retired_at is not None:
        raise KeyringError(f"The key {kid} is retired already.")
    _demand_another_signer(keys, chosen)
    retired = replace(chosen, retired_at=_now())
    _write(Keyring(tuple(retired if key is chosen else key for key in keys)))
    return retired


def remove(kid: str) -> Key:
    """Take a key away, as when it was stolen: every token that it signed is refused at once."""
    keys = _kept()
    chosen = _chosen(keys, kid)
    if chosen.retired_at is None:
        _demand_another_signer(keys, chosen)
    _write(Keyring(tuple(key for key in keys if key is not chosen)))
    return chosen


def _kept() -> tuple[Key, ...]:
    """The keys that are still of use."""
    now = _now()
    return tuple(key for key in current().keys if key.verifies(now))


def _chosen(keys: tuple[Key, ...], kid: str) -> Key:
    for key in keys:
        if key.kid == kid:
            return key
    raise KeyringError(f"There is no key {kid!r}. There are: {', '.join(key.kid for key in keys)}")


def _demand_another_signer(keys: tuple[Key, ...], chosen: Key) -> None:
    now = _now()
    if not any(key.signs(now) for key in keys if key is not chosen):
        raise KeyringError(
            f"Without {chosen.kid} no key would sign. Add another first:"
            " python manage.py token_keys add --now"
        )


def _create_once() -> None:
    try:
        create()
    except KeyringError:
        if not settings.TOKEN_KEYRING.exists():  # else another process was quicker
            raise


def _read(file: Path) -> tuple[private_file.Signature, Keyring]:
    try:
        text, signature = private_file.read(file)
    except FileNotFoundError:
        raise KeyringError(
            f"There is no keyring at {file} (TOKEN_KEYRING)."
            " Make one with: python manage.py token_keys create"
        ) from None
    except private_file.NotPrivate:
        raise KeyringError(f"Others may read the keyring {file}. Run: chmod 600 {file}") from None
    except OSError as error:
        raise KeyringError(f"The keyring {file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise _damaged(file) from None
    try:
        keys = tuple(_parsed(json.loads(text)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        keys = ()  # what was read may stand in the error: it does not go further
    if not keys or len({key.kid for key in keys}) < len(keys):
        raise _damaged(file)
    return signature, Keyring(keys)


def _parsed(given: dict[str, list[dict[str, str]]]) -> Iterator[Key]:
    for entry in given["keys"]:
        secret = base64.urlsafe_b64decode(entry["secret"] + "=")
        if len(secret) != _KEY_BYTES:
            raise ValueError("no key")
        retired = entry.get("retired_at")
        yield Key(
            Ed25519PrivateKey.from_private_bytes(secret),
            _moment(entry["created_at"]),
            _moment(entry["signs_from"]),
            None if retired is None else _moment(retired),
        )


def _moment(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError("no time zone")
    return read


def _write(keyring: Keyring, *, new: bool = False) -> None:
    file: Path = settings.TOKEN_KEYRING
    entries = [
        {
            "kid": key.kid,
            "secret": _text(key.secret.private_bytes_raw()),
            "created_at": key.created_at.isoformat(),
            "signs_from": key.signs_from.isoformat(),
            "retired_at": key.retired_at and key.retired_at.isoformat(),
        }
        for key in keyring.keys
    ]
    try:
        private_file.write(file, json.dumps({"keys": entries}, indent=2) + "\n", new=new)
    except FileExistsError:
        raise KeyringError(f"{file} exists already; it is not overwritten.") from None
    except OSError as error:
        raise KeyringError(f"The keyring {file} cannot be written: {error.strerror}.") from None


def _damaged(file: Path) -> KeyringError:
    return KeyringError(
        f"The keyring {file} is damaged. Move it away and make another: python manage.py"
        " token_keys create. Programs get new access tokens with their refresh tokens."
    )


def _members(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _text(key.public_bytes_raw())}


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def is_kid(text: object) -> bool:
    """Whether a key could be called so."""
    return isinstance(text, str) and bool(_KID.match(text))


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
