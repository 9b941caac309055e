"""The way of an alert: raised, seen, over, and raised anew."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Entry
from database.actor import acting_as
from database.fields import uuid7
from monitoring.actions import alerting, alerting_by_hand, requesting
from monitoring.errors import NotNow
from monitoring.errors_of_alerts import NoteMissing
from monitoring.models import (
    Alert,
    AlertLetter,
    AlertRule,
    Analysis,
    RuleEvaluation,
    RuleState,
)
from tests.factories import make_user
from tests.factories.monitoring import make_dataset
from tests.monitoring import watched
from tests.monitoring.alerting.making import make_rule, only_alert, placed, seen, show, tell

pytestmark = pytest.mark.django_db


def test_a_bad_sample_opens_an_alert_that_counts_the_next_ones() -> None:
    rule = make_rule()

    assert show(rule, "none", "low", "high", "medium").opened == 1

    alert = only_alert()
    assert (alert.status, alert.phase, alert.count) == ("active", "active", 3)
    assert alert.severity == "high"
    assert alert.user_id == rule.dataset.user_id
    assert alert.first_seen_at < alert.last_seen_at
    assert alert.data["severity"] == "low"
    entry = Entry.objects.get(action="alert_rule.evaluated")
    assert entry.resource_id == str(rule.pk)
    assert not Entry.objects.filter(action="alert.inserted").exists()


def test_a_batch_is_seen_once_however_often_it_is_shown() -> None:
    rule, batch = make_rule(), uuid7()

    assert show(rule, "low", batch=batch).samples == 1
    assert show(rule, "low", batch=batch).samples == 0

    assert only_alert().count == 1
    assert RuleEvaluation.objects.count() == 1


def test_what_comes_back_after_it_was_over_is_a_new_alert() -> None:
    rule = make_rule()

    show(rule, "low", "none", "low")
    show(rule, "none")

    statuses = Alert.objects.order_by("first_seen_at").values_list("status", "count")
    assert list(statuses) == [("resolved", 1), ("resolved", 1)]


def test_one_that_lasts_over_batches_is_pending_then_active_then_recovering() -> None:
    rule = make_rule(
        condition={
            "condition": {"metric": "severity", "op": "gte", "value": "low"},
            "for": {"points": 3},
            "keep_firing_for": {"points": 3},
        }
    )
    show(rule, "low", "low")
    assert not Alert.objects.exists()
    assert RuleState.objects.get().phase == "pending"

    show(rule, "low")
    assert only_alert().phase == "active"
    assert only_alert().count == 3

    show(rule, "none", "none")
    assert only_alert().phase == "recovering"

    show(rule, "low")
    assert (only_alert().phase, only_alert().count) == ("active", 4)

    show(rule, "none", "none", "none")
    assert only_alert().phase == "resolved"
    assert only_alert().resolved_by is None


def test_each_group_has_an_alert_of_its_own() -> None:
    rule = make_rule(condition={"condition": make_condition(), "group_by": ["meta.hall"]})

    show(rule, "low", "low", hall="a")
    show(rule, "high", hall="b")
    show(rule, "none", hall="a")

    found = {alert.group_values["meta.hall"]: alert for alert in Alert.objects.all()}
    assert {hall: alert.status for hall, alert in found.items()} == {
        "a": "resolved",
        "b": "active",
    }
    assert found["a"].dedup_key != found["b"].dedup_key


def make_condition() -> dict[str, object]:
    return {"metric": "severity", "op": "gte", "value": "low"}


def test_beyond_so_many_groups_the_others_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerting, "MOST_GROUPS", 2)
    rule = make_rule(condition={"condition": make_condition(), "group_by": ["meta.hall"]})

    for hall in "abcd":
        show(rule, "low", hall=hall)

    halls = Alert.objects.values_list("group_values__meta.hall", "count")
    assert set(halls) == {("a", 1), ("b", 1), ("(others)", 2)}


def test_acknowledging_names_the_first_who_did_and_is_no_end() -> None:
    rule, one, other = make_rule(), make_user("analyst"), make_user("analyst")
    show(rule, "low")

    alerting_by_hand.acknowledge(only_alert().pk, by=one)
    with pytest.raises(NotNow, match="acknowledged already"):
        alerting_by_hand.acknowledge(only_alert().pk, by=other)
    show(rule, "high")

    alert = only_alert()
    assert (alert.status, alert.acknowledged_by, alert.severity) == ("acknowledged", one, "high")
    assert Entry.objects.filter(action="alert.acknowledged").count() == 1
    assert not Entry.objects.filter(action="alert.updated").exists()
    show(rule, "none")
    assert only_alert().status == "resolved"


def test_whoever_resolves_says_why_and_what_goes_on_is_a_new_alert() -> None:
    rule, person = make_rule(), make_user("analyst")
    show(rule, "low")
    with pytest.raises(NoteMissing):
        alerting_by_hand.resolve(only_alert().pk, note="  ", by=person)

    alert = alerting_by_hand.resolve(only_alert().pk, note="Bearing replaced.", by=person)

    assert (alert.status, alert.resolved_by) == ("resolved", person)
    with pytest.raises(NotNow, match="over already"):
        alerting_by_hand.resolve(alert.pk, note="again", by=person)
    show(rule, "low")
    assert set(Alert.objects.values_list("status", flat=True)) == {"resolved", "active"}


def test_a_silence_opens_an_alert_of_its_own_that_data_end() -> None:
    rule = make_rule(
        condition={
            "condition": make_condition(),
            "no_data": "alert",
            "no_data_after": {"seconds": 600},
        }
    )
    now = timezone.now()
    show(rule, "low", at=now)

    assert alerting.pass_time(rule.pk, now + timedelta(seconds=599)).opened == 0
    assert alerting.pass_time(rule.pk, now + timedelta(seconds=600)).opened == 1
    assert alerting.pass_time(rule.pk, now + timedelta(seconds=660)).opened == 0
    assert set(Alert.objects.values_list("kind", "status")) == {
        ("condition", "active"),
        ("no_data", "active"),
    }

    show(rule, "low", at=now + timedelta(seconds=700))
    assert Alert.objects.get(kind="no_data").status == "resolved"


def test_a_machine_that_never_sent_anything_is_missed_and_one_taken_away_is_not() -> None:
    rule = make_rule(
        condition={
            "condition": make_condition(),
            "no_data": "alert",
            "no_data_after": {"seconds": 600},
        }
    )
    now = timezone.now()
    alerting.pass_time(rule.pk, now)
    alerting.pass_time(rule.pk, now + timedelta(minutes=10))
    alert = only_alert()
    assert (alert.kind, alert.data) == ("no_data", {})

    alerting_by_hand.resolve(alert.pk, note="The machine was sold.", by=make_user("analyst"))

    assert not RuleState.objects.exists()


def test_a_wait_of_seconds_ends_without_another_sample() -> None:
    rule = make_rule(condition={"condition": make_condition(), "for": {"seconds": 60}})
    now = timezone.now()
    show(rule, "low", at=now)

    assert alerting.pass_time(rule.pk, now + timedelta(seconds=59)).opened == 0
    assert alerting.pass_time(rule.pk, now + timedelta(seconds=60)).opened == 1


def test_groups_that_are_long_gone_are_forgotten() -> None:
    rule = make_rule(
        condition={"condition": make_condition(), "for": {"seconds": 60}, "no_data": "ok"}
    )
    show(rule, "none")

    alerting.pass_time(rule.pk, timezone.now() + timedelta(days=29))
    assert RuleState.objects.count() == 1
    alerting.pass_time(rule.pk, timezone.now() + timedelta(days=31))
    alerting.pass_time(rule.pk, timezone.now() + timedelta(days=62))
    # A dataset without groups is looked at from now on, as if it were new.
    assert RuleState.objects.get().state["last_seen"] is not None


def test_a_rule_that_plain_sql_made_unreadable_says_so_and_the_others_go_on() -> None:
    dataset = make_dataset()
    broken, sound = make_rule(dataset), make_rule(dataset)
    AlertRule.objects.filter(pk=broken.pk).update(condition={"metric": "speed"})

    outcome = alerting.evaluate(dataset.pk, seen("low"), batch=uuid7())

    assert outcome.opened == 1
    assert "no metric" in outcome.refused[str(broken.pk)]
    broken.refresh_from_db()
    assert "no metric" in broken.last_error
    assert only_alert().alert_rule == sound

    AlertRule.objects.filter(pk=broken.pk).update(condition=make_condition())
    alerting.evaluate(dataset.pk, seen("low"), batch=uuid7())
    broken.refresh_from_db()
    assert broken.last_error == ""


def test_the_samples_of_an_analysis_are_those_that_were_placed() -> None:
    rule = make_rule(
        condition={
            "all": [
                {"metric": "distance", "op": "gt", "value": 3},
                {"metric": "meta.hall", "op": "eq", "value": "b"},
            ]
        }
    )
    analysis = placed(rule.dataset, [0, 3, 3, 4], halls=("a", "b", "b", "b"))

    outcome = alerting.evaluate_analysis(analysis.pk)

    assert (outcome.samples, outcome.opened) == (4, 1)
    alert = only_alert()
    assert alert.anomaly_id == analysis.anomalies.get(process_order=2).pk
    assert alert.data["meta"] == {"hall": "b"}
    assert alert.data["features"][0]["name"] == "f_0"
    assert alert.severity == "critical"
    assert alerting.evaluate_analysis(analysis.pk).samples == 0
    assert alerting.evaluate_analysis(uuid7()).batches == 0


def test_a_machine_that_leaves_the_healthy_region_is_told_with_the_feature_that_says_why() -> None:
    person = make_user("analyst")
    dataset = make_dataset(person)
    watched.fitted(dataset, person)
    rule = make_rule(
        dataset, condition=make_condition() | {"metric": "ratio", "op": "gt", "value": 2}
    )
    file = watched.samples(person, rows=12, broken=3)
    analysis = watched.worked_on(requesting.request_place(dataset, file, by=person).analysis)
    Analysis.objects.filter(pk=analysis.pk).update(completed_at=timezone.now())

    with acting_as(person.pk):  # as the worker does, for whom the analysis runs
        outcome = alerting.evaluate_analysis(analysis.pk)

    assert (outcome.samples, outcome.opened) == (12, 1)
    alert = only_alert()
    assert (alert.alert_rule, alert.severity, alert.count) == (rule, "critical", 3)
    assert alert.data["features"][0]["name"] == "f_3"
    assert tell().letters == 1
    assert "Farthest from healthy: f_3 +" in AlertLetter.objects.get().body
