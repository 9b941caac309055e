"""How good people are at what, from their answers to exercises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection

from annotations.knowledge.reviewers import ALWAYS, Period, Share

_ACCURACY: Final = """
    SELECT a.user_id, a.exercise_type, a.difficulty_level, a.topic,
        count(*) FILTER (WHERE a.is_right), count(*),
        (percentile_cont(0.5) WITHIN GROUP (ORDER BY a.duration_ms) / 1000)::float8
    FROM exercise_answers a
    WHERE (%(user)s::uuid IS NULL OR a.user_id = %(user)s)
        AND (%(since)s::timestamptz IS NULL OR a.created_at >= %(since)s)
        AND (%(until)s::timestamptz IS NULL OR a.created_at < %(until)s)
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 4, 3
"""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One person's answers of one kind; ``share`` has Wilson's interval of 95 %.

    ``seconds``  the median time of an answer, or None where none was measured
    """

    user_id: UUID
    exercise_type: str
    difficulty: str
    topic: str
    share: Share
    seconds: float | None


def accuracy(user_id: UUID | None = None, period: Period = ALWAYS) -> list[Accuracy]:
    """By person, type, topic and difficulty; of one person, or of all that the caller may see."""
    with connection.cursor() as cursor:
        cursor.execute(_ACCURACY, {"user": user_id, "since": period.since, "until": period.until})
        rows = cursor.fetchall()
    return [
        Accuracy(person, kind, difficulty, topic, Share(right, total), seconds)
        for person, kind, difficulty, topic, right, total, seconds in rows
    ]
