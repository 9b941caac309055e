"""Workers of telegrams, and networks, servers and poolers that can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.faults.pooler import PROGRAM, Pooler
from tests.jobs.faults.site import Site
from tests.jobs.proxy import Proxy
from tests.jobs.workers import WorkerProcess

Start = Callable[..., WorkerProcess]


@pytest.fixture
def start_telegraph(start_worker: Start) -> Start:
    """Starts workers that run telegrams, a hundred at once."""

    def start(*arguments: str, **options: Any) -> WorkerProcess:
        options.setdefault("LOG_LEVEL", "WARNING")  # a line for each of hundreds of jobs
        return start_worker("--queues", "telegrams", "--grace", "3", *arguments, **options)

    return start


@pytest.fixture
def proxy(transactional_db: None) -> Iterator[Proxy]:
    """A network between a worker and the database."""
    made = Proxy()
    yield made
    made.close()


@pytest.fixture
def site(open_path: Path) -> Iterator[Site]:
    """A server that no other test uses."""
    made = Site(open_path)
    yield made
    made.close()


@pytest.fixture
def pooler(transactional_db: None, open_path: Path) -> Iterator[Pooler]:
    """A PgBouncer in transaction mode in front of the test database."""
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed on this machine.")
    made = Pooler(open_path)
    yield made
    made.close()
