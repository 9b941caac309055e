"""For whom a job's handler sees rows: in real workers, in each way a handler may run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from tests.database.rows import world
from tests.jobs.conftest import start_worker
from tests.jobs.queueapp.models import Errand, Telegram
from tests.jobs.workers import WorkerProcess, reached

__all__ = ["start_worker"]  # a fixture

Start = Callable[..., WorkerProcess]

HANDLERS = {
    "TEST_ERRAND_HANDLER": "tests.database.rows.looking.look",
    "TEST_TELEGRAM_HANDLER": "tests.database.rows.looking.look_async",
}
KINDS: dict[str, tuple[Any, dict[str, str]]] = {
    "process": (Errand, {}),
    "thread": (Errand, {"DJANGO_SETTINGS_MODULE": "tests.database.rows.threaded_settings"}),
    "async": (Telegram, {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_sees_the_rows_of_its_person(
    committed: world.World, start_worker: Start, tmp_path: Path, kind: str
) -> None:
    model, environment = KINDS[kind]
    inactive = world.key("users", "inactive analyst")
    people: dict[str, Any] = {
        name: world.key("users", name) for name in ("analyst", "admin", "viewer", "other")
    } | {"nobody": None, "inactive": inactive}
    jobs = {
        name: model.objects.enqueue([model(user_id=user, payload={"file": str(tmp_path / name)})])[
            0
        ]
        for name, user in people.items()
    }

    start_worker("--queues", "errands,telegrams", **HANDLERS, **environment)
    for job in jobs.values():
        reached(job, "completed", within=40)

    seen = {name: json.loads((tmp_path / name).read_text()) for name in people}
    everybody = sorted(map(str, committed.rows["api_keys"].values()))
    assert len(everybody) > 4
    for name in ("analyst", "viewer", "other", "inactive"):
        assert seen[name]["alone"] == seen[name]["held"] == [str(people[name])]
    for name in ("admin", "nobody"):  # a job for nobody is the product's own
        assert len(seen[name]["alone"]) == len(seen[name]["held"]) == len(everybody)
    assert seen["inactive"]["people"] == 0
    assert seen["analyst"]["people"] == User.objects.count()
