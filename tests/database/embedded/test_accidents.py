"""What is killed, cut off, stale or full: the next `ensure_running` brings the server back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from database import embedded
from database.embedded import EmbeddedServerError
from tests.database.embedded.processes import alive, connect, eventually, kill, users


def _filled(home: Path) -> Path:
    sockets = embedded.ensure_running(home, settings={"fsync": False})
    with connect(sockets) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
    return sockets


def _kept(home: Path) -> int:
    with connect(embedded.ensure_running(home)) as connection:
        count: int = connection.execute("SELECT count(*) FROM kept").fetchone()[0]
    return count


def _gone(pid: int | None) -> bool:
    """Whether the process has ended; one that nobody has reaped yet counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in {"Z", "X"}


def test_after_the_supervisor_is_killed_postgresql_goes_too_and_comes_back(home: Path) -> None:
    _filled(home)
    before = embedded.status(home)

    kill(before.supervisor)

    # Its main thread may be gone while another still holds its locks.
    assert eventually(lambda: _gone(before.supervisor) and not embedded.status(home).running)
    assert _kept(home) == 1000
    assert _gone(before.pid)
    assert embedded.status(home).supervisor != before.supervisor


def test_after_the_postmaster_is_killed_the_data_is_recovered(home: Path) -> None:
    _filled(home)
    before = embedded.status(home)

    kill(before.pid)

    assert eventually(lambda: _gone(before.pid))
    assert _kept(home) == 1000
    assert embedded.status(home).pid != before.pid


def test_a_server_whose_death_its_supervisor_has_not_noticed_is_waited_for(home: Path) -> None:
    _filled(home)
    before = embedded.status(home)
    assert before.supervisor is not None
    os.kill(before.supervisor, signal.SIGSTOP)
    kill(before.pid)
    assert eventually(lambda: _gone(before.pid))
    notice = threading.Timer(0.3, os.kill, [before.supervisor, signal.SIGCONT])
    notice.start()

    assert _kept(home) == 1000

    notice.join()
    assert embedded.status(home).supervisor != before.supervisor


def test_after_both_are_killed_while_others_use_the_server_all_meet_again(home: Path) -> None:
    _filled(home)
    with users(home) as (other,):
        other.answer()
        before = embedded.status(home)
        kill(before.supervisor)
        kill(before.pid)
        assert eventually(lambda: _gone(before.pid) and _gone(before.supervisor))

        assert _kept(home) == 1000
        embedded.stop(home)
        assert _kept(home) == 1000


def test_a_backend_that_does_not_notice_its_postmasters_death_is_ended(home: Path) -> None:
    sockets = _filled(home)

    def busy() -> None:
        with pytest.raises(psycopg.OperationalError), connect(sockets) as connection:
            connection.execute("DO $$ BEGIN LOOP END LOOP; END $$")

    thread = threading.Thread(target=busy)
    thread.start()
    with connect(sockets) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %LOOP%'"
        assert eventually(lambda: connection.execute(query).fetchone() == (1,))
    before = embedded.status(home)
    kill(before.supervisor)
    kill(before.pid)
    assert eventually(lambda: _gone(before.pid))

    assert _kept(home) == 1000
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_a_crashed_backend_does_not_keep_newcomers_out(home: Path) -> None:
    sockets = _filled(home)
    with connect(sockets) as connection:
        kill(connection.info.backend_pid)

    with users(home) as (other,):
        assert "sockets" in other.answer()


def test_a_stale_pid_file_whose_number_another_process_has_now_is_seen_through(
    home: Path,
) -> None:
    _filled(home)
    embedded.stop(home)
    with subprocess.Popen(["sleep", "60"]) as innocent:
        file = home / "data" / "postmaster.pid"
        file.write_text(f"{innocent.pid}\n{home}/data\n1\n5432\n/tmp\n\n  123 456\nready   \n")

        assert _kept(home) == 1000

        assert innocent.poll() is None
        innocent.kill()


@pytest.mark.parametrize("content", ["", "\n", "12", "nonsense\x00\n", "0\n/somewhere\n"])
def test_a_half_written_pid_file_is_seen_through(home: Path, content: str) -> None:
    embedded.ensure_running(home, fast=True)
    embedded.stop(home)
    (home / "data" / "postmaster.pid").write_text(content)

    connect(embedded.ensure_running(home, fast=True)).close()


def test_data_that_a_server_of_other_means_serves_is_refused(home: Path) -> None:
    embedded.ensure_running(home, fast=True)
    found = embedded.status(home)
    owner = found.data.stat()
    command = Path(f"/proc/{found.pid}/cmdline").read_bytes().split(b"\0")[:-1]
    embedded.stop(home)
    identity: dict[str, Any] = (
        {"user": owner.st_uid, "group": owner.st_gid} if os.getuid() == 0 else {}
    )
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd="/", **identity, **quiet) as stranger:
        file = found.data / "postmaster.pid"
        assert eventually(lambda: file.exists() and "ready" in file.read_text())
        try:
            with pytest.raises(EmbeddedServerError, match=f"Process {stranger.pid}, started by"):
                embedded.ensure_running(home)
        finally:
            stranger.send_signal(signal.SIGINT)
            stranger.wait(timeout=30)

    connect(embedded.ensure_running(home, fast=True)).close()


