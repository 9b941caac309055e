"""The daily, weekly and monthly care of annotations: what is removed, and what wants a look.

Removing is done by the database's own functions, which write who ran them into the audit log. See
AV-11 and docs/annotation-maintenance.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg
from django.apps import apps
from django.db import Error, connection, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from annotations import kinds
from annotations.actions import erasure
from annotations.actions.erasure import Erased
from annotations.models import AiAnnotationJob, AiJobStatus, BatchJob, Exercise, VisionCacheEntry
from database import system_settings
from jobs import status
from jobs.models import Job

# As the document's own query has it: a job that runs for so long does not run any more.
STUCK_AFTER: Final = timedelta(hours=1)
# So many jobs are named; all are counted.
NAMED: Final = 20

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was removed, or would be, and what is left of the cache of answers.

    ``expired``  entries of all caches; ``evicted``  answers used longest ago, beyond the limit
    ``payload_jobs``, ``payload_answers``  whose payloads were older than they are kept
    """

    expired: int
    evicted: int
    payload_jobs: int
    payload_answers: int
    left: int

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return asdict(self)


# --- Removing -------------------------------------------------------------------------------------


def clean_up(*, max_entries: int | None = None, dry_run: bool = False) -> Cleaned:
    """Remove what has expired, answers beyond the limit, and payloads that are too old.

    ``max_entries``  of the cache of answers; by default the setting ``vision_cache_entries``
    """
    limit: int = system_settings.get("vision_cache_entries") if max_entries is None else max_entries
    if dry_run:
        return _would_clean(limit)
    with transaction.atomic():
        expired = _call("cleanup_expired_cache()")
    erased = erasure.erase_old()
    with transaction.atomic():
        evicted = _call("evict_lru_cache(%s)", limit)
    left = VisionCacheEntry.objects.count()
    return Cleaned(expired, evicted, erased.jobs, erased.answers, left)


def _would_clean(limit: int) -> Cleaned:
    now = timezone.now()
    gone = Q(expires_at__lte=now) | Q(invalidated_at__isnull=False)
    old = erasure.too_old()
    answers = VisionCacheEntry.objects.exclude(gone)
    payloads = Erased(old.jobs.count(), answers.filter(created_at__lt=old.before).count())
    left = answers.count() - payloads.answers
    expired = VisionCacheEntry.objects.filter(gone).count()
    expired += Exercise.objects.filter(expires_at__lte=now).count()
    expired += _call("(SELECT count(*) FROM analysis_cache WHERE expires_at <= now())")
    evicted = max(0, left - limit)
    return Cleaned(expired, evicted, payloads.jobs, payloads.answers, left - evicted)


