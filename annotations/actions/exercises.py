"""Exercises for reviewers: making them from approved annotations, and taking answers.

A set of questions is made once and kept for its person, by type, difficulty and topic, until it is
answered or expires (``exercise_cache``). Its answers are stored once each (``exercise_answers``)
and tell how good somebody is at what (annotations.knowledge.exercises).
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from annotations.actions import exercise_material as material
from annotations.actions.exercise_material import Known
from annotations.boxes import Box
from annotations.errors import AnnotationError, BoxRefused
from annotations.models import Difficulty, Exercise, ExerciseAnswer, ExerciseType

QUESTIONS: Final = 10
# Fewer are no exercise.
FEWEST: Final = 4
CHOICES: Final = 4
LASTS: Final = timedelta(days=7)
# As in the usual measures of detection: half of both boxes together is common to them.
OVERLAP: Final = 0.5
_LONGEST_MS: Final = 600_000


class NotEnough(AnnotationError):
    """Too few approved annotations to make an exercise of this kind."""


class WrongAnswer(AnnotationError):
    """What was sent is no answer to the question."""


@dataclass(frozen=True, slots=True)
class Result:
    """One question of an exercise and what was answered; ``said`` as ``answer`` took it."""

    number: int
    question: Mapping[str, Any]
    said: Any
    is_right: bool
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Summary:
    """How an exercise went."""

    right: int
    total: int
    median_seconds: float | None
    results: Sequence[Result]


# --- Making ---------------------------------------------------------------------------------------


@transaction.atomic
def start(kind: str, difficulty: str, topic: str = "", *, by: User) -> Exercise:
    """The person's exercise of this kind that is still open, or a new one; NotEnough."""
    if kind not in ExerciseType.values or difficulty not in Difficulty.values:
        raise WrongAnswer("There is no such exercise.")
    waiting = (
        Exercise.objects.filter(
            user=by,
            exercise_type=kind,
            difficulty_level=difficulty,
            topic=topic,
            expires_at__gt=timezone.now(),
            answered_at__isnull=True,
        )
        .order_by("-expires_at", "id")
        .first()
    )
    if waiting is not None:
        Exercise.objects.filter(pk=waiting.pk).update(access_count=F("access_count") + 1)
        return waiting
    return Exercise.objects.create(
        user=by,
        exercise_type=kind,
        difficulty_level=difficulty,
        topic=topic,
        content={"questions": _questions(kind, difficulty, topic, by=by)},
        expires_at=timezone.now() + LASTS,
    )


def _questions(kind: str, difficulty: str, topic: str, *, by: User) -> list[dict[str, Any]]:
    found = material.known(difficulty, topic, by=by, limit=QUESTIONS)
    if len(found) < FEWEST:
        raise NotEnough(
            f"An exercise needs {FEWEST} approved annotations with a label; {len(found)} are"
            f" {Difficulty(difficulty).label} here. Choose another difficulty or topic, or come"
            " back when more are approved."
        )
    if kind == ExerciseType.FIND:
        return [_find(one) for one in found]
    others = material.Distractors([one.label for one in found])
    if not others.labels_besides(found[0].label, 1):
        raise NotEnough(
            "Every approved annotation has the same label: there is nothing to tell apart yet."
        )
    chance = random.SystemRandom()
    if kind == ExerciseType.IDENTIFY:
        return [_identify(one, others, chance) for one in found]
    return [_verify(one, others, chance) for one in found]


def _about(one: Known) -> dict[str, Any]:
    return {"annotation": str(one.id), "image": str(one.image_id)}


def _identify(
    one: Known, others: material.Distractors, chance: random.SystemRandom
) -> dict[str, Any]:
    choices = [one.label, *others.labels_besides(one.label, CHOICES - 1)]
    chance.shuffle(choices)
    return _about(one) | {"box": one.box, "choices": choices, "right": choices.index(one.label)}


def _find(one: Known) -> dict[str, Any]:
    """Of several of one kind in a picture, each is right."""
    boxes = material.boxes_of(one.image_id, one.label)
    return _about(one) | {"label": one.label, "right": boxes or [one.box]}


def _verify(
    one: Known, others: material.Distractors, chance: random.SystemRandom
) -> dict[str, Any]:
    wrong = others.labels_besides(one.label, 1)
    is_it = chance.random() < 0.5
    return _about(one) | {
        "box": one.box,
        "label": one.label if is_it else wrong[0],
        "is": one.label,
        "right": is_it,
    }


# --- Answering ------------------------------------------------------------------------------------


