"""Whom alerts may write to: said by an admin, held when rules are written and letters leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection

from database.models import SystemSetting
from monitoring import alert_work
from monitoring.actions import rules
from monitoring.errors_of_alerts import MailRefused, RuleRefused
from monitoring.models import AlertLetter, AlertRule, LetterStatus
from tests.monitoring.alerting.making import make_rule, show, tell

pytestmark = pytest.mark.django_db

KEY = "alert_mail_domains"
SAID = (
    "Alerts may not be mailed to elsewhere.example, only to plant.example, *.plant.example. Give"
    " another address, or let an admin add the domain to alert_mail_domains."
)


def allow(*domains: str) -> None:
    SystemSetting.objects.update_or_create(
        setting_key=KEY, defaults={"setting_value": list(domains)}
    )


def mails(*addresses: str) -> list[dict[str, Any]]:
    return [{"type": "webhook"}, {"type": "email", "to": list(addresses)}]


def claimed() -> AlertLetter:
    """The next letter, begun by a worker."""
    [letter] = AlertLetter.objects.claim("worker-1", 1, time_limit=timedelta(minutes=1))
    return letter


def test_a_rule_that_writes_elsewhere_is_refused_at_its_place() -> None:
    allow("plant.example", "*.plant.example")
    fine = mails("ada@plant.example", "bob@mail.Plant.example")

    rule = make_rule(actions=fine)
    elsewhere = mails("ada@plant.example", "eve@elsewhere.example")
    with pytest.raises(RuleRefused) as refused:
        make_rule(rule.dataset, actions=elsewhere)
    [problem] = refused.value.problems["actions"]
    assert (problem.path, problem.sentence) == ("$[1].to[1]", SAID)
    with pytest.raises(RuleRefused, match="mailed to elsewhere.example, only to plant.example,"):
        rules.change(rule.pk, by=rule.dataset.user, actions=elsewhere)

    rule.refresh_from_db()
    assert rule.actions == fine
    assert AlertRule.objects.count() == 1


def test_without_any_domain_any_address_is_written_to() -> None:
    assert make_rule(actions=mails("eve@elsewhere.example"))
    allow()
    assert make_rule(actions=mails("eve@elsewhere.example"))


@pytest.mark.parametrize("value", ["plant.example", ["@plant.example"], [1], ["*"], ["x.y"] * 101])
def test_what_is_no_list_of_domains_is_refused_as_a_setting(value: object) -> None:
    with pytest.raises(ValidationError, match="alert_mail_domains must be a list of at most 100"):
        SystemSetting(setting_key=KEY, setting_value=value).clean()


@pytest.mark.django_db(transaction=True)
def test_an_old_rule_goes_on_and_its_letter_elsewhere_stands_among_those_that_failed() -> None:
    rule = make_rule(actions=mails("ada@plant.example", "eve@elsewhere.example"))
    allow("plant.example", "*.plant.example")
    rules.change(rule.pk, by=rule.dataset.user, name="Renamed")

    show(rule, "high")
    tell()
    for _ in range(2):
        letter = claimed()
        try:
            alert_work.send(letter)
        except MailRefused as error:
            AlertLetter.objects.fail(letter, str(error), permanent=error.permanent)
        else:
            AlertLetter.objects.finish(letter)

    assert [one.to for one in mail.outbox] == [["ada@plant.example"]]
    failed = AlertLetter.objects.get(status=LetterStatus.FAILED)
    assert (failed.recipient, failed.error_message) == ("eve@elsewhere.example", SAID)

    allow("elsewhere.example")
    assert AlertLetter.objects.retry() == 1
    AlertLetter.objects.update(available_at=None)
    alert_work.send(claimed())
    assert mail.outbox[-1].to == ["eve@elsewhere.example"]


def test_several_addresses_that_plain_sql_wrote_as_one_get_no_letter() -> None:
    show(make_rule(), "high")
    tell()
    letter = claimed()
    letter.recipient = "eve@elsewhere.example,ada@plant.example"
    allow("plant.example", "*.plant.example")

    with pytest.raises(MailRefused, match="Alerts may not be mailed"):
        alert_work.send(letter)
    assert mail.outbox == []


def test_a_rule_by_plain_sql_is_held_when_its_letter_leaves() -> None:
    allow("plant.example")
    rule = make_rule()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE alert_rules SET actions ="
            ' \'[{"type": "email", "to": ["eve@elsewhere.example"]}]\' WHERE id = %s',
            [rule.pk],
        )
    show(rule, "high")
    tell()

    with pytest.raises(MailRefused, match=r"mailed to elsewhere.example, only to plant.example\."):
        alert_work.send(claimed())
