"""Rules are made, changed and removed whole."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from database.actor import acting_as
from monitoring.actions import alerting, alerting_by_hand, rules, rules_history
from monitoring.errors import NotNow
from monitoring.errors_of_alerts import RuleRefused
from monitoring.models import Alert, AlertRule, RuleState
from monitoring.rules import NotADefinition
from monitoring.rules.telling import Event, parse_actions
from tests.factories import make_user
from tests.factories.monitoring import make_dataset
from tests.monitoring.alerting.making import BAD, MAIL, make_rule, only_alert, placed, show

database = pytest.mark.django_db


@database
def test_a_rule_has_the_usual_times_unless_others_are_given() -> None:
    dataset = make_dataset()

    rule = rules.make(dataset.pk, by=dataset.user, name=" Far   away ", condition=BAD)

    rule.refresh_from_db()
    assert (rule.name, rule.severity, rule.actions) == ("Far away", "medium", [])
    assert (rule.group_wait_seconds, rule.group_interval_seconds) == (30, 300)
    assert (rule.repeat_seconds, rule.escalate_seconds) == (14_400, None)
    assert rule.user_id == dataset.user_id
    assert Entry.objects.get(action="alert_rule.made").resource_id == str(rule.pk)


@database
def test_a_rule_may_compare_with_a_fraction() -> None:
    share = {"metric": "p_value", "op": "in", "value": [0.001, 0.25]}
    rule = make_rule(condition={"all": [share, BAD | {"value": "high"}]})

    rules.change(rule.pk, by=rule.dataset.user, condition=share | {"op": "lt", "value": 0.05})

    rule.refresh_from_db()
    assert rule.condition["value"] == 0.05
    entry = Entry.objects.get(action="alert_rule.changed")
    changes = json.loads(entry.payload)["changes"]
    assert changes["before"]["condition"]["all"][0]["value"] == ["0.001", "0.25"]
    assert changes["after"]["condition"]["value"] == "0.05"


@database
def test_everything_that_is_wrong_is_told_at_once() -> None:
    dataset = make_dataset()
    wrong: dict[str, Any] = {
        "name": " ",
        "condition": {"metric": "speed"},
        "actions": [{"type": "email", "to": ["nobody"]}],
        "severity": "grave",
        "repeat_seconds": 5,
        "group_wait_seconds": True,
    }

    with pytest.raises(RuleRefused) as refused:
        rules.make(dataset.pk, by=dataset.user, **wrong)

    assert refused.value.problems.keys() == wrong.keys()
    assert refused.value.problems["actions"][0].path == "$[0].to[0]"
    assert not AlertRule.objects.exists()


@database
def test_nobody_makes_rules_for_datasets_that_they_cannot_see() -> None:
    dataset, stranger = make_dataset(), make_user("analyst")

    with acting_as(stranger.pk), pytest.raises(NotNow, match="no active dataset"):
        rules.make(dataset.pk, by=stranger, name="Mine", condition=BAD)


@database
def test_a_changed_condition_judges_what_is_open() -> None:
    rule = make_rule()
    show(rule, "low")

    rules.change(rule.pk, by=rule.dataset.user, condition=BAD | {"value": "high"}, severity="high")
    show(rule, "low")

    assert only_alert().status == "resolved"
    entry = Entry.objects.get(action="alert_rule.changed")
    changes = json.loads(entry.payload)["changes"]
    assert set(changes["after"]) == {"condition", "severity"}
    assert not Entry.objects.filter(action="alert_rule.updated").exists()


@database
def test_other_groups_end_what_is_open_under_the_old_ones() -> None:
    rule = make_rule()
    show(rule, "low")

    rules.change(
        rule.pk, by=rule.dataset.user, condition={"condition": BAD, "group_by": ["meta.hall"]}
    )

    assert only_alert().resolution_note == "The rule groups its samples in another way now."
    assert not RuleState.objects.exists()


@database
def test_a_rule_that_is_off_raises_nothing_and_ends_what_it_raised() -> None:
    rule, other = make_rule(), make_rule()
    show(rule, "low")

    rules.switch(rule.pk, on=False, by=rule.dataset.user)

    assert show(rule, "low").rules == 0
    assert only_alert().resolution_note == "The rule was switched off."
    with pytest.raises(NotNow, match="Switch it off"):
        rules.remove(rule.pk, by=rule.dataset.user)
    rules.remove(other.pk, by=other.dataset.user)
    rules.switch(rule.pk, on=True, by=rule.dataset.user)
    assert show(rule, "low").opened == 1


@database
def test_the_owner_does_all_of_it_under_row_security() -> None:
    dataset = make_dataset()
    with acting_as(dataset.user_id):
        rule = make_rule(dataset)
        show(rule, "low")
        rules.change(rule.pk, by=dataset.user, condition=BAD | {"value": "medium"})
        alerting_by_hand.resolve(only_alert().pk, note="Nothing.", by=dataset.user)
        show(rule, "high")
        rules.switch(rule.pk, on=False, by=dataset.user)

    assert Alert.objects.filter(status="resolved").count() == 2
    assert not RuleState.objects.exists()


@database
def test_a_dry_run_says_when_the_rule_would_have_fired_and_writes_nothing() -> None:
    dataset = make_dataset()
    start = timezone.now() - timedelta(hours=3)
    first = placed(dataset, [0, 2, 3, 0], completed_at=start, halls=("a",))
    placed(dataset, [3, 0], completed_at=start + timedelta(hours=1), halls=("a", "b"))
    placed(make_dataset(), [4], completed_at=start)
    condition = {"condition": BAD, "group_by": ["meta.hall"]}

    history = rules_history.dry_run(condition, dataset.pk, severity="medium")

    assert (history.analyses, history.samples, history.fired) == (2, 6, 2)
    assert history.firings is not None
    one, other = history.firings
    assert (one.severity, one.count, one.group) == ("high", 2, {"meta.hall": "a"})
    assert one.resolved_at is not None
    assert other.resolved_at is None
    assert not Alert.objects.exists()
    assert not RuleState.objects.exists()
    later = rules_history.dry_run(BAD, dataset.pk, since=start + timedelta(minutes=1))
    assert later.analyses == 1
    with pytest.raises(NotADefinition):
        rules_history.dry_run({}, dataset.pk)
    assert first.pk not in alerting.catch_up()


@database
def test_a_dry_run_lets_time_pass_as_the_minutes_would() -> None:
    dataset = make_dataset()
    start = timezone.now()
    placed(dataset, [0])
    condition = {"condition": BAD, "no_data": "alert", "no_data_after": {"seconds": 600}}

    history = rules_history.dry_run(
        condition, dataset.pk, until=timezone.now() + timedelta(hours=1)
    )

    assert history.firings is not None
    [firing] = history.firings
    assert firing.kind == "no_data"
    assert timedelta(minutes=10) <= firing.fired_at - start < timedelta(minutes=12)


@database
def test_a_dry_run_notices_a_silence_that_lasts_longer_than_a_day() -> None:
    dataset = make_dataset()
    start = timezone.now()
    placed(dataset, [1])
    two_days = {"seconds": 2 * 86_400}
    condition = {"condition": BAD, "no_data": "alert", "no_data_after": two_days}

    history = rules_history.dry_run(condition, dataset.pk, until=start + timedelta(days=30))

    assert history.firings is not None
    assert [firing.kind for firing in history.firings] == ["condition", "no_data"]
    late = history.firings[1].fired_at - start - timedelta(days=2)
    assert timedelta() <= late < timedelta(minutes=2)


def test_an_address_stays_the_mailbox_that_was_named() -> None:
    [mail] = parse_actions([{"type": "email", "to": ["Groß@Plant.example"]}])

    assert mail.address == "groß@plant.example"


def test_actions_name_addresses_and_events() -> None:
    mail, hook = parse_actions(
        [
            {"type": "email", "to": ["A@Plant.example"], "severity": "high"},
            {"type": "webhook", "events": ["fired"]},
        ]
    )

    assert (mail.key, hook.key) == ("email:a@plant.example", "webhook")
    assert mail.wants(Event.RESOLVED, 3)
    assert not mail.wants(Event.RESOLVED, 2)
    assert not mail.wants(Event.ESCALATED, 4)
    assert not hook.wants(Event.RESOLVED, 4)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({}, "$"),
        (MAIL * 21, "$"),
        (["mail"], "$[0]"),
        ([{"type": "pager"}], "$[0].type"),
        ([{"type": []}], "$[0].type"),
        ([{"type": {}}], "$[0].type"),
        ([{"type": "webhook", "url": "https://x.example"}], "$[0].url"),
        ([{"type": "webhook", "secret": "x"}], "$[0].secret"),
        ([{"type": "email"}], "$[0].to"),
        ([{"type": "email", "to": []}], "$[0].to"),
        ([{"type": "email", "to": ["a@b.c\nBcc: x@y.z"]}], "$[0].to[0]"),
        ([{"type": "email", "to": ["a@b.c"], "events": []}], "$[0].events"),
        ([{"type": "webhook", "events": ["opened"]}], "$[0].events"),
        ([{"type": "webhook", "events": [{}]}], "$[0].events"),
        ([{"type": "webhook", "severity": "none"}], "$[0].severity"),
    ],
)
def test_actions_that_cannot_be_read_are_refused_with_their_place(
    document: object, path: str
) -> None:
    with pytest.raises(NotADefinition) as refused:
        parse_actions(document)

    assert refused.value.problems[0].path == path
