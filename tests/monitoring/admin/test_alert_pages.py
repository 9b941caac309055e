"""The inbox, rules and silences: who sees them, what is answered, what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from monitoring.actions import alerting_by_hand, rules, silences
from monitoring.models import Alert, AlertRule, AlertSilence, BaselineMap, Dataset
from tests.monitoring.admin.conftest import LogIn
from tests.monitoring.alerting.making import make_rule, show

pytestmark = pytest.mark.django_db


def said(response: Any) -> str:
    """The page."""
    text: str = response.content.decode()
    return text


@pytest.fixture
def alert(press: Dataset) -> Alert:
    """One of Press 3, that is active."""
    show(make_rule(press, name="Vibration"), "high")
    return Alert.objects.get()


# --- The inbox ------------------------------------------------------------------------------------


def test_the_inbox_shows_what_is_open_and_all_when_asked(
    press: Dataset, alert: Alert, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)

    page = said(client.get("/monitoring/alert/"))
    assert str(alert.pk) in page
    assert "active alerts" in page
    alerting_by_hand.resolve(alert.pk, note="repaired", by=engineer)

    assert str(alert.pk) not in said(client.get("/monitoring/alert/"))
    assert str(alert.pk) in said(client.get("/monitoring/alert/?phase=all"))
    assert str(alert.pk) in said(client.get("/monitoring/alert/?phase=resolved"))
    assert str(alert.pk) not in said(client.get("/monitoring/alert/?phase=resolved&severity=low"))


def test_alerts_of_others_are_not_there_and_admins_see_them(alert: Alert, log_in: LogIn) -> None:
    for role in ("analyst", "moderator", "viewer"):
        client = log_in(role)
        assert str(alert.pk) not in said(client.get("/monitoring/alert/"))
        page = client.get(f"/monitoring/alert/{alert.pk}/change/", follow=True)
        assert "There is no alert" in said(page)
    refused = log_in("analyst").post(f"/monitoring/alert/{alert.pk}/acknowledge/", follow=True)
    assert "There is no alert" in said(refused)
    assert str(alert.pk) in said(log_in("admin").get("/monitoring/alert/"))
    alert.refresh_from_db()
    assert alert.status == "active"


def test_a_viewer_answers_nothing(press: Dataset, alert: Alert, log_in: LogIn) -> None:
    client = log_in("viewer")

    for name in ("acknowledge", "resolve"):
        assert client.post(f"/monitoring/alert/{alert.pk}/{name}/").status_code == 403
    body = {"action": "acknowledge", "_selected_action": [str(alert.pk)]}
    assert client.post("/monitoring/alert/", body).status_code == 403


def test_the_script_is_answered_with_what_the_row_shows(
    alert: Alert, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    address = f"/monitoring/alert/{alert.pk}"
    as_json = {"Accept": "application/json"}

    first = client.post(f"{address}/acknowledge/", headers=as_json)
    assert first.status_code == 200
    assert first.json()["phase"] == "acknowledged"
    assert "Acknowledged" in first.json()["badge"]
    again = client.post(f"{address}/acknowledge/", headers=as_json)
    assert again.status_code == 409
    assert again.json()["refused"]

    unsaid = client.post(f"{address}/resolve/", headers=as_json)
    assert unsaid.status_code == 409
    assert "why" in unsaid.json()["refused"]
    done = client.post(f"{address}/resolve/", {"note": "new bearing"}, headers=as_json)
    assert done.json()["phase"] == "resolved"
    alert.refresh_from_db()
    assert (alert.resolved_by, alert.resolution_note) == (engineer, "new bearing")


def test_without_a_script_the_answers_lead_to_the_page_of_the_alert(
    alert: Alert, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)

    page = said(client.post(f"/monitoring/alert/{alert.pk}/acknowledge/", follow=True))

    assert "It is acknowledged." in page
    assert "Who was told" in page
    assert "Vibration" in page
    page = said(client.post(f"/monitoring/alert/{alert.pk}/resolve/", {"note": " "}, follow=True))
    assert "why the alert is over" in page


def test_many_are_acknowledged_at_once(
    press: Dataset, alert: Alert, engineer: User, log_in: LogIn
) -> None:
    rule = make_rule(
        press,
        name="Heat",
        condition={
            "condition": {"metric": "severity", "op": "gte", "value": "low"},
            "group_by": ["meta.hall"],
        },
    )
    show(rule, "low", hall="a")
    show(rule, "low", hall="b")
    alerting_by_hand.acknowledge(alert.pk, by=engineer)
    keys = [str(one.pk) for one in Alert.objects.all()]

    body = {"action": "acknowledge", "_selected_action": keys}
    page = said(log_in(engineer).post("/monitoring/alert/", body, follow=True))

    assert "2 alerts are acknowledged." in page
    assert "acknowledged already" in page
    assert "hall a" in page


def test_the_overview_and_the_search_lead_to_alerts(
    alert: Alert, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)

    assert "Open alerts" in said(client.get("/"))
    assert "Open alerts" not in said(log_in("analyst").get("/"))
    found = client.get(f"/search/?q={alert.pk}").headers["Location"]
    assert found == f"/monitoring/alert/{alert.pk}/change/"


def test_the_lists_ask_as_much_for_one_row_as_for_many(
    press: Dataset, alert: Alert, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    addresses = ("/monitoring/alert/", "/monitoring/alertrule/", "/monitoring/alertsilence/")
    later = timezone.now() + timedelta(hours=1)
    silences.silence(press.pk, ends_at=later, comment="first", by=engineer)

    def queries() -> list[int]:
        counts = []
        for address in addresses:
            with CaptureQueriesContext(connection) as captured:
                client.get(address)
            counts.append(len(captured))
        return counts

    before = queries()
    for number in range(5):
        show(make_rule(press, name=f"Rule {number}"), "critical")
        silences.silence(press.pk, ends_at=later, comment=f"no {number}", by=engineer)

    assert queries() == before


# --- Rules ----------------------------------------------------------------------------------------


def rule_form(press: Dataset, **changes: str) -> dict[str, str]:
    """The form as it is filled in."""
    return {
        "name": "Vibration",
        "dataset": str(press.pk),
        "severity": "medium",
        "condition": '{"metric": "severity", "op": "gte", "value": "low"}',
        "actions": '[{"type": "webhook"}]',
        "group_wait_seconds": "30",
        "group_interval_seconds": "300",
        "repeat_seconds": "14400",
        "escalate_seconds": "",
        "days": "7",
    } | changes


def test_a_rule_is_made_changed_switched_and_removed(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    assert "for" in said(client.get(f"/monitoring/alertrule/new/?dataset={press.pk}"))

    client.post("/monitoring/alertrule/new/", rule_form(press))
    rule = AlertRule.objects.get()
    assert (rule.name, rule.dataset, rule.escalate_seconds) == ("Vibration", press, None)
    address = f"/monitoring/alertrule/{rule.pk}"
    page = said(client.post(f"{address}/change/", rule_form(press, name="Heat"), follow=True))
    assert "The rule is saved." in page
    client.post(f"{address}/off/")
    rule.refresh_from_db()
    assert (rule.name, rule.is_active) == ("Heat", False)
    client.post(f"{address}/on/")
    client.post(f"{address}/remove/")
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"condition": "{"}, "line 1, column 2"),
        ({"condition": '{"metric": "speed", "op": "gt", "value": 1}'}, "$.metric"),
        ({"condition": '{"all": [{"metric": "severity", "op": "gte"}]}'}, "$.all[0]"),
        ({"actions": '[{"type": "email", "to": ["nobody"]}]'}, "$[0].to[0]"),
        ({"repeat_seconds": "often"}, "whole number of seconds"),
        ({"repeat_seconds": "1"}, "from 60 to"),
        ({"name": " "}, "A rule has a name"),
        ({"dataset": "x"}, "Choose a dataset"),
        ({"condition": "[" * 5000}, "condition"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_with_its_place(
    changes: dict[str, str], sentence: str, press: Dataset, engineer: User, log_in: LogIn
) -> None:
    response = log_in(engineer).post("/monitoring/alertrule/new/", rule_form(press, **changes))

    assert response.status_code == 400
    assert sentence in said(response).replace("&quot;", '"')
    assert not AlertRule.objects.exists()
    kept = changes.get("name", "Vibration")
    assert f'value="{kept}"' in said(response)


def test_a_rule_is_tried_on_the_samples_that_there_are_without_writing(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)

    page = said(client.post("/monitoring/alertrule/new/", rule_form(press) | {"try": "yes"}))

    assert "It would have raised 1 alert" in page
    assert "20 samples" in page
    assert not AlertRule.objects.exists()
    assert not Alert.objects.exists()
    made = rules.make(
        press.pk, by=engineer, name="A", condition=json.loads(rule_form(press)["condition"])
    )
    body = rule_form(press, condition='{"metric": "distance", "op": "gt", "value": 1e9}')
    page = said(client.post(f"/monitoring/alertrule/{made.pk}/change/", body | {"try": "yes"}))
    assert "It would have raised 0 alerts" in page
    made.refresh_from_db()
    assert made.name == "A"


def test_a_condition_that_is_none_is_not_tried(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    body = rule_form(press, condition='{"metric": "severity"}') | {"try": "yes"}

    response = log_in(engineer).post("/monitoring/alertrule/new/", body)

    assert response.status_code == 400
    assert "$.op" in said(response)


def test_rules_of_others_are_neither_seen_nor_changed(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    rule = make_rule(press)
    other, viewer = log_in("analyst"), log_in("viewer")

    page = other.get(f"/monitoring/alertrule/{rule.pk}/change/", follow=True)
    assert "There is no rule" in said(page)
    other.post(f"/monitoring/alertrule/{rule.pk}/off/")
    rule.refresh_from_db()
    assert rule.is_active
    refused = other.post("/monitoring/alertrule/new/", rule_form(press))
    assert refused.status_code == 400
    assert AlertRule.objects.count() == 1
    assert viewer.get("/monitoring/alertrule/new/").status_code == 403
    for name in ("on", "off", "remove"):
        assert viewer.post(f"/monitoring/alertrule/{rule.pk}/{name}/").status_code == 403


def test_a_rule_that_raised_alerts_stays(alert: Alert, engineer: User, log_in: LogIn) -> None:
    address = f"/monitoring/alertrule/{alert.alert_rule_id}/remove/"

    page = said(log_in(engineer).post(address, follow=True))

    assert "Switch it off instead" in page
    assert AlertRule.objects.exists()


# --- Silences -------------------------------------------------------------------------------------


def silence_form(press: Dataset, **changes: Any) -> dict[str, Any]:
    """The form as it is filled in."""
    return {"dataset": str(press.pk), "hours": "4", "comment": "New bearing"} | changes


def test_a_silence_is_made_and_ended(press: Dataset, engineer: User, log_in: LogIn) -> None:
    client = log_in(engineer)
    body = silence_form(press, severities=["low", "medium"], column="hall", value="a")

    page = said(client.post("/monitoring/silence/", body, follow=True))

    silence = AlertSilence.objects.get()
    assert "Quiet now" in page
    assert "severity = low or medium; hall = a" in page
    assert silence.matchers[1] == {"field": "meta.hall", "op": "eq", "value": "a"}
    client.post(f"/monitoring/alertsilence/{silence.pk}/end/")
    page = said(client.post(f"/monitoring/alertsilence/{silence.pk}/end/", follow=True))
    assert "already" in page
    silence.refresh_from_db()
    assert silence.ends_at <= timezone.now()


@pytest.mark.parametrize(
    "changes", [{"comment": ""}, {"column": "hall"}, {"dataset": "x"}, {"hours": "9"}]
)
def test_a_silence_that_is_not_whole_is_refused(
    changes: dict[str, Any], press: Dataset, engineer: User, log_in: LogIn
) -> None:
    response = log_in(engineer).post("/monitoring/silence/", silence_form(press, **changes))

    assert response.status_code == 400
    assert "job-error" in said(response)
    assert not AlertSilence.objects.exists()


def test_nobody_silences_the_alerts_of_others(press: Dataset, log_in: LogIn) -> None:
    client: Client = log_in("analyst")

    assert client.post("/monitoring/silence/", silence_form(press)).status_code == 400
    assert log_in("viewer").get("/monitoring/silence/").status_code == 403
    assert not AlertSilence.objects.exists()
