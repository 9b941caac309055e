"""Many rows are written back at once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from monitoring.actions.saving import save_each
from monitoring.models import Alert, RuleState
from tests.monitoring.alerting.making import BAD, make_rule, show

pytestmark = pytest.mark.django_db


def test_each_row_gets_its_own_values_by_one_statement() -> None:
    rule = make_rule(condition={"condition": BAD, "group_by": ["meta.hall"]})
    for hall in ("a", "b", "c"):
        show(rule, "low", hall=hall)
    first, second, other = Alert.objects.order_by("pk")
    first.told_at, first.muted, first.count = datetime(2026, 1, 2, tzinfo=UTC), "silence", 7
    second.told_severity, second.muted = 'a "word", {x}', "inhibition"
    second.severity = "high"  # is not asked for

    with CaptureQueriesContext(connection) as queries:
        found = save_each([first, second], ("told_at", "told_severity", "muted", "count"))

    assert (found, len(queries)) == (2, 1)
    for alert in (first, second, other):
        told = (alert.told_at, alert.told_severity, alert.muted, alert.count)
        alert.refresh_from_db()
        assert (alert.told_at, alert.told_severity, alert.muted, alert.count) == told
        assert alert.severity == "low"


def test_json_is_written_as_it_is() -> None:
    rule = make_rule()
    show(rule, "low")
    state = RuleState.objects.get()
    state.state = {"told": [1, -1], "text": 'with "quotes", \\ and é', "none": None}

    assert save_each([state], ["state"]) == 1

    said = state.state
    state.refresh_from_db()
    assert state.state == said


def test_without_rows_nothing_is_asked() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert save_each([], ["count"]) == 0

    assert len(queries) == 0


def test_the_database_refuses_what_a_row_may_not_hold() -> None:
    rule = make_rule()
    show(rule, "low")
    alert = Alert.objects.get()
    alert.count = 0

    with pytest.raises(IntegrityError, match="alerts_counts_check"), transaction.atomic():
        save_each([alert], ["count"])
