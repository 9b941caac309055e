"""Starting, joining, leaving and stopping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from database import embedded, roles
from database.embedded import EmbeddedServerError
from tests.database.embedded.processes import (
    PACKAGES,
    PROJECT,
    alive,
    connect,
    eventually,
    users,
)


def test_the_first_start_makes_the_cluster_the_roles_and_the_database(fresh_home: Path) -> None:
    sockets = embedded.ensure_running(fresh_home, fast=True)

    assert sockets == embedded.socket_directory(fresh_home)
    with connect(sockets) as connection:
        found = connection.execute(
            "SELECT rolname, rolcanlogin, rolinherit, rolbypassrls, rolsuper FROM pg_roles"
            " WHERE rolname LIKE 'lacuna%' ORDER BY rolname"
        ).fetchall()
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba), datlocprovider, datlocale,"
            " pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'lacuna'"
        ).fetchone()
    assert found == [
        ("lacuna_admin", False, True, False, False),
        ("lacuna_app", True, False, False, False),
        ("lacuna_auditor", True, True, False, False),
        ("lacuna_backup", True, True, True, False),
        ("lacuna_owner", True, True, False, False),
        ("lacuna_readonly", True, True, False, False),
        ("lacuna_sealer", True, True, False, False),
        ("lacuna_system", False, True, False, False),
    ]
    assert owner == ("lacuna_owner", "b", "C.UTF-8", "UTF8")
    for role in roles.ROLES.keys() - {roles.ADMIN, roles.SYSTEM}:  # taken on, never logged in as
        connect(sockets, user=role).close()


def test_starting_again_is_joining_the_same_server(home: Path) -> None:
    embedded.ensure_running(home, fast=True)
    first = embedded.status(home)

    embedded.ensure_running(home)

    assert embedded.status(home) == first
    assert first.running
    assert first.users == 1


def test_a_missing_role_or_database_is_made_by_the_next_to_join(home: Path) -> None:
    sockets = embedded.ensure_running(home, fast=True)
    with connect(sockets, dbname="postgres") as connection:
        connection.execute("DROP DATABASE lacuna")
        connection.execute("DROP ROLE lacuna_auditor")

    with users(home) as (other,):
        other.answer()
        connect(sockets, user="lacuna_auditor").close()

    assert embedded.bootstrap(sockets) == []


def test_a_cluster_of_an_older_version_gets_the_rights_that_came_since(home: Path) -> None:
    sockets = embedded.ensure_running(home, fast=True)
    with connect(sockets) as connection:
        for member, role, _ in roles.MEMBERS:
            connection.execute(f"REVOKE {role} FROM {member}")
        assert len(roles.missing(connection)) == len(roles.MEMBERS)

        with users(home) as (other,):
            other.answer()

        assert roles.missing(connection) == []


def test_the_server_ends_with_its_last_user(home: Path) -> None:
    with users(home, 2) as (first, second):
        first.answer()
        second.answer()
        assert embedded.status(home).users == 2

        first.leave()
        assert embedded.status(home).running
        connect(embedded.socket_directory(home)).close()

        second.leave()
        assert eventually(lambda: not alive(str(home)))
    assert not embedded.status(home).running


@pytest.mark.heavy
def test_eight_starters_at_once_share_one_server_and_killing_them_all_ends_it(
    fresh_home: Path,
) -> None:
    with users(fresh_home, 8) as starters:
        answers = [starter.answer() for starter in starters]
        assert answers == [{"sockets": str(embedded.socket_directory(fresh_home))}] * 8
        assert embedded.status(fresh_home).users == 8

        for starter in starters:
            starter.kill()

        assert eventually(lambda: not alive(str(fresh_home)))


def test_a_starter_killed_in_the_middle_leaves_a_server_that_goes_away_and_whole_data(
    fresh_home: Path,
) -> None:
    with users(fresh_home) as (starter,):
        assert eventually(
            lambda: (fresh_home / "data.part").exists() or (fresh_home / "data").exists()
        )
        starter.kill()

    assert eventually(lambda: not alive(str(fresh_home)))
    connect(embedded.ensure_running(fresh_home, fast=True)).close()


def test_data_outlives_the_server(home: Path) -> None:
    with users(home) as (first,):
        with connect(first.answer()["sockets"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        first.leave()

    with connect(embedded.ensure_running(home)) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_socket_directory_that_was_cleaned_away_is_made_again(home: Path) -> None:
    sockets = embedded.ensure_running(home, fast=True)
    embedded.stop(home)
    sockets.rmdir()

    connect(embedded.ensure_running(home, fast=True)).close()


def test_a_user_that_comes_while_the_server_stops_waits_and_starts_it_again(home: Path) -> None:
    with users(home) as (first,):
        first.answer()
        first.kill()

        connect(embedded.ensure_running(home)).close()


def test_threads_share_one_start(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: embedded.ensure_running(home, fast=True), range(8)))

    assert found == [embedded.socket_directory(home)] * 8
    assert embedded.status(home).users == 1


def test_a_forked_child_keeps_the_server_when_its_parent_has_gone(home: Path) -> None:
    script = (
        "import os, sys, time; from pathlib import Path; from database import embedded\n"
        "home = Path(sys.argv[1]); embedded.ensure_running(home, fast=True)\n"
        "if os.fork(): os._exit(0)\n"
        "embedded.ensure_running(home); print('child', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": f"{PROJECT}:{PACKAGES}"},
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdin is not None
        assert parent.stdout.readline() == "child\n"
        parent.wait(timeout=30)
        connect(embedded.socket_directory(home)).close()
        assert embedded.status(home).running

        parent.stdin.close()
        assert eventually(lambda: not alive(str(home)))


def test_a_fork_in_another_thread_during_the_start_does_not_keep_the_start_lock(
    home: Path,
) -> None:
    starting = threading.Thread(target=embedded.ensure_running, args=[home], kwargs={"fast": True})
    starting.start()
    assert eventually((home / "locks" / "start.lock").exists)
    child = os.fork()
    if not child:
        signal.pause()
        os._exit(0)
    try:
        starting.join(timeout=30)
        with users(home) as (other,):
            assert "sockets" in other.answer()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_stopping_closes_the_others_sessions_and_they_can_start_it_again(home: Path) -> None:
    sockets = embedded.ensure_running(home, fast=True)
    with users(home) as (other,), connect(sockets) as connection:
        other.answer()

        assert embedded.stop(home)

        assert not embedded.status(home).running
        assert not alive(str(home / "data"))
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        connect(embedded.ensure_running(home)).close()


def test_stopping_what_does_not_run_says_so(fresh_home: Path) -> None:
    assert embedded.stop(fresh_home) is False
    assert not fresh_home.exists()


def test_looking_at_a_home_that_does_not_exist_creates_nothing(fresh_home: Path) -> None:
    found = embedded.status(fresh_home)

    assert (found.running, found.pid, found.version, found.users) == (False, None, None, 0)
    assert found.data == fresh_home / "data"
    assert not fresh_home.exists()


def test_ctrl_c_in_the_starters_terminal_does_not_reach_the_server(home: Path) -> None:
    embedded.ensure_running(home, fast=True)
    found = embedded.status(home)

    assert found.pid is not None
    assert found.supervisor is not None
    for pid in (found.pid, found.supervisor):
        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) != os.getpgid(0)


def test_the_starter_has_no_child_and_no_descriptor_to_look_after(home: Path) -> None:
    def descriptors() -> set[str]:
        return {entry.name for entry in Path("/proc/self/fd").iterdir()}

    before = descriptors()
    embedded.ensure_running(home, fast=True)
    held = descriptors() - before

    assert len(held) == 2  # the users' lock and the handle of the server's first process
    assert not any(os.get_inheritable(int(number)) for number in held)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    supervisor = str(embedded.status(home).supervisor)
    assert supervisor not in children


def test_descriptors_of_the_starter_do_not_reach_the_server(home: Path) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    embedded.ensure_running(home, fast=True)
    os.close(write)

    assert os.read(read, 1) == b""  # end of file: nobody else has the pipe's other end
    os.close(read)


def test_two_projects_side_by_side_have_two_servers(new_home: Callable[[str], Path]) -> None:
    one, other = new_home("one"), new_home("other")
    with connect(embedded.ensure_running(one, fast=True)) as connection:
        connection.execute("CREATE TABLE only_here ()")

    with connect(embedded.ensure_running(other, fast=True)) as connection:
        assert connection.execute("SELECT to_regclass('only_here')").fetchone() == (None,)
    assert embedded.stop(one)
    connect(embedded.ensure_running(other)).close()


@pytest.mark.parametrize(
    "name",
    ["with space, 'quote', \"double\" $HOME `id` \\ and ü 間", "x" * 120 + "/" + "y" * 120],
    ids=["odd characters", "longer than a socket's path may be"],
)
def test_any_path_will_do(new_home: Callable[[str], Path], name: str) -> None:
    home = new_home(name)

    connect(embedded.ensure_running(home, fast=True)).close()

    assert list((home / "log").glob("*.log"))


def test_a_link_to_a_home_leads_to_the_same_server(home: Path, folder: Path) -> None:
    (folder / "link").symlink_to(home)

    assert embedded.ensure_running(folder / "link", fast=True) == embedded.socket_directory(home)
    assert embedded.status(home).users == 1


def test_variables_for_libpq_and_another_temporary_directory_do_not_lead_astray(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGPORT": "1",
        "PGHOST": "nowhere.invalid",
        "PGHOSTADDR": "192.0.2.1",
        "PGUSER": "somebody",
        "PGOPTIONS": "-c nonsense=1",
        "PGSSLMODE": "require",
        "PGDATA": "/nowhere",
        "PYTHONHOME": "/nowhere",
        "TMPDIR": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)

    sockets = embedded.ensure_running(home, fast=True)

    monkeypatch.undo()
    connect(sockets).close()


def test_the_extra_settings_count_and_the_fixed_ones_are_refused(home: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="listen_addresses is fixed"):
        embedded.ensure_running(home, settings={"listen_addresses": "*"})

    sockets = embedded.ensure_running(
        home, settings={"work_mem": "5MB", "lacuna.flavour": "plain, 'quoted'"}
    )

    with connect(sockets) as connection:

        def shown(name: str) -> str:
            value: str = connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]
            return value

        assert shown("work_mem") == "5MB"
        assert shown("lacuna.flavour") == "plain, 'quoted'"
        assert shown("fsync") == "on"
        assert shown("full_page_writes") == "on"
        assert shown("data_checksums") == "on"
        assert shown("listen_addresses") == ""
        assert shown("max_connections") == "200"
        assert shown("TimeZone") == "UTC"
        assert shown("jit") == "off"


def test_a_throw_away_server_does_not_wait_for_the_disk(home: Path) -> None:
    with connect(embedded.ensure_running(home, fast=True)) as connection:
        found = connection.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'),"
            " current_setting('full_page_writes')"
        ).fetchone()
    assert found == ("off", "off", "off")


def test_the_log_tells_what_failed_but_neither_the_statement_nor_the_row(home: Path) -> None:
    """Both hold values: hashes of secrets, and what people have typed."""
    with connect(embedded.ensure_running(home, fast=True)) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT 's3cret' FROM nowhere")
        connection.execute("CREATE TABLE lists (name text UNIQUE CHECK (length(name) < 10))")
        for name in ("s3cret, and far too long", "s3cret", "s3cret"):
            with suppress(psycopg.errors.IntegrityError):
                connection.execute("INSERT INTO lists VALUES (%s)", [name])
    logs = embedded.status(home).data.parent / "log"

    def logged() -> str:
        return "".join(path.read_text(errors="replace") for path in logs.glob("*.log"))

    assert eventually(lambda: "duplicate key value" in logged())
    assert 'relation "nowhere" does not exist' in logged()
    assert 'violates check constraint "lists_name_check"' in logged()
    assert "s3cret" not in logged()
