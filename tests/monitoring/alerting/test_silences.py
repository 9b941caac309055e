"""Alerts that are kept quiet for a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import Entry
from database.actor import acting_as
from monitoring.actions import silences
from monitoring.errors import NotNow
from monitoring.errors_of_alerts import SilenceRefused
from monitoring.models import AlertRule, AlertSilence
from monitoring.rules import NotADefinition
from monitoring.rules.silencing import parse_matchers
from tests.factories import make_user
from tests.monitoring.alerting.making import make_rule, only_alert, show, tell

HOUR = timedelta(hours=1)


def silence(rule: AlertRule, *matchers: dict[str, Any], **fields: Any) -> AlertSilence:
    values: dict[str, Any] = {
        "ends_at": timezone.now() + HOUR,
        "comment": "The bearing is being changed.",
    }
    return silences.silence(
        rule.dataset_id, matchers=matchers, by=rule.dataset.user, **(values | fields)
    )


@pytest.mark.django_db
def test_nothing_is_told_in_a_silence_and_what_is_open_after_it_is() -> None:
    rule = make_rule()
    silence(rule)
    show(rule, "low")

    assert (tell().letters, only_alert().muted) == (0, "silence")
    assert tell(HOUR - timedelta(minutes=1)).letters == 0
    assert tell(HOUR + timedelta(minutes=1)).letters == 1
    assert only_alert().muted == ""


@pytest.mark.django_db
def test_what_began_and_ended_in_a_silence_is_never_told() -> None:
    rule = make_rule()
    silence(rule)
    show(rule, "low", "none")

    tell()

    assert only_alert().resolution_told
    assert tell(2 * HOUR).letters == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("matcher", "letters"),
    [
        ({"field": "severity", "op": "eq", "value": "low"}, 0),
        ({"field": "severity", "op": "in", "value": ["high", "critical"]}, 1),
        ({"field": "rule", "op": "eq", "value": "Vibration"}, 0),
        ({"field": "meta.hall", "op": "ne", "value": "a"}, 1),
        ({"field": "meta.hall", "op": "in", "value": ["a", "b"]}, 0),
        ({"field": "meta.tool", "op": "eq", "value": ""}, 0),
    ],
)
def test_a_silence_is_for_what_matches(matcher: dict[str, Any], letters: int) -> None:
    rule = make_rule(
        condition={
            "condition": {"metric": "severity", "op": "gte", "value": "low"},
            "group_by": ["meta.hall"],
        }
    )
    silence(rule, matcher)
    show(rule, "low", hall="a")

    assert tell().letters == letters


@pytest.mark.django_db
def test_a_silence_that_is_ended_early_lets_the_next_round_tell() -> None:
    rule = make_rule()
    made = silence(rule)
    show(rule, "low")
    tell()

    silences.end(made.pk, by=rule.dataset.user)

    assert tell().letters == 1
    with pytest.raises(NotNow, match="already"):
        silences.end(made.pk, by=rule.dataset.user)
    assert set(
        Entry.objects.filter(resource_type="alert_silence").values_list("action", flat=True)
    ) == {"alert_silence.made", "alert_silence.ended"}


@pytest.mark.django_db
def test_a_silence_that_makes_no_sense_is_refused() -> None:
    rule = make_rule()

    with pytest.raises(SilenceRefused, match="after now"):
        silence(rule, ends_at=timezone.now() - HOUR)
    with pytest.raises(SilenceRefused, match="comment"):
        silence(rule, comment=" ")
    with pytest.raises(SilenceRefused, match="severity, rule or meta"):
        silence(rule, {"field": "colour", "op": "eq", "value": "red"})
    with acting_as(make_user("analyst").pk), pytest.raises(NotNow, match="no dataset"):
        silence(rule)


@pytest.mark.parametrize(
    "document",
    [
        {},
        ["severity"],
        [{"field": "severity", "op": "eq"}],
        [{"field": "severity", "op": "gt", "value": "low"}],
        [{"field": "severity", "op": [], "value": "low"}],
        [{"field": "severity", "op": "eq", "value": "grave"}],
        [{"field": "rule", "op": "eq", "value": 5}],
        [{"field": "rule", "op": "in", "value": []}],
        [{"field": "rule", "op": "eq", "value": "a\x00"}],
        [{"field": "meta.\ud800", "op": "eq", "value": "a"}],
        [{"field": "rule", "op": "eq", "value": "x"}] * 21,
    ],
)
def test_matchers_that_cannot_be_read_are_refused(document: object) -> None:
    with pytest.raises(NotADefinition):
        parse_matchers(document)
