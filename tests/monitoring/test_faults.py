"""Real processes on a server of their own, killed in the middle: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

from database import embedded
from tests.site import Site

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(400)]

# Run inside the installation: a machine with a rule, its files, and a map that is asked for. The
# parameters of a slow one never converge, and say how many steps are made.
_MACHINE: Final = """
from accounts.models import User
from monitoring.actions import requesting
from tests.factories import make_dataset
from tests.monitoring import watched
from tests.monitoring.alerting.making import make_rule
owner = User.objects.get()
press = make_dataset(owner, name="Press 3")
make_rule(press, group_wait_seconds=0)
watched.config(owner, **{config!r})
requesting.request_fit(press, watched.healthy(owner, rows={rows}), by=owner)
"""
_SAMPLES: Final = """
from monitoring.actions import requesting
from monitoring.models import Dataset
from tests.monitoring import watched
press = Dataset.objects.get()
requesting.request_place(press, watched.samples(press.user, broken=3), by=press.user)
"""
_CANCEL: Final = """
from monitoring.actions import requesting
from monitoring.models import Analysis
analysis = Analysis.objects.get()
requesting.cancel(analysis.pk, by=analysis.user)
"""


def slow(steps: int) -> dict[str, object]:
    """So many steps, none of which is the last one by itself."""
    return {"imax": steps, "gamma0": 0.0, "beta": 0.999}


class Plant(Site):
    """An installation that watches one machine."""

    def ask_for_a_map(self, *, rows: int = 120, **config: object) -> None:
        self.manage("shell", "-c", _MACHINE.format(config=config, rows=rows))

    def hand_samples_in(self) -> None:
        self.manage("shell", "-c", _SAMPLES)

    def state(self, kind: str) -> tuple[str, int, int]:
        """Of the one analysis of this kind: status, attempts, progress."""
        [(status, attempt, done)] = self.query(
            "SELECT status, attempt, coalesce(progress_done, 0) FROM analyses"
            f" WHERE analysis_type = '{kind}'"
        )
        return status, attempt, done

    def wait_until(self, kind: str, status: str) -> None:
        self.wait_for(lambda: self.state(kind)[0] == status)

    def kill(self) -> None:
        """The newest worker, without a word."""
        self.workers[-1].kill()
        self.workers[-1].wait()

    @contextmanager
    def held(self, table: str) -> Iterator[None]:
        """Whoever comes to the table waits until the block ends."""
        host = embedded.ensure_running(self.home / "postgres")
        with psycopg.connect(host=str(host), user="lacuna_owner", dbname="lacuna") as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
            connection.rollback()

    def waits_for(self, table: str) -> bool:
        """Whether somebody does."""
        return bool(
            self.count(
                f"SELECT count(*) FROM pg_locks WHERE relation = '{table}'::regclass"
                " AND NOT granted"
            )
        )

    def counts(self, *tables: str) -> dict[str, int]:
        return {table: self.count(f"SELECT count(*) FROM {table}") for table in tables}


@pytest.fixture
def plant(open_path: Path) -> Iterator[Plant]:
    """Migrated, with an analyst, and nobody working yet."""
    plant = Plant(open_path / "home")
    plant.manage("migrate", "--verbosity", "0")
    plant.query(
        "INSERT INTO users (email, password_hash, role)"
        " VALUES ('analyst@example.org', '', 'analyst') RETURNING id"
    )
    yield plant
    plant.stop()


def placed_once(plant: Plant) -> None:
    """Twenty samples with their anomalies stand there once, and one alert speaks of them."""
    [(samples, first, last)] = plant.query(
        "SELECT count(*), min(process_order), max(process_order) FROM monitor_samples"
    )
    assert (samples, first, last) == (20, 1, 20)
    [(anomalies, orders)] = plant.query(
        "SELECT count(*), count(DISTINCT process_order) FROM anomalies"
    )
    assert anomalies == orders >= 3
    plant.manage("evaluate_rules")
    plant.manage("evaluate_rules")
    assert plant.query("SELECT sum(count), count(DISTINCT alert_rule_id) FROM alerts") == [
        (anomalies, 1)
    ]
    assert plant.counts("alert_evaluations", "dinsight_data") == {
        "alert_evaluations": 1,
        "dinsight_data": 1,
    }
    assert plant.count("SELECT count(*) FROM alert_notifications WHERE event = 'fired'") == (
        plant.count("SELECT count(*) FROM alerts")
    )


def test_a_worker_killed_while_it_computes_a_map_loses_nothing_and_the_next_one_is_cancelled(
    plant: Plant,
) -> None:
    plant.ask_for_a_map(rows=1500, **slow(90_000))
    plant.start_worker()
    plant.wait_for(lambda: plant.state("fit")[2] > 0)
    plant.kill()

    plant.start_worker()
    plant.wait_for(lambda: plant.state("fit")[:2] == ("processing", 2))
    plant.manage("shell", "-c", _CANCEL)
    plant.wait_until("fit", "cancelled")

    assert plant.counts("dinsight_data", "feature_data") == {"dinsight_data": 0, "feature_data": 0}


def test_a_fit_that_loses_its_connections_makes_one_map(plant: Plant) -> None:
    plant.ask_for_a_map(rows=1000, **slow(8000))
    worker = plant.start_worker()
    plant.wait_for(lambda: plant.state("fit")[2] > 0)
    ours = plant.query(
        "SELECT pid FROM pg_stat_activity WHERE usename LIKE 'lacuna%' AND pid <> pg_backend_pid()"
    )
    assert ours
    for (pid,) in ours:
        os.kill(pid, signal.SIGTERM)  # of a server's process: its connection ends
    plant.wait_until("fit", "completed")

    assert plant.counts("dinsight_data") == {"dinsight_data": 1}
    assert plant.count("SELECT sum(row_count) FROM feature_data") == 1000
    assert worker.poll() is None


def test_a_worker_killed_while_it_stores_samples_leaves_none_and_the_next_stores_them_once(
    plant: Plant,
) -> None:
    plant.ask_for_a_map()
    plant.start_worker()
    plant.wait_until("fit", "completed")
    with plant.held("anomalies"):
        plant.hand_samples_in()
        plant.wait_for(lambda: plant.waits_for("anomalies"))
        plant.kill()
    assert plant.count("SELECT count(*) FROM monitor_data") == 0

    plant.start_worker()
    plant.wait_until("place", "completed")

    assert plant.state("place")[1] == 2
    placed_once(plant)


def test_alerts_of_samples_whose_worker_died_right_after_storing_are_decided_by_the_next_round(
    plant: Plant,
) -> None:
    plant.ask_for_a_map()
    plant.start_worker()
    plant.wait_until("fit", "completed")
    with plant.held("alert_evaluations"):
        plant.hand_samples_in()
        plant.wait_until("place", "completed")
        plant.wait_for(lambda: plant.waits_for("alert_evaluations"))
        plant.kill()
    assert plant.counts("alerts", "alert_evaluations") == {"alerts": 0, "alert_evaluations": 0}

    placed_once(plant)