def refresh_metrics() -> None:
    """Bring the daily figures of the cache (``cache_performance_metrics``) up to date."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT refresh_cache_metrics()")


def _call(expression: str, *parameters: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression}", parameters)
        found: int = cursor.fetchone()[0]
    return found


# --- Looking --------------------------------------------------------------------------------------


def daily() -> dict[str, Any]:
    """How much waits, which jobs failed since yesterday, and which are stuck."""
    since = timezone.now() - timedelta(days=1)
    failed = AiAnnotationJob.objects.filter(
        status=AiJobStatus.FAILED, completed_at__gte=since
    ).order_by("-completed_at", "id")
    by_code = failed.order_by().values("provider", "error_code").annotate(jobs=Count("id"))
    return {
        "review_queue": review_queue(),
        "queues": [_queue(kind.queue) for kind in (kinds.AI, kinds.BATCH)],
        "failed_since_yesterday": failed.count(),
        "failed_by_reason": list(by_code.order_by("-jobs", "provider", "error_code")),
        "failed": [_ai_job(job) for job in failed[:NAMED]],
        **stuck(),
    }


def weekly() -> dict[str, Any]:
    """How reviewers and the cache do, and which jobs are stuck."""
    return {
        "reviewers": _rows("SELECT * FROM reviewer_stats ORDER BY total_reviews DESC, reviewer_id"),
        "cache": _rows("SELECT * FROM cache_stats ORDER BY provider"),
        **stuck(),
    }


def monthly() -> dict[str, Any]:
    """The cache by day, which indexes are used, and which statements take long.

    ``slow_queries`` is None where the server does not have pg_stat_statements.
    """
    indexes = index_use()
    return {
        "cache_by_day": _metrics(),
        "indexes": indexes,
        "unused_indexes": [
            one["index"] for one in indexes if not one["scans"] and not one["is_unique"]
        ],
        "slow_queries": slow_queries(),
    }


def review_queue() -> Row:
    """How many annotations of AI wait, and for how long the first of them does."""
    (row,) = _rows(
        "SELECT count(*) AS waiting, min(created_at) AS oldest_at,"
        " count(*) FILTER (WHERE vision_confidence < 0.8) AS below_80_percent"
        " FROM annotations WHERE vision_generated AND review_status = 'pending'"
    )
    return row


def stuck() -> dict[str, Any]:
    """Jobs that are called running, long after they had to end; a worker takes them up again."""
    found: dict[str, QuerySet[Any]] = {
        "ai_jobs": _stuck(AiAnnotationJob.objects.all()),
        "batches": _stuck(BatchJob.objects.all()),
    }
    return {
        "stuck_ai_jobs": found["ai_jobs"].count(),
        "stuck_batches": found["batches"].count(),
        "stuck": [_ai_job(job) for job in found["ai_jobs"][:NAMED]]
        + [_batch(job) for job in found["batches"][:NAMED]],
    }


def _stuck(jobs: QuerySet[Any]) -> QuerySet[Any]:
    now = timezone.now()
    return jobs.filter(
        Q(deadline_at__isnull=True) | Q(deadline_at__lt=now),
        status="processing",
        started_at__lt=now - STUCK_AFTER,
    ).order_by("started_at", "id")


def _queue(name: str) -> Row:
    found = status.queue(name)
    return {
        "queue": name,
        "waiting": found.counts.waiting,
        "running": found.counts.running,
        "failed": found.counts.failed,
        "oldest_ready_seconds": found.oldest_ready_seconds,
        "workers": found.workers,
        "paused": found.paused,
    }


def _ai_job(job: AiAnnotationJob) -> Row:
    return _job(job) | {
        "image": str(job.image_id),
        "provider": job.provider,
        "error_code": job.error_code,
    }


def _batch(job: BatchJob) -> Row:
    return _job(job) | {"batch": job.job_type, "done": job.done_count, "of": job.item_count}


def _job(job: Job) -> Row:
    return {
        "job": str(job.pk),
        "started_at": job.started_at,
        "attempt": job.attempt,
        "error": job.error_message,
    }


def _metrics() -> list[Row]:
    """None yet before the first refresh."""
    (known,) = _rows(
        "SELECT relispopulated FROM pg_class WHERE oid = 'cache_performance_metrics'::regclass"
    )
    if not known["relispopulated"]:
        return []
    return _rows(
        "SELECT * FROM cache_performance_metrics WHERE metric_date > current_date - 31"
        " ORDER BY metric_date DESC, provider"
    )


def index_use() -> list[Row]:
    """The indexes of annotations by how often they were read since the statistics began."""
    return _rows(
        "SELECT s.relname AS table, s.indexrelname AS index, s.idx_scan AS scans,"
        " pg_relation_size(s.indexrelid) AS bytes, i.indisunique AS is_unique"
        " FROM pg_stat_user_indexes s JOIN pg_index i USING (indexrelid)"
        " WHERE s.schemaname = 'public' AND s.relname = ANY (%s)"
        " ORDER BY s.idx_scan, s.relname, s.indexrelname",
        _tables(),
    )


def slow_queries(limit: int = 10) -> list[Row] | None:
    """The statements on tables of annotations that take longest on average; None if unknown."""
    try:
        with transaction.atomic():
            return _rows(
                "SELECT calls, round(mean_exec_time::numeric, 2) AS mean_ms,"
                " round(total_exec_time::numeric) AS total_ms, left(query, 300) AS query"
                " FROM pg_stat_statements WHERE query ~ %s"
                " AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
                " ORDER BY mean_exec_time DESC, queryid LIMIT %s",
                rf"\m({'|'.join(_tables())})\M",
                limit,
            )
    except Error as error:
        absent = (
            psycopg.errors.UndefinedTable,
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.ObjectNotInPrerequisiteState,
        )
        if isinstance(error.__cause__, absent):
            return None
        raise


def _tables() -> list[str]:
    return sorted(model._meta.db_table for model in apps.get_app_config("annotations").get_models())


def _rows(statement: str, *parameters: Any) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        names: Sequence[str] = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
