"""Rules, the alerts that they raise, and silences through the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from database.models import SystemSetting
from monitoring.models import Alert, AlertRule, AlertSilence, Dataset
from tests.factories import make_dataset
from tests.imaging.api.conftest import Caller, problem, wrong_fields
from tests.monitoring.alerting.making import BAD, MAIL, make_rule, only_alert, placed, show

pytestmark = pytest.mark.django_db
RULES, ALERTS, SILENCES = "/api/v1/alert-rules/", "/api/v1/alerts/", "/api/v1/silences/"


def rule_for(dataset: Dataset, **fields: Any) -> dict[str, Any]:
    """What makes a rule of it."""
    return {"dataset_id": str(dataset.pk), "name": "Vibration", "condition": BAD, **fields}


def soon(hours: float = 1) -> str:
    """A moment to come."""
    return (timezone.now() + timedelta(hours=hours)).isoformat()


# --- Rules ----------------------------------------------------------------------------------------


def test_a_rule_is_made_with_its_defaults_and_found_again(program: Caller, press: Dataset) -> None:
    made = program.post(RULES, rule_for(press, actions=MAIL, severity="high"))

    assert made.status_code == 201, made.content
    told = made.json()
    assert made["Location"] == f"{RULES}{told['id']}/"
    assert (told["condition"], told["actions"], told["severity"]) == (BAD, MAIL, "high")
    assert (told["is_active"], told["repeat_seconds"], told["escalate_seconds"]) == (
        True,
        14_400,
        None,
    )
    assert program.get(made["Location"]).json() == told


def test_what_is_wrong_in_a_rule_is_told_by_its_place(program: Caller, press: Dataset) -> None:
    condition = {"all": [BAD, {"metric": "p_value", "op": "like", "value": 1}], "color": 1}
    said = rule_for(press, condition=condition, actions=[{"type": "email", "to": ["nobody"]}])

    wrong = wrong_fields(program.post(RULES, said))

    assert wrong == {"condition.all.1.op", "condition.color", "actions.0.to.0"}
    assert not AlertRule.objects.exists()


def test_a_rule_that_mails_elsewhere_is_refused_by_its_place(
    program: Caller, press: Dataset
) -> None:
    SystemSetting.objects.create(
        setting_key="alert_mail_domains", setting_value=["elsewhere.example"]
    )

    answer = program.post(RULES, rule_for(press, actions=MAIL))

    assert wrong_fields(answer) == {"actions.0.to.0"}
    assert (
        "may not be mailed to plant.example, only to elsewhere.example." in answer.content.decode()
    )
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"dataset_id": str(uuid4())}, {"dataset_id"}),
        ({"name": ""}, {"name"}),
        ({"condition": []}, {"condition"}),
        ({"actions": {}}, {"actions"}),
        ({"severity": "none"}, {"severity"}),
        ({"repeat_seconds": 1}, {"repeat_seconds"}),
        ({"escalate_seconds": "never"}, {"escalate_seconds"}),
        ({"is_active": True}, {"is_active"}),
    ],
)
def test_what_is_no_rule_is_refused_by_field(
    program: Caller, press: Dataset, said: dict[str, Any], fields: set[str]
) -> None:
    assert wrong_fields(program.post(RULES, rule_for(press) | said)) == fields


def test_a_rule_is_changed_and_switched_off(program: Caller, press: Dataset) -> None:
    rule = make_rule(press)
    show(rule, "high")
    one = f"{RULES}{rule.pk}/"
    problem(program.patch(one, {"name": "Heat"}), 428, "precondition-required")
    etag = program.get(one)["ETag"]

    changed = program.patch(one, {"name": "Heat", "escalate_seconds": 600}, If_Match=etag)

    assert (changed.json()["name"], changed.json()["escalate_seconds"]) == ("Heat", 600)
    problem(program.patch(one, {"name": "Cold"}, If_Match=etag), 412, "precondition-failed")
    off = program.patch(one, {"is_active": False}, If_Match=changed["ETag"])
    assert off.json()["is_active"] is False
    assert only_alert().status == "resolved"
    assert program.patch(one, {"is_active": True}, If_Match="*").json()["is_active"] is True
    assert wrong_fields(program.patch(one, {"dataset_id": str(press.pk)}, If_Match="*")) == {
        "dataset_id"
    }
    assert wrong_fields(program.patch(one, {"condition": {"any": []}}, If_Match="*")) == {
        "condition.any"
    }


def test_a_rule_that_raised_an_alert_stays(program: Caller, press: Dataset) -> None:
    loud = make_rule(press)
    show(loud, "high")
    quiet = make_rule(press)

    assert (
        program.client.delete(
            f"{RULES}{quiet.pk}/", headers=program.headers | {"If-Match": "*"}
        ).status_code
        == 204
    )
    answer = program.client.delete(
        f"{RULES}{loud.pk}/", headers=program.headers | {"If-Match": "*"}
    )
    assert "Switch it off instead" in problem(answer, 409, "conflict")["detail"]


def test_rules_are_filtered(program: Caller, press: Dataset) -> None:
    make_rule(press, name="Heat", severity="high")
    make_rule(press, name="Noise")
    make_rule()

    for query, names in {
        "": ["Noise", "Heat"],
        "order=name&limit=1": ["Heat"],
        "severity=high": ["Heat"],
        "name=noi": ["Noise"],
        "is_active=false": [],
        f"dataset_id={uuid4()}": [],
    }.items():
        found = program.get(f"{RULES}?{query}").json()["results"]
        assert [row["name"] for row in found] == names, query


def test_a_rule_is_tried_on_what_there_is_without_a_trace(program: Caller, press: Dataset) -> None:
    placed(press, [0, 3, 0, 0, 2])

    told = program.post(
        f"{RULES}dry-run/", {"dataset_id": str(press.pk), "condition": BAD, "severity": "low"}
    )

    assert told.status_code == 200, told.content
    body = told.json()
    assert (body["analyses"], body["samples"], body["fired"]) == (1, 5, 2)
    assert [one["severity"] for one in body["firings"]] == ["high", "medium"]
    assert body["firings"][0]["resolved_at"] is not None
    assert not Alert.objects.exists()
    rule = make_rule(press)
    again = program.post(f"{RULES}{rule.pk}/dry-run/", {"until": body["until"]})
    assert again.json()["firings"] == body["firings"]
    assert (
        program.post(f"{RULES}{rule.pk}/dry-run/", {"until": "2001-01-01T00:00:00Z"}).json()[
            "analyses"
        ]
        == 0
    )


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"condition": {"metric": "heat", "op": "gt", "value": 1}}, {"condition.metric"}),
        ({"since": "2020-01-01T00:00:00Z"}, {"until"}),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, {"until"}),
        ({"until": "0001-01-01T00:00:00Z"}, {"until"}),
        ({"since": "yesterday"}, {"since"}),
        ({"since": "2026-11-01T00:00:00"}, {"since"}),
        ({"dataset_id": str(uuid4())}, {"dataset_id"}),
    ],
)
def test_what_cannot_be_tried_is_refused_by_its_place(
    program: Caller, press: Dataset, said: dict[str, Any], fields: set[str]
) -> None:
    body = {"dataset_id": str(press.pk), "condition": BAD} | said

    assert wrong_fields(program.post(f"{RULES}dry-run/", body)) == fields


# --- Alerts ---------------------------------------------------------------------------------------


@pytest.fixture
def alert(press: Dataset) -> Alert:
    """An alert that is open."""
    show(make_rule(press), "high", "critical")
    return only_alert()


def test_an_alert_tells_what_it_is_about(program: Caller, alert: Alert, press: Dataset) -> None:
    told = program.get(f"{ALERTS}{alert.pk}/").json()

    assert (told["status"], told["phase"], told["severity"], told["count"]) == (
        "active",
        "active",
        "critical",
        2,
    )
    assert told["dataset_id"] == str(press.pk)
    for query, count in {
        "": 1,
        "status=active&status=acknowledged": 1,
        "status=resolved": 0,
        "severity=critical": 1,
        "kind=no_data": 0,
        f"alert_rule_id={alert.alert_rule_id}": 1,
        "since=2001-01-01T00:00:00Z&order=oldest": 1,
    }.items():
        assert len(program.get(f"{ALERTS}?{query}").json()["results"]) == count, query


def test_an_alert_is_looked_after_and_over(program: Caller, alert: Alert, engineer: User) -> None:
    one = f"{ALERTS}{alert.pk}/"
    etag = program.get(one)["ETag"]

    told = program.post(f"{one}acknowledge/").json()

    assert (told["status"], told["acknowledged_by_id"]) == ("acknowledged", str(engineer.pk))
    assert program.get(one, If_None_Match=etag).status_code == 200
    problem(program.post(f"{one}acknowledge/"), 409, "conflict")
    assert wrong_fields(program.post(f"{one}resolve/", {})) == {"note"}
    assert wrong_fields(program.post(f"{one}resolve/", {"note": "  "})) == {"note"}
    over = program.post(f"{one}resolve/", {"note": "The bearing was replaced."}).json()
    assert (over["status"], over["resolution_note"]) == ("resolved", "The bearing was replaced.")
    assert over["resolved_by_id"] == str(engineer.pk)
    problem(program.post(f"{one}resolve/", {"note": "Again."}), 409, "conflict")


# --- Silences -------------------------------------------------------------------------------------


def test_a_silence_is_made_listed_and_ended(program: Caller, press: Dataset) -> None:
    matchers = [{"field": "severity", "op": "in", "value": ["low", "medium"]}]
    body = {"dataset_id": str(press.pk), "ends_at": soon(), "comment": "Repair."}

    made = program.post(SILENCES, body | {"matchers": matchers})

    assert made.status_code == 201, made.content
    told = made.json()
    assert (told["matchers"], told["comment"]) == (matchers, "Repair.")
    one = made["Location"]
    assert program.get(one).json() == told
    now = timezone.now().isoformat()
    assert len(program.get(SILENCES, {"ends_after": now}).json()["results"]) == 1
    ended = program.post(f"{one}end/").json()
    assert ended["ends_at"] < told["ends_at"]
    assert program.get(SILENCES, {"ends_after": soon(0)}).json()["results"] == []
    problem(program.post(f"{one}end/"), 409, "conflict")


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"dataset_id": str(uuid4())}, {"dataset_id"}),
        ({"comment": ""}, {"comment"}),
        ({"ends_at": "tomorrow"}, {"ends_at"}),
        ({"ends_at": "2036-11-21T18:00:00"}, {"ends_at"}),
        ({"matchers": [{"field": "heat", "op": "eq", "value": "a"}]}, {"matchers.0.field"}),
        ({"matchers": "all"}, {"matchers"}),
    ],
)
def test_what_is_no_silence_is_refused_by_field(
    program: Caller, press: Dataset, said: dict[str, Any], fields: set[str]
) -> None:
    body = {"dataset_id": str(press.pk), "ends_at": soon(), "comment": "Repair."} | said

    assert wrong_fields(program.post(SILENCES, body)) == fields
    assert not AlertSilence.objects.exists()


def test_a_silence_that_is_over_before_it_begins_is_refused(
    program: Caller, press: Dataset
) -> None:
    body = {"dataset_id": str(press.pk), "ends_at": soon(-1), "comment": "Repair."}

    told = problem(program.post(SILENCES, body), 400, "invalid-input")

    assert told["detail"] == "A silence ends after it begins, and after now."


def test_what_concerns_a_machine_of_somebody_else_is_not_there(program: Caller) -> None:
    foreign = make_dataset()
    rule = make_rule(foreign)
    show(rule, "high")
    body = {"ends_at": soon(), "comment": "Quiet."}

    assert wrong_fields(program.post(RULES, rule_for(foreign))) == {"dataset_id"}
    assert wrong_fields(program.post(SILENCES, body | {"dataset_id": str(foreign.pk)})) == {
        "dataset_id"
    }
    problem(program.post(f"{RULES}{rule.pk}/dry-run/"), 404, "not-found")
    problem(program.patch(f"{RULES}{rule.pk}/", {}, If_Match="*"), 404, "not-found")
    problem(program.post(f"{ALERTS}{only_alert().pk}/acknowledge/"), 404, "not-found")
