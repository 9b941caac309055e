"""The signing keys: a file outside the database, which only the sealer reads.

Several keys may sign at the same time, so that those who pin the old one can pin the new one before
the old one stops. A key counts for checkpoints of the sizes at which it signed.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from django.conf import settings

from audit.errors import KeyringError
from audit.proofs.checkpoints import PinnedKey
from audit.proofs.errors import NoteError
from audit.proofs.notes import SigningKey, VerifierKey

_ORIGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*\Z")


@dataclass(frozen=True, slots=True)
class Key:
    """One key: ``first_size`` and ``last_size`` bound the checkpoints it may have signed."""

    secret: str
    added_at: str
    first_size: int = 0
    last_size: int | None = None

    @property
    def signing(self) -> SigningKey:
        """The key itself."""
        return SigningKey.parse(self.secret)

    @property
    def public(self) -> VerifierKey:
        """Its public half."""
        return self.signing.verifier

    def pin(self) -> PinnedKey:
        """What others may pin."""
        return PinnedKey(self.public, self.first_size, self.last_size)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The log's name, and its keys, the oldest first."""

    origin: str
    keys: tuple[Key, ...]

    def signers(self) -> list[SigningKey]:
        """The keys that sign now."""
        return [
            key.signing
            for key in self.keys
            if key.last_size is None and key.public.name == self.origin
        ]

    def pins(self) -> list[PinnedKey]:
        """Every key that ever signed, with its sizes."""
        return [key.pin() for key in self.keys]


def create(origin: str = "", *, path: Path | None = None) -> Keyring:
    """Make a keyring with one key; KeyringError if there is one already.

    ``origin`` names the log to the world for ever, as ``lacuna.example.org/audit``; without one a
    name is drawn.
    """
    file = path or settings.AUDIT_KEYRING
    if file.exists():
        raise KeyringError(f"{file} exists already; it is not overwritten.")
    origin = origin or f"lacuna-{secrets.token_hex(6)}/audit"
    keyring = Keyring(checked(origin), (_new_key(origin, 0),))
    _write(keyring, file, exclusive=True)
    return keyring


def add_key(size: int, *, path: Path | None = None) -> VerifierKey:
    """Add a key that signs from now on, beside the others; ``size`` is the log's."""
    keyring = load(path)
    made = _new_key(keyring.origin, size)
    _write(replace(keyring, keys=(*keyring.keys, made)), path or settings.AUDIT_KEYRING)
    return made.public


def retire_key(key_id: str, size: int, *, path: Path | None = None) -> VerifierKey:
    """Let a key sign no more; it counts for checkpoints up to ``size``."""
    keyring = load(path)
    chosen = [key for key in keyring.keys if key.public.key_id.hex() == key_id]
    if not chosen or chosen[0].last_size is not None:
        known = ", ".join(signer.verifier.key_id.hex() for signer in keyring.signers())
        raise KeyringError(f"No key with the id {key_id!r} signs now. These do: {known}.")
    if len(keyring.signers()) == 1:
        raise KeyringError("This is the only key that signs. Add another first.")
    keys = tuple(replace(key, last_size=size) if key is chosen[0] else key for key in keyring.keys)
    _write(replace(keyring, keys=keys), path or settings.AUDIT_KEYRING)
    return chosen[0].public


def restart(origin: str, size: int, *, path: Path | None = None) -> Keyring:
    """Go on under a new name, after a restore that lost what had been published.

    The keys of the old name sign no more; what they signed still verifies.
    """
    keyring = load(path)
    if checked(origin) == keyring.origin:
        raise KeyringError(f"The log is called {origin} already. Choose a name never used before.")
    ended = tuple(
        key if key.last_size is not None else replace(key, last_size=size) for key in keyring.keys
    )
    made = Keyring(origin, (*ended, _new_key(origin, size)))
    _write(made, path or settings.AUDIT_KEYRING)
    return made


