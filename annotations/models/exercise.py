"""Exercises made from approved annotations, to train reviewers and to learn how good they are."""

from __future__ import annotations

from typing import ClassVar

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

    ``content`` is a JSON object: the annotation, the question, the choices and the answer.
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
        return f"{self.get_exercise_type_display()} {self.topic}"


class ExerciseAnswer(models.Model):
    """What somebody answered, and whether that was right."""

    app_privileges: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT")

    id = KeyField()
    exercise = models.ForeignKey(
        Exercise, on_delete=models.CASCADE, related_name="answers", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    answer = models.JSONField()
    is_right = models.BooleanField()
    duration_ms = models.IntegerField(null=True, blank=True)
    created_at = CreatedAtField()

    class Meta:
        db_table = "exercise_answers"
        verbose_name = "answer"

    def __str__(self) -> str:
        return "right" if self.is_right else "wrong"
