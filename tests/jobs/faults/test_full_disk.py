"""A disk that is full in the midst of the work, and has room again later."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.jobs.faults.site import Site
from tests.jobs.workers import WorkerProcess, descendants, eventually, runs

Start = Callable[..., WorkerProcess]

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(
        shutil.which("prlimit") is None,
        reason="There is no prlimit, which takes room away from a server that runs.",
    ),
]

PADDING = "x" * 1500  # so that the table soon fills pages; what is in them does not matter


@pytest.fixture
def small_site(site: Site) -> Site:
    """Its log of changes is written in files of 1 MB instead of 16.

    A limit for the size of files can thus be low enough to stop a table of a few megabytes from
    growing and high enough for commits, or too low for either.
    """
    program, data = Path(f"/proc/{site.pid}/exe").readlink(), site.data
    site.stop()
    subprocess.run(
        [str(program.with_name("pg_resetwal")), "--wal-segsize=1", "-D", str(data)],
        check=True,
        capture_output=True,
        **as_owner(data),
    )
    site.start()
    return site


def limit_files(site: Site, size: int | str) -> None:
    """From now on no process of the server can let a file grow beyond ``size`` bytes.

    Writes fail then as on a full disk. PostgreSQL calls it an internal error (XX000), as it does
    when a quota is used up, and not DiskFull.
    """
    postmaster = site.pid
    # Twice: a process may begin while we look.
    for pid in (postmaster, *descendants(postmaster), *descendants(postmaster)):
        command = ["prlimit", "--pid", str(pid), f"--fsize={size}:unlimited"]
        run = subprocess.run(
            command, capture_output=True, text=True, check=False, **as_owner(site.data)
        )
        assert run.returncode == 0 or not runs(pid), run.stderr


def as_owner(data: Path) -> dict[str, Any]:
    """How to run a program as the account of the server."""
    if os.geteuid() != 0:
        return {}
    owner = data.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": [], "cwd": "/"}


def at_work(start: Start, site: Site, jobs: int) -> WorkerProcess:
    """A worker in the midst of so many jobs."""
    site.send(jobs, seconds=0.3, padding=PADDING)
    worker = start("--concurrency", "2", **site.worker)
    done = "SELECT count(*) FROM test_telegrams WHERE status = 'completed'"
    eventually(lambda: site.number(done) > 100, within=20)
    return worker


@pytest.mark.timeout(90)
def test_while_a_table_cannot_grow_nothing_is_lost_and_later_all_is_done(
    start_telegraph: Start, small_site: Site
) -> None:
    worker = at_work(start_telegraph, small_site, 1500)
    size = small_site.number("SELECT pg_relation_size('test_telegrams')")
    assert size > 1 << 20, "commits would fail too"

    limit_files(small_site, size)

    eventually(lambda: "File too large" in worker.logged(), within=20)
    with pytest.raises(psycopg.Error, match="File too large"):
        small_site.send(2000, seconds=0.1, padding=PADDING)
    time.sleep(3.0)  # longer than a lease
    before = small_site.live()
    assert before > 0
    limit_files(small_site, "unlimited")

    small_site.delivered_once(1500, within=40)
    assert runs(worker.pid)
    lost = "SELECT count(*) FROM job_attempts WHERE outcome = 'lost'"
    assert small_site.number(lost) == 0, "the worker was there all the time"


@pytest.mark.timeout(90)
def test_a_server_that_falls_whenever_it_commits_is_waited_for(
    start_telegraph: Start, small_site: Site
) -> None:
    worker = at_work(start_telegraph, small_site, 1500)
    postmaster = small_site.pid

    limit_files(small_site, 1 << 19)  # half of a file of the log

    eventually(lambda: "PANIC" in small_site.logged(), within=20, what="the fall of the server")
    time.sleep(1.0)
    if runs(postmaster):  # it falls, recovers and falls again
        small_site.kill()
    small_site.start()
    small_site.delivered_once(1500, within=40)
    assert runs(worker.pid)
