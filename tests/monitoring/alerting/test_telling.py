"""Who is told of an alert, when, and how often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from monitoring import alert_events
from monitoring.actions import alerting, alerting_by_hand, notifying, rules
from monitoring.models import Alert, AlertLetter, AlertNotification, AlertRule
from tests.factories import make_user
from tests.factories.monitoring import make_dataset
from tests.monitoring.alerting.making import MAIL, make_rule, only_alert, show, tell
from webhooks.models import WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
ANOMALOUS = {"metric": "severity", "op": "gte", "value": "low"}
BY_HALL = {
    "condition": ANOMALOUS,
    "group_by": ["meta.hall"],
}


@pytest.fixture
def person() -> User:
    return make_user("analyst")


@pytest.fixture
def listener() -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(
        name="Shift desk", url="https://desk.example/hook", secret="s", events=[]
    )


def events() -> list[str]:
    return list(AlertNotification.objects.order_by("pk").values_list("event", flat=True))


def test_a_new_alert_is_told_after_the_wait_and_not_before() -> None:
    rule = make_rule(group_wait_seconds=30)
    show(rule, "low")

    assert notifying.tell(timezone.now() + timedelta(seconds=20)).letters == 0
    assert notifying.tell(timezone.now() + timedelta(seconds=31)).letters == 1
    assert notifying.tell(timezone.now() + timedelta(seconds=90)).letters == 0

    assert events() == ["fired"]
    assert only_alert().told_severity == "low"


def test_a_letter_says_what_where_since_when_and_why() -> None:
    rule = make_rule(make_dataset(name="Press 4"), condition=BY_HALL)
    show(rule, "low", "critical", hall="north")
    alert = only_alert()
    alert.data |= {"features": [{"name": "f_17", "value": 1.0, "deviation": -6.25}]}
    alert.save(update_fields=["data"])

    tell()

    letter = AlertLetter.objects.get()
    assert letter.recipient == "engineer@plant.example"
    assert letter.subject == "[critical] Press 4: Vibration: 1 new"
    assert "critical: hall north, since" in letter.body
    assert "seen 2 times" in letter.body
    assert "Farthest from healthy: f_17 -6.2 sd" in letter.body


def test_many_groups_at_once_are_one_letter() -> None:
    rule = make_rule(condition=BY_HALL)
    for number in range(30):
        show(rule, "low", hall=f"hall {number:02}")

    assert tell().letters == 1

    letter = AlertLetter.objects.get()
    assert letter.subject.endswith("30 new")
    assert "hall 24" in letter.body
    assert "… and 5 more." in letter.body
    assert AlertNotification.objects.count() == 30


def test_what_comes_soon_after_waits_for_the_interval() -> None:
    rule = make_rule(condition=BY_HALL, group_interval_seconds=300)
    show(rule, "low", hall="a")
    tell()
    show(rule, "low", hall="b")

    assert tell(timedelta(seconds=200)).letters == 0
    assert tell(timedelta(seconds=302)).letters == 1


def test_an_alert_that_ended_before_anybody_was_told_is_told_all_the_same() -> None:
    rule = make_rule()
    show(rule, "high", "none")

    assert tell().letters == 1

    assert "high: from" in AlertLetter.objects.get().body
    assert events() == ["fired"]
    assert tell(HOUR).letters == 0


def test_the_end_is_told_once() -> None:
    rule = make_rule()
    show(rule, "low")
    tell()
    show(rule, "none")

    assert tell().letters == 1
    assert tell(HOUR).letters == 0
    assert events() == ["fired", "resolved"]
    assert AlertRule.objects.get().notify_at is None


def test_what_becomes_worse_is_told_again_also_after_somebody_has_seen_it(person: User) -> None:
    rule = make_rule()
    show(rule, "low")
    tell()
    alerting_by_hand.acknowledge(only_alert().pk, by=person)
    show(rule, "low")
    assert tell().letters == 0

    show(rule, "high")
    assert tell().letters == 1
    show(rule, "medium")
    assert tell().letters == 0

    assert events() == ["fired", "worsened:high"]


def test_what_nobody_looks_after_is_repeated_until_somebody_does(person: User) -> None:
    rule = make_rule(repeat_seconds=3600)
    show(rule, "low")
    tell()

    assert tell(HOUR - timedelta(seconds=5)).letters == 0
    assert tell(HOUR + timedelta(seconds=5)).letters == 1
    assert tell(2 * HOUR + timedelta(seconds=10)).letters == 1
    alerting_by_hand.acknowledge(only_alert().pk, by=person)
    assert tell(9 * HOUR).letters == 0

    assert events() == ["fired", "repeated:1", "repeated:2"]


def test_what_seemed_over_and_was_not_is_repeated_all_the_same() -> None:
    rule = make_rule(
        condition={"condition": ANOMALOUS, "keep_firing_for": {"points": 5}}, repeat_seconds=3600
    )
    show(rule, "low")
    tell()
    show(rule, "none")
    assert only_alert().phase == "recovering"
    assert tell(HOUR + timedelta(minutes=1)).letters == 0

    show(rule, "low")

    assert only_alert().phase == "active"
    assert tell(HOUR + timedelta(minutes=2)).letters == 1
    assert events() == ["fired", "repeated:1"]


@pytest.mark.parametrize(
    ("changes", "event"),
    [({"repeat_seconds": 60}, "repeated:1"), ({"escalate_seconds": 60}, "escalated")],
)
def test_other_times_hold_for_what_is_open_too(changes: Any, event: str) -> None:
    everything = [{**MAIL[0], "events": ["fired", "repeated", "escalated"]}]
    rule = make_rule(actions=everything, repeat_seconds=31 * 86_400)
    show(rule, "low")
    tell()

    rules.change(rule.pk, by=rule.created_by, **changes)

    assert tell(timedelta(seconds=50)).letters == 0
    assert tell(timedelta(minutes=2)).letters == 1
    assert events() == ["fired", event]


def test_other_times_tell_nothing_sooner_than_the_wait() -> None:
    rule = make_rule(group_wait_seconds=600)
    show(rule, "low")

    rules.change(rule.pk, by=rule.created_by, repeat_seconds=60)

    assert tell(timedelta(minutes=9)).letters == 0
    assert tell(timedelta(minutes=11)).letters == 1


def test_what_nobody_acknowledges_is_escalated_once_to_others() -> None:
    boss = {"type": "email", "to": ["boss@plant.example"], "events": ["escalated"]}
    rule = make_rule(actions=[*MAIL, boss], escalate_seconds=1800)
    show(rule, "low")
    tell()
    assert not AlertLetter.objects.filter(recipient="boss@plant.example").exists()

    assert tell(HOUR / 2 + timedelta(seconds=5)).letters == 1
    assert tell(HOUR).letters == 0

    assert AlertLetter.objects.get(recipient="boss@plant.example").subject.endswith("1 escalated")


def test_an_action_is_told_from_its_severity_on() -> None:
    pager = {"type": "email", "to": ["pager@plant.example"], "severity": "critical"}
    rule = make_rule(actions=[*MAIL, pager])
    show(rule, "medium")
    assert tell().letters == 1

    show(rule, "critical")
    assert tell().letters == 2

    assert list(
        AlertNotification.objects.filter(action="email:pager@plant.example").values_list(
            "event", flat=True
        )
    ) == ["worsened:critical"]


def test_something_critical_mutes_what_is_less_in_the_same_group() -> None:
    dataset = make_dataset()
    hot = {"condition": {"metric": "meta.hot", "op": "eq", "value": "yes"}}
    low = make_rule(dataset, name="Noise", condition=BY_HALL)
    make_rule(dataset, name="Heat", condition=BY_HALL | hot, severity="critical")
    show(low, "low", hall="a", hot="no")
    show(low, "low", hall="b", hot="yes")

    assert (tell().letters, tell().muted) == (2, 0)  # of Noise in a, and of Heat in b

    muted = Alert.objects.get(alert_rule=low, group_values={"meta.hall": "b"})
    assert (muted.muted, muted.told_severity) == ("inhibition", None)
    show(low, "low", hall="b", hot="no")
    tell(HOUR)
    muted.refresh_from_db()
    assert (muted.muted, muted.told_severity) == ("", "low")


def test_other_systems_are_told_in_messages_of_fifty(
    listener: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_events, "MOST_ALERTS", 2)
    rule = make_rule(condition=BY_HALL, actions=[{"type": "webhook"}])
    for hall in "abc":
        show(rule, "low", hall=hall)

    assert tell().messages == 2

    deliveries = list(WebhookDelivery.objects.order_by("pk"))
    assert [one.event for one in deliveries] == ["alert.fired", "alert.fired"]
    assert [len(one.payload["alerts"]) for one in deliveries] == [2, 1]
    told = deliveries[0].payload
    assert told["alert_rule_id"] == str(rule.pk)
    assert told["alerts"][0]["group"] == {"meta.hall": "a"}
    show(rule, "none", hall="a")
    tell()
    assert WebhookDelivery.objects.latest("pk").event == "alert.resolved"


def test_a_message_never_outgrows_what_webhooks_take(listener: WebhookEndpoint) -> None:
    columns = [f"meta.{letter * 190}" for letter in "abcde"]
    rule = make_rule(condition=BY_HALL | {"group_by": columns}, actions=[{"type": "webhook"}])
    for number in range(12):
        texts: dict[str, Any] = {
            column.removeprefix("meta."): f"{number:02}" + "\x01" * 300 for column in columns
        }
        assert show(rule, "low", **texts).opened == 1

    assert tell().messages == 2

    sizes = [len(one.payload["alerts"]) for one in WebhookDelivery.objects.order_by("pk")]
    assert sum(sizes) == 12


def test_acknowledging_is_told_to_other_systems(listener: WebhookEndpoint, person: User) -> None:
    show(make_rule(), "low")

    alerting_by_hand.acknowledge(only_alert().pk, by=person)

    delivery = WebhookDelivery.objects.get()
    assert delivery.event == "alert.acknowledged"
    assert delivery.payload["alerts"][0]["status"] == "acknowledged"
    assert str(person.pk) not in str(delivery.payload)


def test_a_round_that_fails_has_told_nothing_and_is_made_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    show(make_rule(), "low")
    real = AlertLetter.objects.enqueue_rows

    def fails(**columns: Any) -> Any:
        with transaction.atomic():
            real(**columns)
            raise IntegrityError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(AlertLetter.objects, "enqueue_rows", fails, raising=False)
        patch.setattr(type(AlertLetter.objects), "enqueue_rows", lambda _, **c: fails(**c))
        outcome = tell()
    assert outcome.letters == 0
    assert "disk" in next(iter(outcome.refused.values()))
    assert events() == []
    assert not AlertLetter.objects.exists()

    assert tell().letters == 1


def test_actions_that_plain_sql_made_unreadable_put_the_telling_off() -> None:
    rule = make_rule()
    AlertRule.objects.update(actions=[{"type": "pigeon"}])
    show(rule, "low")

    assert "email or webhook" in next(iter(tell().refused.values()))
    assert only_alert().told_severity is None

    AlertRule.objects.update(actions=MAIL, notify_at=timezone.now())
    assert tell().letters == 1


def test_the_log_holds_each_event_once() -> None:
    show(make_rule(), "low")
    tell()
    told = AlertNotification.objects.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        AlertNotification.objects.create(
            alert=told.alert, user_id=told.user_id, action=told.action, event=told.event
        )


def test_a_quiet_minute_asks_little() -> None:
    assert alerting.timed_rules() == []
    assert notifying.due() == []
