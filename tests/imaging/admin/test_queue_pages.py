"""The queue: figures, workers, the list, one job, and steering them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from imaging.actions import jobs
from imaging.admin import queue_state
from imaging.models import ProcessingJob
from jobs.models.worker import Worker
from tests.factories import make_image, make_job
from tests.imaging.admin.conftest import ROLES, ClientFor

pytestmark = pytest.mark.django_db

URL = "/imaging/processingjob/"
STEERERS = {"admin", "moderator", "analyst"}


def post(client: Client, job: ProcessingJob, change: str, **data: Any) -> Any:
    """Steer a job and follow to the page that answers."""
    return client.post(f"{URL}{job.pk}/{change}/", data, follow=True)


@pytest.mark.parametrize("role", ROLES)
def test_every_staff_role_sees_the_queue_and_its_jobs(client_for: ClientFor, role: str) -> None:
    job = make_job(image=make_image(file_name="waits.jpg"))
    client = client_for(role)

    page = client.get(URL).content.decode()
    own = client.get(f"{URL}{job.pk}/change/").content.decode()

    assert "waits.jpg" in page
    assert str(job.pk) in own
    steers = role in STEERERS
    assert ('value="cancel"' in page) == steers
    assert (f"{URL}{job.pk}/cancel/" in page) == steers
    assert (f"{URL}{job.pk}/priority/" in own) == steers


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("change", ["retry", "cancel", "priority"])
def test_a_crafted_request_is_refused(client_for: ClientFor, role: str, change: str) -> None:
    job = make_job()
    expected = 200 if role in STEERERS else 403

    assert post(client_for(role), job, change, priority="7").status_code == expected


@pytest.mark.parametrize("action", ["retry", "cancel", "prioritise"])
def test_a_crafted_list_action_is_refused(client_for: ClientFor, action: str) -> None:
    job = make_job()
    data = {"action": action, "_selected_action": [str(job.pk)], "priority": "9"}

    assert client_for("viewer").post(URL, data).status_code == 403
    job.refresh_from_db()
    assert (job.status, job.priority) == ("queued", 5)


@pytest.mark.parametrize("change", ["retry", "cancel", "priority"])
def test_jobs_are_steered_by_post_alone(client_for: ClientFor, change: str) -> None:
    assert client_for("admin").get(f"{URL}{make_job().pk}/{change}/").status_code == 405


def test_a_failed_job_is_retried(client_for: ClientFor, failed_job: ProcessingJob) -> None:
    answer = post(client_for("analyst"), failed_job, "retry")

    failed_job.refresh_from_db()
    assert failed_job.status == "retrying"
    assert "The analysis of broken.jpg is in line again." in answer.content.decode()


def test_a_retry_from_the_image_leads_back_to_it(
    client_for: ClientFor, failed_job: ProcessingJob
) -> None:
    answer = client_for("analyst").post(f"{URL}{failed_job.pk}/retry/", {"back": "image"})

    assert answer["Location"] == f"/imaging/image/{failed_job.image_id}/change/"


@pytest.mark.parametrize("origin", ["https://evil.example/", "http://testserver.evil.example/"])
def test_nobody_is_sent_to_another_site(client_for: ClientFor, origin: str) -> None:
    client = client_for("analyst")

    answer = client.post(f"{URL}{make_job().pk}/cancel/", HTTP_REFERER=origin)

    assert answer["Location"] == URL


def test_a_person_returns_to_the_filtered_list(client_for: ClientFor) -> None:
    here = f"http://testserver{URL}?status=queued"

    answer = client_for("analyst").post(f"{URL}{make_job().pk}/cancel/", HTTP_REFERER=here)

    assert answer["Location"] == here


@pytest.mark.parametrize(
    ("status", "change", "sentence"),
    [
        ("queued", "retry", "Only a failed job can be retried; this one is queued."),
        ("completed", "cancel", "The job is already completed."),
        ("completed", "priority", "Only a waiting job has a place in line"),
    ],
)
def test_what_is_not_possible_now_is_a_message(
    client_for: ClientFor, status: str, change: str, sentence: str
) -> None:
    job = make_job(status=status)

    answer = post(client_for("analyst"), job, change, priority="7")

    assert sentence in answer.content.decode()


@pytest.mark.parametrize("priority", ["0", "11", "ten", "", "٣", "99999999999999999999"])
def test_a_wrong_priority_is_refused(client_for: ClientFor, priority: str) -> None:
    job = make_job()

    answer = post(client_for("analyst"), job, "priority", priority=priority)

    assert "Priority must be from 1 to 10" in answer.content.decode()
    job.refresh_from_db()
    assert job.priority == 5


def test_cancelling_and_moving_a_job(client_for: ClientFor) -> None:
    waits, runs = make_job(), make_job(status="processing")
    client = client_for("analyst")

    moved = post(client, waits, "priority", priority="9").content.decode()
    cancelled = post(client, waits, "cancel").content.decode()
    asked = post(client, runs, "cancel").content.decode()

    waits.refresh_from_db()
    runs.refresh_from_db()
    assert (waits.status, waits.priority) == ("cancelled", 9)
    assert (runs.status, runs.cancel_requested) == ("processing", True)
    assert "has priority 9 now" in moved
    assert "is cancelled." in cancelled
    assert "is asked to stop." in asked


def test_many_are_changed_and_the_others_explained(client_for: ClientFor) -> None:
    waiting = [make_job(), make_job()]
    done = [make_job(status="completed"), make_job(status="completed")]
    chosen = [str(job.pk) for job in (*waiting, *done)]

    answer = client_for("analyst").post(
        URL, {"action": "cancel", "_selected_action": chosen}, follow=True
    )

    page = answer.content.decode()
    assert "2 jobs are cancelled." in page
    assert "2 jobs: The job is already completed." in page


def test_a_priority_for_many_is_asked_for_first(client_for: ClientFor) -> None:
    job = make_job()
    client = client_for("analyst")
    chosen = {"action": "prioritise", "_selected_action": [str(job.pk)]}

    assert "Move 1 job in line" in client.post(URL, chosen).content.decode()
    answer = client.post(URL, {**chosen, "priority": "10"}, follow=True)

    job.refresh_from_db()
    assert job.priority == 10
    assert "1 job is moved to priority 10." in answer.content.decode()


def test_a_job_that_is_gone_is_a_message(client_for: ClientFor) -> None:
    client = client_for("analyst")
    gone = ProcessingJob(pk=make_image().pk)

    assert "There is no job" in post(client, gone, "cancel").content.decode()
    for unknown in (str(gone.pk), "nonsense"):
        answer = client.get(f"{URL}{unknown}/change/", follow=True)
        assert f"There is no job {unknown}" in answer.content.decode()


def test_the_figures_come_from_the_view(client_for: ClientFor, failed_job: ProcessingJob) -> None:
    make_job()
    moment = timezone.now()
    make_job(
        status="completed",
        created_at=moment - timedelta(seconds=12),
        started_at=moment - timedelta(seconds=2),
        completed_at=moment,
    )

    tiles = {tile.label: tile for tile in queue_state.state_of_queue().tiles}
    page = client_for("viewer").get(URL).content.decode()

    assert tiles["Queued"].value == "1"
    assert (tiles["Failed"].value, tiles["Failed"].state) == ("1", "bad")
    assert tiles["Average wait"].value == "10.0\u00a0s"
    assert tiles["Average run"].value == "2.0\u00a0s"
    assert "Jobs wait, but no worker has been seen" in page
    assert 'title="1 failed"' in page


def test_workers_are_named_while_they_live(client_for: ClientFor) -> None:
    alive = {"hostname": "one", "pid": 1}
    Worker.objects.create(name="one:1:abc", **alive)
    Worker.objects.create(name="two:1:abc", **alive, stopped_at=timezone.now())
    Worker.objects.create(
        name="three:1:abc", **alive, last_seen_at=timezone.now() - timedelta(minutes=5)
    )

    page = client_for("viewer").get(URL).content.decode()

    assert "1 worker alive" in page
    assert "one:1:abc" in page
    assert "two:1:abc" not in page
    assert "three:1:abc" not in page


def test_a_queue_too_long_to_sum_up_still_lists_its_jobs(
    client_for: ClientFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any) -> None:
        raise OperationalError("canceling statement due to statement timeout")

    make_job(image=make_image(file_name="here.jpg"))
    monkeypatch.setattr("imaging.admin.queue_state.transaction.atomic", slow)
    assert queue_state.summary() is None
    monkeypatch.undo()
    monkeypatch.setattr(queue_state, "summary", lambda: None)

    page = client_for("viewer").get(URL).content.decode()

    assert "too long to be summed up" in page
    assert "here.jpg" in page


def test_the_list_is_filtered_and_searched(
    client_for: ClientFor, failed_job: ProcessingJob
) -> None:
    urgent = make_job(priority=9, image=make_image(file_name="urgent.jpg"))
    client = client_for("viewer")

    def shown(**asked: str) -> tuple[bool, bool]:
        page = client.get(URL, asked).content.decode()
        return "urgent.jpg" in page, "broken.jpg" in page

    assert shown(status="failed") == (False, True)
    assert shown(priority="high") == (True, False)
    assert shown(q=str(urgent.pk)) == (True, False)
    assert shown(q=str(failed_job.image_id)) == (False, True)
    assert shown(q="nonsense") == (False, False)


def test_the_error_is_told_in_full_and_as_text(
    client_for: ClientFor, failed_job: ProcessingJob
) -> None:
    text = "<script>alert(1)</script> " + "and so on " * 200
    ProcessingJob.objects.filter(pk=failed_job.pk).update(error_message=text)
    client = client_for("viewer")

    page = client.get(f"{URL}{failed_job.pk}/change/").content.decode()
    listing = client.get(URL).content.decode()

    assert "and so on " * 200 in page
    assert "This analysis failed" in page
    assert "<script>alert" not in page + listing


def test_a_running_job_shows_its_progress(client_for: ClientFor) -> None:
    make_job(
        status="processing",
        started_at=timezone.now(),
        progress_done=1,
        progress_total=3,
        progress_message="drawing",
    )

    page = client_for("viewer").get(URL).content.decode()

    assert '<progress value="1" max="3"' in page
    assert "drawing" in page


def test_the_number_of_queries_does_not_grow_with_the_rows(client_for: ClientFor) -> None:
    client = client_for("analyst")
    client.get(URL)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(URL).status_code == 200
        return len(seen)

    make_job()
    few = queries()
    for _ in range(20):
        make_job(image=make_image())
    assert queries() == few


def test_somebody_elses_retry_at_the_same_time_is_a_message(
    client_for: ClientFor, failed_job: ProcessingJob
) -> None:
    jobs.request(failed_job.image, by=failed_job.user)

    answer = post(client_for("analyst"), failed_job, "retry")

    assert "The same analysis already waits or runs." in answer.content.decode()
