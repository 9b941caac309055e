"""Letters leave by the mail server, are tried again, and end among those that failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction

from monitoring import alert_work
from monitoring.errors_of_alerts import NotSent
from monitoring.models import AlertLetter, LetterStatus
from monitoring.models.alerting import MOST_RETRIES
from tests.monitoring.alerting.making import make_rule, show, tell


def claimed() -> AlertLetter:
    """The next letter, begun by a worker."""
    [letter] = AlertLetter.objects.claim("worker-1", 1, time_limit=timedelta(minutes=1))
    return letter


@pytest.fixture
def letter() -> AlertLetter:
    show(make_rule(), "high")
    tell()
    return claimed()


@pytest.mark.django_db(transaction=True)
def test_a_letter_is_handed_over_and_one_that_is_not_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    show(make_rule(), "high")
    tell()
    letter = claimed()

    def no_answer(*given: Any, **named: Any) -> int:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(mail.EmailMessage, "send", no_answer)
        with pytest.raises(NotSent, match="does not answer"):
            alert_work.send(letter)
    assert AlertLetter.objects.fail(letter, "no", rule=alert_work.RETRY)
    letter.refresh_from_db()
    assert (letter.status, letter.retry_count) == ("pending", 1)

    AlertLetter.objects.update(available_at=None)
    alert_work.send(claimed())

    [sent] = mail.outbox
    assert sent.to == ["engineer@plant.example"]
    assert sent.subject == letter.subject
    assert sent.body.startswith(letter.body)


@pytest.mark.django_db
def test_what_failed_for_good_stays_and_is_sent_again(letter: AlertLetter) -> None:
    AlertLetter.objects.update(retry_count=MOST_RETRIES)
    assert AlertLetter.objects.fail(letter, "no answer", rule=alert_work.RETRY)
    letter.refresh_from_db()
    assert letter.status == LetterStatus.FAILED

    assert AlertLetter.objects.retry() == 1

    AlertLetter.objects.update(available_at=None)
    assert claimed().pk == letter.pk


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["recipient = 'x@y.z'", "body = ''", "subject = ''"])
def test_what_a_letter_says_is_not_changed_by_anybody(letter: AlertLetter, change: str) -> None:
    with (
        pytest.raises(IntegrityError, match="keeps what it says"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE alert_letters SET {change}")


@pytest.mark.django_db
def test_a_letter_that_was_sent_does_not_go_back(letter: AlertLetter) -> None:
    assert AlertLetter.objects.finish(letter)

    with pytest.raises(IntegrityError, match="cannot go from"), transaction.atomic():
        AlertLetter.objects.update(status=LetterStatus.PENDING)
