"""Asking for a link: the same for everybody, and not too often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import log_in, password_resets
from accounts.models import PasswordReset, Throttle, User
from audit.models import Entry
from database.actor import acting_as
from tests.accounts.invitations.letters import last_token
from tests.accounts.stored import places_of
from tests.audit.capture.told import everything
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "violet anvil harbour tulip"


def make_person(**fields: Any) -> User:
    user = make_user("analyst", **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


def test_a_person_gets_a_link_for_an_hour() -> None:
    user = make_person()

    with acting_as(None):  # as in a request of a stranger
        password_resets.request(f" {user.email.upper()} ", address="192.0.2.1")

    letter = mail.outbox[-1]
    assert letter.to == [user.email]
    assert f"http://localhost:8000/password_reset/link/{last_token()}/" in letter.body
    reset = password_resets.find(last_token())
    assert reset is not None
    assert reset.user == user
    left = reset.expires_at - timezone.now()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)


def test_the_token_is_stored_and_logged_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    user = make_person()

    password_resets.request(user.email, address="192.0.2.1")

    assert places_of(last_token()) == []
    assert "a mail was sent" in caplog.text
    assert last_token() not in caplog.text
    assert user.email not in caplog.text
    assert PasswordReset.objects.get().token_hash not in everything()


def kinds() -> dict[str, User | None]:
    """Addresses that get no mail, and one that does."""
    deactivated = make_person()
    deactivated.is_active = False
    deactivated.save()
    return {
        make_person().email: None,
        "nobody@example.org": None,
        deactivated.email: deactivated,
        make_user("viewer").email: None,  # has no password
    }


def test_the_page_answers_known_and_unknown_addresses_alike() -> None:
    answers = {
        (answer.status_code, answer["Location"], answer.content, tuple(sorted(answer.headers)))
        for email in kinds()
        for answer in [Client().post("/password_reset/", {"email": email})]
    }

    assert len(answers) == 1
    assert len(mail.outbox) == 1


def statements(email: str) -> list[str]:
    """The statements that run for an address, without their values."""
    with CaptureQueriesContext(connection) as captured, acting_as(None):
        password_resets.request(email, address="192.0.2.1")
    return [query["sql"].split("WHERE")[0].split("VALUES")[0][:40] for query in captured]


def test_the_same_statements_run_for_known_and_unknown_addresses() -> None:
    """So their time is the same; the letter itself is sent beside the request."""
    ran = [statements(email) for email in kinds()]

    assert len(ran[0]) > 5
    assert all(other == ran[0] for other in ran[1:])


def test_who_has_no_password_is_sent_nothing_but_by_an_admin() -> None:
    user, admin = make_user("viewer"), make_user("admin")

    password_resets.request(user.email, address="")
    assert not mail.outbox
    with acting_as(admin.pk):
        delivery = password_resets.send(user.pk, by=admin)

    assert delivery.sent
    assert mail.outbox[-1].to == [user.email]
    assert password_resets.find(last_token()) is not None
    entry = Entry.objects.filter(action="password_reset.sent").get()
    assert (entry.actor_id, entry.resource_id) == (admin.pk, str(user.pk))


def test_only_admins_send_links_and_only_to_the_active() -> None:
    user = make_person()

    with pytest.raises(PermissionDenied):
        password_resets.send(user.pk, by=make_user("moderator"))
    User.objects.filter(pk=user.pk).update(is_active=False)
    with pytest.raises(password_resets.NotPossible, match="deactivated"):
        password_resets.send(user.pk, by=make_user("admin"))


def test_a_new_link_makes_the_one_before_void() -> None:
    user = make_person()
    password_resets.request(user.email, address="")
    old = last_token()

    password_resets.request(user.email, address="")

    assert password_resets.find(old) is None
    assert password_resets.find(last_token()) is not None
    assert PasswordReset.objects.filter(used_at=None).count() == 1


def test_of_twenty_asked_for_at_once_three_are_sent_and_one_is_open() -> None:
    user = make_person()

    def ask(_: int) -> None:
        try:
            password_resets.request(user.email, address="")
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(ask, range(20)))

    assert len(mail.outbox) == password_resets.MOST_PER_EMAIL
    assert PasswordReset.objects.filter(used_at=None).count() == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_fourth_request_within_the_hour_is_passed_over_in_silence(known: bool) -> None:
    email = make_person().email if known else "nobody@example.org"

    answers = {
        Client().post("/password_reset/", {"email": spelt}).status_code
        for spelt in [email, email.upper(), f" {email}", email, email]
    }

    assert answers == {302}
    assert len(mail.outbox) == (3 if known else 0)


def test_one_network_address_asks_so_often_and_then_waits() -> None:
    for number in range(password_resets.MOST_PER_ADDRESS):
        password_resets.request(f"nobody{number}@example.org", address="192.0.2.1")

    with pytest.raises(log_in.TooManyAttempts) as refused:
        password_resets.request(make_person().email, address="192.0.2.1")

    assert 0 < refused.value.retry_after <= 3600
    assert not mail.outbox
    password_resets.request(make_person().email, address="192.0.2.2")
    assert len(mail.outbox) == 1


def test_the_page_says_how_long_to_wait() -> None:
    for number in range(password_resets.MOST_PER_ADDRESS):
        password_resets.request(f"nobody{number}@example.org", address="127.0.0.1")

    answer = Client().post("/password_reset/", {"email": "ada@example.org"})

    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 3600
    assert b"Too many links" in answer.content


def test_what_is_counted_names_nobody() -> None:
    password_resets.request("ada@example.org", address="192.0.2.1")

    assert "ada" not in str(list(Throttle.objects.values_list("scope", "subject")))


def test_the_log_knows_who_was_asked_for_and_can_forget_it() -> None:
    user = make_person()

    password_resets.request(user.email, address="")
    password_resets.request("nobody@example.org", address="")

    known, unknown = Entry.objects.filter(action="password_reset.requested").order_by("id")
    assert (known.outcome, known.resource_id) == ("success", str(user.pk))
    assert (unknown.outcome, unknown.resource_id) == ("failure", None)
    assert "@" not in str(known.payload) + str(unknown.payload)


def test_a_password_that_is_typed_as_an_address_is_not_kept() -> None:
    password_resets.request("a password 42, typed", address="")

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audits.audit_personal WHERE data ~ 'password 42'")
        assert cursor.fetchone() == (0,)
        cursor.execute('SELECT count(*) FROM audits.audit_personal WHERE data ~ \'"email":""\'')
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("typed", ["", "\x00", "a" * 10_000, "\ud800@x.org", "' OR 1=1 --"])
def test_anything_may_be_typed(typed: str) -> None:
    make_person()

    password_resets.request(typed, address="192.0.2.1")

    assert not mail.outbox


@pytest.mark.parametrize("typed", ["", "nobody", "a b@example.org", "a@b", "x" * 300 + "@x.org"])
def test_the_page_says_what_is_no_address(typed: str) -> None:
    answer = Client().post("/password_reset/", {"email": typed})

    assert answer.status_code == 200
    assert b"errorlist" in answer.content
    assert not Throttle.objects.exists()


def test_links_never_begin_with_the_host_that_was_asked_for() -> None:
    user = make_person()

    Client(headers={"host": "localhost"}).post(
        "/password_reset/", {"email": user.email}, headers={"x-forwarded-host": "evil.example"}
    )

    assert "http://localhost:8000/password_reset/link/" in mail.outbox[-1].body
    assert "evil.example" not in mail.outbox[-1].body
