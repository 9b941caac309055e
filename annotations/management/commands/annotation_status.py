"""``manage.py annotation_status``"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django.core.management.base import CommandParser

from annotations.actions import maintenance
from config.admin.formats import duration
from config.commands import OpsCommand
from jobs.printable import one_line

_UNUSED_SHOWN = 15


class Command(OpsCommand):
    """Looks only."""

    help = "Show what annotations want looked at: today, --weekly or --monthly."
    example = "annotation_status --weekly --json"
    offers_dry_run: ClassVar[bool] = False
    exclusive: ClassVar[bool] = False
    records: ClassVar[bool] = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        span = parser.add_mutually_exclusive_group()
        span.add_argument(
            "--weekly", action="store_true", help="reviewers, the cache, and jobs that are stuck"
        )
        span.add_argument(
            "--monthly", action="store_true", help="the cache by day, index use, slow queries"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        if options["weekly"]:
            return {"span": "weekly", **maintenance.weekly()}
        if options["monthly"]:
            return {"span": "monthly", **maintenance.monthly()}
        return {"span": "daily", **maintenance.daily()}

    def describe(self, outcome: dict[str, Any]) -> Iterator[str]:
        yield from _DESCRIBED[outcome["span"]](outcome)


def _daily(told: dict[str, Any]) -> Iterator[str]:
    queue = told["review_queue"]
    yield (
        f"Waiting for review: {queue['waiting']:,} annotations of AI,"
        f" {queue['below_80_percent']:,} of them below 80 %"
        + (
            f"; the oldest since {queue['oldest_at']:%Y-%m-%d %H:%M} UTC."
            if queue["waiting"]
            else "."
        )
    )
    for one in told["queues"]:
        age = one["oldest_ready_seconds"]
        yield (
            f"Queue {one['queue']}: {one['waiting']:,} wait, {one['running']:,} run,"
            f" {one['workers']} workers"
            + (f"; the oldest waits for {duration(age * 1000)}" if age is not None else "")
            + ("; paused" if one["paused"] else "")
            + "."
        )
    yield f"Failed since yesterday: {told['failed_since_yesterday']:,} AI jobs."
    for one in told["failed_by_reason"]:
        yield f"    {one['provider']}, {one['error_code'] or 'no code'}: {one['jobs']:,}"
    for one in told["failed"]:
        yield f"    {one['job']} of image {one['image']}: {one_line(one['error'] or '')}"
    yield from _stuck(told)


def _weekly(told: dict[str, Any]) -> Iterator[str]:
    if not told["reviewers"]:
        yield "Nobody has reviewed anything."
    for one in told["reviewers"]:
        seconds = one["median_review_time_seconds"]
        gold = one["gold_agreement"]
        yield (
            f"{one['reviewer_name'] or one['reviewer_email']}: {one['total_reviews']:,} decisions,"
            f" {one['approved_count']:,} approved, {one['rejected_count']:,} rejected"
            + (f", {seconds:.1f} s each" if seconds is not None else "")
            + (f", {gold:.0%} of known answers right" if gold is not None else "")
        )
    if not told["cache"]:
        yield "The cache of answers is empty."
    for one in told["cache"]:
        yield (
            f"Cache of {one['provider']}: {one['total_entries']:,} answers,"
            f" {one['total_size_mb']} MB; {one['cache_hit_potential']} % of all questions were"
            " answered from it"
        )
    yield from _stuck(told)


def _monthly(told: dict[str, Any]) -> Iterator[str]:
    if not told["cache_by_day"]:
        yield "The figures of the cache by day are empty: run refresh_cache_metrics."
    for one in told["cache_by_day"]:
        yield (
            f"{one['metric_date']} {one['provider']}: {one['entries_created']:,} answers kept,"
            f" {one['cache_hit_potential']} % of questions answered from them"
        )
    unused = told["unused_indexes"]
    yield (
        f"Indexes: {len(told['indexes'])}, of which {len(unused)} were not read since the server's"
        " statistics began" + (f": {', '.join(unused[:_UNUSED_SHOWN])}" if unused else "")
    )
    if told["slow_queries"] is None:
        yield "Slow queries are not known: the server has no pg_stat_statements."
    for one in told["slow_queries"] or ():
        yield f"{one['mean_ms']} ms on average, {one['calls']:,} calls: {one_line(one['query'])}"


def _stuck(told: dict[str, Any]) -> Iterator[str]:
    jobs, batches = told["stuck_ai_jobs"], told["stuck_batches"]
    yield f"Stuck: {jobs:,} AI jobs, {batches:,} batches."
    for one in told["stuck"]:
        what = f"image {one['image']}" if "image" in one else f"batch {one['batch']}"
        yield f"    {one['job']} ({what}) runs since {one['started_at']:%Y-%m-%d %H:%M} UTC"


_DESCRIBED: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "daily": _daily,
    "weekly": _weekly,
    "monthly": _monthly,
}
