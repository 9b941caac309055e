"""Exercises made from approved annotations, to train reviewers and to learn how good they are."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from database.fields import CreatedAtField, KeyField


class ExerciseType(models.TextChoices):
    """What is asked."""

    IDENTIFY = "identify", "What is it?"
    FIND = "find", "Where is it?"
    VERIFY = "verify", "Is it this?"


class Difficulty(models.TextChoices):
    """How hard, by how often providers and people were right."""

    EASY = "easy", "easy"
    MEDIUM = "medium", "medium"
    HARD = "hard", "hard"


class Exercise(models.Model):
    """A set of questions for one person, kept until it expires.

    ``topic`` is empty for everything, ``group:WORD`` for labels that end in this word, or
    ``collection:KEY``. ``content`` is ``{"questions": [...]}``, as annotations.actions.exercises
    makes them, with their answers.
    """

    audit_noun: ClassVar[str] = "exercise"

    id = KeyField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    exercise_type = models.CharField(max_length=40, choices=ExerciseType.choices)
    difficulty_level = models.CharField(max_length=20, choices=Difficulty.choices)
    topic = models.CharField(max_length=200, blank=True, default="", db_default="")
    content = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    access_count = models.IntegerField(default=0, db_default=0)
    created_at = CreatedAtField()
    expires_at = models.DateTimeField(null=True, blank=True)
    # When its last question was answered.
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "exercise_cache"
        constraints = [
            models.CheckConstraint(
                name="exercise_cache_type_check",
                condition=models.Q(exercise_type__in=ExerciseType.values),
            ),
            models.CheckConstraint(
                name="exercise_cache_difficulty_check",
                condition=models.Q(difficulty_level__in=Difficulty.values),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_exercise_type_display()} {self.topic}".strip()


class ExerciseAnswer(models.Model):
    """What somebody answered to one question, and whether that was right.

    It says itself what was asked, since the exercise is thrown away when it has expired. The
    trigger ``keep_exercise_answer()`` refuses every change.
    """

    id = KeyField()
    exercise = models.ForeignKey(
        Exercise, on_delete=models.SET_NULL, null=True, related_name="answers", db_index=False
    )
    number = models.IntegerField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    exercise_type = models.CharField(max_length=40, choices=ExerciseType.choices)
    difficulty_level = models.CharField(max_length=20, choices=Difficulty.choices)
    topic = models.CharField(max_length=200, blank=True, default="", db_default="")
    answer = models.JSONField()
    is_right = models.BooleanField()
    duration_ms = models.IntegerField(null=True, blank=True)
    created_at = CreatedAtField()

    class Meta:
        db_table = "exercise_answers"
        verbose_name = "answer"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="exercise_answers_exercise_id_number_key", fields=["exercise", "number"]
            ),
            models.CheckConstraint(
                name="exercise_answers_type_check",
                condition=models.Q(exercise_type__in=ExerciseType.values),
            ),
            models.CheckConstraint(
                name="exercise_answers_difficulty_check",
                condition=models.Q(difficulty_level__in=Difficulty.values),
            ),
        ]

    def __str__(self) -> str:
        return "right" if self.is_right else "wrong"
