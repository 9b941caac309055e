"""``/metrics``: how the queues stand, for Prometheus.

Read from the database at each scrape, so that every web process answers the same; text format
0.0.4 or OpenMetrics, as the scraper asks. Names and units follow Prometheus' conventions
(prometheus.io/docs/practices/naming).
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client.core import (
    CollectorRegistry,
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from config.admin.away import is_away
from database.actor import acting_as_system
from jobs import durations, registry, status
from jobs.figures import Figures
from jobs.health import SEEN_WITHIN, alive
from jobs.models import Worker

log = structlog.get_logger(__name__)

_PERMISSION: Final = "jobs.view_queue"
# Of the classes in which durations are counted, each fourth: one bucket for each octave.
_OCTAVE: Final = 4
_PLAIN: Final = "text/plain; charset=utf-8"
_NOTHING_SET: Final = "This site has no token: the setting METRICS_TOKEN is empty."

# How far vacuum lags behind: transactions, and seconds where the session's age may be seen.
_HORIZON: Final = """
    SELECT coalesce(max(transactions), 0), coalesce(max(seconds), 0)
    FROM (
        SELECT greatest(age(backend_xid), age(backend_xmin)) AS transactions,
            extract(epoch FROM clock_timestamp() - xact_start) AS seconds
        FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)
            AND (datid IS NULL OR datname = current_database())
            AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)
        UNION ALL
        SELECT age(transaction), extract(epoch FROM clock_timestamp() - prepared)
        FROM pg_prepared_xacts WHERE database = current_database()
        UNION ALL
        SELECT age(xmin), NULL FROM pg_replication_slots WHERE xmin IS NOT NULL
    ) AS holders
"""


@csrf_exempt  # so that whatever writes is told the method is wrong, not that its form is
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics, for staff who may see the queues and for whoever has METRICS_TOKEN."""
    refused = _refusal(request)
    if refused is not None:
        return refused
    own = CollectorRegistry()
    own.register(JobsCollector())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    try:
        with acting_as_system():  # the queues as they stand, whoever reads
            body = encode(own)
    except Error as error:
        if not is_away(error):
            raise
        log.warning("no metrics: the database is away", error=str(error))
        return _sentence("The database cannot be reached, so there are no figures.", 503)
    return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """The answer for somebody who may not read them, or None."""
    given, wanted = request.headers.get("Authorization"), settings.METRICS_TOKEN
    if given is not None:
        if not wanted:
            return _sentence(f"{_NOTHING_SET} Set one, or log in as staff and send none.", 403)
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer":
            return _sentence("Send the token as: Authorization: Bearer <METRICS_TOKEN>", 403)
        if hmac.compare_digest(token.strip().encode(), wanted.encode()):
            return None
        return _sentence("This is not the token that METRICS_TOKEN sets.", 403)
    if request.user.has_perm(_PERMISSION):
        return None
    if request.user.is_authenticated:
        return _sentence("Your role may not see the queues.", 403)
    answer = _sentence(
        "Log in as staff, or send the token: Authorization: Bearer <METRICS_TOKEN>"
        if wanted
        else f"{_NOTHING_SET} Log in as staff.",
        401,
    )
    answer["WWW-Authenticate"] = 'Bearer realm="metrics"'
    return answer


def _sentence(text: str, code: int) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(f"{text}\n", content_type=_PLAIN, status=code, headers=headers)


class JobsCollector(Collector):
    """Reads everything once for each scrape; holds nothing between them."""

    def describe(self) -> list[Metric]:
        """Nothing: so that registering it does not read the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family; OperationalError or InterfaceError while the database is away."""
        kinds, now = registry.kinds(), status.queues()
        ended = status.ended_ever(kinds)
        yield from _standing(now)
        yield _finished(ended)
        yield _durations("lacuna_job_wait_seconds", "from being asked for to their start", ended)
        yield _durations("lacuna_job_run_seconds", "for their attempt that ended", ended)
        yield from _workers()
        yield from _database({kind.model._meta.db_table: kind.queue for kind in kinds})