def test_a_half_finished_initdb_is_done_again(fresh_home: Path) -> None:
    part = fresh_home / "data.part"
    with users(fresh_home) as (starter,):
        assert eventually(lambda: (part / "PG_VERSION").exists() or (fresh_home / "data").exists())
        for pid in alive(str(fresh_home)):
            with contextlib.suppress(ProcessLookupError):
                kill(pid)
        starter.kill()
    assert part.exists() != (fresh_home / "data").exists()

    connect(embedded.ensure_running(fresh_home, fast=True)).close()

    assert not part.exists()


def test_a_setting_that_postgresql_refuses_is_named_and_can_be_put_right(home: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="Unrecognized configuration parameter"):
        embedded.ensure_running(home, fast=True, settings={"no_such_thing": 1})
    assert embedded.status(home).users == 0

    connect(embedded.ensure_running(home, fast=True)).close()


def test_a_start_that_takes_too_long_is_given_up_by_the_caller_alone(home: Path) -> None:
    embedded.ensure_running(home, fast=True)
    embedded.stop(home)

    with pytest.raises(EmbeddedServerError, match="is not ready after 0 s"):
        embedded.ensure_running(home, fast=True, timeout=0)

    connect(embedded.ensure_running(home, fast=True)).close()


def test_a_socket_that_was_removed_is_named(home: Path) -> None:
    sockets = embedded.ensure_running(home, fast=True)
    (sockets / ".s.PGSQL.5432").unlink()

    with users(home) as (other,):
        assert "has been removed. Stop the server" in other.answer()["refused"]

    embedded.stop(home)
    connect(embedded.ensure_running(home, fast=True)).close()


@pytest.mark.parametrize("version", ["17", "19"])
def test_data_of_another_major_version_is_refused_and_left_alone(home: Path, version: str) -> None:
    embedded.ensure_running(home, fast=True)
    embedded.stop(home)
    written = home / "data" / "PG_VERSION"
    ours = written.read_text()
    written.write_text(f"{version}\n")

    with pytest.raises(EmbeddedServerError, match=f"was written by PostgreSQL {version}, and"):
        embedded.ensure_running(home)

    written.write_text(ours)
    connect(embedded.ensure_running(home, fast=True)).close()


def test_a_data_directory_without_data_in_it_is_refused_and_left_alone(home: Path) -> None:
    embedded.ensure_running(home, fast=True)
    embedded.stop(home)
    (home / "data" / "PG_VERSION").unlink()

    with pytest.raises(EmbeddedServerError, match="PG_VERSION is missing"):
        embedded.ensure_running(home)

    assert (home / "data" / "global").is_dir()


@pytest.fixture
def tiny_disk(folder: Path) -> Iterator[Path]:
    """A file system of eight megabytes."""
    place = folder / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0755", "none", str(place)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("only root, with the right to mount, can make a disk that is full")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_gives_a_sentence_and_a_second_chance(tiny_disk: Path) -> None:
    home = tiny_disk / "home"

    with pytest.raises(EmbeddedServerError, match=r"No space left on device\. Make room"):
        embedded.ensure_running(home, fast=True)

    subprocess.run(["mount", "-o", "remount,size=200m", str(tiny_disk)], check=True)
    connect(embedded.ensure_running(home, fast=True)).close()
    assert embedded.stop(home)
    embedded.socket_directory(home).rmdir()


def test_a_home_that_is_a_file_is_refused_by_name(fresh_home: Path) -> None:
    fresh_home.write_text("not a directory")

    with pytest.raises(EmbeddedServerError, match=f"{fresh_home} is not a directory"):
        embedded.ensure_running(fresh_home)

    fresh_home.unlink()


def test_a_server_whose_supervisor_says_nothing_is_reported_with_what_it_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "supervisor.py"
    broken.write_text("raise SystemExit('broken on purpose')")
    monkeypatch.setattr("database.embedded.supervisor.__file__", str(broken))

    with pytest.raises(EmbeddedServerError, match="without an answer.*broken on purpose"):
        embedded.ensure_running(home, fast=True)


def test_the_last_figures_of_a_server_are_true_while_they_are_locked(home: Path) -> None:
    embedded.ensure_running(home, fast=True)
    told = json.loads((home / "locks" / "ready.lock").read_text())
    found = embedded.status(home)

    assert told == {"supervisor": found.supervisor, "server": found.pid}
    kill(found.pid)
    assert eventually(lambda: not embedded.status(home).running)
    assert embedded.status(home).pid is None
