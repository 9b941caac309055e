"""The pages of jobs that have none of their own: the list, one job, retrying and cancelling."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from imaging.admin import queue_state
from jobs import registry, status
from jobs.admin.any_job import JobAdmin, register_missing, title_of
from jobs.admin.attempts import attempts_of
from jobs.models import Attempt, Job, RecurringJob
from tests.factories import make_job
from tests.jobs.admin.conftest import ROLES, STEERERS, ClientFor
from tests.jobs.queueapp.models import Errand, Parcel
from tests.jobs.statistics import make_statistic

pytestmark = pytest.mark.django_db

URL = "/queueapp/errand/"


def make(**fields: Any) -> Errand:
    """An errand as it stands in the table."""
    return Errand.objects.bulk_create([Errand(**fields)])[0]


def failed(**fields: Any) -> Errand:
    """An errand that failed for good."""
    now = timezone.now()
    ended: dict[str, Any] = {
        "status": "failed",
        "attempt": 3,
        "error_message": "ValueError: no route to the depot",
        "last_error_at": now,
        "started_at": now - timedelta(seconds=40),
        "completed_at": now,
    }
    return make(**(ended | fields))


def attempt(job: Job, number: int, outcome: str, **fields: Any) -> Attempt:
    """An attempt at the job that did not end well."""
    return Attempt.objects.create(
        table_name=job._meta.db_table, job_id=job.pk, attempt=number, outcome=outcome, **fields
    )


def seen(client: Client, address: str, **asked: str) -> str:
    answer = client.get(address, asked)
    assert answer.status_code == 200
    return answer.content.decode()


# --- Registered by themselves -------------------------------------------------------------------


def test_every_queue_has_pages_for_its_jobs() -> None:
    register_missing(admin.site)  # again, which does no harm

    assert {kind.model for kind in registry.kinds()} <= set(admin.site._registry)
    assert type(admin.site._registry[Errand]) is JobAdmin
    imaging = registry.kind("imaging").model
    assert not isinstance(admin.site._registry[imaging], JobAdmin)


# --- The list -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_every_staff_role_sees_the_jobs(client_for: ClientFor, role: str) -> None:
    waits, broken = make(), failed()
    client = client_for(role)

    page = seen(client, URL)
    own = seen(client, f"{URL}{broken.pk}/change/")

    assert waits.pk.hex[-8:] in page
    assert "no route to the depot" in page
    steers = role in STEERERS
    assert (f"{URL}{waits.pk}/cancel/" in page) == steers
    assert (f"{URL}{broken.pk}/retry/" in own) == steers


def test_jobs_are_filtered_by_state_and_found_by_id(client_for: ClientFor) -> None:
    waits, broken = make(), failed()
    client = client_for("viewer")

    def shown(**asked: str) -> tuple[bool, bool]:
        page = seen(client, URL, **asked)
        return waits.pk.hex[-8:] in page, broken.pk.hex[-8:] in page

    assert shown() == (True, True)
    assert shown(status="failed") == (False, True)
    assert shown(status="queued") == (True, False)
    assert shown(q=str(waits.pk)) == (True, False)
    assert shown(q="nonsense") == (False, False)


def test_each_table_has_its_own_states(client_for: ClientFor) -> None:
    client = client_for("viewer")

    assert "Waits to be retried" in seen(client, URL)
    assert "Waits to be retried" not in seen(client, "/queueapp/parcel/")


def test_what_is_held_back_says_so(client_for: ClientFor) -> None:
    later = timezone.now() + timedelta(hours=1)
    Parcel.objects.bulk_create([Parcel(available_at=later)])

    assert "Waits for its moment" in seen(client_for("viewer"), "/queueapp/parcel/")


def test_a_running_job_shows_its_progress(client_for: ClientFor) -> None:
    make(
        status="processing",
        started_at=timezone.now(),
        progress_done=2,
        progress_total=5,
        progress_message="<on the way>",
    )

    page = seen(client_for("viewer"), URL)

    assert '<progress value="2" max="5"' in page
    assert "&lt;on the way&gt;" in page


# --- One job ------------------------------------------------------------------------------------


def test_a_job_tells_what_went_wrong_and_what_it_is_about(client_for: ClientFor) -> None:
    job = failed(payload={"to": "<the depot>"}, error_message="<b>no</b> " + "and so on " * 300)

    page = seen(client_for("viewer"), f"{URL}{job.pk}/change/")

    assert f"Errand {job.pk}" in page
    assert "This job failed" in page
    assert "and so on " * 300 in page
    assert "&lt;b&gt;no&lt;/b&gt;" in page
    assert "&lt;the depot&gt;" in page
    assert "<b>no</b>" not in page


@pytest.mark.parametrize("unknown", ["0197f5d4-0000-7000-8000-000000000000", "nonsense"])
def test_a_job_that_is_gone_is_a_message(client_for: ClientFor, unknown: str) -> None:
    client = client_for("admin")

    answer = client.get(f"{URL}{unknown}/change/", follow=True)

    assert f"There is no job {unknown}." in answer.content.decode()
    if unknown != "nonsense":
        posted = client.post(f"{URL}{unknown}/retry/", follow=True).content.decode()
        assert f"There is no job {unknown}." in posted


def test_a_job_calls_itself_what_its_model_says() -> None:
    run = RecurringJob(name="tidy", tick=timezone.now())

    assert title_of(run).startswith("Tidy of ")


# --- Its attempts -------------------------------------------------------------------------------


def test_the_attempts_of_a_job_are_told_the_latest_first(client_for: ClientFor) -> None:
    now = timezone.now()
    job = make(
        status="completed",
        attempt=3,
        started_at=now - timedelta(seconds=5),
        completed_at=now,
        worker_id="second:1:abc",
    )
    begun = now - timedelta(minutes=3)
    attempt(job, 1, "lost", worker_id="first:1:abc", started_at=begun, ended_at=now)
    attempt(job, 2, "failed", error_message="OSError: disk full")
    attempt(make(), 1, "failed", error_message="of another job")

    rows = attempts_of(job)
    page = seen(client_for("viewer"), f"{URL}{job.pk}/change/")

    assert [row.number for row in rows] == [3, 2, 1]
    assert [re.sub(r".*</svg>|</span>", "", row.badge) for row in rows] == [
        "Done",
        "Failed",
        "Lost",
    ]
    assert (rows[0].worker, rows[0].took) == ("second:1:abc", "5.0\u00a0s")
    assert (rows[1].took, rows[2].took) == ("\u2013", "3\u00a0min 0\u00a0s")
    assert "OSError: disk full" in page
    assert "of another job" not in page


@pytest.mark.parametrize(
    ("status", "numbers"),
    [("queued", [2]), ("processing", [3, 2]), ("completed", [3, 2]), ("failed", [3, 2])],
)
def test_the_attempt_on_the_jobs_own_row_stands_once(status: str, numbers: list[int]) -> None:
    job = make(status=status, attempt=3, started_at=timezone.now())
    attempt(job, 2, "failed")

    assert [row.number for row in attempts_of(job)] == numbers
    attempt(job, 3, "gave_up")
    assert [row.number for row in attempts_of(job)] == [3, 2]


def test_a_job_that_nobody_has_begun_has_no_attempts(client_for: ClientFor) -> None:
    job = make()

    assert attempts_of(job) == []
    assert "No worker has begun this job yet" in seen(
        client_for("viewer"), f"{URL}{job.pk}/change/"
    )


def test_the_page_of_an_analysis_tells_its_attempts(client_for: ClientFor) -> None:
    job = make_job(status="failed", attempt=1, started_at=timezone.now())
    attempt(job, 1, "gave_up", error_message="the file is damaged")

    page = seen(client_for("viewer"), f"/imaging/processingjob/{job.pk}/change/")

    assert "the file is damaged" in page
    assert "An error ended it that trying again would not mend." in page


# --- Steering -----------------------------------------------------------------------------------


def test_a_failed_job_is_retried(client_for: ClientFor) -> None:
    job = failed()

    answer = client_for("moderator").post(f"{URL}{job.pk}/retry/", follow=True)

    job.refresh_from_db()
    assert job.status == "retrying"
    assert "The job is in line again." in answer.content.decode()


def test_waiting_jobs_are_cancelled_and_running_ones_asked(client_for: ClientFor) -> None:
    waits, runs = make(), make(status="processing")
    client = client_for("admin")

    for job in (waits, runs):
        client.post(f"{URL}{job.pk}/cancel/")

    waits.refresh_from_db()
    runs.refresh_from_db()
    assert waits.status == "cancelled"
    assert (runs.status, runs.cancel_requested) == ("processing", True)


@pytest.mark.parametrize(
    ("status", "change", "sentence"),
    [
        ("queued", "retry", "Only a failed job can be retried; this one is queued."),
        ("completed", "cancel", "The job has ended already: it is done."),
    ],
)
def test_what_is_not_possible_now_is_a_message(
    client_for: ClientFor, status: str, change: str, sentence: str
) -> None:
    job = make(status=status)

    answer = client_for("moderator").post(f"{URL}{job.pk}/{change}/", follow=True)

    assert sentence in answer.content.decode()


def test_a_retry_beside_its_like_is_a_message(client_for: ClientFor) -> None:
    job = failed(unique_key="the same")
    Errand.objects.enqueue([Errand(unique_key="the same")])

    answer = client_for("moderator").post(f"{URL}{job.pk}/retry/", follow=True)

    assert "The same job already waits or runs." in answer.content.decode()


def test_many_are_changed_and_the_others_explained(client_for: ClientFor) -> None:
    chosen = [str(job.pk) for job in (failed(), failed(), make(), make(status="completed"))]
    client = client_for("moderator")

    answer = client.post(URL, {"action": "retry", "_selected_action": chosen}, follow=True)
    page = answer.content.decode()

    assert "2 jobs are put in line again." in page
    assert "this one is queued." in page
    assert "this one is done." in page


@pytest.mark.parametrize("role", ["analyst", "viewer"])
def test_a_crafted_request_is_refused(client_for: ClientFor, role: str) -> None:
    job, client = make(), client_for(role)

    assert client.post(f"{URL}{job.pk}/cancel/").status_code == 403
    data = {"action": "cancel", "_selected_action": [str(job.pk)]}
    assert client.post(URL, data).status_code == 403
    job.refresh_from_db()
    assert job.status == "queued"


def test_jobs_are_steered_by_post_alone(client_for: ClientFor) -> None:
    assert client_for("admin").get(f"{URL}{make().pk}/cancel/").status_code == 405


@pytest.mark.parametrize("origin", ["https://evil.example/", "http://testserver.evil.example/"])
def test_nobody_is_sent_to_another_site(client_for: ClientFor, origin: str) -> None:
    answer = client_for("admin").post(f"{URL}{make().pk}/cancel/", HTTP_REFERER=origin)

    assert answer["Location"] == URL


def test_the_search_finds_a_job_by_id(client_for: ClientFor) -> None:
    job = make()

    answer = client_for("viewer").get("/search/", {"q": str(job.pk)})

    assert answer["Location"] == f"{URL}{job.pk}/change/"


def test_a_queue_of_analyses_too_long_for_its_view_is_counted_by_index(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job()
    make_job(status="failed")
    make_statistic("processing_queue", minutes_ago=2, waits=[10.0] * 2, runs=[2.0] * 2)
    monkeypatch.setattr(status, "_SMALL", -1)

    tiles = {tile.label: tile.value for tile in queue_state.state_of_queue().tiles}
    page = seen(client_for("viewer"), "/imaging/processingjob/")

    assert (tiles["Queued"], tiles["Failed"]) == ("1", "1")
    assert (tiles["Average wait"], tiles["Average run"]) == ("10.0\u00a0s", "2.0\u00a0s")
    assert "too long to be summed up" in page
