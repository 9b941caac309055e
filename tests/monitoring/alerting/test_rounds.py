"""The round of each minute, and the command that does the same."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from jobs.models import RecurringJob
from jobs.moments import database_now
from jobs.schedule.declarations import entry
from monitoring.actions import alerting_rounds, rules
from monitoring.models import Alert, AlertLetter, AlertRule
from tests.factories.monitoring import make_dataset
from tests.monitoring.alerting.making import BAD, make_rule, only_alert, placed

pytestmark = pytest.mark.django_db


def command(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("evaluate_rules", *words, "--json", stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_rule_watches_from_the_moment_that_the_database_says(
    hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(hours=hours))
    before = database_now()
    rule = make_rule()
    placed(rule.dataset, [2], completed_at=database_now())
    earlier = placed(rule.dataset, [3], completed_at=before)

    assert command()["analyses"] == 1
    assert only_alert().severity == "medium"

    rules.switch(rule.pk, on=False, by=rule.dataset.user)
    rules.switch(rule.pk, on=True, by=rule.dataset.user)
    rule.refresh_from_db()
    assert before < rule.watched_from <= database_now()
    placed(rule.dataset, [2], completed_at=database_now())
    assert command()["analyses"] == 1
    assert not rule.evaluations.filter(analysis_id=earlier.pk).exists()


def test_what_no_rule_has_seen_yet_is_made_up_for_once() -> None:
    rule = make_rule()
    placed(rule.dataset, [0, 2], completed_at=timezone.now() + timedelta(seconds=1))
    placed(rule.dataset, [0], completed_at=rule.watched_from - timedelta(seconds=1))
    placed(make_dataset(), [4])

    assert command("--dry-run") == {"analyses": 1, "rules": 1, "due": 0, "dry_run": True}
    assert not Alert.objects.exists()
    told = command()
    assert (told["analyses"], told["opened"], told["letters"]) == (1, 1, 1)

    again = command()
    assert (again["analyses"], again["opened"], again["letters"]) == (0, 0, 0)
    assert AlertLetter.objects.count() == 1


def test_what_was_placed_while_a_rule_was_off_is_not_made_up_for() -> None:
    dataset = make_dataset()
    rule, other = make_rule(dataset), make_rule(dataset)
    rules.switch(rule.pk, on=False, by=dataset.user)
    placed(dataset, [3], completed_at=timezone.now())
    rules.switch(rule.pk, on=True, by=dataset.user)

    assert command()["opened"] == 1

    assert only_alert().alert_rule == other
    assert command()["analyses"] == 0


def test_the_schedule_does_it_each_minute() -> None:
    rule = make_rule()
    placed(rule.dataset, [3], completed_at=timezone.now())

    found = entry("evaluate_rules")
    minute = alerting_rounds.run()

    assert found.cron == "* * * * *"
    assert callable(found.load())
    assert minute.sentence() == "1 alerts opened, 0 resolved, 1 letters and 0 messages queued"
    assert RecurringJob.objects.count() == 0


def test_a_round_notices_silences() -> None:
    make_rule(condition={"condition": BAD, "no_data": "alert", "no_data_after": {"seconds": 60}})
    now = timezone.now()

    alerting_rounds.run(now)
    assert alerting_rounds.run(now + timedelta(seconds=61)).evaluated.opened == 1
    assert only_alert().kind == "no_data"


def test_the_command_fails_when_a_rule_cannot_be_read_and_does_the_others() -> None:
    dataset = make_dataset()
    broken, _sound = make_rule(dataset), make_rule(dataset)
    AlertRule.objects.filter(pk=broken.pk).update(condition={})
    placed(dataset, [2], completed_at=timezone.now())

    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("evaluate_rules", stdout=out)

    assert ended.value.code == 1
    assert "1 alerts opened" in out.getvalue()
    assert f"Rule {broken.pk}: The rule cannot be read." in out.getvalue()
