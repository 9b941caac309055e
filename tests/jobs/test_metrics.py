"""/metrics: who may read it, and what it says."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from jobs import durations, metrics, status, switches
from jobs.models import Worker
from tests.factories import make_user
from tests.jobs.queueapp.models import Errand, Parcel
from tests.jobs.statistics import counted, make_statistic

TOKEN = "a-token-that-nobody-guesses-in-a-year"


@pytest.fixture
def scraper(settings: Settings) -> Client:
    """A client that sends the token."""
    settings.METRICS_TOKEN = TOKEN
    return Client(headers={"Authorization": f"Bearer {TOKEN}"})


def samples(client: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def sample(found: dict[Any, float], name: str, **labels: str) -> float:
    """One of them."""
    return found[name, frozenset(labels.items())]


# --- Who may read it ----------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_stranger_is_asked_for_the_token(client: Client) -> None:
    answer = client.get("/metrics")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert "Location" not in answer
    assert b"lacuna_" not in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer",
        "Bearer ",
        "",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer \xe4\xf6\xfc",
    ],
)
def test_a_wrong_token_is_refused(settings: Settings, client: Client, given: str) -> None:
    settings.METRICS_TOKEN = TOKEN

    answer = client.get("/metrics", headers={"Authorization": given})

    assert answer.status_code == 403
    assert b"lacuna_" not in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["Bearer ", "Bearer", "Bearer anything"])
def test_without_a_token_set_no_token_opens(settings: Settings, client: Client, given: str) -> None:
    settings.METRICS_TOKEN = ""

    answer = client.get("/metrics", headers={"Authorization": given})

    assert answer.status_code == 403
    assert b"no token: the setting METRICS_TOKEN is empty. Set one," in answer.content


@pytest.mark.django_db
def test_a_stranger_is_not_asked_for_a_token_that_is_not_set(
    settings: Settings, client: Client
) -> None:
    settings.METRICS_TOKEN = ""
    told = b"This site has no token: the setting METRICS_TOKEN is empty. Log in as staff.\n"

    assert client.get("/metrics").content == told


@pytest.mark.django_db
def test_another_scheme_is_told_which_is_wanted(settings: Settings, client: Client) -> None:
    settings.METRICS_TOKEN = TOKEN

    answer = client.get("/metrics", headers={"Authorization": "Basic bm86cGU="})

    assert answer.content == b"Send the token as: Authorization: Bearer <METRICS_TOKEN>\n"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "code"),
    [("admin", 200), ("moderator", 200), ("analyst", 200), ("viewer", 200), ("api_user", 403)],
)
def test_staff_may_read_it_by_their_session(client: Client, role: str, code: int) -> None:
    client.force_login(make_user(role))

    assert client.get("/metrics").status_code == code


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer {TOKEN}"}])
def test_it_is_read_only_for_everybody(
    settings: Settings, method: str, headers: dict[str, str]
) -> None:
    """Also where forms are checked, as they are outside of tests."""
    settings.METRICS_TOKEN = TOKEN

    answer = Client(enforce_csrf_checks=True).generic(method, "/metrics", headers=headers)

    assert answer.status_code == 405
    assert {word.strip() for word in answer["Allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.django_db
def test_its_head_may_be_asked_for(scraper: Client) -> None:
    assert scraper.head("/metrics").status_code == 200


# --- What it says -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_empty_installation_has_every_family_with_zeros(scraper: Client) -> None:
    found = samples(scraper)

    assert sample(found, "lacuna_jobs", queue="imaging", state="ready") == 0
    assert sample(found, "lacuna_jobs_finished_total", queue="imaging", outcome="done") == 0
    assert sample(found, "lacuna_job_wait_seconds_count", queue="imaging") == 0
    assert sample(found, "lacuna_queue_oldest_seconds", queue="imaging") == 0
    assert sample(found, "lacuna_queue_paused", queue="imaging") == 0
    assert sample(found, "lacuna_workers", state="alive") == 0
    assert sample(found, "lacuna_worker_busy") == 0
    assert sample(found, "lacuna_database_horizon_transactions") >= 0
    assert sample(found, "lacuna_queue_dead_rows", queue="imaging") >= 0


@pytest.mark.django_db
def test_live_jobs_are_counted_by_what_they_do(scraper: Client) -> None:
    later = timezone.now() + timedelta(hours=1)
    Errand.objects.enqueue([Errand(created_at=timezone.now() - timedelta(minutes=2)), Errand()])
    Errand.objects.enqueue([Errand(available_at=later)])
    Errand.objects.bulk_create([Errand(status=name) for name in ("processing", "failed")])
    Parcel.objects.enqueue([Parcel(available_at=later)])
    switches.pause("parcels", by="ada", reason="lunch")

    found = samples(scraper)

    errands = {
        state: sample(found, "lacuna_jobs", queue="errands", state=state)
        for state in ("ready", "delayed", "running", "failed")
    }
    assert errands == {"ready": 2, "delayed": 1, "running": 1, "failed": 1}
    assert sample(found, "lacuna_jobs", queue="parcels", state="delayed") == 1
    assert 119 < sample(found, "lacuna_queue_oldest_seconds", queue="errands") < 150
    assert sample(found, "lacuna_queue_paused", queue="parcels") == 1
    assert sample(found, "lacuna_queue_paused", queue="errands") == 0


@pytest.mark.django_db
def test_what_ended_is_read_from_the_statistics(scraper: Client) -> None:
    make_statistic(
        "test_errands",
        minutes_ago=None,
        waits=[0.1, 0.1, 3.0],
        runs=[1.0, 200_000.0],
        done=1_234_567,
        failed=8,
        retried=21,
        cancelled=2,
    )

    found = samples(scraper)

    def finished(outcome: str) -> float:
        return sample(found, "lacuna_jobs_finished_total", queue="errands", outcome=outcome)

    assert [finished(name) for name in ("done", "failed", "retried", "cancelled")] == [
        1_234_567,
        8,
        21,
        2,
    ]
    assert sample(found, "lacuna_job_wait_seconds_count", queue="errands") == 3
    assert sample(found, "lacuna_job_wait_seconds_sum", queue="errands") == pytest.approx(3.2)
    assert sample(found, "lacuna_job_wait_seconds_bucket", queue="errands", le="0.128") == 2
    assert sample(found, "lacuna_job_wait_seconds_bucket", queue="errands", le="4.096") == 3
    # Longer than every bound, counted only in the last bucket.
    assert sample(found, "lacuna_job_run_seconds_bucket", queue="errands", le="+Inf") == 2


def test_buckets_are_octaves_that_never_fall() -> None:
    made = metrics.buckets(counted([0.0001, 0.001, 0.002, 0.0021, 5.0, 1e9]))

    bounds = [float(bound) for bound, _ in made]
    counts = [count for _, count in made]
    assert bounds[0] == 0.001
    assert all(later == 2 * one for one, later in pairwise(bounds[:-1]))
    assert counts == sorted(counts)
    assert counts[:3] == [2, 3, 4]
    assert counts[-1] == 6
    assert [count for _, count in metrics.buckets(())] == [0] * len(made)
    assert max(durations.BOUNDS) / 2 < bounds[-2] <= max(durations.BOUNDS)


@pytest.mark.django_db
def test_workers_are_counted_alive_and_silent(scraper: Client) -> None:
    moment = timezone.now()
    workers: dict[str, dict[str, Any]] = {
        "one": {"busy": 3, "concurrency": 4},
        "two": {"busy": 1, "concurrency": 2},
        "silent": {"busy": 9, "last_seen_at": moment - timedelta(minutes=5)},
        "stopped": {"busy": 9, "stopped_at": moment},
    }
    for name, fields in workers.items():
        Worker.objects.create(name=name, hostname="h", pid=1, queues=["errands"], **fields)

    found = samples(scraper)

    assert sample(found, "lacuna_workers", state="alive") == 2
    assert sample(found, "lacuna_workers", state="silent") == 1
    assert sample(found, "lacuna_worker_busy") == 4
    assert sample(found, "lacuna_worker_places") == 6
    assert sample(found, "lacuna_queue_workers", queue="errands") == 2


@pytest.mark.django_db
def test_no_person_and_no_secret_is_in_it(scraper: Client) -> None:
    switches.pause("errands", by="ada@example.org", reason="a private matter")
    Errand.objects.enqueue([Errand(payload={"password": "hunter2"})])

    page = scraper.get("/metrics").content.decode()

    assert not any(word in page for word in ("ada@", "private", "hunter2", TOKEN))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accept", "kind", "ends"),
    [
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text", "# EOF\n"),
        ("text/plain", "text/plain", "\n"),
        ("*/*", "text/plain", "\n"),
        ("", "text/plain", "\n"),
    ],
)
def test_the_format_is_the_one_that_is_asked_for(
    scraper: Client, accept: str, kind: str, ends: str
) -> None:
    answer = scraper.get("/metrics", headers={"Accept": accept})

    assert answer["Content-Type"].startswith(kind)
    assert answer["Cache-Control"] == "no-store"
    assert answer.content.decode().endswith(ends)
    assert ("# EOF" in answer.content.decode()) == (ends == "# EOF\n")


def test_while_the_database_is_away_it_says_so(
    scraper: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OperationalError("connection refused") from psycopg.OperationalError()

    monkeypatch.setattr(status, "queues", away)

    answer = scraper.get("/metrics")

    assert answer.status_code == 503
    assert answer.content == b"The database cannot be reached, so there are no figures.\n"


@pytest.mark.django_db
def test_another_fault_of_the_database_is_let_be_seen(
    scraper: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise DatabaseError("relation does not exist")

    monkeypatch.setattr(status, "queues", broken)

    with pytest.raises(DatabaseError):
        scraper.get("/metrics")