def of(exercise_id: UUID, *, by: User) -> Exercise:
    """The person's own exercise, also an expired one; Exercise.DoesNotExist."""
    return Exercise.objects.get(pk=exercise_id, user=by)


def questions(exercise: Exercise) -> list[Mapping[str, Any]]:
    """Its questions, with their answers."""
    found: list[Mapping[str, Any]] = exercise.content.get("questions", [])
    return found


def answer(
    exercise_id: UUID, number: int, said: Any, *, by: User, duration_ms: int | None = None
) -> Result:
    """Store an answer and say whether it is right; the first one counts, whoever asks again.

    ``number``  of the question, from 1
    ``said``    identify: the place of the choice, from 0; verify: true or false; find:
                ``[left, top, right, bottom]`` or ``[x, y]`` in fractions of the upright image

    WrongAnswer; Exercise.DoesNotExist.
    """
    exercise = of(exercise_id, by=by)
    asked = _question(exercise, number)
    is_right = _is_right(exercise.exercise_type, asked, said)
    if duration_ms is not None and not 0 <= duration_ms <= _LONGEST_MS:
        duration_ms = None  # they were away meanwhile
    try:
        with transaction.atomic():
            stored = ExerciseAnswer.objects.create(
                exercise=exercise,
                number=number,
                user=by,
                exercise_type=exercise.exercise_type,
                difficulty_level=exercise.difficulty_level,
                topic=exercise.topic,
                answer={"said": said, "annotation": asked["annotation"]},
                is_right=is_right,
                duration_ms=duration_ms,
            )
            if exercise.answers.count() >= len(questions(exercise)):
                Exercise.objects.filter(pk=exercise.pk).update(answered_at=timezone.now())
    except IntegrityError:
        stored = ExerciseAnswer.objects.get(exercise=exercise, number=number)
    return _result(stored, asked)


def results(exercise: Exercise) -> dict[int, Result]:
    """What was answered so far, by the numbers of the questions."""
    return {
        one.number: _result(one, _question(exercise, one.number))
        for one in exercise.answers.order_by("number")
    }


def summary(exercise: Exercise) -> Summary:
    """How it went, over the questions that were answered."""
    found = list(results(exercise).values())
    times = [one.duration_ms / 1000 for one in found if one.duration_ms is not None]
    return Summary(
        right=sum(one.is_right for one in found),
        total=len(found),
        median_seconds=statistics.median(times) if times else None,
        results=found,
    )


def _question(exercise: Exercise, number: int) -> Mapping[str, Any]:
    found = questions(exercise)
    if not 1 <= number <= len(found):
        raise WrongAnswer(f"This exercise has the questions 1 to {len(found)}.")
    return found[number - 1]


def _result(stored: ExerciseAnswer, asked: Mapping[str, Any]) -> Result:
    said = stored.answer.get("said")
    return Result(stored.number, asked, said, stored.is_right, stored.duration_ms)


def _is_right(kind: str, asked: Mapping[str, Any], said: Any) -> bool:
    if kind == ExerciseType.FIND:
        return _is_found(asked["right"], said)
    if kind == ExerciseType.VERIFY:
        if not isinstance(said, bool):
            raise WrongAnswer("Say whether it is, or is not.")
        return said is asked["right"]
    if isinstance(said, bool) or not isinstance(said, int):
        raise WrongAnswer("Choose one of the labels.")
    if not 0 <= said < len(asked["choices"]):
        raise WrongAnswer(f"Choose one of the {len(asked['choices'])} labels.")
    return bool(said == asked["right"])


def _is_found(boxes: Sequence[Mapping[str, Any]], said: Any) -> bool:
    """A point lies in one of the boxes, or a box overlaps one enough."""
    known = [Box.from_json(box) for box in boxes]
    match said:
        case [int() | float() as x, int() | float() as y] if 0 <= x <= 1 and 0 <= y <= 1:
            return any(box.left <= x <= box.right and box.top <= y <= box.bottom for box in known)
        case [left, top, right, bottom]:
            try:
                drawn = Box(left, top, right, bottom)
            except (BoxRefused, TypeError) as error:
                raise WrongAnswer(str(error)) from None
            return any(_overlap(drawn, box) >= OVERLAP for box in known)
        case _:
            raise WrongAnswer("Click on the place, or draw a box around it.")


def _overlap(one: Box, other: Box) -> float:
    """What both have in common, as a share of what they cover together (IoU)."""
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    if wide <= 0 or high <= 0:
        return 0.0
    common = wide * high
    return common / (one.width * one.height + other.width * other.height - common)
