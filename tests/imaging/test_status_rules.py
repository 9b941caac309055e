"""Changes of status that are not allowed are refused by the database, also in plain SQL."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import IntegrityError

from imaging.models import AnalysisStatus, Image, ProcessingJob, QueueStatus
from tests.factories import make_image, make_job, make_result

pytestmark = pytest.mark.django_db

IMAGE_WAYS = {
    ("pending", "processing"),
    ("pending", "failed"),
    ("pending", "archived"),
    ("processing", "completed"),
    ("processing", "failed"),
    ("processing", "pending"),
    ("completed", "pending"),
    ("completed", "archived"),
    ("failed", "pending"),
    ("failed", "archived"),
}
QUEUE_WAYS = {
    ("queued", "processing"),
    ("queued", "cancelled"),
    ("processing", "completed"),
    ("processing", "failed"),
    ("processing", "retrying"),
    ("processing", "cancelled"),
    ("failed", "retrying"),
    ("failed", "cancelled"),
    ("retrying", "queued"),
    ("retrying", "processing"),
    ("retrying", "cancelled"),
}


def run(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


@pytest.mark.parametrize(("old", "new"), list(permutations(AnalysisStatus.values, 2)))
def test_an_image_goes_only_the_ways_that_are_allowed(old: str, new: str) -> None:
    image = make_image(analysis_status=old)
    change = "UPDATE images SET analysis_status = %s WHERE id = %s"

    if (old, new) in IMAGE_WAYS:
        run(change, new, image.pk)
        image.refresh_from_db()
        assert image.analysis_status == new
    else:
        with pytest.raises(IntegrityError, match=f"cannot go from {old} to {new}") as refused:
            run(change, new, image.pk)
        diagnosis: Any = refused.value.__cause__
        assert diagnosis.diag.constraint_name == "images_status_transition"


@pytest.mark.parametrize(("old", "new"), list(permutations(QueueStatus.values, 2)))
def test_a_job_goes_only_the_ways_that_are_allowed(old: str, new: str) -> None:
    job = make_job(status=old)
    change = "UPDATE processing_queue SET status = %s WHERE id = %s"

    if (old, new) in QUEUE_WAYS:
        run(change, new, job.pk)
        job.refresh_from_db()
        assert job.status == new
    else:
        with pytest.raises(IntegrityError, match=f"cannot go from {old} to {new}") as refused:
            run(change, new, job.pk)
        diagnosis: Any = refused.value.__cause__
        assert diagnosis.diag.constraint_name == "processing_queue_status_transition"


def test_a_word_that_is_no_status_is_refused() -> None:
    image = make_image()
    with pytest.raises(IntegrityError), transaction.atomic():
        run("UPDATE images SET analysis_status = 'processing ' WHERE id = %s", image.pk)
    with pytest.raises(IntegrityError):
        run(
            "INSERT INTO processing_queue (image_id, user_id, status) VALUES (%s, %s, 'lost')",
            image.pk,
            image.user_id,
        )


def status_of(image: Image) -> str:
    image.refresh_from_db()
    return image.analysis_status


def move(job: ProcessingJob, status: str) -> None:
    run("UPDATE processing_queue SET status = %s WHERE id = %s", status, job.pk)


def test_the_image_follows_its_job() -> None:
    image = make_image()
    job = make_job(image=image)

    move(job, "processing")
    assert status_of(image) == "processing"
    move(job, "retrying")
    assert status_of(image) == "pending"
    move(job, "processing")
    move(job, "failed")
    assert status_of(image) == "failed"
    assert image.processed_at is not None
    move(job, "retrying")
    assert status_of(image) == "failed", "until somebody works on it again"
    move(job, "processing")
    assert status_of(image) == "processing"


def test_an_analysed_image_returns_to_completed_when_a_later_job_is_cancelled() -> None:
    image = make_image(analysis_status="completed")
    make_result(image=image)
    job = make_job(image=image)

    move(job, "processing")
    assert status_of(image) == "processing"
    move(job, "cancelled")
    assert status_of(image) == "completed"


def test_an_image_never_analysed_waits_when_its_job_is_cancelled() -> None:
    image = make_image()
    job = make_job(image=image)

    move(job, "processing")
    move(job, "cancelled")

    assert status_of(image) == "pending"


def test_an_archived_image_stays_archived_whatever_its_jobs_do() -> None:
    image = make_image(analysis_status="archived")
    job = make_job(image=image)

    move(job, "processing")
    move(job, "failed")

    assert status_of(image) == "archived"


@pytest.mark.parametrize(
    "values",
    [
        "priority = 0",
        "priority = 11",
        "retry_count = -1",
    ],
)
def test_a_jobs_figures_are_kept_in_bounds(values: str) -> None:
    job = make_job()
    with pytest.raises(IntegrityError):
        run(f"UPDATE processing_queue SET {values} WHERE id = %s", job.pk)


@pytest.mark.parametrize("confidence", ["-0.0001", "1.0001"])
def test_confidence_is_between_0_and_1(confidence: str) -> None:
    result = make_result()
    with pytest.raises(IntegrityError):
        run(
            "UPDATE analysis_results SET confidence_score = %s WHERE id = %s", confidence, result.pk
        )


@pytest.mark.parametrize("digest", ["", "abc", "G" * 64, "A" * 64, "0" * 63])
def test_a_file_hash_is_64_lower_hexadecimal_digits(digest: str) -> None:
    image = make_image()
    with pytest.raises(IntegrityError):
        run("UPDATE images SET file_hash = %s WHERE id = %s", digest, image.pk)


def test_the_same_bytes_cannot_be_two_images() -> None:
    image = make_image()
    with pytest.raises(IntegrityError):
        make_image(file_hash=image.file_hash)


def test_an_image_has_one_result_in_force() -> None:
    result = make_result()
    with pytest.raises(IntegrityError):
        make_result(image=result.image)


@pytest.mark.parametrize(
    "change",
    [
        "file_hash = repeat('a', 64)",
        "file_size = 1",
        "uploaded_at = now() - interval '1 day'",
        "created_at = now() - interval '1 day'",
        "id = new_key()",
    ],
)
def test_nobody_changes_which_bytes_an_image_stands_for(change: str) -> None:
    image = make_image()
    with pytest.raises(IntegrityError, match="An image keeps its bytes") as refused:
        run(f"UPDATE images SET {change} WHERE id = %s", image.pk)
    diagnosis: Any = refused.value.__cause__
    assert diagnosis.diag.constraint_name == "images_identity"


@pytest.mark.parametrize(
    "parameters",
    [
        "'[]'",
        "'\"mbd\"'",
        "'7'",
        "'null'",
        "('{\"min_contrast\": 1' || repeat('0', 5000) || '}')::jsonb",
        "(repeat('[', 3000) || repeat(']', 3000))::jsonb",
    ],
)
def test_parameters_are_a_small_object(parameters: str) -> None:
    image = make_image()
    with pytest.raises(IntegrityError, match="processing_queue_parameters_check"):
        run(
            "INSERT INTO processing_queue (image_id, user_id, parameters)"
            f" VALUES (%s, %s, {parameters})",
            image.pk,
            image.user_id,
        )


def test_dimensions_are_a_small_object() -> None:
    image = make_image()
    for value in ("'[1]'", "('{\"width\": 1' || repeat('0', 5000) || '}')::jsonb"):
        with (
            pytest.raises(IntegrityError, match="images_image_dimensions_check"),
            transaction.atomic(),
        ):
            run(f"UPDATE images SET image_dimensions = {value} WHERE id = %s", image.pk)


@pytest.mark.parametrize("value", ["1e400", "-1e301", "1' || repeat('0', 5000) || '"])
def test_a_number_beyond_every_float_is_no_fact_about_a_picture(value: str) -> None:
    image = make_image()
    with pytest.raises(IntegrityError, match="images_metadata_check"):
        run(
            f'UPDATE images SET metadata = (\'{{"deep": [{{"bits": {value}}}]}}\')::jsonb'
            " WHERE id = %s",
            image.pk,
        )
