"""What the tables of annotations refuse to an intruder who writes plain SQL."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from annotations.boxes import Box
from annotations.models import (
    AiAnnotationJob,
    Annotation,
    BatchJob,
    Exercise,
    ExerciseAnswer,
    VisionCacheEntry,
)
from tests.annotations.making import BOX, make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db


def run(statement: str, *parameters: Any) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def refused(name: str, statement: str, *parameters: Any) -> None:
    with pytest.raises(IntegrityError) as caught:
        run(statement, *parameters)
    assert isinstance(caught.value.__cause__, psycopg.errors.CheckViolation)
    assert caught.value.__cause__.diag.constraint_name == name


# --- The five named constraints -------------------------------------------------------------------


def test_what_an_ai_proposes_has_a_confidence() -> None:
    made = make_annotation()

    refused(
        "check_vision_confidence",
        "UPDATE annotations SET vision_confidence = NULL WHERE id = %s",
        made.pk,
    )
    run(
        "UPDATE annotations SET vision_generated = false, vision_confidence = NULL WHERE id = %s",
        made.pk,
    )


@pytest.mark.parametrize("confidence", ["-0.0001", "1.0001"])
def test_a_confidence_lies_between_0_and_1(confidence: str) -> None:
    made = make_annotation()

    refused(
        "annotations_confidence_check",
        "UPDATE annotations SET vision_confidence = %s WHERE id = %s",
        confidence,
        made.pk,
    )


def test_what_an_ai_proposes_names_its_provider() -> None:
    made = make_annotation()

    refused(
        "check_vision_provider",
        "UPDATE annotations SET vision_provider = NULL WHERE id = %s",
        made.pk,
    )


@pytest.mark.parametrize("status", ["approved", "rejected"])
def test_what_is_decided_says_who_decided_and_when(status: str) -> None:
    made, reviewer = make_annotation(), make_user("analyst")

    for lacking in ("reviewed_by_id = NULL, reviewed_at = now()", "reviewed_at = NULL"):
        refused(
            "check_review_metadata",
            f"UPDATE annotations SET review_status = %s, {lacking} WHERE id = %s",
            status,
            made.pk,
        )
    decided = run(
        "UPDATE annotations SET review_status = %s, reviewed_by_id = %s, reviewed_at = now()"
        " WHERE id = %s",
        status,
        reviewer.pk,
        made.pk,
    )
    assert decided == 1


def without(path: str) -> dict[str, Any]:
    box = json.loads(json.dumps(BOX.to_json()))
    *way, last = path.split(".")
    part = box
    for name in way:
        part = part[name]
    del part[last]
    return dict(box)


@pytest.mark.parametrize(
    "box",
    [
        [],
        "0.1,0.1,0.5,0.5",
        None,
        {},
        without("topLeft"),
        without("topLeft.x"),
        without("bottomRight.y"),
        without("width"),
        without("height"),
        BOX.to_json() | {"width": "0.4"},
        BOX.to_json() | {"topLeft": {"x": None, "y": 0.2}},
        BOX.to_json() | {"topLeft": [0.1, 0.2]},
        BOX.to_json() | {"note": "x" * 2000},
    ],
)
def test_a_box_has_its_six_numbers(box: Any) -> None:
    made = make_annotation()

    with pytest.raises(IntegrityError, match=r"check_bounding_box_(structure|coords)"):
        run("UPDATE annotations SET bounding_box = %s WHERE id = %s", json.dumps(box), made.pk)


def corners(left: float, top: float, right: float, bottom: float) -> dict[str, Any]:
    return {
        "topLeft": {"x": left, "y": top},
        "bottomRight": {"x": right, "y": bottom},
        "width": round(right - left, 6),
        "height": round(bottom - top, 6),
    }


@pytest.mark.parametrize(
    "box",
    [
        corners(-0.000001, 0.1, 0.5, 0.5),
        corners(0.1, -0.1, 0.5, 0.5),
        corners(0.1, 0.1, 1.000001, 0.5),
        corners(0.1, 0.1, 0.5, 1.1),
        corners(0.5, 0.1, 0.5, 0.5),
        corners(0.5, 0.1, 0.4, 0.5),
        corners(0.1, 0.5, 0.5, 0.5),
        corners(0.1, 0.6, 0.5, 0.5),
        corners(0.1, 0.1, 0.5, 0.5) | {"width": 0.5},
        corners(0.1, 0.1, 0.5, 0.5) | {"height": -0.4},
        corners(100, 100, 200, 200),
    ],
)
def test_a_box_lies_in_the_picture_has_a_size_and_agrees_with_itself(box: Any) -> None:
    made = make_annotation()

    refused(
        "check_bounding_box_coords",
        "UPDATE annotations SET bounding_box = %s WHERE id = %s",
        json.dumps(box),
        made.pk,
    )


@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(0, 0, 0.000001, 0.000001), BOX])
def test_every_box_that_python_accepts_the_database_accepts(box: Box) -> None:
    made = make_annotation()

    changed = run(
        "UPDATE annotations SET bounding_box = %s WHERE id = %s", json.dumps(box.to_json()), made.pk
    )
    assert changed == 1


# --- Words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["openai", "google", "anthropic", "local"])
def test_every_documented_provider_is_taken(word: str) -> None:
    made = make_annotation()

    assert run("UPDATE annotations SET vision_provider = %s WHERE id = %s", word, made.pk) == 1
    run("INSERT INTO ai_annotation_jobs (image_id, provider) VALUES (%s, %s)", made.image_id, word)


@pytest.mark.parametrize("word", ["pending", "approved", "rejected"])
def test_every_documented_review_status_is_taken(word: str) -> None:
    made, reviewer = make_annotation(), make_user("analyst")
    who = reviewer.pk if word != "pending" else None

    changed = run(
        "UPDATE annotations SET review_status = %s, reviewed_by_id = %s,"
        " reviewed_at = CASE WHEN %s <> 'pending' THEN now() END WHERE id = %s",
        word,
        who,
        word,
        made.pk,
    )
    assert changed == 1


@pytest.mark.parametrize(
    ("table", "column", "constraint"),
    [
        ("annotations", "review_status", "annotations_review_status_check"),
        ("annotations", "review_stage", "annotations_review_stage_check"),
        ("ai_annotation_jobs", "status", "ai_annotation_jobs_status_check"),
        ("batch_jobs", "status", "batch_jobs_status_check"),
    ],
)
def test_other_words_are_refused(table: str, column: str, constraint: str) -> None:
    made = make_annotation()
    AiAnnotationJob.objects.create(image=made.image)
    BatchJob.objects.create(job_type="annotate")

    with pytest.raises(IntegrityError, match=rf"{constraint}|A job cannot go from pending to"):
        run(f"UPDATE {table} SET {column} = 'sideways'")


# --- Jobs -----------------------------------------------------------------------------------------

ALLOWED = {
    ("pending", "processing"),
    ("pending", "cancelled"),
    ("processing", "completed"),
    ("processing", "failed"),
    ("processing", "pending"),
    ("processing", "cancelled"),
    ("failed", "pending"),
    ("failed", "cancelled"),
}
STATUSES = ("pending", "processing", "completed", "failed", "cancelled")
TERMINAL = {"completed", "failed", "cancelled"}
# How a job gets to each of them.
WAYS = {
    "pending": (),
    "processing": ("processing",),
    "completed": ("processing", "completed"),
    "failed": ("processing", "failed"),
    "cancelled": ("cancelled",),
}


def bring(table: str, status: str) -> None:
    for step in WAYS[status]:
        run(f"UPDATE {table} SET status = %s", step)


@pytest.fixture(params=["ai_annotation_jobs", "batch_jobs"])
def table(request: pytest.FixtureRequest) -> str:
    """A table of jobs with one job that waits."""
    if request.param == "batch_jobs":
        BatchJob.objects.create(job_type="annotate")
    else:
        AiAnnotationJob.objects.create(image=make_image())
    return str(request.param)


@pytest.mark.parametrize("before", STATUSES)
def test_a_job_goes_the_ways_that_are_allowed_and_no_other(table: str, before: str) -> None:
    bring(table, before)
    for after in STATUSES:
        if after == before:
            continue
        statement = f"UPDATE {table} SET status = %s"
        if (before, after) not in ALLOWED:
            refused(f"{table}_status_transition", statement, after)
            continue
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [after])
            assert cursor.rowcount == 1
            transaction.set_rollback(True)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_entering_a_terminal_state_sets_completed_at_once(table: str, status: str) -> None:
    bring(table, status)
    look = f"SELECT completed_at FROM {table}"

    with connection.cursor() as cursor:
        cursor.execute(look)
        (ended,) = cursor.fetchone()
        assert ended is not None
        cursor.execute(f"UPDATE {table} SET status = status, error_message = 'again'")
        cursor.execute(look)
        assert cursor.fetchone() == (ended,)


@pytest.mark.parametrize("status", ["pending", "processing"])
def test_a_job_that_has_not_ended_has_no_completed_at(table: str, status: str) -> None:
    bring(table, status)

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT completed_at FROM {table}")
        assert cursor.fetchone() == (None,)


def test_a_failed_job_that_waits_again_has_not_ended(table: str) -> None:
    bring(table, "failed")
    run(f"UPDATE {table} SET status = 'pending'")

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT completed_at FROM {table}")
        assert cursor.fetchone() == (None,)


# --- Deleting -------------------------------------------------------------------------------------


def test_an_image_takes_its_annotations_jobs_and_history_with_it() -> None:
    made = make_annotation()
    AiAnnotationJob.objects.create(image=made.image)
    run("UPDATE annotations SET label = 'wren' WHERE id = %s", made.pk)

    run("DELETE FROM images WHERE id = %s", made.image_id)

    with connection.cursor() as cursor:
        for table in ("annotations", "ai_annotation_jobs", "annotation_history"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,), table


def test_a_job_that_is_deleted_leaves_its_annotations() -> None:
    job = AiAnnotationJob.objects.create(image=make_image())
    made = make_annotation(image=job.image, ai_job=job)

    run("DELETE FROM ai_annotation_jobs")

    made.refresh_from_db()
    assert made.ai_job_id is None


def test_an_image_takes_what_providers_said_about_it_with_it() -> None:
    made = make_annotation()
    VisionCacheEntry.objects.create(url_hash="a" * 64, provider="local", image_id=made.image_id)
    VisionCacheEntry.objects.create(url_hash="b" * 64, provider="local")

    run("DELETE FROM images WHERE id = %s", made.image_id)

    assert [entry.url_hash[0] for entry in VisionCacheEntry.objects.all()] == ["b"]


# --- Exercises ------------------------------------------------------------------------------------


@pytest.fixture
def answered() -> ExerciseAnswer:
    """An answer that was right."""
    asked = {"exercise_type": "identify", "difficulty_level": "easy", "user": make_user("analyst")}
    exercise = Exercise.objects.create(**asked)
    return ExerciseAnswer.objects.create(
        **asked, exercise=exercise, number=1, answer={"chosen": 1}, is_right=True
    )


@pytest.mark.parametrize(
    "change",
    ["is_right = false", "answer = '2'", "duration_ms = 1", "created_at = now() + '1 day'"],
)
def test_an_answer_is_given_once(answered: ExerciseAnswer, change: str) -> None:
    with pytest.raises(IntegrityError, match="never changed"):
        run(f"UPDATE exercise_answers SET {change}")
    with pytest.raises(IntegrityError, match="exercise_answers_exercise_id_number_key"):
        run(
            "INSERT INTO exercise_answers (exercise_id, number, user_id, exercise_type,"
            " difficulty_level, answer, is_right) SELECT exercise_id, number, user_id,"
            " exercise_type, difficulty_level, answer, false FROM exercise_answers"
        )


def test_an_answer_outlives_its_exercise_and_goes_with_its_person(
    answered: ExerciseAnswer,
) -> None:
    run("DELETE FROM exercise_cache")
    answered.refresh_from_db()
    assert answered.exercise_id is None

    run("DELETE FROM users WHERE id = %s", answered.user_id)
    assert not ExerciseAnswer.objects.exists()


# --- Collections ----------------------------------------------------------------------------------


def test_annotations_follow_their_image_into_a_collection_and_out_of_it() -> None:
    before = make_annotation()
    home = make_collection(before.image, stages=["L1", "final"])
    after = make_annotation(image=before.image)
    before.refresh_from_db()
    assert [(one.collection_id, one.review_stage) for one in (before, after)] == [
        (home.pk, "L1"),
        (home.pk, "L1"),
    ]

    run("DELETE FROM collection_images")

    assert not Annotation.objects.filter(collection__isnull=False).exists()


@pytest.mark.parametrize("stages", [[], ["L1"], ["final", "L1"], ["L1", "L1", "final"], "final"])
def test_stages_end_with_the_final_one(stages: Any) -> None:
    make_collection()

    refused(
        "image_collections_stages_check",
        "UPDATE image_collections SET stages = %s",
        json.dumps(stages),
    )
