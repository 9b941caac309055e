"""Exercises: made from approved annotations, answered once, and what they tell."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from annotations.actions import exercise_material as material
from annotations.actions import exercises
from annotations.actions.exercises import NotEnough, WrongAnswer
from annotations.boxes import Box
from annotations.knowledge.exercises import accuracy
from annotations.models import Annotation, AnnotationReview, Exercise, ExerciseAnswer
from database.actor import acting_as
from imaging.models import Image
from tests.annotations.making import BOX, make_annotation, make_collection
from tests.factories import make_image, make_user

pytestmark = pytest.mark.django_db

BIRDS = ("house sparrow", "tree sparrow", "robin", "wren", "kestrel")


def approve(label: str, confidence: str = "0.9", **given: Any) -> Annotation:
    """Approved without a dispute."""
    return make_annotation(
        label=label,
        vision_confidence=Decimal(confidence),
        review_status="approved",
        reviewed_by=given.pop("reviewed_by", None) or make_user("moderator"),
        reviewed_at=timezone.now(),
        **given,
    )


@pytest.fixture
def reviewer() -> User:
    """Who trains."""
    return make_user("analyst")


@pytest.fixture
def birds() -> list[Annotation]:
    """Two of each bird."""
    return [approve(label) for label in BIRDS * 2]


def asked(exercise: Exercise) -> list[Any]:
    return list(exercises.questions(exercise))


def right_answer(question: Any) -> Any:
    if isinstance(question["right"], list):
        box = Box.from_json(question["right"][0])
        return [box.left, box.top, box.right, box.bottom]
    return question["right"]


# --- Making ---------------------------------------------------------------------------------------


def test_what_is_it_offers_four_labels_of_which_one_is_right(
    birds: list[Annotation], reviewer: User
) -> None:
    made = exercises.start("identify", "easy", by=reviewer)

    labels = {str(one.pk): one.label for one in birds}
    assert len(asked(made)) == exercises.QUESTIONS
    for question in asked(made):
        assert len(set(question["choices"])) == 4
        assert question["choices"][question["right"]] == labels[question["annotation"]]


def test_labels_that_were_confused_come_first_then_kin(birds: list[Annotation]) -> None:
    robin = next(one for one in birds if one.label == "robin")
    Annotation.objects.filter(pk=robin.pk).update(label="bullfinch")
    Annotation.objects.filter(pk=robin.pk).update(label="robin")

    others = material.Distractors(["robin", "house sparrow"])

    assert others.labels_besides("robin", 1) == ["bullfinch"]
    assert others.labels_besides("house sparrow", 1) == ["tree sparrow"]
    assert "robin" not in [one.lower() for one in others.labels_besides("Robin", 9)]


def test_is_it_this_is_sometimes_wrong_on_purpose(birds: list[Annotation], reviewer: User) -> None:
    questions = [
        question for _ in range(4) for question in asked(_fresh("verify", "easy", reviewer))
    ]

    assert {question["right"] for question in questions} == {True, False}
    assert all((one["label"] == one["is"]) is one["right"] for one in questions)


def _fresh(kind: str, difficulty: str, by: User) -> Exercise:
    Exercise.objects.all().delete()
    return exercises.start(kind, difficulty, by=by)


def test_where_is_it_takes_each_of_its_kind_in_the_picture(reviewer: User) -> None:
    flock = make_image()
    far = Box(0.7, 0.7, 0.9, 0.9)
    for box in (BOX, far):
        approve("robin", image=flock, bounding_box=box.to_json())
    for _ in range(3):
        approve("wren", image=flock)
    made = exercises.start("find", "easy", by=reviewer)

    question = next(one for one in asked(made) if one["label"] == "robin")
    assert question["right"] == [BOX.to_json(), far.to_json()]


@pytest.mark.parametrize(
    ("confidence", "calibrated", "difficulty"),
    [
        ("0.9", None, "easy"),
        ("0.8", None, "easy"),
        ("0.7", None, "medium"),
        ("0.5", None, "medium"),
        ("0.4", None, "hard"),
        ("0.9", "0.3", "hard"),
        ("0.3", "0.9", "easy"),
    ],
)
def test_difficulty_follows_the_calibrated_confidence(
    confidence: str, calibrated: str | None, difficulty: str
) -> None:
    approve("robin", confidence, calibrated_confidence=calibrated and Decimal(calibrated))

    assert [name for name, count in material.counts().items() if count] == [difficulty]


@pytest.mark.parametrize(
    "said",
    [
        {"decision": "rejected"},
        {"decision": "reopened"},
        {"decision": "approved", "was_edited": True},
        {"decision": "approved", "kind": "spot_check", "agrees": False},
    ],
)
def test_what_somebody_disputed_is_hard(said: dict[str, Any]) -> None:
    made = approve("robin")
    AnnotationReview.objects.create(
        annotation=made,
        reviewer=make_user("analyst"),
        stage="final",
        bounding_box=made.bounding_box,
        version=1,
        **said,
    )

    assert material.counts()["hard"] == 1


def test_of_unknown_confidence_it_is_between() -> None:
    for _ in range(2):
        approve(
            "robin",
            vision_generated=False,
        )
    Annotation.objects.update(vision_confidence=None)

    assert material.counts() == {"easy": 0, "medium": 2, "hard": 0}


def test_a_topic_is_a_collection_or_a_group_of_labels(reviewer: User) -> None:
    for label in BIRDS * 2:
        approve(label)
    garden = make_collection(*Image.objects.all()[:5], name="Garden")
    groups = {topic.value: topic.count for topic in material.topics()}
    assert groups == {f"collection:{garden.pk}": 5, "group:sparrow": 4}

    made = exercises.start("identify", "easy", "group:sparrow", by=reviewer)

    assert len(asked(made)) == 4
    assert {one["choices"][one["right"]] for one in asked(made)} == {
        "house sparrow",
        "tree sparrow",
    }
    assert material.title_of(made.topic) == "Kinds of sparrow"
    assert material.title_of(f"collection:{garden.pk}") == "Collection Garden"
    assert material.title_of("collection:x") == material.title_of("") == "Everything"


def test_what_others_decided_comes_before_one_s_own(reviewer: User) -> None:
    for _ in range(10):
        approve("robin", reviewed_by=reviewer)
    others = {str(approve(label).pk) for label in BIRDS}

    made = exercises.start("find", "easy", by=reviewer)

    assert others <= {one["annotation"] for one in asked(made)}


def test_too_few_approved_annotations_are_no_exercise(reviewer: User) -> None:
    for _ in range(3):
        approve("robin")
    make_annotation()
    with pytest.raises(NotEnough, match="needs 4 approved annotations with a label; 3 are easy"):
        exercises.start("identify", "easy", by=reviewer)

    approve("robin")
    with pytest.raises(NotEnough, match="same label"):
        exercises.start("identify", "easy", by=reviewer)
    assert exercises.start("find", "easy", by=reviewer).pk


def test_archived_images_are_not_shown(birds: list[Annotation], reviewer: User) -> None:
    Image.objects.update(analysis_status="archived")

    with pytest.raises(NotEnough):
        exercises.start("find", "easy", by=reviewer)


def test_an_open_exercise_is_taken_up_again_until_it_expires(
    birds: list[Annotation], reviewer: User
) -> None:
    first = exercises.start("identify", "easy", by=reviewer)
    again = exercises.start("identify", "easy", by=reviewer)
    assert again.pk == first.pk
    first.refresh_from_db()
    assert first.access_count == 1
    assert first.expires_at is not None
    assert first.expires_at > timezone.now() + timedelta(days=6)

    assert exercises.start("identify", "easy", by=make_user("analyst")).pk != first.pk
    assert exercises.start("verify", "easy", by=reviewer).pk != first.pk
    Exercise.objects.filter(pk=first.pk).update(expires_at=timezone.now())
    assert exercises.start("identify", "easy", by=reviewer).pk != first.pk


@pytest.mark.parametrize(("kind", "difficulty"), [("guess", "easy"), ("find", "impossible")])
def test_there_are_three_kinds_and_three_difficulties(
    kind: str, difficulty: str, reviewer: User
) -> None:
    with pytest.raises(WrongAnswer, match="no such exercise"):
        exercises.start(kind, difficulty, by=reviewer)


# --- Answering ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["identify", "find", "verify"])
def test_right_answers_are_right(kind: str, birds: list[Annotation], reviewer: User) -> None:
    made = exercises.start(kind, "easy", by=reviewer)
    for number, question in enumerate(asked(made), start=1):
        result = exercises.answer(
            made.pk, number, right_answer(question), by=reviewer, duration_ms=1000 * number
        )
        assert result.is_right

    told = exercises.summary(made)
    assert (told.right, told.total, told.median_seconds) == (10, 10, 5.5)
    made.refresh_from_db()
    assert made.answered_at is not None
    assert exercises.start(kind, "easy", by=reviewer).pk != made.pk


def test_the_first_answer_counts(birds: list[Annotation], reviewer: User) -> None:
    made = exercises.start("identify", "easy", by=reviewer)
    right = asked(made)[0]["right"]
    wrong = (right + 1) % 4

    assert exercises.answer(made.pk, 1, wrong, by=reviewer, duration_ms=700).is_right is False
    again = exercises.answer(made.pk, 1, right, by=reviewer)

    assert (again.is_right, again.said, again.duration_ms) == (False, wrong, 700)
    assert ExerciseAnswer.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "is_right"),
    [
        ([0.3, 0.4], True),  # a click into the box
        ([0.05, 0.4], False),
        ([0.1, 0.2, 0.5, 0.6], True),
        ([0.1, 0.2, 0.5, 0.401], True),  # a little more than half of it
        ([0.1, 0.2, 0.5, 0.399], False),
        ([0.0, 0.0, 1.0, 1.0], False),  # everything is nothing
        ([0.6, 0.7, 0.9, 0.9], False),
    ],
)
def test_a_place_is_right_in_the_box_or_with_half_of_it_in_common(
    said: list[float], is_right: bool, reviewer: User
) -> None:
    for _ in range(4):
        approve("robin")
    made = exercises.start("find", "easy", by=reviewer)

    assert exercises.answer(made.pk, 1, said, by=reviewer).is_right is is_right


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("identify", None),
        ("identify", True),
        ("identify", 4),
        ("identify", -1),
        ("identify", "robin"),
        ("verify", 1),
        ("verify", None),
        ("find", None),
        ("find", [0.1]),
        ("find", [2, 2]),
        ("find", ["a", "b"]),
        ("find", [0.5, 0.5, 0.5, 0.6]),
        ("find", [0.5, 0.5, 0.4, 0.6]),
        ("find", [0.5, 0.5, float("nan"), 0.6]),
        ("find", ["a", 0.5, 0.6, 0.6]),
        ("find", [-1, 0, 1, 1]),
    ],
)
def test_what_is_no_answer_is_refused_and_not_stored(
    kind: str, said: Any, birds: list[Annotation], reviewer: User
) -> None:
    made = exercises.start(kind, "easy", by=reviewer)

    with pytest.raises(WrongAnswer):
        exercises.answer(made.pk, 1, said, by=reviewer)
    assert not ExerciseAnswer.objects.exists()


@pytest.mark.parametrize("number", [0, -1, 11])
def test_there_are_only_so_many_questions(
    number: int, birds: list[Annotation], reviewer: User
) -> None:
    made = exercises.start("identify", "easy", by=reviewer)

    with pytest.raises(WrongAnswer, match="questions 1 to 10"):
        exercises.answer(made.pk, number, 0, by=reviewer)


def test_who_was_away_meanwhile_has_no_time(birds: list[Annotation], reviewer: User) -> None:
    made = exercises.start("identify", "easy", by=reviewer)

    for number, took in ((1, 600_001), (2, -5)):
        result = exercises.answer(made.pk, number, 0, by=reviewer, duration_ms=took)
        assert result.duration_ms is None


def test_nobody_answers_the_exercise_of_another(birds: list[Annotation], reviewer: User) -> None:
    made = exercises.start("identify", "easy", by=reviewer)
    other = make_user("moderator")

    with pytest.raises(Exercise.DoesNotExist):
        exercises.answer(made.pk, 1, 0, by=other)
    with acting_as(other.pk):
        assert not Exercise.objects.exists()


# --- What they tell -------------------------------------------------------------------------------


def test_accuracy_has_wilson_s_interval_by_type_and_topic(
    birds: list[Annotation], reviewer: User
) -> None:
    made = exercises.start("identify", "easy", by=reviewer)
    for number, question in enumerate(asked(made), start=1):
        said = question["right"] if number <= 8 else (question["right"] + 1) % 4
        exercises.answer(made.pk, number, said, by=reviewer, duration_ms=2000)
    sparrows = exercises.start("find", "easy", "group:sparrow", by=reviewer)
    exercises.answer(sparrows.pk, 1, right_answer(asked(sparrows)[0]), by=reviewer)
    Exercise.objects.all().delete()  # what was learned stays

    places, labels = accuracy(reviewer.pk)

    assert (labels.exercise_type, labels.topic, labels.difficulty) == ("identify", "", "easy")
    assert (labels.share.right, labels.share.total, labels.seconds) == (8, 10, 2.0)
    # Brown, Cai and DasGupta, Stat. Sci. 16 (2001): 8 of 10.
    assert round(labels.share.interval.low, 3) == 0.490
    assert round(labels.share.interval.high, 3) == 0.943
    assert (places.topic, places.share.total) == ("group:sparrow", 1)
    assert accuracy(make_user().pk) == []
    with acting_as(reviewer.pk):
        assert len(accuracy()) == 2
    with acting_as(make_user("moderator").pk):
        assert accuracy() == []
