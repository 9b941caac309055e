"""Thousands of anomalies at once, by many workers: few letters, no group missed, none doubled."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Final
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from database.fields import uuid7
from monitoring.actions import alerting, alerting_by_hand, notifying
from monitoring.actions.alerting_ledger import Seen
from monitoring.errors import NotNow
from monitoring.models import (
    Alert,
    AlertLetter,
    AlertNotification,
    AlertRule,
    RuleEvaluation,
)
from monitoring.rules import Sample
from tests.monitoring.alerting.making import BAD, make_rule
from webhooks.models import WebhookDelivery, WebhookEndpoint

ANOMALIES: Final = 10_000
WORKERS: Final = 8
GROUPS: Final = 20

pytestmark = pytest.mark.django_db(transaction=True)


def anomalies(count: int, offset: int) -> list[Seen]:
    at = timezone.now()
    return [
        Seen(
            Sample(
                at=at + timedelta(milliseconds=index),
                severity=1 + (index + offset) % 4,
                meta={"machine": f"m-{(index + offset) % GROUPS:02}"},
            )
        )
        for index in range(count)
    ]


def work(rule: UUID, dataset: UUID, batches: Sequence[tuple[UUID, list[Seen]]]) -> None:
    """One worker: every batch, also those of the others, and a round of telling after each."""
    try:
        for key, seen in batches:
            alerting.evaluate(dataset, seen, batch=key)
            notifying.tell(timezone.now() + timedelta(seconds=1))
    finally:
        connection.close()


def test_a_storm_is_few_messages_with_every_group_once() -> None:
    WebhookEndpoint.objects.create(name="Desk", url="https://desk.example/", secret="s")
    rule = make_rule(
        condition={"condition": BAD, "group_by": ["meta.machine"]},
        actions=[{"type": "email", "to": ["a@plant.example"]}, {"type": "webhook"}],
        group_interval_seconds=300,
    )
    size = ANOMALIES // WORKERS
    batches = [(uuid7(), anomalies(size, number)) for number in range(WORKERS)]

    with ThreadPoolExecutor(WORKERS) as pool:
        turns = [batches[start:] + batches[:start] for start in range(WORKERS)]
        done = [pool.submit(work, rule.pk, rule.dataset_id, turn) for turn in turns]
        for one in done:
            one.result()
    notifying.tell(timezone.now() + timedelta(seconds=600))

    assert RuleEvaluation.objects.count() == WORKERS
    alerts = list(Alert.objects.all())
    assert len(alerts) == GROUPS
    assert sum(alert.count for alert in alerts) == size * WORKERS
    fired = Counter(
        AlertNotification.objects.filter(event="fired").values_list(
            "action", "alert__group_values__meta.machine"
        )
    )
    assert len(fired) == 2 * GROUPS
    assert set(fired.values()) == {1}
    messages = AlertLetter.objects.count() + WebhookDelivery.objects.count()
    assert messages <= ANOMALIES / 100
    assert AlertRule.objects.get().last_error == ""


def test_people_who_acknowledge_and_resolve_meanwhile_cost_no_sample() -> None:
    rule = make_rule(condition={"condition": BAD, "group_by": ["meta.machine"]})
    person, batches = rule.dataset.user, [(uuid7(), anomalies(60, n)) for n in range(12)]
    over = Event()

    def interfere(by_hand: Callable[[UUID], object]) -> int:
        done = 0
        try:
            while not over.is_set():
                for key in list(Alert.objects.values_list("pk", flat=True)):
                    with contextlib.suppress(NotNow):
                        by_hand(key)
                        done += 1
        finally:
            connection.close()
        return done

    with ThreadPoolExecutor(5) as pool:
        people = [
            pool.submit(interfere, partial(alerting_by_hand.acknowledge, by=person)),
            pool.submit(interfere, partial(alerting_by_hand.resolve, note="Seen to.", by=person)),
        ]
        workers = [
            pool.submit(work, rule.pk, rule.dataset_id, batches[start::3]) for start in range(3)
        ]
        try:
            for one in workers:
                one.result()
        finally:
            over.set()
        done = [one.result() for one in people]

    assert min(done) >= 1
    assert Alert.objects.aggregate(Sum("count"))["count__sum"] == 12 * 60
    open_ = Alert.objects.exclude(status="resolved").values_list("group_values__meta.machine")
    assert len(set(open_)) == open_.count()
    assert AlertRule.objects.get().last_error == ""
