"""How a queue stands, as its pages say it: the state in a word and a sentence, figures, facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin.formats import NOTHING, badge, duration, moment, number, relative_moment
from config.admin.tiles import Tile
from database import system_settings
from jobs import status
from jobs.admin import charts
from jobs.admin.addresses import page_of, queue_url
from jobs.admin.states import Look
from jobs.figures import Figures
from jobs.printable import printable
from jobs.status import QueueStatus

_EXECUTORS: Final = {
    "process": "in processes of their own, which can be stopped",
    "thread": "in threads",
    "async": "on an event loop",
}
# The states of queues that need somebody.
LOUD: Final = frozenset({"bad", "warning"})
# Of the tiles, those that stand on the page of all queues: how it is now.
_ON_CARD: Final = 4
# A share of failures worth a warning colour.
_MANY_FAIL: Final = 0.1


@dataclass(frozen=True, slots=True)
class QuantileRow:
    """How long jobs waited or ran: half of them, 19 in 20, 99 in 100."""

    name: str
    values: list[str]


@dataclass(frozen=True, slots=True)
class Card:
    """One queue on the page of queues."""

    queue: str
    url: str
    jobs_url: str
    badge: SafeString
    sentence: str
    needs_somebody: bool
    tiles: list[Tile]
    quantiles: list[QuantileRow]
    spark: SafeString
    spark_words: str
    paused: bool
    failed: bool
    rate: str


def card(standing: QueueStatus) -> Card:
    """What the page of queues says of one of them."""
    look, sentence = state_of(standing)
    return Card(
        queue=standing.queue,
        url=queue_url(standing.queue),
        jobs_url=page_of(standing.kind, "changelist"),
        badge=badge(*look),
        sentence=sentence,
        needs_somebody=look[1] in LOUD,
        tiles=tiles(standing)[:_ON_CARD],
        quantiles=quantile_rows(standing.hour.total),
        spark=charts.spark_svg(standing.hour),
        spark_words=_course_words(standing),
        paused=standing.paused,
        failed=standing.counts.failed != 0,
        rate=rate_words(standing),
    )


def state_of(standing: QueueStatus) -> tuple[Look, str]:
    """The state of a queue in a word, and a sentence that says what it means."""
    oldest = standing.oldest_ready_seconds
    if standing.paused:
        return ("Paused", "warning"), _paused_sentence(standing)
    if oldest is not None and not standing.workers:
        return ("No worker", "bad"), (
            "Jobs wait, but no worker that serves this queue has been seen for 30 seconds. An"
            " operator starts one: python manage.py run_worker"
        )
    if oldest is not None and oldest > system_settings.get("queue_late_seconds"):
        return ("Late", "warning"), (
            f"The oldest job that could start has waited {charts.seconds(oldest)}. Start more"
            " workers, or look what takes so long."
        )
    if standing.switches is not None and standing.switches.rate_limit is not None:
        return ("Open, limited", "notice"), f"Jobs start as the limit allows: {_rate(standing)}."
    return ("Open", "good"), ""


def tiles(standing: QueueStatus) -> list[Tile]:
    """The decisive figures."""
    counts, jobs = standing.counts, page_of(standing.kind, "changelist")
    states = standing.kind.model.states
    total = standing.hour.total
    delayed = f"{number(counts.delayed)} of them later" if counts.delayed else ""
    oldest = standing.oldest_ready_seconds
    return [
        Tile(
            "Waiting",
            number(counts.waiting),
            delayed or ("for a worker" if counts.waiting else "nothing is in line"),
            "notice" if counts.waiting else None,
            f"{jobs}?status={states.ready}",
        ),
        Tile(
            "Running",
            number(counts.running),
            _workers(standing.workers),
            "notice" if counts.running else None,
            f"{jobs}?status={states.running}",
        ),
        Tile(
            "Failed",
            number(counts.failed),
            _failed_note(counts.failed),
            "bad" if counts.failed else (None if counts.failed is None else "good"),
            f"{jobs}?status={states.failed}",
        ),
        Tile(
            "Oldest waits for",
            NOTHING if oldest is None else charts.seconds(oldest),
            "could start at once" if oldest is not None else "none could start",
        ),
        Tile(
            "Done in the hour",
            number(total.done),
            _rate_now(standing),
        ),
        Tile(
            "Failed in the hour",
            number(total.failed),
            f"and {number(total.retried)} tried again" if total.retried else "for good",
            "warning" if total.failed > _MANY_FAIL * max(1, total.ended) else None,
        ),
    ]


def quantile_rows(total: Figures) -> list[QuantileRow]:
    """How long the jobs waited and ran."""
    return [
        QuantileRow(name, [charts.seconds(value) for value in status.quantiles(at).values()])
        for name, at in (("Waited", total.wait), ("Ran", total.run))
    ]


def facts(standing: QueueStatus) -> list[tuple[str, SafeString | str]]:
    """What the queue is, as its package declared it and staff have set it."""
    kind, switches = standing.kind, standing.switches
    rule = kind.retry
    found: list[tuple[str, SafeString | str]] = [
        ("Table", format_html("<code>{}</code>", standing.table)),
        ("Jobs run", _EXECUTORS.get(kind.executor, kind.executor)),
        ("Time limit", _span(kind.limit())),
        (
            "Tried again after",
            f"{_span(timedelta(seconds=rule.base))}, then {rule.factor:g} times as long each time,"
            f" at most {_span(timedelta(seconds=rule.cap))}",
        ),
        (
            "At once in a worker",
            number(kind.concurrency) if kind.concurrency else "as many as it was started for",
        ),
        (
            "At once for a person",
            f"{number(system_settings.get('max_concurrent_jobs'))} (setting max_concurrent_jobs)"
            if kind.limit_per_person
            else "no limit",
        ),
        ("Kept when finished", _span(kind.keep) if kind.keep else "as the settings say"),
        ("Rate limit", _rate(standing)),
    ]
    if switches is not None and (switches.paused_at or switches.rate_limit):
        found.append(("Switches changed", moment(switches.updated_at)))
    return found


def rate_words(standing: QueueStatus) -> str:
    """``60 jobs in 1 min``, or nothing without a limit."""
    limited = standing.switches is not None and standing.switches.rate_limit is not None
    return _rate(standing) if limited else ""


def _rate(standing: QueueStatus) -> str:
    switches = standing.switches
    if switches is None or switches.rate_limit is None:
        return "none"
    jobs = f"{number(switches.rate_limit)} job{'' if switches.rate_limit == 1 else 's'}"
    return f"at most {jobs} in {_span(timedelta(seconds=switches.rate_seconds))}"


def _failed_note(count: int | None) -> str:
    if count is None:
        return "counting them takes long"
    return "need a look" if count else "nothing went wrong"


def _course_words(standing: QueueStatus) -> str:
    said = charts.throughput_message(standing.hour)
    return f"{said}; {_rate_now(standing)}" if standing.hour.total.ended else said


def _rate_now(standing: QueueStatus) -> str:
    return f"{number(standing.hour.per_minute, digits=1)} a minute now"


def _paused_sentence(standing: QueueStatus) -> str:
    switches = standing.switches
    assert switches is not None  # what is paused has switches
    assert switches.paused_at is not None
    by = f" by {switches.paused_by}" if switches.paused_by else ""
    why = f": {switches.pause_reason}" if switches.pause_reason else ""
    return printable(f"Paused {relative_moment(switches.paused_at)}{by}{why}")


def _workers(count: int) -> str:
    if not count:
        return "no worker serves it"
    return f"by {number(count)} worker{'' if count == 1 else 's'}"


def _span(length: timedelta) -> str:
    """A round length of time without its zeros: ``1 h``, ``90 days``."""
    if length >= timedelta(days=2):
        return number(length.days, "days")
    text = duration(length.total_seconds() * 1000)
    for unit in ("s", "min"):
        text = text.removesuffix(f" {number(0, unit)}")
    return text
