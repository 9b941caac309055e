"""The account PostgreSQL runs as: ours, or an unprivileged one when we are root."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from database.embedded.errors import EmbeddedServerError

# PostgreSQL refuses to run as root; the first of these that exists runs it then.
STAND_INS: Final = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """Who owns the data and runs the server; ``foreign`` when that is not the present user."""

    name: str
    uid: int
    gid: int
    foreign: bool

    @property
    def logins(self) -> tuple[str, ...]:
        """The operating system's users that may log in to the server."""
        own = user_name()
        return (own, self.name) if self.foreign else (own,)


def user_name() -> str:
    """The present user's name, which the server's peer authentication looks up as well."""
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise EmbeddedServerError(
            f"User id {uid} has no name on this machine, and PostgreSQL needs one. Add the user to"
            " /etc/passwd, or set DATABASE_URL to a server of your own."
        ) from None


def choose(data: Path) -> Account:
    """The account for the cluster in ``data``: as root its owner if it exists, else a stand-in."""
    uid = os.geteuid()
    if uid != 0:
        return Account(user_name(), uid, os.getegid(), foreign=False)
    try:
        owner = data.lstat().st_uid
    except FileNotFoundError:
        return _stand_in()
    if owner == 0:
        raise EmbeddedServerError(
            f"{data} belongs to root, but PostgreSQL never runs as root. Give the directory to the"
            " account that shall run it (chown -R postgres), or move it away to start empty."
        )
    try:
        entry = pwd.getpwuid(owner)
    except KeyError:
        raise EmbeddedServerError(
            f"{data} belongs to user id {owner}, which has no name on this machine. Add that user,"
            " or give the directory to the account that shall run PostgreSQL."
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, foreign=True)


def _stand_in() -> Account:
    for name in STAND_INS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, foreign=True)
    raise EmbeddedServerError(
        "PostgreSQL refuses to run as root, and this machine has neither a user 'postgres' nor"
        " 'nobody'. Create one, run as an ordinary user, or set DATABASE_URL."
    )


def can_enter(account: Account, directory: Path) -> bool:
    """Whether ``account``, with no supplementary group, may pass through to ``directory``."""
    return all(_bit(account, place, 0o1) for place in (directory, *directory.parents))


def can_run(account: Account, program: Path) -> bool:
    """Whether ``account`` can reach, read and execute the file ``program``."""
    return can_enter(account, program.parent) and _bit(account, program, 0o5)


def _bit(account: Account, path: Path, wanted: int) -> bool:
    status = path.stat()
    if status.st_uid == account.uid:
        shift = 6
    elif status.st_gid == account.gid:
        shift = 3
    else:
        shift = 0
    return (status.st_mode >> shift) & wanted == wanted