def _standing(now: Sequence[status.QueueStatus]) -> Iterator[Metric]:
    jobs = GaugeMetricFamily(
        "lacuna_jobs",
        "Jobs that wait for a worker (ready), wait for their moment (delayed), run, or failed.",
        labels=["queue", "state"],
    )
    oldest = GaugeMetricFamily(
        "lacuna_queue_oldest_seconds",
        "For how long the oldest job that could start has waited; 0 while none could.",
        labels=["queue"],
    )
    paused = GaugeMetricFamily(
        "lacuna_queue_paused", "1 while the queue is paused by staff.", labels=["queue"]
    )
    serving = GaugeMetricFamily(
        "lacuna_queue_workers", "Workers that serve the queue and answer.", labels=["queue"]
    )
    for one in now:
        counts = one.counts
        for state in ("ready", "delayed", "running", "failed"):
            count = getattr(counts, state)
            if count is not None:
                jobs.add_metric([one.queue, state], count)
        oldest.add_metric([one.queue], one.oldest_ready_seconds or 0.0)
        paused.add_metric([one.queue], float(one.paused))
        serving.add_metric([one.queue], one.workers)
    yield from (jobs, oldest, paused, serving)


def _finished(ended: dict[str, Figures]) -> Metric:
    family = CounterMetricFamily(
        "lacuna_jobs_finished",
        "Attempts that ended, as counted by the workers: done, failed for good, to be tried again"
        " (retried), cancelled.",
        labels=["queue", "outcome"],
    )
    for queue, figures in ended.items():
        for outcome in ("done", "failed", "retried", "cancelled"):
            family.add_metric([queue, outcome], getattr(figures, outcome))
    return family


def _durations(name: str, meaning: str, ended: dict[str, Figures]) -> Metric:
    family = HistogramMetricFamily(name, f"How long jobs took {meaning}.", labels=["queue"])
    for queue, figures in ended.items():
        wait = name == "lacuna_job_wait_seconds"
        counts = figures.waits if wait else figures.runs
        total = figures.wait_seconds if wait else figures.run_seconds
        family.add_metric([queue], buckets(counts), total)
    return family


def buckets(counts: Sequence[int]) -> list[tuple[str, float]]:
    """Counts by class of ``jobs.durations`` as cumulative buckets, an octave each."""
    below = list(accumulate(counts or durations.empty()))
    octaves: list[tuple[str, float]] = [
        (repr(durations.BOUNDS[n]), below[n]) for n in range(0, len(durations.BOUNDS), _OCTAVE)
    ]
    return [*octaves, ("+Inf", below[-1])]


def _workers() -> Iterator[Metric]:
    running = alive().aggregate(count=Count("id"), busy=Sum("busy"), places=Sum("concurrency"))
    silent = Worker.objects.filter(stopped_at=None).filter(~Q(pk__in=alive())).count()
    workers = GaugeMetricFamily(
        "lacuna_workers",
        f"Workers that answer (alive), or have not for {SEEN_WITHIN.seconds} s (silent).",
        labels=["state"],
    )
    workers.add_metric(["alive"], running["count"])
    workers.add_metric(["silent"], silent)
    yield workers
    yield GaugeMetricFamily(
        "lacuna_worker_busy", "Jobs in hand of the workers that answer.", running["busy"] or 0
    )
    yield GaugeMetricFamily(
        "lacuna_worker_places",
        "Jobs that the workers that answer may have in hand.",
        running["places"] or 0,
    )


def _database(queues: dict[str, str]) -> Iterator[Metric]:
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_HORIZON)
        transactions, seconds = cursor.fetchone()
        cursor.execute(
            "SELECT relname, n_dead_tup FROM pg_stat_user_tables WHERE relid = ANY"
            " (SELECT to_regclass(quote_ident(name)) FROM unnest(%s::text[]) AS name)",
            [list(queues)],
        )
        dead = cursor.fetchall()
    yield GaugeMetricFamily(
        "lacuna_database_horizon_transactions",
        "Age of the oldest snapshot that keeps vacuum from its work, in transactions.",
        float(transactions),
    )
    yield GaugeMetricFamily(
        "lacuna_database_horizon_seconds",
        "The same in seconds, of the sessions whose age this site may see.",
        float(seconds),
    )
    family = GaugeMetricFamily(
        "lacuna_queue_dead_rows", "Dead rows in the queue's table.", labels=["queue"]
    )
    for table, count in dead:
        family.add_metric([queues[table]], count)
    yield family
