"""Every test has a home of its own, and leaves nothing behind: no process, no file."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from database import embedded
from database.embedded.places import data_directory
from tests.database.embedded.processes import alive, eventually


def _folder() -> Path:
    """A short, empty directory that every user can enter; in memory where there is plenty."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30
    folder = Path(tempfile.mkdtemp(prefix="lac-", dir=memory if roomy else None))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = _folder()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def new_home(folder: Path) -> Iterator[Callable[[str], Path]]:
    """Makes the path of a home that does not exist yet; afterwards nothing may be left of it."""
    homes: list[Path] = []

    def new(name: str) -> Path:
        homes.append(folder / name)
        return homes[-1]

    yield new
    for home in homes:
        embedded.stop(home)
    assert eventually(lambda: not alive(str(folder))), [
        Path(f"/proc/{pid}/cmdline").read_bytes() for pid in alive(str(folder))
    ]
    for home in homes:
        base = data_directory(home.resolve()).parent
        if base != home.resolve():
            shutil.rmtree(base)
        for uid in {os.geteuid(), 65534}:
            mark = embedded.socket_directory(home).name.rpartition("-")[2]
            shutil.rmtree(f"/tmp/lacuna-{uid}-{mark}", ignore_errors=True)


@pytest.fixture
def fresh_home(new_home: Callable[[str], Path]) -> Path:
    """A home that does not exist yet."""
    return new_home("home")


@pytest.fixture(scope="session")
def made_once() -> Iterator[Path]:
    """The data of a server that was started and stopped, to be copied."""
    folder = _folder()
    home = folder / "home"
    sockets = embedded.ensure_running(home, fast=True)
    embedded.stop(home)
    yield data_directory(home)
    shutil.rmtree(folder)
    sockets.rmdir()


@pytest.fixture
def home(fresh_home: Path, made_once: Path) -> Path:
    """A home with data of roles and an empty database, not running."""
    fresh_home.mkdir(mode=0o755)
    subprocess.run(["cp", "-a", str(made_once), str(fresh_home / "data")], check=True)
    return fresh_home
