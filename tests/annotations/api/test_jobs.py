"""AI jobs and batches through the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from annotations.actions import batches
from annotations.models import AiAnnotationJob, Annotation, BatchJob, BatchJobError
from tests.annotations.making import make_annotation, make_collection
from tests.factories import make_image, make_user
from tests.imaging.api.conftest import CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db
JOBS, BATCHES = "/api/v1/ai-jobs/", "/api/v1/batches/"


def failed(job_id: str) -> None:
    """It ended badly, as with a worker."""
    rows = AiAnnotationJob.objects.filter(pk=job_id)
    rows.update(status="processing", started_at=timezone.now())
    rows.update(status="failed", error_message="The provider is away.")


def test_a_program_has_an_image_annotated(caller: CallerOf) -> None:
    image = make_image()
    program = caller("api_user", scopes=["annotate:images", "read:annotations"])
    body = {"image_id": str(image.pk), "fallbacks": ["openai"], "priority": 8}

    made = program.post(JOBS, body)
    again = program.post(JOBS, body)

    assert (made.status_code, again.status_code) == (201, 200)
    assert made["Location"] == again["Content-Location"] == f"{JOBS}{made.json()['id']}/"
    told = program.get(made["Location"]).json()
    assert told == made.json()
    assert (told["status"], told["provider"], told["fallbacks"]) == ("pending", "local", ["openai"])
    assert (told["priority"], told["progress"]["done"]) == (8, 0)
    assert "request_payload" not in told


@pytest.mark.parametrize(
    ("said", "status", "slug"),
    [
        ({"provider": "nobody"}, 409, "conflict"),
        ({"fallbacks": ["local", "nobody"]}, 409, "conflict"),
        ({"fallbacks": ["local"] * 6}, 400, "invalid-input"),
        ({"priority": 11}, 400, "invalid-input"),
        ({"image_id": "01936f1c-7c2a-7d4e-9a51-3f0b6c8d2e10"}, 400, "invalid-input"),
        ({"cost": 1}, 400, "invalid-input"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    caller: CallerOf, said: dict[str, Any], status: int, slug: str
) -> None:
    problem(caller().post(JOBS, {"image_id": str(make_image().pk)} | said), status, slug)
    assert not AiAnnotationJob.objects.exists()


def test_a_job_is_cancelled_and_a_failed_one_retried(caller: CallerOf) -> None:
    person = caller()
    job = person.post(JOBS, {"image_id": str(make_image().pk)}).json()
    other = person.post(JOBS, {"image_id": str(make_image().pk)}).json()

    assert person.post(f"{JOBS}{job['id']}/cancel/").json()["status"] == "cancelled"
    problem(person.post(f"{JOBS}{job['id']}/cancel/"), 409, "conflict")
    problem(person.post(f"{JOBS}{other['id']}/retry/"), 409, "conflict")
    failed(other["id"])
    assert person.get(JOBS, {"status": "failed"}).json()["results"][0]["id"] == other["id"]
    told = person.post(f"{JOBS}{other['id']}/retry/").json()
    assert (told["status"], told["retry_count"]) == ("pending", 0)


def test_jobs_are_found_by_image_and_provider(caller: CallerOf) -> None:
    person, image = caller(), make_image()
    person.post(JOBS, {"image_id": str(image.pk)})
    person.post(JOBS, {"image_id": str(make_image().pk)})

    def count(**query: str) -> int:
        return len(person.get(JOBS, query).json()["results"])

    assert (count(), count(image_id=str(image.pk)), count(provider="openai")) == (2, 1, 0)


def test_a_batch_approves_what_fits_and_tells_how_far_it_is(caller: CallerOf) -> None:
    for label in ("robin", "robin", "wren"):
        make_annotation(label=label)
    person = caller()

    made = person.post(f"{BATCHES}approve/", {"label": "robin"})

    assert made.status_code == 201
    assert (made.json()["job_type"], made.json()["item_count"]) == ("approve", 2)
    [job] = BatchJob.objects.claim("worker-1", 1, time_limit=timedelta(minutes=5))
    batches.run(job, ask_ahead=lambda *_: None)
    told = person.get(made["Location"])
    assert (told.json()["status"], told.json()["done_count"]) == ("completed", 2)
    assert told["ETag"] != made["ETag"]
    assert person.get(made["Location"], If_None_Match=told["ETag"]).status_code == 304
    assert Annotation.objects.filter(review_status="approved").count() == 2


def test_a_batch_of_rejections_has_a_reason(caller: CallerOf) -> None:
    make_annotation()
    person = caller()

    assert wrong_fields(person.post(f"{BATCHES}reject/", {"label": "robin"})) == {"reason"}
    made = person.post(f"{BATCHES}reject/", {"reason": "no_bird", "max_confidence": 0.6})
    assert made.json()["parameters"] == {"filters": {"most": "0.6000"}, "reason": "no_bird"}


def test_nothing_to_decide_is_said(caller: CallerOf) -> None:
    told = problem(caller().post(f"{BATCHES}approve/", {"label": "wren"}), 409, "conflict")

    assert told["detail"] == "Nothing that fits these filters waits for you."


@pytest.mark.parametrize("kind", ["annotate", "warm-cache"])
def test_a_collection_is_annotated_or_asked_about_ahead(caller: CallerOf, kind: str) -> None:
    image = make_image()
    home = make_collection(image)
    make_image()

    made = caller().post(f"{BATCHES}{kind}/", {"collection_id": str(home.pk)})

    assert made.status_code == 201
    assert made.json()["job_type"] == kind.replace("-", "_")
    assert made.json()["item_count"] == 1


def test_named_images_are_annotated_and_errors_told_item_by_item(caller: CallerOf) -> None:
    person, image = caller(), make_image()
    made = person.post(f"{BATCHES}annotate/", {"image_ids": [str(image.pk)]}).json()
    BatchJobError.objects.create(
        job_id=made["id"], image_id=image.pk, error_code="NotNow", error_message="Archived."
    )

    [error] = person.get(f"{BATCHES}{made['id']}/errors/").json()["results"]

    assert (error["image_id"], error["error_message"]) == (str(image.pk), "Archived.")
    assert person.get(f"{BATCHES}{made['id']}/errors/", {"error_code": "x"}).json()["results"] == []


def test_a_batch_is_stopped(caller: CallerOf) -> None:
    make_annotation()
    person = caller()
    made = person.post(f"{BATCHES}approve/").json()

    assert person.post(f"{BATCHES}{made['id']}/cancel/").json()["status"] == "cancelled"
    problem(person.post(f"{BATCHES}{made['id']}/cancel/"), 409, "conflict")


def test_reports_are_the_documented_views(caller: CallerOf) -> None:
    annotation = make_annotation()
    caller().post(JOBS, {"image_id": str(annotation.image_id)})
    reviewer = caller("analyst")
    other = make_annotation()
    reviewer.post(f"/api/v1/annotations/{other.pk}/decide/", {"decision": "approved", "version": 1})
    person = caller("moderator")

    def rows(name: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = person.get(f"/api/v1/reports/{name}/", query).json()[
            "results"
        ]
        return found

    [pending] = rows("pending-ai-annotations", vision_provider="local")
    assert (pending["id"], pending["vision_confidence"]) == (str(annotation.pk), 0.5)
    [jobs] = rows("ai-job-stats", provider="local")
    assert (jobs["status"], jobs["job_count"]) == ("pending", 1)
    assert reviewer.user is not None
    [stats] = rows("reviewer-stats", reviewer_id=str(reviewer.user.pk))
    assert (stats["total_reviews"], stats["approved_count"]) == (1, 1)
    assert rows("reviewer-stats", reviewer_id=str(make_user().pk)) == []
    assert rows("cache-stats") == []
