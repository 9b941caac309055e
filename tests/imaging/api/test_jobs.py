"""Analyses: asked for, watched, steered."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from imaging.models import Image, ProcessingJob
from jobs.models import Attempt
from tests.factories import make_image, make_job, make_user
from tests.imaging.api.conftest import Caller, CallerOf, fail, problem, wrong_fields

pytestmark = pytest.mark.django_db

LIST = "/api/v1/analysis-jobs/"


def ids(answer: Any) -> list[str]:
    """The keys on the page, in order."""
    assert answer.status_code == 200, answer.json()
    return [row["id"] for row in answer.json()["results"]]


def ask(caller: Caller, image: Image, **body: Any) -> Any:
    """The answer to asking for an analysis."""
    return caller.post(LIST, {"image_id": str(image.pk), **body})


def test_an_analysis_is_asked_for_once(caller: CallerOf) -> None:
    image = make_image()
    program = caller("api_user", scopes=["write:jobs", "read:jobs"])

    first = ask(program, image, parameters={"method": "luma"}, priority=8)
    again = ask(caller("analyst"), image, parameters={"method": "luma"})
    other = ask(program, image)

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 201)
    told = first.json()
    assert first["Location"] == again["Content-Location"] == f"{LIST}{told['id']}/"
    assert (told["status"], told["priority"], told["place"]) == ("queued", 8, 1)
    assert told["parameters"] == {"method": "luma"}
    assert told["progress"] == {"done": 0, "total": None, "message": ""}
    assert told["user_id"] == str(program.user.pk)  # type: ignore[union-attr]
    assert again.json()["id"] == told["id"] != other.json()["id"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"parameters": {"method": "magic"}}, {"parameters.method"}),
        ({"parameters": {"blur": 2, "sweeps": 99}}, {"parameters.blur", "parameters.sweeps"}),
        ({"parameters": {"blur": True}}, {"parameters.blur"}),
        ({"parameters": {"lacunarity_sizes": "all"}}, {"parameters.lacunarity_sizes"}),
        ({"parameters": {"unknown": 1}}, {"parameters.unknown"}),
        ({"parameters": []}, {"parameters"}),
        ({"parameters": None}, {"parameters"}),
        ({"priority": 0}, {"priority"}),
        ({"priority": 11}, {"priority"}),
        ({"image_id": "first"}, {"image_id"}),
        ({"image_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10"}, {"image_id"}),
        ({"user_id": "me"}, {"user_id"}),
    ],
)
def test_what_cannot_be_analysed_is_refused_by_name(
    caller: CallerOf, body: dict[str, Any], fields: set[str]
) -> None:
    answer = ask(caller("analyst"), make_image(), **body)

    assert wrong_fields(answer) == fields
    assert not ProcessingJob.objects.exists()


def test_an_archived_image_is_not_analysed(caller: CallerOf) -> None:
    image = make_image(analysis_status="archived", file_name="old.jpg")

    told = problem(ask(caller("analyst"), image), 409, "conflict")

    assert told["detail"].startswith("old.jpg is archived")


def test_asking_again_with_the_same_key_gives_the_first_answer(caller: CallerOf) -> None:
    image, analyst = make_image(), caller("analyst")
    body = {"image_id": str(image.pk)}

    first = analyst.post(LIST, body, Idempotency_Key="one")
    again = analyst.post(LIST, body, Idempotency_Key="one")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again["Idempotency-Replayed"] == "true"
    problem(analyst.post(LIST, body | {"priority": 9}, Idempotency_Key="one"), 422, "key-reused")


def test_a_list_is_narrowed_and_ordered(caller: CallerOf) -> None:
    viewer = caller("viewer")
    low, high, done = make_job(priority=1), make_job(priority=9), make_job()
    ProcessingJob.objects.filter(pk=done.pk).update(status="processing")
    ProcessingJob.objects.filter(pk=done.pk).update(status="completed")

    assert ids(viewer.get(LIST)) == [str(job.pk) for job in (done, high, low)]
    assert ids(viewer.get(LIST, {"order": "priority"}))[0] == str(high.pk)
    assert ids(viewer.get(LIST, {"status": "completed"})) == [str(done.pk)]
    assert len(ids(viewer.get(LIST, {"status": ["queued", "completed"]}))) == 3
    assert ids(viewer.get(LIST, {"image_id": str(low.image_id)})) == [str(low.pk)]
    assert ids(viewer.get(LIST, {"user_id": str(high.user_id)})) == [str(high.pk)]
    assert ids(viewer.get(LIST, {"min_priority": "6"})) == [str(high.pk)]
    assert ids(viewer.get(LIST, {"max_priority": "4"})) == [str(low.pk)]
    assert ids(viewer.get(LIST, {"created_before": low.created_at.isoformat()})) == []
    assert "place" not in viewer.get(LIST).json()["results"][0]


@pytest.mark.parametrize("query", [{"status": "lost"}, {"min_priority": "9" * 40}, {"page": "2"}])
def test_what_cannot_be_taken_is_refused_by_name(caller: CallerOf, query: dict[str, str]) -> None:
    assert wrong_fields(caller("viewer").get(LIST, query)) == set(query)


def test_a_job_tells_its_place_and_how_far_it_is(caller: CallerOf) -> None:
    viewer = caller("viewer")
    person = make_user("analyst")
    waiting = [make_job(image=make_image(user=person)) for _ in range(3)]
    make_job(priority=10)

    assert [viewer.get(f"{LIST}{job.pk}/").json()["place"] for job in waiting] == [2, 3, 4]
    job = waiting[0]
    ProcessingJob.objects.filter(pk=job.pk).update(
        status="processing", attempt=1, progress_done=1, progress_total=3, progress_message="so far"
    )
    answer = viewer.get(f"{LIST}{job.pk}/")
    told = answer.json()
    assert (told["place"], told["attempt"]) == (None, 1)
    assert told["progress"] == {"done": 1, "total": 3, "message": "so far"}

    address, etag = f"{LIST}{job.pk}/", answer["ETag"]
    assert viewer.get(address, If_None_Match=etag).status_code == 304
    ProcessingJob.objects.filter(pk=job.pk).update(progress_done=2)
    assert viewer.get(address, If_None_Match=etag).status_code == 200


def test_attempts_are_told_without_the_places_of_the_disk(caller: CallerOf) -> None:
    job = make_job()
    reason = f"[Errno 13] Permission denied: '{settings.MEDIA_ROOT}/originals/ab/abc.jpg'"
    fail(job, reason)
    Attempt.objects.create(
        table_name="processing_queue",
        job_id=job.pk,
        attempt=1,
        outcome="failed",
        error_message=reason,
    )

    told = caller("viewer").get(f"{LIST}{job.pk}/").json()

    expected = "[Errno 13] Permission denied: 'originals/ab/abc.jpg'"
    assert told["error_message"] == told["attempts"][0]["error_message"] == expected
    assert told["attempts"][0]["outcome"] == "failed"


@pytest.mark.parametrize("role", ["analyst", "moderator"])
def test_jobs_are_steered(caller: CallerOf, failed_job: ProcessingJob, role: str) -> None:
    steering = caller(role)
    job = make_job()

    moved = steering.post(f"{LIST}{job.pk}/prioritise/", {"priority": 10})
    assert moved.json()["priority"] == 10
    cancelled = steering.post(f"{LIST}{job.pk}/cancel/")
    assert cancelled.json()["status"] == "cancelled"
    retried = steering.post(f"{LIST}{failed_job.pk}/retry/")
    assert retried.json()["status"] == "retrying"


def test_a_running_job_is_asked_to_stop(caller: CallerOf) -> None:
    job = make_job()
    ProcessingJob.objects.filter(pk=job.pk).update(status="processing", attempt=1)

    told = caller("analyst").post(f"{LIST}{job.pk}/cancel/").json()

    assert (told["status"], told["cancel_requested"]) == ("processing", True)


def test_what_the_state_does_not_allow_is_a_conflict(
    caller: CallerOf, failed_job: ProcessingJob
) -> None:
    analyst, waiting = caller("analyst"), make_job()

    told = problem(analyst.post(f"{LIST}{waiting.pk}/retry/"), 409, "conflict")
    assert told["detail"] == "Only a failed job can be retried; this one is queued."
    moved = analyst.post(f"{LIST}{failed_job.pk}/prioritise/", {"priority": 3})
    problem(moved, 409, "conflict")
    analyst.post(f"{LIST}{waiting.pk}/cancel/")
    problem(analyst.post(f"{LIST}{waiting.pk}/cancel/"), 409, "conflict")


@pytest.mark.parametrize("body", [{}, {"priority": 0}, {"priority": 2**40}, {"priority": "high"}])
def test_a_priority_that_is_none_is_refused(caller: CallerOf, body: dict[str, Any]) -> None:
    answer = caller("analyst").post(f"{LIST}{make_job().pk}/prioritise/", body)

    assert wrong_fields(answer) == {"priority"}


def test_the_queue_is_summed_up_as_far_as_the_role_sees(
    caller: CallerOf, failed_job: ProcessingJob
) -> None:
    make_job()
    ProcessingJob.objects.filter(pk=make_job().pk).update(status="processing")

    seen = caller("viewer").get(f"{LIST}summary/").json()
    hidden = caller("api_user").get(f"{LIST}summary/").json()

    assert seen["counts"] == hidden["counts"] == {"failed": 1, "processing": 1, "queued": 1}
    assert (seen["ready"], seen["running"], seen["failed"]) == (1, 1, 1)
    assert seen["oldest_ready_seconds"] >= 0
    assert (seen["workers"], hidden["workers"]) == (0, None)
    assert seen["last_hour"] is not None
    assert hidden["last_hour"] is None
