"""Fifty people who log in at the same moment, and what the web server needs for that."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from django.db import connection

from tests.api.secrets.site import Processes, TestDatabase
from tests.api.world import PASSWORD
from tests.jobs.workers import descendants

CROWD = 50


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path) -> Iterator[Processes]:
    environment = {"SECRET_KEY": "k" * 60, "BEHIND_PROXY": "on", "PASSWORD_HASHING_WAIT": "60"}
    made = Processes(TestDatabase(), tmp_path, environment, web_threads=CROWD)
    yield made
    made.stop()


def peak_megabytes(pid: int) -> float:
    """The largest resident size of the process so far, in MB (10^6 bytes)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


@pytest.mark.heavy
@pytest.mark.timeout(300)
def test_fifty_log_ins_at_once_take_less_than_a_gigabyte_of_the_web_server(
    processes: Processes,
) -> None:
    """All of it: Python, Django, the product, and the memory of the hashes (64 MiB each)."""
    people = [[f"person{number}@example.org", PASSWORD, "viewer"] for number in range(3)]
    processes.command(module="tests.api.secrets.people", given=json.dumps(people))
    processes.start("web")
    start = threading.Barrier(CROWD)

    def log_in(number: int) -> int:
        body = {"email": people[number % 3][0], "password": PASSWORD}
        headers = {"X-Forwarded-For": f"10.0.0.{number}"}
        start.wait()
        address = f"{processes.url}/api/v1/auth/login/"
        return httpx.post(address, json=body, headers=headers, timeout=120).status_code

    with ThreadPoolExecutor(CROWD) as pool:
        statuses = list(pool.map(log_in, range(CROWD)))

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sessions")
        assert cursor.fetchone() == (CROWD,)
    assert statuses == [200] * CROWD
    family = {processes.pid} | descendants(processes.pid)
    assert len(family) >= 2, "gunicorn and its worker"
    assert 200 < sum(peak_megabytes(pid) for pid in family) < 1000
