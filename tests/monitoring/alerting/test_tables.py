"""What the tables of alerts hold to, whoever writes: tried in plain SQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import Error, IntegrityError, connection, transaction
from django.utils import timezone

from database.actor import acting_as
from database.fields import uuid7
from monitoring.actions import alerting_by_hand
from monitoring.models import Alert, AlertRule, AlertSilence, RuleState
from tests.factories import make_user
from tests.factories.monitoring import make_dataset
from tests.monitoring.alerting.making import make_rule, only_alert, show

pytestmark = pytest.mark.django_db


def run(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def insert_alert(rule: AlertRule, **columns: Any) -> UUID:
    values = {"alert_rule_id": rule.pk, "dataset_id": rule.dataset_id, "data": "{}"} | columns
    [(key,)] = run(
        f"INSERT INTO alerts ({', '.join(values)})"
        f" VALUES ({', '.join(['%s'] * len(values))}) RETURNING id",
        *values.values(),
    )
    found: UUID = key
    return found


def test_the_documented_columns_make_a_rule_and_an_alert() -> None:
    dataset = make_dataset()
    [(rule,)] = run(
        "INSERT INTO alert_rules (dataset_id, name, condition, actions, severity, created_by)"
        " VALUES (%s, 'Far', '{}', '[]', 'high', %s) RETURNING id",
        dataset.pk,
        dataset.user_id,
    )
    made = AlertRule.objects.get(pk=rule)
    assert (made.user, made.is_active, made.group_wait_seconds) == (dataset.user, True, 30)

    alert = Alert.objects.get(pk=insert_alert(made))

    assert (alert.status, alert.phase, alert.user) == ("active", "active", dataset.user)
    assert len(alert.dedup_key) == 64


def test_of_one_rule_and_group_one_alert_alone_is_open() -> None:
    rule = make_rule()
    first = insert_alert(rule, group_values='{"meta.b": "1", "meta.a": "2"}')

    with pytest.raises(IntegrityError, match="alerts_dedup_key_open"):
        insert_alert(rule, group_values='{"meta.a": "2", "meta.b": "1"}')
    insert_alert(rule, group_values='{"meta.a": "3"}')
    insert_alert(rule, kind="no_data", group_values='{"meta.a": "2", "meta.b": "1"}')
    run("UPDATE alerts SET status = 'resolved', resolved_at = now() WHERE id = %s", first)
    insert_alert(rule, group_values='{"meta.b": "1", "meta.a": "2"}')


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "pending"},
        {"status": "acknowledged"},
        {"status": "resolved"},
        {"severity": "none"},
        {"kind": "other"},
        {"count": 0},
        {"muted": "why"},
        {"group_values": "[]"},
        {"resolved_at": "2026-11-21T00:00:00Z"},
        {"acknowledged_at": "2026-11-21T00:00:00Z"},
        {"anomaly_id": str(uuid7())},
        {"dataset_id": str(uuid7())},
        {"first_seen_at": "2100-01-01T00:00:00Z"},
    ],
)
def test_an_alert_that_makes_no_sense_is_refused(columns: dict[str, Any]) -> None:
    rule = make_rule()

    with pytest.raises(IntegrityError):
        insert_alert(rule, **columns)


@pytest.mark.parametrize(
    "change",
    [
        "severity = 'low'",
        "count = 1",
        "last_seen_at = first_seen_at",
        'group_values = \'{"a": "b"}\'',
        "dedup_key = 'x'",
        "kind = 'no_data'",
        "created_at = now()",
        "status = 'resolved', resolved_at = now(), resolved_by = user_id",
    ],
)
def test_an_alert_keeps_what_it_is_and_only_rises(change: str) -> None:
    show(make_rule(), "high", "high")

    with pytest.raises(IntegrityError):
        run(f"UPDATE alerts SET {change}")


def test_a_resolved_alert_stays_as_it_is_but_for_what_was_told() -> None:
    show(make_rule(), "high", "none")

    for change in ("status = 'active', resolved_at = NULL", "count = 9", "data = '{}'"):
        with pytest.raises(IntegrityError):
            run(f"UPDATE alerts SET {change}")
    run("UPDATE alerts SET resolution_told = true, told_severity = 'high'")


def test_the_phases_are_a_view_that_knows_what_is_pending() -> None:
    condition = {
        "condition": {"metric": "severity", "op": "gte", "value": "low"},
        "for": {"points": 2},
        "keep_firing_for": {"points": 2},
        "group_by": ["meta.hall"],
    }
    rule = make_rule(condition=condition)
    show(rule, "low", hall="a")
    show(rule, "low", "low", hall="b")
    show(rule, "low", "low", "none", hall="c")
    show(rule, "low", "low", "none", "none", hall="d")

    phases = dict(run("SELECT group_values ->> 'meta.hall', phase FROM alert_phases"))

    assert phases == {"a": "pending", "b": "active", "c": "recovering"}


def test_what_is_pending_says_since_when_the_condition_holds() -> None:
    condition = {"condition": {"metric": "severity", "op": "gte", "value": "low"}}
    rule = make_rule(condition=condition | {"for": {"points": 9}})
    began = timezone.now() - timedelta(hours=3)
    show(rule, "none", "low", at=began)
    show(rule, "low", at=began + timedelta(hours=1))

    assert run("SELECT phase, since FROM alert_phases") == [
        ("pending", began + timedelta(seconds=1))
    ]


def test_alerts_are_their_dataset_s_owner_s_and_the_admins_alone() -> None:
    rule = make_rule()
    show(rule, "low")
    tables = (AlertRule, Alert, RuleState)

    with acting_as(rule.dataset.user_id):
        assert [model.objects.count() for model in tables] == [1, 1, 1]
        alerting_by_hand.acknowledge(only_alert().pk, by=rule.dataset.user)
    with acting_as(make_user("analyst").pk):
        assert [model.objects.count() for model in tables] == [0, 0, 0]
        assert run("SELECT * FROM alert_phases") == []
        with pytest.raises(Error):
            insert_alert(rule)
        with pytest.raises(Error):
            run(
                "INSERT INTO alert_silences (dataset_id, ends_at, comment, created_by)"
                " VALUES (%s, now() + interval '1 day', 'mine', %s)",
                rule.dataset_id,
                rule.user_id,
            )
    with acting_as(make_user("admin").pk):
        assert [model.objects.count() for model in tables] == [1, 1, 1]
    with acting_as(None):
        assert [model.objects.count() for model in tables] == [0, 0, 0]


def test_a_rule_keeps_its_dataset_and_a_silence_all_but_its_end() -> None:
    rule, other = make_rule(), make_dataset()
    run(
        "INSERT INTO alert_silences (dataset_id, ends_at, comment, created_by)"
        " VALUES (%s, now() + interval '1 day', 'Repair', %s)",
        rule.dataset_id,
        rule.user_id,
    )

    with pytest.raises(IntegrityError, match="keeps its dataset"):
        run("UPDATE alert_rules SET dataset_id = %s", other.pk)
    with pytest.raises(IntegrityError, match="keeps its dataset"):
        run("UPDATE alert_silences SET matchers = '[1]'")
    run("UPDATE alert_silences SET ends_at = now() + interval '1 hour'")
    assert AlertSilence.objects.get().comment == "Repair"


@pytest.mark.parametrize(
    "columns",
    [
        "condition = '[]'",
        "actions = '{}'",
        "name = ' '",
        "severity = 'none'",
        "repeat_seconds = 1",
        "escalate_seconds = 0",
        "group_wait_seconds = -1",
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(columns: str) -> None:
    make_rule()

    with pytest.raises(IntegrityError):
        run(f"UPDATE alert_rules SET {columns}")


def test_rules_go_with_their_dataset_unless_they_have_raised_alerts() -> None:
    quiet, loud = make_rule(), make_rule()
    show(quiet, "none")
    show(loud, "low")

    quiet.dataset.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        loud.dataset.delete()

    assert AlertRule.objects.get() == loud
    assert run("SELECT count(*) FROM alert_evaluations") == [(1,)]
