"""How reviewers work: how fast, how often they are overruled, and whether they agree.

Beyond the view ``reviewer_stats``. Everything is summed up by PostgreSQL; what comes back grows
with the number of reviewers, labels and days, not with that of decisions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
from django.db import connection

from annotations.knowledge.agreement import Agreement, cohen, krippendorff
from annotations.knowledge.intervals import Interval, wilson

# Upper ends of the bins of deciding times, in seconds; what takes longer is in the last one.
TIMES: Final = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment on, up to another one; None is open."""

    since: datetime | None = None
    until: datetime | None = None


ALWAYS: Final = Period()


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, and the interval of their share."""

    right: int
    total: int

    @property
    def value(self) -> float | None:
        """The share, or None of nothing."""
        return self.right / self.total if self.total else None

    @property
    def interval(self) -> Interval:
        """Wilson's, of 95 %."""
        return wilson(self.right, self.total)


@dataclass(frozen=True, slots=True)
class Reviewer:
    """What one person decided in the period, and what became of it.

    ``seconds_p50``, ``seconds_p95``  from showing to deciding; None where nobody measured
    ``taken_back``  decisions that they undid themselves
    ``overturned``  decisions that somebody else reopened, or decided otherwise at a later stage
    ``gold``        answers that agree with the known one; ``spot_checks`` with the first decision
    """

    id: UUID
    name: str
    email: str
    decisions: int
    approved: int
    rejected: int
    edited: int
    seconds_p50: float | None
    seconds_p95: float | None
    taken_back: int
    overturned: int
    gold: Share
    spot_checks: Share

    @property
    def reversed(self) -> Share:
        """Of all decisions, those that did not stand."""
        return Share(self.taken_back + self.overturned, self.decisions)


# Decisions with what was decided next on the same annotation. A spot check or an answer to a known
# one decides nothing by itself, so it overturns nothing.
_DECIDED: Final = """
    WITH decided AS (
        SELECT r.*,
            lead(r.decision) OVER later AS next_decision,
            lead(r.reviewer_id) OVER later AS next_reviewer_id
        FROM annotation_reviews r
        WHERE r.kind = 'review'
        WINDOW later AS (PARTITION BY r.annotation_id ORDER BY r.created_at, r.id)
    )
"""
_IN_PERIOD: Final = """
    (%(since)s::timestamptz IS NULL OR r.created_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR r.created_at < %(until)s)
"""


def reviewers(period: Period = ALWAYS) -> list[Reviewer]:
    """Everybody who decided anything in the period, the busiest first."""
    rows = _rows(
        f"""
        {_DECIDED}, work AS (
            SELECT r.reviewer_id, count(*) AS decisions,
                count(*) FILTER (WHERE r.decision = 'approved') AS approved,
                count(*) FILTER (WHERE r.decision = 'rejected') AS rejected,
                count(*) FILTER (WHERE r.was_edited) AS edited,
                percentile_cont(0.5) WITHIN GROUP (ORDER BY r.duration_ms) / 1000 AS p50,
                percentile_cont(0.95) WITHIN GROUP (ORDER BY r.duration_ms) / 1000 AS p95,
                count(*) FILTER (
                    WHERE r.next_decision = 'reopened' AND r.next_reviewer_id = r.reviewer_id
                ) AS taken_back,
                count(*) FILTER (
                    WHERE r.next_reviewer_id <> r.reviewer_id AND r.next_decision <> r.decision
                ) AS overturned
            FROM decided r WHERE r.decision <> 'reopened' AND {_IN_PERIOD} GROUP BY 1
        ), checks AS (
            SELECT r.reviewer_id,
                count(*) FILTER (WHERE r.kind = 'gold' AND r.agrees) AS gold_right,
                count(*) FILTER (WHERE r.kind = 'gold' AND r.agrees IS NOT NULL) AS gold,
                count(*) FILTER (WHERE r.kind = 'spot_check' AND r.agrees) AS spot_right,
                count(*) FILTER (WHERE r.kind = 'spot_check' AND r.agrees IS NOT NULL) AS spot
            FROM annotation_reviews r WHERE r.kind <> 'review' AND {_IN_PERIOD} GROUP BY 1
        )
        SELECT u.id, u.full_name, u.email, coalesce(w.decisions, 0), coalesce(w.approved, 0),
            coalesce(w.rejected, 0), coalesce(w.edited, 0), w.p50, w.p95,
            coalesce(w.taken_back, 0), coalesce(w.overturned, 0),
            coalesce(c.gold_right, 0), coalesce(c.gold, 0),
            coalesce(c.spot_right, 0), coalesce(c.spot, 0)
        FROM work w FULL JOIN checks c ON c.reviewer_id = w.reviewer_id
        JOIN users u ON u.id = coalesce(w.reviewer_id, c.reviewer_id)
        ORDER BY 4 DESC, u.full_name, u.id
        """,
        period,
    )
    return [
        Reviewer(*(*row[:11], Share(row[11], row[12]), Share(row[13], row[14]))) for row in rows
    ]


