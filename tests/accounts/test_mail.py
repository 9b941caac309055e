"""The letters: short, with no secret but the link, sent when it is certain, never in the way."""

from __future__ import annotations

import smtplib
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outgoing
from django.core.mail.backends import locmem
from django.db import transaction
from django.utils import timezone

from accounts import mail
from accounts.actions import invitations
from accounts.models import Invitation, Session, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def letters(user: User, admin: User) -> list[mail.Delivery]:
    """One of each."""
    soon = timezone.now() + timedelta(hours=1)
    session = Session(user=user, device_name="Firefox on Linux", created_at=timezone.now())
    invited = Invitation(email=user.email, role="analyst", invited_by=admin, expires_at=soon)
    return [
        mail.invitation(invited, "t" * 43),
        mail.password_reset(user, "t" * 43, expires_at=soon),
        mail.password_changed(user),
        mail.token_reused(user, session),
        mail.second_factor_on(user),
        mail.second_factor_off(user, by=admin),
        mail.second_factor_off(user, by=user),
        mail.second_factor_off(user, by=None),
        mail.recovery_code_used(user, left=1),
        mail.recovery_codes_replaced(user),
    ]


def test_each_letter_is_short_plain_text_to_one_person() -> None:
    user, admin = make_user("analyst"), make_user("admin")

    deliveries = letters(user, admin)

    assert all(delivery.sent and not delivery.error for delivery in deliveries)
    assert len(outgoing.outbox) == len(deliveries)
    for letter in outgoing.outbox:
        assert letter.to == [user.email]
        assert letter.content_subtype == "plain"
        assert not hasattr(letter, "alternatives")
        assert len(letter.subject) < 60
        assert len(str(letter.body)) < 900
        assert str(letter.body).endswith("Lacuna, http://localhost:8000\n")
        assert "None" not in str(letter.body)


def test_a_letter_waits_for_the_transaction_and_goes_with_it() -> None:
    user = make_user("analyst")

    with transaction.atomic():
        kept = mail.password_changed(user)
        assert not outgoing.outbox
        with transaction.atomic():
            mail.second_factor_on(user)
            transaction.set_rollback(True)

    assert kept.sent
    assert [letter.subject for letter in outgoing.outbox] == ["Your password was changed"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ConnectionRefusedError("no"), "does not answer"),
        (TimeoutError("late"), "does not answer"),
        (smtplib.SMTPAuthenticationError(535, b"ada@example.org"), "refuses our login"),
        (smtplib.SMTPRecipientsRefused({"ada@example.org": (550, b"")}), "not accept the address"),
        (smtplib.SMTPSenderRefused(550, b"", "lacuna@localhost"), "EMAIL_FROM"),
        (smtplib.SMTPDataError(554, b"ada@example.org"), "refused the mail (SMTPDataError)"),
        (RuntimeError("ada@example.org"), "could not be sent (RuntimeError)"),
    ],
)
def test_a_failure_is_told_and_undoes_nothing(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    sentence: str,
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", fail)
    invited = invitations.create("ada@example.org", "viewer", by=make_user("admin"))

    assert not invited.delivery.sent
    assert sentence in invited.delivery.error
    assert Invitation.objects.filter(pk=invited.invitation.pk).exists()
    assert "a mail could not be sent" in caplog.text
    assert "ada@example.org" not in caplog.text + invited.delivery.error


def test_a_letter_that_nobody_waits_for_is_sent_beside_the_request(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_IN_BACKGROUND = True
    user = make_user("analyst")
    go, threads = threading.Event(), []

    def slow(self: Any, messages: list[Any]) -> int:
        threads.append(threading.current_thread())
        assert go.wait(10)
        outgoing.outbox.extend(messages)
        return len(messages)

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", slow)
    delivery = mail.password_changed(user)

    assert not delivery.sent
    assert not mail.settle(0)
    go.set()
    assert mail.settle(10)
    assert delivery.sent
    assert threading.main_thread() not in threads


def test_a_letter_that_an_admin_waits_for_is_sent_at_once(settings: Any) -> None:
    settings.EMAIL_IN_BACKGROUND = True

    invited = invitations.create("ada@example.org", "viewer", by=make_user("admin"))

    assert invited.delivery.sent


def test_letters_do_not_pile_up_without_end(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_IN_BACKGROUND = True
    monkeypatch.setattr(mail, "MOST_WAITING", 3)
    user = make_user("analyst")
    go = threading.Event()
    monkeypatch.setattr(locmem.EmailBackend, "send_messages", lambda *_: int(go.wait(10)))

    deliveries = [mail.password_changed(user) for _ in range(5)]
    go.set()
    mail.settle(10)

    assert [bool(delivery.error) for delivery in deliveries] == [False] * 3 + [True] * 2


def test_a_name_cannot_add_headers_or_lines_to_the_head_of_a_letter() -> None:
    admin = make_user("admin", full_name="Ada\r\nBcc: eve@example.org")

    invitations.create("grace@example.org", "viewer", by=admin)

    head = outgoing.outbox[-1].message().as_string().partition("\n\n")[0]
    assert "eve@example.org" not in head
