"""What goes wrong around alerts: bad rows, changed rules, clocks, receivers; all are told."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from audit.models import Entry
from monitoring import alert_work
from monitoring.actions import alerting, alerting_rounds, datasets, notifying, rules, silences
from monitoring.errors import NotNow
from monitoring.errors_of_alerts import NotSent, RuleRefused
from monitoring.models import (
    Alert,
    AlertLetter,
    AlertNotification,
    AlertRule,
    MonitorBlock,
    RuleState,
)
from tests.factories import make_dataset, make_user
from tests.monitoring.alerting.making import (
    BAD,
    MAIL,
    make_rule,
    only_alert,
    placed,
    show,
    tell,
)
from tests.webhooks.conftest import again, attempt, claimed
from tests.webhooks.receiver import receiver
from webhooks.actions import endpoints
from webhooks.models import WebhookDelivery, WebhookEndpoint

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def events() -> list[str]:
    return list(AlertNotification.objects.order_by("pk").values_list("event", flat=True))


# --- One's fault is not everybody's ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"severities": [9]}, "could not be evaluated (IndexError"),
        ({"metadata": {"columns": ["hall"], "rows": [5]}}, "cannot be read (TypeError"),
    ],
)
def test_samples_that_cannot_be_read_keep_no_other_machine_from_being_watched(
    column: dict[str, Any], said: str
) -> None:
    """Plain SQL may store them; the round of each minute goes on, and the rule says so."""
    broken, sound = make_rule(), make_rule()
    bad = placed(broken.dataset, [3])
    fields = dict(MonitorBlock.objects.filter(analysis_id=bad.pk).values().get())
    del fields["id"]
    MonitorBlock.objects.create(**fields | column | {"process_order": 2})
    placed(sound.dataset, [3])

    minute = alerting_rounds.run()

    assert minute.evaluated.opened == 1
    assert only_alert().alert_rule == sound
    assert list(minute.evaluated.refused) == [str(broken.pk)]
    broken.refresh_from_db()
    assert said in broken.last_error


def test_a_state_that_is_none_keeps_no_other_rule_from_its_samples() -> None:
    dataset = make_dataset()
    broken, sound = make_rule(dataset), make_rule(dataset)
    show(broken, "none")
    RuleState.objects.filter(alert_rule=broken).update(state={"phase": ["odd"], "windows": 5})

    outcome = show(sound, "high")

    assert Alert.objects.filter(alert_rule=sound).exists()
    assert set(outcome.refused) == {str(broken.pk)}


def test_an_alert_that_plain_sql_made_odd_keeps_no_other_rule_from_telling() -> None:
    odd, sound = make_rule(), make_rule(name="Heat")
    show(odd, "high")
    Alert.objects.update(data={"features": [{"deviation": 3}, 7, {"name": 1, "deviation": "x"}]})
    show(sound, "high")

    assert tell().letters == 2

    assert "None +3.0 sd" in AlertLetter.objects.get(alert_rule=odd).body


def test_a_rule_that_cannot_be_told_of_for_any_reason_stays_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, sound = make_rule(), make_rule(name="Heat")
    show(broken, "high")
    show(sound, "high")
    real = notifying.tell_of

    def fails(rule: Any, now: Any) -> Any:
        if rule == broken.pk:
            raise KeyError("name")
        return real(rule, now)

    with monkeypatch.context() as patch:
        patch.setattr(notifying, "tell_of", fails)
        told = tell()

    assert (told.letters, list(told.refused)) == (1, [str(broken.pk)])
    assert tell().letters == 1


# --- Rules that change in between -----------------------------------------------------------------


def test_a_rule_changed_between_evaluating_and_telling_tells_as_it_is_now() -> None:
    rule = make_rule()
    show(rule, "high")
    other = [{"type": "email", "to": ["night@plant.example"]}]

    rules.change(rule.pk, by=rule.dataset.user, actions=other, name="Bearing")

    assert tell().letters == 1
    letter = AlertLetter.objects.get()
    assert letter.recipient == "night@plant.example"
    assert "Bearing" in letter.subject


def test_a_rule_switched_off_between_evaluating_and_telling_tells_it_as_over() -> None:
    rule = make_rule()
    show(rule, "high")

    rules.switch(rule.pk, on=False, by=rule.dataset.user)

    assert tell().letters == 1
    assert "high: from" in AlertLetter.objects.get().body
    assert only_alert().status == "resolved"


def test_a_rule_with_something_to_tell_cannot_be_removed_and_one_that_is_gone_is_no_error() -> None:
    rule, idle = make_rule(), make_rule(name="Idle")
    show(rule, "high")

    with pytest.raises(NotNow, match="Switch it off instead"):
        rules.remove(rule.pk, by=rule.dataset.user)
    rules.remove(idle.pk, by=idle.dataset.user)

    assert notifying.tell_of(idle.pk, timezone.now()) == notifying.Round()
    assert alerting.pass_time(idle.pk, timezone.now()).busy == 1
    assert tell().letters == 1


def test_two_rules_of_one_name_raise_and_tell_their_own() -> None:
    dataset = make_dataset()
    one, other = make_rule(dataset, name="Heat"), make_rule(dataset, name="Heat")
    show(one, "high")  # every rule of the dataset sees it

    assert tell().letters == 2

    assert set(Alert.objects.values_list("alert_rule_id", flat=True)) == {one.pk, other.pk}
    assert len(set(Alert.objects.values_list("dedup_key", flat=True))) == 2


def test_of_a_dataset_that_is_put_away_what_is_open_ends_and_nothing_new_is_raised() -> None:
    rule = make_rule(repeat_seconds=3600)
    dataset, owner = rule.dataset, rule.dataset.user
    show(rule, "high")
    tell()
    late = placed(dataset, [4])

    datasets.archive(dataset.pk, by=owner)

    assert tell().letters == 1
    assert events() == ["fired", "resolved"]
    alert = only_alert()
    assert (alert.status, alert.resolution_note) == ("resolved", "The dataset was put away.")
    assert alert.resolved_by == owner
    assert alerting_rounds.run().evaluated.opened == 0
    assert alerting.evaluate_analysis(late.pk).opened == 0
    assert tell(9 * HOUR).letters == 0
    assert Entry.objects.filter(action="alert_rule.evaluated", outcome="success").count() == 2

    datasets.reopen(dataset.pk, by=owner)
    assert alerting_rounds.run().evaluated.opened == 1


# --- Silences -------------------------------------------------------------------------------------


def silence(rule: AlertRule, hours: float) -> None:
    silences.silence(
        rule.dataset_id,
        ends_at=timezone.now() + hours * HOUR,
        comment="The bearing is being changed.",
        by=rule.dataset.user,
    )


def test_what_was_told_before_a_silence_and_ends_in_it_is_told_as_over_after_it() -> None:
    rule = make_rule(repeat_seconds=600)
    show(rule, "high")
    tell()
    silence(rule, 1)

    assert tell(HOUR / 2).letters == 0  # no repetition in it
    show(rule, "none")
    assert tell(HOUR / 2).letters == 0
    assert not only_alert().resolution_told

    assert tell(HOUR + timedelta(minutes=2)).letters == 1
    assert events() == ["fired", "resolved"]
    assert tell(9 * HOUR).letters == 0
    assert AlertRule.objects.get().notify_at is None


def test_a_silence_that_begins_while_an_alert_waits_to_be_told_holds_it_back() -> None:
    rule = make_rule(group_wait_seconds=30)
    show(rule, "high")
    silence(rule, 1)

    assert tell(timedelta(seconds=40)).letters == 0
    assert only_alert().muted == "silence"
    assert tell(HOUR + timedelta(minutes=2)).letters == 1
    assert events() == ["fired"]


# --- Clocks ---------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_raises_counts_and_ends_as_ever() -> None:
    rule = make_rule(condition={"condition": BAD, "for": {"points": 2}})
    now = timezone.now()

    show(rule, "low", at=now)
    show(rule, "high", at=now - timedelta(seconds=20))
    alert = only_alert()
    assert (alert.count, alert.first_seen_at) == (2, now)
    show(rule, "high", at=now - timedelta(minutes=5))
    alert.refresh_from_db()
    assert (alert.count, alert.last_seen_at) == (3, now)
    show(rule, "none", at=now - timedelta(minutes=4))

    alert.refresh_from_db()
    assert alert.status == "resolved"
    assert alert.resolved_at is not None
    assert alert.resolved_at >= alert.first_seen_at
    assert AlertRule.objects.get().last_error == ""


def test_a_round_that_goes_back_in_time_tells_nothing_twice_and_nothing_less() -> None:
    rule = make_rule(repeat_seconds=3600, condition={"condition": BAD, "group_by": ["meta.hall"]})
    show(rule, "high", hall="a")
    assert tell().letters == 1

    assert tell(timedelta(minutes=-5)).letters == 0
    alerting.pass_time(rule.pk, timezone.now() - timedelta(minutes=5))
    show(rule, "high", hall="b", at=timezone.now() - timedelta(minutes=5))

    assert tell().letters == 1
    assert events() == ["fired", "fired"]
    assert tell(timedelta(minutes=30)).letters == 0


# --- Letters --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_address_that_the_mail_server_refuses_keeps_no_other_from_its_letter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_rule_ = make_rule(actions=[{"type": "email", "to": ["gone@x.example", "here@x.example"]}])
    show(make_rule_, "high")
    tell()
    real = mail.EmailMessage.send

    def send(message: mail.EmailMessage, *given: Any, **named: Any) -> int:
        if message.to == ["gone@x.example"]:
            raise smtplib.SMTPRecipientsRefused({"gone@x.example": (550, b"unknown")})
        return real(message, *given, **named)

    monkeypatch.setattr(mail.EmailMessage, "send", send)
    told = {}
    for letter in AlertLetter.objects.claim("worker-1", 5, time_limit=timedelta(minutes=1)):
        try:
            alert_work.send(letter)
        except NotSent as refused:
            told[letter.recipient] = str(refused)
            AlertLetter.objects.fail(letter, str(refused), rule=alert_work.RETRY)

    assert told == {"gone@x.example": "The mail server does not accept the address."}
    assert [message.to for message in mail.outbox] == [["here@x.example"]]
    waiting = AlertLetter.objects.get(recipient="gone@x.example")
    assert (waiting.status, waiting.retry_count) == ("pending", 1)


def test_no_name_adds_a_header_or_a_line_to_a_letter() -> None:
    evil = "Press\r\nBcc: everybody@plant.example\r\n\r\nClick http://evil.example\u2028now"
    dataset = make_dataset(name=evil)
    rule = make_rule(dataset, condition={"condition": BAD, "group_by": ["meta.hall"]})
    AlertRule.objects.filter(pk=rule.pk).update(name="Heat\nTo: x@evil.example\x1b[2J")
    show(rule, "high", hall="a\n\nNew:\n  critical: everything")
    Alert.objects.update(data={"features": [{"name": "f\n\nf", "deviation": 2.0}]})

    tell()

    letter = AlertLetter.objects.get()
    lines = letter.body.splitlines()
    assert "\n" not in letter.subject
    assert letter.subject.isprintable()
    assert not any(line.startswith(("Bcc", "To:", "Click", "  critical")) for line in lines)
    assert "\x1b" not in letter.body
    sent = mail.EmailMessage(letter.subject, letter.body, to=[letter.recipient]).message()
    assert sent["Bcc"] is None
    assert sent["To"] == "engineer@plant.example"


@pytest.mark.parametrize(
    "address",
    ["a@b.example\nBcc: c@d.example", "a@b.example, c@d.example", "<a@b.example>", "a\x00@b.c"],
)
def test_no_address_holds_another(address: str) -> None:
    with pytest.raises(RuleRefused, match="no e-mail address"):
        make_rule(actions=[{"type": "email", "to": [address]}])


# --- Webhooks -------------------------------------------------------------------------------------


def test_an_alert_reaches_a_receiver_that_was_down_once_and_verifiably(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with receiver() as desk:
        made = endpoints.add(name="Desk", url=desk.url, events=[], by=make_user("admin"))
        rule = make_rule(actions=[{"type": "webhook"}])
        desk.answers(503, b"maintenance")
        show(rule, "critical")
        assert tell().messages == 1
        assert attempt(claimed()) == "pending"

        assert tell().messages == 0  # that it waits is no reason to tell again
        desk.answers(204)
        delivery = WebhookDelivery.objects.get()
        assert attempt(again(delivery)) == "delivered"

        first, second = desk.seen
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    said = Webhook(made.secret).verify(second.body, second.headers)
    assert said["type"] == "alert.fired"
    [alert] = said["data"]["alerts"]
    assert alert["alert_id"] == str(only_alert().pk)
    assert alert["severity"] == "critical"


def test_a_receiver_that_is_gone_is_left_and_letters_go_on(settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with receiver() as desk:
        endpoints.add(name="Desk", url=desk.url, events=[], by=make_user("admin"))
        rule = make_rule(
            actions=[{"type": "webhook"}, *MAIL],
            condition={"condition": BAD, "group_by": ["meta.hall"]},
        )
        desk.answers(410)
        show(rule, "high", hall="a")
        tell()
        assert attempt(claimed()) == "failed"
    assert not WebhookEndpoint.objects.get().is_active

    show(rule, "high", hall="b")
    told = tell()

    assert told.letters == 1
    assert WebhookDelivery.objects.count() == 1