# The last word of each person on each annotation, whatever it was shown for; taken back is none.
_LAST_WORDS: Final = f"""
    WITH words AS (
        SELECT DISTINCT ON (r.annotation_id, r.reviewer_id) r.annotation_id, r.reviewer_id,
            r.decision, CASE WHEN r.decision = 'approved' THEN lower(btrim(r.label)) END AS label
        FROM annotation_reviews r WHERE {_IN_PERIOD}
        ORDER BY r.annotation_id, r.reviewer_id, r.created_at DESC, r.id DESC
    ), said AS (SELECT * FROM words WHERE decision <> 'reopened')
"""


def agreement_of_pairs(
    period: Period = ALWAYS, *, by_label: bool = False
) -> dict[tuple[UUID, UUID], Agreement]:
    """Cohen's kappa of every two reviewers over the annotations that both saw.

    Compared are approvals and rejections; ``by_label``: also the label that was approved.
    """
    word = "coalesce(label, '')" if by_label else "''"
    rows = _rows(
        f"""
        {_LAST_WORDS}, spoken AS (
            SELECT annotation_id, reviewer_id, (decision, {word})::text AS word FROM said
        )
        SELECT one.reviewer_id, other.reviewer_id, one.word, other.word, count(*)
        FROM spoken one JOIN spoken other ON other.annotation_id = one.annotation_id
            AND one.reviewer_id < other.reviewer_id
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """,
        period,
    )
    tables: dict[tuple[UUID, UUID], list[tuple[str, str, int]]] = defaultdict(list)
    for one, other, first, second, count in rows:
        tables[one, other].append((first, second, count))
    return {pair: _kappa(cells) for pair, cells in tables.items()}


def _kappa(cells: list[tuple[str, str, int]]) -> Agreement:
    words = sorted({word for first, second, _ in cells for word in (first, second)})
    place = {word: i for i, word in enumerate(words)}
    table = np.zeros((len(words), len(words)), dtype=np.int64)
    for first, second, count in cells:
        table[place[first], place[second]] = count
    return cohen(table)


def agreement_of_all(period: Period = ALWAYS) -> Agreement:
    """Krippendorff's alpha of all reviewers, approved or rejected, over what two or more saw."""
    rows = _rows(
        f"""
        {_LAST_WORDS}, seen AS (
            SELECT count(*) FILTER (WHERE decision = 'approved') AS approved,
                count(*) FILTER (WHERE decision = 'rejected') AS rejected
            FROM said GROUP BY annotation_id HAVING count(*) > 1
        )
        SELECT approved, rejected, count(*) FROM seen GROUP BY 1, 2 ORDER BY 1, 2
        """,
        period,
    )
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return krippendorff(table[:, :2], times=table[:, 2])


def deciding_times(period: Period = ALWAYS) -> list[int]:
    """How many decisions took how long: one count for each of TIMES, and one for longer."""
    rows = _rows(
        f"""
        SELECT width_bucket(r.duration_ms / 1000.0, %(times)s::numeric[]), count(*)
        FROM annotation_reviews r
        WHERE r.duration_ms IS NOT NULL AND r.decision <> 'reopened' AND {_IN_PERIOD} GROUP BY 1
        """,
        period,
        times=list(TIMES),
    )
    counts = dict(rows)
    return [counts.get(place, 0) for place in range(len(TIMES) + 1)]


def per_day(period: Period = ALWAYS) -> dict[date, dict[UUID, int]]:
    """Decisions by day (UTC) and reviewer, the days that have any, ascending."""
    rows = _rows(
        f"""
        SELECT (r.created_at AT TIME ZONE 'UTC')::date, r.reviewer_id, count(*)
        FROM annotation_reviews r
        WHERE r.kind = 'review' AND r.decision <> 'reopened' AND {_IN_PERIOD}
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        period,
    )
    days: dict[date, dict[UUID, int]] = defaultdict(dict)
    for day, reviewer, count in rows:
        days[day][reviewer] = count
    return dict(days)


def _rows(statement: str, period: Period, **about: Any) -> list[tuple[Any, ...]]:
    parameters: Mapping[str, Any] = {"since": period.since, "until": period.until, **about}
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