def load(path: Path | None = None) -> Keyring:
    """The keyring; KeyringError says what is wrong with the file."""
    file = path or settings.AUDIT_KEYRING
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KeyringError(
            f"There is no keyring at {file} (AUDIT_KEYRING)."
            " Make one with: python manage.py audit_keys create --origin NAME"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyringError(f"The keyring {file} cannot be read: {error}.") from None
    if mode & 0o077:
        raise KeyringError(f"Others may read the keyring {file}. Run: chmod 600 {file}")
    try:
        given = json.loads(text)
        keys = tuple(Key(**key) for key in given["keys"])
        keyring = Keyring(checked(given["origin"]), keys)
        for key in keyring.keys:
            _check_sizes(key.pin())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        shown = str(error) if isinstance(error, NoteError) else type(error).__name__
        raise KeyringError(f"The keyring {file} is damaged ({shown}).") from None
    if not keyring.signers():
        raise KeyringError(f"No key of the keyring {file} may sign.")
    return keyring


def load_or_create() -> Keyring:
    """The keyring; beside the private server one is made when there is none."""
    if settings.EMBEDDED_HOME is not None and not settings.AUDIT_KEYRING.exists():
        try:
            return create()
        except KeyringError:  # another process was quicker
            return load()
    return load()


def trusted() -> list[PinnedKey]:
    """The keys by which the log is verified: AUDIT_TRUSTED_KEYS, else the keyring's."""
    if not settings.AUDIT_TRUSTED_KEYS:
        return load().pins()
    file = Path(settings.AUDIT_TRUSTED_KEYS)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyringError(f"{file} (AUDIT_TRUSTED_KEYS) cannot be read: {error}.") from None
    try:
        pins = [PinnedKey.parse(line) for line in lines if line and not line.startswith("#")]
    except NoteError as error:
        raise KeyringError(f"{file} (AUDIT_TRUSTED_KEYS): {error}") from None
    if not pins:
        raise KeyringError(f"{file} (AUDIT_TRUSTED_KEYS) names no key.")
    return pins


def witnesses() -> list[VerifierKey]:
    """The witnesses whose cosignatures are demanded: AUDIT_WITNESS_KEYS."""
    try:
        return [VerifierKey.parse(text) for text in settings.AUDIT_WITNESS_KEYS]
    except NoteError as error:
        raise KeyringError(f"AUDIT_WITNESS_KEYS: {error}") from None


def _check_sizes(pin: PinnedKey) -> None:
    """TypeError or ValueError unless the sizes are numbers that a checkpoint can have."""
    if pin.lowest < 0 or (pin.highest is not None and pin.highest < pin.lowest):
        raise ValueError


def checked(origin: str) -> str:
    """The name, if it can be one."""
    if not isinstance(origin, str) or not _ORIGIN.match(origin) or len(origin) > 200:
        raise KeyringError(
            f"{origin!r} cannot name a log: use letters, digits, dots, dashes and slashes, such as"
            " lacuna.example.org/audit"
        )
    return origin


def _new_key(origin: str, size: int) -> Key:
    made = SigningKey.generate(checked(origin))
    return Key(made.export(), datetime.now(UTC).isoformat(timespec="seconds"), size)


def _write(keyring: Keyring, file: Path, *, exclusive: bool = False) -> None:
    """Write the whole file and put it in place at once; only its owner may read it."""
    text = json.dumps(
        {"origin": keyring.origin, "keys": [asdict(key) for key in keyring.keys]}, indent=2
    )
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=".keyring-")  # made with 0600
        made = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as new:
                new.write(text + "\n")
                new.flush()
                os.fsync(new.fileno())
            if exclusive:
                os.link(made, file)
            else:
                made.replace(file)
        finally:
            made.unlink(missing_ok=True)  # no secret is left behind, whatever happened
        _keep_name(file.parent)
    except FileExistsError:
        raise KeyringError(f"{file} exists already; it is not overwritten.") from None
    except OSError as error:
        raise KeyringError(f"The keyring {file} cannot be written: {error.strerror}.") from None


def _keep_name(folder: Path) -> None:
    """Have the file found again after a power failure: a key that signed must not be lost."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
