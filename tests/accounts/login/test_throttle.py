"""How often one address may fail, whoever it tries."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.actions import log_in
from accounts.models import Throttle, User
from audit.models import Entry
from tests.accounts.login.conftest import HOME, PASSWORD, WRONG

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_attempts(settings: object) -> None:
    setattr(settings, "LOGIN_ATTEMPTS_PER_ADDRESS", 3)  # noqa: B010 - a fixture's


def fail(address: str, email: str = "nobody@example.org") -> None:
    with pytest.raises(log_in.LoginRefused):
        log_in.check(email, WRONG, address=address)


def is_throttled(address: str) -> bool:
    try:
        log_in.check("nobody@example.org", WRONG, address=address)
    except log_in.TooManyAttempts as error:
        return 0 < error.retry_after <= log_in.WINDOW_SECONDS
    except log_in.LoginRefused:
        return False
    raise AssertionError("nobody came in")


def test_the_next_failure_of_an_address_has_to_wait(person: User) -> None:
    for email in ("one@example.org", "two@example.org", person.email):
        fail(HOME, email)

    with pytest.raises(log_in.TooManyAttempts, match="Try again in 15 minutes") as caught:
        log_in.check(person.email, PASSWORD, address=HOME)

    assert 0 < caught.value.retry_after <= 900
    assert log_in.check(person.email, PASSWORD, address="198.51.100.1") == person


def test_who_has_to_wait_costs_no_hash(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        fail(HOME)
    monkeypatch.setattr("accounts.passwords.verify", None)

    assert is_throttled(HOME)


def test_those_who_succeed_do_not_count(person: User) -> None:
    """A hundred people may log in behind one address in the morning."""
    for _ in range(10):
        assert log_in.check(person.email, PASSWORD, address=HOME) == person

    assert Throttle.objects.get(scope="login_address", subject=HOME).requests == 0
    for _ in range(3):
        fail(HOME)
    assert is_throttled(HOME)


def test_a_success_does_not_wash_off_failures(person: User) -> None:
    for _ in range(3):
        fail(HOME)
        if not is_throttled("203.0.113.9"):
            log_in.check(person.email, PASSWORD, address="203.0.113.10")

    assert is_throttled(HOME)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_ipv6_network_is_one_visitor(first: str, second: str, together: bool) -> None:
    for _ in range(3):
        fail(first)

    assert is_throttled(second) == together


def test_the_window_ends() -> None:
    for _ in range(3):
        fail(HOME)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE throttles SET window_started_at = now() - interval '15 minutes'")

    fail(HOME)


def test_a_window_of_a_clock_that_was_wrong_ends_at_once() -> None:
    """The server's clock ran ahead by a day, and was put right."""
    for _ in range(3):
        fail(HOME)
    assert is_throttled(HOME)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE throttles SET window_started_at = now() + interval '1 day'")

    for _ in range(3):
        fail(HOME)
    assert is_throttled(HOME)
    [wait] = Throttle.objects.filter(scope="login_address").values_list("window_started_at")
    assert wait[0] <= timezone.now()


def test_a_flood_is_noted_once_in_a_window() -> None:
    """Nothing is ever taken away from the log, so nobody may fill it."""
    for _ in range(3):
        fail(HOME)
    for _ in range(20):
        assert is_throttled(HOME)

    reasons = [entry.details["reason"] for entry in Entry.objects.filter(action="session.refused")]
    assert sorted(reasons) == ["too_many_from_one_address", *["unknown_address"] * 3]


def test_wrong_codes_are_counted_like_wrong_passwords(person: User) -> None:
    for _ in range(3):
        with pytest.raises(log_in.LoginRefused):
            log_in.check_code(person, "000000", address=HOME)

    with pytest.raises(log_in.TooManyAttempts):
        log_in.check_code(person, "000000", address=HOME)


def test_the_page_says_when_to_come_again(person: User, client: Client) -> None:
    form = {"username": person.email, "password": WRONG}
    for _ in range(3):
        assert client.post("/login/", form).status_code == 200

    response = client.post("/login/", form | {"password": PASSWORD})

    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 900
    assert "Too many failed log-ins came from your address" in response.content.decode()
